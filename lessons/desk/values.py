"""Values that travel between a student's process and ours as JSON, are shown in a few lines, and compared.

Nothing is unpickled: what JSON, arrays and the plain containers cannot express arrives as its type's name and `repr`.
"""

import base64
import math
import numbers
import sys

import numpy as np

# Characters of a shown value, and relative and absolute tolerance of numbers: float32 answers are right, too.
SHOWN = 400
RELATIVE, ABSOLUTE = 1e-4, 1e-6


class Other:
    """Something that does not travel: its type's name and how it shows itself."""

    def __init__(self, kind, text):
        self.kind, self.text = kind, text

    def __repr__(self):
        return self.text


def encode(value):
    """`value` in a form that :mod:`json` writes and :func:`decode` reads.

    Examples
    --------
    >>> decode(encode({"cat": (1, [2.5, None])}))
    {'cat': (1, [2.5, None])}
    >>> decode(encode(np.eye(2))).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    sparse = sys.modules.get("scipy.sparse")
    if sparse is not None and sparse.issparse(value) and value.shape[0] * value.shape[1] <= 1_000_000:
        value = value.toarray()
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufcUS":
        value = np.ascontiguousarray(value)
        return {"array": [value.dtype.str, list(value.shape), base64.b64encode(value.tobytes()).decode()]}
    if isinstance(value, list):
        return [encode(v) for v in value]
    if isinstance(value, tuple):
        return {"tuple": [encode(v) for v in value]}
    if isinstance(value, dict):
        return {"dict": [[encode(k), encode(v)] for k, v in value.items()]}
    if isinstance(value, set | frozenset):
        return {"set": [encode(v) for v in sorted(value, key=repr)]}
    try:
        text = repr(value)[:SHOWN]
    except Exception as error:
        text = f"(its repr raises {type(error).__name__})"
    return {"other": [type(value).__name__, text]}


def decode(value):
    """The inverse of :func:`encode`.

    Raises
    ------
    ValueError, TypeError, KeyError
        For what :func:`encode` never writes.
    """
    if isinstance(value, list):
        return [decode(v) for v in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "array":
        dtype, shape, data = content
        return np.frombuffer(base64.b64decode(data), dtype=np.dtype(dtype)).reshape(shape).copy()
    if kind == "tuple":
        return tuple(decode(v) for v in content)
    if kind == "dict":
        return {decode(k): decode(v) for k, v in content}
    if kind == "set":
        return set(decode(v) for v in content)
    if kind == "other":
        name, text = content
        return Other(str(name), str(text))
    raise ValueError(f"unknown kind of value {kind!r}")


def show(value):
    """`value` as a person would want to see it: short, arrays with four digits.

    Examples
    --------
    >>> show(np.array([1 / 3, 2]))
    'array([0.3333, 2.    ])'
    >>> show("a" * 1000)[-15:]
    'aaaaaaaaaaaaa …'
    """
    if isinstance(value, np.ndarray):
        text = np.array_repr(np.round(value, 4) if value.dtype.kind == "f" else value, precision=4)
        if value.size > 60:
            text = np.array2string(value, precision=4, threshold=20, edgeitems=3)
            text = f"array of shape {value.shape}:\n{text}"
    elif isinstance(value, float):
        text = f"{value:.6g}"
    else:
        text = repr(value)
    return text if len(text) <= SHOWN else text[: SHOWN - 2] + " …"


def difference(came, expected):
    """What differs, in words; None if nothing does.

    A list passes for an array, a tuple for a list, float32 for float64, and 2.0 for 2.

    Examples
    --------
    >>> difference([1, 2], np.array([1.0, 2.0])) is None
    True
    >>> difference(np.ones((2, 3)), np.ones((3, 2)))
    'its shape is (2, 3), expected (3, 2)'
    """
    if isinstance(expected, np.ndarray):
        return _array_difference(came, expected)
    if isinstance(came, np.ndarray) and isinstance(expected, list | tuple | numbers.Number):
        came = came.tolist()
    if isinstance(expected, numbers.Number):
        if not isinstance(came, numbers.Number):
            return f"it is a {kind_of(came)}, expected a number"
        close = math.isclose(came, expected, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
        return None if close or (came != came and expected != expected) else f"{show(came)} is not {show(expected)}"
    if isinstance(expected, list | tuple):
        return _sequence_difference(came, expected)
    if isinstance(expected, dict):
        return _dict_difference(came, expected)
    if type(came) is not type(expected):
        return f"it is a {kind_of(came)}, expected a {kind_of(expected)}"
    return None if came == expected else f"{show(came)} is not {show(expected)}"


def kind_of(value):
    """What to call a value's type in a message."""
    names = {type(None): "None", np.ndarray: "array", str: "string", Other: getattr(value, "kind", "")}
    return names.get(type(value), type(value).__name__)


def _array_difference(came, expected):
    if isinstance(came, list | tuple | numbers.Number):
        try:
            came = np.asarray(came)
        except ValueError:
            return f"its rows have different lengths, expected an array of shape {expected.shape}"
    if not isinstance(came, np.ndarray):
        return f"it is a {kind_of(came)}, expected an array"
    if came.dtype.kind not in "biufc":
        return f"it holds {came.dtype} values, expected numbers"
    if came.shape != expected.shape:
        return f"its shape is {came.shape}, expected {expected.shape}"
    wrong = np.argwhere(~np.isclose(came, expected, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True))
    if len(wrong) == 0:
        return None
    place = tuple(int(i) for i in wrong[0])
    at = ", ".join(map(str, place))
    return (
        f"{len(wrong)} of {expected.size} numbers differ, first at [{at}]: {came[place]:.6g}, not {expected[place]:.6g}"
    )


def _sequence_difference(came, expected):
    if not isinstance(came, list | tuple):
        return f"it is a {kind_of(came)}, expected a {kind_of(expected)}"
    if len(came) != len(expected):
        return f"it has {len(came)} elements, expected {len(expected)}"
    for i, (c, e) in enumerate(zip(came, expected, strict=True)):
        found = difference(c, e)
        if found:
            return f"element {i}: {found}"
    return None


def _dict_difference(came, expected):
    if not isinstance(came, dict):
        return f"it is a {kind_of(came)}, expected a dict"
    for key in expected:
        if key not in came:
            return f"the key {key!r} is missing"
    for key in came:
        if key not in expected:
            return f"the key {key!r} should not be there"
    for key in expected:
        found = difference(came[key], expected[key])
        if found:
            return f"at key {key!r}: {found}"
    return None
