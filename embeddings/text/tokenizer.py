"""Cutting text into words: lower-cased runs of Unicode word characters, and every ideograph on its own."""

import functools
import re

import numpy as np

from embeddings.checks import check_integer
from kernels.tokenize import IDEOGRAPH, WORD

# Unicode's blocks of Han characters: CJK Unified Ideographs with extensions A to I, and the compatibility ideographs.
IDEOGRAPHS = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f\U00030000-\U000323af"

# What a word is, for Python's ``re`` and for scikit-learn's ``token_pattern``.
TOKEN_PATTERN = rf"[{IDEOGRAPHS}]|[^\W{IDEOGRAPHS}]+"

_TOKEN = re.compile(TOKEN_PATTERN)


def tokenize(text, *, lowercase=True, min_length=1, stop_words=None):
    r"""The words of a text: runs of ``\w`` in lower case; each Han ideograph is a word of its own.

    Parameters
    ----------
    text : str
    lowercase : bool, default True
    min_length : int, default 1
        Runs of fewer characters are dropped. An ideograph is always a word.
    stop_words : iterable of str, optional
        Words to drop.

    Returns
    -------
    list of str

    Raises
    ------
    TypeError
        If `text` is not a str.

    Examples
    --------
    >>> tokenize("The cat chases the mouse.")
    ['the', 'cat', 'chases', 'the', 'mouse']
    >>> tokenize("小猫 hunts 老鼠!")
    ['小', '猫', 'hunts', '老', '鼠']
    >>> tokenize("I like ham", min_length=2, stop_words=["like"])
    ['ham']
    """
    if not isinstance(text, str):
        raise TypeError(f"text must be a str, got a {type(text).__name__}")
    min_length = check_integer("min_length", min_length, minimum=1)
    tokens = _TOKEN.findall(text.lower() if lowercase else text)
    if min_length > 1:
        tokens = [token for token in tokens if len(token) >= min_length or is_ideograph(token)]
    if stop_words is not None:
        stop_words = check_stop_words(stop_words)
        tokens = [token for token in tokens if token not in stop_words]
    return tokens


def is_ideograph(character):
    """Whether a string is a single Han ideograph.

    Examples
    --------
    >>> is_ideograph("猫"), is_ideograph("c"), is_ideograph("ね")
    (True, False, False)
    """
    return len(character) == 1 and bool(character_classes()[ord(character)] == IDEOGRAPH)


def check_stop_words(stop_words):
    """`stop_words` as a frozenset of str.

    Raises
    ------
    TypeError
        For one string (a list of words is wanted), or anything in it that is not a str.
    """
    if stop_words is None:
        return frozenset()
    if isinstance(stop_words, str | bytes):
        raise TypeError(
            f"stop_words must be a list of words, got the single {type(stop_words).__name__} {stop_words!r}"
        )
    stop_words = frozenset(stop_words)
    for word in stop_words:
        if not isinstance(word, str):
            raise TypeError(f"stop_words must be strings, got {word!r} of type {type(word).__name__}")
    return stop_words


@functools.cache
def character_classes():
    r"""The class of every code point, made by asking ``re`` itself: 0 separator, 1 word character, 2 ideograph.

    Returns
    -------
    array, shape (1114112,), uint8
        Read-only.
    """
    every_character = np.arange(0x110000, dtype="<u4").tobytes().decode("utf-32-le", "surrogatepass")
    classes = np.zeros(0x110000, dtype=np.uint8)
    for run in re.finditer(rf"[^\W{IDEOGRAPHS}]+", every_character):
        classes[run.start() : run.end()] = WORD
    for run in re.finditer(f"[{IDEOGRAPHS}]+", every_character):
        classes[run.start() : run.end()] = IDEOGRAPH
    classes.flags.writeable = False
    return classes
