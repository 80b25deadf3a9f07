"""Checks of arguments: every error names the parameter, what came, and what is accepted."""

import math
import numbers


def check_integer(name, value, minimum=None, maximum=None):
    """`value` as an int.

    Raises
    ------
    TypeError
        If `value` is not a whole number (a bool is not one).
    ValueError
        If it lies outside [minimum, maximum].

    Examples
    --------
    >>> check_integer("window", 5, minimum=1)
    5
    >>> check_integer("window", 0, minimum=1)
    Traceback (most recent call last):
        ...
    ValueError: window must be at least 1, got 0
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be an integer, got {value!r} of type {type(value).__name__}")
    return int(_check_range(name, value, minimum, maximum))


def check_number(name, value, minimum=None, maximum=None):
    """`value` as a finite float; errors as in :func:`check_integer`.

    Examples
    --------
    >>> check_number("alpha", 0.025, minimum=0)
    0.025
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number, got {value!r} of type {type(value).__name__}")
    if not math.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value!r}")
    return float(_check_range(name, value, minimum, maximum))


def check_choice(name, value, choices):
    """`value`, if it is one of `choices`.

    Raises
    ------
    ValueError
        Otherwise, listing the choices.

    Examples
    --------
    >>> check_choice("norm", "l3", ("l1", "l2", None))
    Traceback (most recent call last):
        ...
    ValueError: norm must be one of 'l1', 'l2', None, got 'l3'
    """
    for choice in choices:
        if type(value) is type(choice) and value == choice:
            return value
    raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")


def _check_range(name, value, minimum, maximum):
    if minimum is not None and value < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {value!r}")
    if maximum is not None and value > maximum:
        raise ValueError(f"{name} must be at most {maximum}, got {value!r}")
    return value
