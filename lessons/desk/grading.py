"""Checking one file against an exercise: what is right, what is wrong, and what that usually means."""

import dataclasses
import time

import numpy as np

from lessons.desk.calls import Outcome
from lessons.desk.sandbox import run_calls
from lessons.desk.values import difference, kind_of, show

# Bytes of a file that a person can have written.
LARGEST_FILE = 5_000_000


@dataclasses.dataclass(frozen=True)
class FunctionReport:
    """How one function did.

    Attributes
    ----------
    name : str
    status : {"right", "not written", "wrong"}
    points, max_points : float
    message : str
        Empty if it is right.
    """

    name: str
    status: str
    points: float
    max_points: float
    message: str = ""


@dataclasses.dataclass(frozen=True)
class Report:
    """How a file did.

    Attributes
    ----------
    functions : list of FunctionReport
    notes : list of str
        What went wrong while the file was loaded.
    printed : str
        What the code printed, its beginning.
    seconds : float
    """

    functions: list
    notes: list
    printed: str
    seconds: float

    @property
    def points(self):
        """The sum of the functions' points."""
        return sum(function.points for function in self.functions)

    @property
    def max_points(self):
        """The most that can be had."""
        return sum(function.max_points for function in self.functions)


def check_file(exercise, path, limits=None):
    """Check a ``.py`` or ``.ipynb`` file.

    Raises
    ------
    ValueError
        If it is too large, not UTF-8, or not a notebook; its own mistakes are in the report instead.
    """
    if path.stat().st_size > LARGEST_FILE:
        raise ValueError(f"{path.name} has {path.stat().st_size:,} bytes; clear the notebook's output and save again")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name} is not UTF-8 text (byte {error.start})") from None
    return check_cells(exercise, read_cells(text, path.suffix == ".ipynb", path.name), limits)


def check_cells(exercise, cells, limits=None):
    """Check the cells of a file.

    Parameters
    ----------
    exercise : Exercise
    cells : list of (int, str)
        First line and source of each.
    limits : Limits, optional

    Returns
    -------
    Report
    """
    start = time.perf_counter()
    calls = [(name, arguments) for name in exercise.functions for arguments in exercise.checks[name].values()]
    run = run_calls(cells, calls, exercise.source, limits)
    outcomes = iter(run.outcomes)
    functions = []
    for name, points in exercise.functions.items():
        came = {label: next(outcomes) for label in exercise.checks[name]}
        functions.append(judge(exercise, name, points, came))
    return Report(functions, run.notes, run.printed, time.perf_counter() - start)


def judge(exercise, name, points, came):
    """The report on one function, given the outcome of each of its inputs."""
    expected = exercise.expected[name]
    wrong = [label for label in came if not came[label].same(expected[label])]
    if not wrong:
        return FunctionReport(name, "right", points, points)
    if all(outcome.kind == "not written" for outcome in came.values()):
        return FunctionReport(name, "not written", 0.0, points, came[wrong[0]].message)
    # The smallest input is the easiest to follow with a pencil.
    label = min(wrong, key=lambda w: len(show(exercise.checks[name][w])))
    arguments = exercise.checks[name][label]
    shown = "\n".join(
        f"    {argument} = {indent(show(value))}"
        for argument, value in zip(exercise.argument_names(name), arguments, strict=True)
    )
    message = f"on the input “{label}”\n{shown}\n{tell(came[label], expected[label], exercise.argument_names(name))}"
    meaning = diagnose(exercise, name, came, label)
    return FunctionReport(name, "wrong", 0.0, points, message + (f"\n  {meaning}" if meaning else ""))


def tell(came, expected, argument_names):
    """What came and what was expected, in words."""
    wanted = f"  expected: {indent(show(expected.value))}"
    if came.kind == "error":
        return f"  came: {came.error}: {came.message}\n{wanted}"
    if came.kind == "stopped":
        return f"  came: nothing, {came.message}\n{wanted}"
    if came.kind == "not written":
        return f"  came: NotImplementedError, a part is still to be written: {came.message}\n{wanted}"
    lines = [f"  came: {indent(show(came.value))}", wanted]
    found = difference(came.value, expected.value)
    if found:
        lines.append(f"  that is: {found}")
    if came.changed:
        names = ", ".join(argument_names[i] for i in came.changed)
        lines.append(f"  and the call changed its argument {names}")
    return "\n".join(lines)


def indent(text):
    """Later lines below the first."""
    return text.replace("\n", "\n      ")


