"""Calling one function on one input, and what came of it."""

import copy
import dataclasses
import json
import traceback

from lessons.desk.values import decode, difference, encode

# Bytes of an encoded result; more is told, not sent.
LARGEST = 8_000_000


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of a call.

    Attributes
    ----------
    kind : {"value", "error", "not written", "stopped"}
        Returned, raised, left to be written, or ended from outside (too slow, too much output, a crash).
    value : object
        What was returned; None for the other kinds.
    message : str
        What was raised, or why it was stopped.
    error : str
        The exception's type.
    changed : tuple of int
        Positions of the arguments that the call changed.
    """

    kind: str
    value: object = None
    message: str = ""
    error: str = ""
    changed: tuple = ()

    def same(self, other):
        """Whether both are right or wrong in the same way."""
        if self.kind != other.kind or self.changed != other.changed or self.error != other.error:
            return False
        return self.kind != "value" or difference(self.value, other.value) is None

    def to_json(self):
        """One line of JSON."""
        fields = {**dataclasses.asdict(dataclasses.replace(self, value=None)), "value": encode(self.value)}
        line = json.dumps(fields)
        if len(line) > LARGEST:
            return Outcome("error", message="returned more than can be looked at", error="TooLarge").to_json()
        return line

    @classmethod
    def from_json(cls, fields):
        """The inverse, from the decoded line; ValueError, TypeError or KeyError for anything else."""
        kind = fields["kind"]
        if kind not in ("value", "error", "not written"):
            raise ValueError(f"unknown kind {kind!r}")
        changed = tuple(int(i) for i in fields["changed"])
        return cls(kind, decode(fields["value"]), str(fields["message"]), str(fields["error"]), changed)


def call(function, arguments, file=None):
    """Call `function` on a copy of `arguments`.

    Parameters
    ----------
    function : callable
    arguments : tuple
    file : str, optional
        The name under which the function's code was compiled: an error's line is looked for there.

    Returns
    -------
    Outcome
    """
    arguments = copy.deepcopy(arguments)
    before = [json.dumps(encode(a)) for a in arguments]
    try:
        value = function(*arguments)
    except NotImplementedError as error:
        return Outcome("not written", message=str(error), error="NotImplementedError")
    except MemoryError:
        return Outcome("error", message="it asked for more memory than an exercise may use", error="MemoryError")
    except RecursionError:
        message = "it calls itself without end; a recursion needs a case that returns without another call"
        return Outcome("error", message=message, error="RecursionError")
    except SystemExit:
        message = "it calls sys.exit(), exit() or quit(), which ends the whole program; use return"
        return Outcome("error", message=message, error="SystemExit")
    except BaseException as error:  # a student's code may raise anything; all of it is told
        return Outcome("error", message=describe(error, file), error=type(error).__name__)
    changed = tuple(i for i, a in enumerate(arguments) if json.dumps(encode(a)) != before[i])
    return Outcome("value", value, changed=changed)


def describe(error, file):
    """The error's message with the line of `file` that raised it."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    where = f" (line {lines[-1]})" if lines else ""
    return f"{str(error)[:500]}{where}"