def diagnose(exercise, name, came, label):
    """What this pattern of error usually means: a classic mistake that gives the same, or its general form."""
    near = None
    for mistake, outcomes in zip(exercise.mistakes, exercise.mistaken, strict=True):
        if mistake.function != name:
            continue
        if all(came[other].same(outcomes[other]) for other in came):
            return mistake.explanation
        if near is None and came[label].same(outcomes[label]):
            near = mistake.explanation
    if near:
        return f"On this input it looks as if: {near}"
    return general_meaning(came[label], exercise.expected[name][label])


def general_meaning(came, expected):
    """What can be said of an error without knowing the exercise; empty if nothing."""
    if came.kind != "value":
        return ""
    meanings = [_value_meaning(came.value, expected.value)]
    if came.changed:
        meanings.append("Work on a copy (x.copy(), list(x)): whoever calls your function still needs what they passed.")
    return " ".join(filter(None, meanings))


def _value_meaning(value, wanted):
    if difference(value, wanted) is None:
        return ""
    if value is None:
        return "The function ends without a return: say what it gives back."
    if kind_of(value) == "function":
        return "A function came back instead of its result: call it, with parentheses."
    if isinstance(wanted, np.ndarray) and isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return _array_meaning(value, wanted)
    if isinstance(wanted, list) and isinstance(value, list):
        if sorted(map(repr, value)) == sorted(map(repr, wanted)):
            return "The right elements, in another order: read again which order is asked for."
        if value == wanted[: len(value)] or value == wanted[-len(value) :]:
            return "The right elements, but some at an end are missing: check where your range begins and ends."
    if isinstance(wanted, float) and isinstance(value, float) and wanted and value and np.isfinite(value):
        return f"Your number is {value / wanted:.4g} times the right one."
    return ""


def _array_meaning(value, wanted):
    if value.ndim == 2 and value.T.shape == wanted.shape and np.allclose(value.T, wanted):
        return "It is transposed: rows and columns are exchanged."
    if value.shape != wanted.shape:
        if value.size == wanted.size and np.allclose(value.ravel(), wanted.ravel()):
            return "The right numbers in another shape: see the shape in the docstring."
        return "Look at the axis of a sum or a mean, and at the shape in the docstring."
    if np.isnan(value).any() and not np.isnan(wanted).any():
        return "NaN comes from 0 / 0: which input makes a divisor 0, and what does the docstring say about it?"
    if np.isinf(value).any() and not np.isinf(wanted).any():
        return "Infinity comes from a division by 0, or from the logarithm of 0."
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = value[wanted != 0] / wanted[wanted != 0]
    if ratio.size > 1 and np.allclose(ratio, ratio[0]) and np.allclose(value[wanted == 0], 0):
        return f"Every number is {ratio[0]:.4g} times the right one: a factor or the base of a logarithm."
    if value.size > 1 and np.allclose(value - wanted, (value - wanted).flat[0]):
        return f"Every number is off by {(value - wanted).flat[0]:+.4g}: a term is missing, or one too many."
    return ""


def unanswered(exercise, message):
    """The report on a file that could not be read at all."""
    functions = [
        FunctionReport(name, "wrong", 0.0, points, Outcome("stopped", message=message).message)
        for name, points in exercise.functions.items()
    ]
    return Report(functions, [message], "", 0.0)


def read_cells(text, is_notebook, name):
    """First line and source of every code cell; check cells and notebook magics are left out.

    Raises
    ------
    ValueError
        If a notebook is not one.
    """
    if not is_notebook:
        return _percent_cells(text)
    import nbformat
    from jupytext.magics import comment_magic

    try:
        notebook = nbformat.reads(text, as_version=4)
        cells = [
            (cell.source.splitlines(), cell.metadata.get("tags", []))
            for cell in notebook.cells
            if cell.cell_type == "code"
        ]
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError, nbformat.ValidationError) as error:
        reason = str(error).split("\n")[0][:200]
        raise ValueError(f"{name} is not a notebook: {reason}") from None
    return [(1, "\n".join(comment_magic(source))) for source, tags in cells if "check" not in tags]


def _percent_cells(text):
    cells, start, lines, wanted = [], 1, [], True
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("# %%"):
            if wanted:
                cells.append((start, "\n".join(lines)))
            start, lines = number, [line]
            wanted = "[markdown]" not in line and '"check"' not in line
        else:
            lines.append(line)
    if wanted:
        cells.append((start, "\n".join(lines)))
    return [cell for cell in cells if cell[1].strip()]
