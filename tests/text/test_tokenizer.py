"""Tokenising: exact for all of Unicode, against ``re``."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.text import tokenize
from embeddings.text.grams import WordTokens
from embeddings.text.tokenizer import IDEOGRAPHS, TOKEN_PATTERN, character_classes, is_ideograph
from kernels.tokenize import Scanner

INTERESTING = "aZ0_ .\n\0\x7f\x80éßΣςİıſKñ猫鼠ねハ한글กา🙂🏽e\u0301\u200d\ufeff\ud800\udfff\u3007々〇𠀀𝔘²½٣"
texts = st.text(alphabet=st.one_of(st.sampled_from(INTERESTING), st.characters(exclude_categories=())), max_size=60)


def compiled_tokens(documents, lowercase=True, min_length=1, stop_words=frozenset()):
    """Tokens of each document, through the compiled path."""
    reader = WordTokens(lowercase, min_length, stop_words)
    tokens, offsets = reader.number(documents, True)
    utf8, ends = reader.words
    words = [utf8[a:b].tobytes().decode("utf-8", "surrogatepass") for a, b in zip(ends[:-1], ends[1:], strict=True)]
    return [[words[t] for t in tokens[a:b]] for a, b in zip(offsets[:-1], offsets[1:], strict=True)]


@given(st.lists(texts, max_size=8), st.booleans())
def test_compiled_tokens_are_those_of_re(documents, lowercase):
    ref_tokens = [re.findall(TOKEN_PATTERN, d.lower() if lowercase else d) for d in documents]
    assert compiled_tokens(documents, lowercase) == ref_tokens


@given(st.lists(texts, max_size=8), st.integers(1, 5), st.sets(st.sampled_from(["a", "é", "猫", "", "a b", "0"])))
def test_compiled_tokens_are_those_of_tokenize(documents, min_length, stop_words):
    ref_tokens = [tokenize(d, min_length=min_length, stop_words=stop_words) for d in documents]
    assert compiled_tokens(documents, True, min_length, frozenset(stop_words)) == ref_tokens


def test_every_code_point_has_the_class_that_re_gives_it():
    every = "".join(map(chr, range(0x110000)))
    ref_words = np.zeros(0x110000, bool)
    ref_words[[match.start() for match in re.finditer(r"\w", every)]] = True
    np.testing.assert_array_equal(character_classes() > 0, ref_words | (character_classes() == 2))
    ideographs = re.compile(f"[{IDEOGRAPHS}]")
    assert all(ideographs.match(chr(c)) for c in np.flatnonzero(character_classes() == 2)[::97])


def test_every_character_alone_and_between_letters():
    documents = ["a" + chr(c) + "b" for c in range(0, 0x110000, 7)]
    assert compiled_tokens(documents, lowercase=False) == [re.findall(TOKEN_PATTERN, d) for d in documents]


def test_ideographs_are_words_and_kana_are_runs():
    assert tokenize("小猫 hunts 老鼠。ねこ") == ["小", "猫", "hunts", "老", "鼠", "ねこ"]
    assert is_ideograph("猫") and not is_ideograph("ね")


def test_numbers_go_on_over_blocks():
    reader = WordTokens(True, 1, frozenset())
    first, _ = reader.number(["the cat"], True)
    first = first.tolist()
    second, _ = reader.number(["cat mouse"], True)
    assert (first, second.tolist()) == ([0, 1], [1, 2])
    third, _ = reader.number(["mouse zebra the"], False)
    assert third.tolist() == [2, -1, 0]


def test_hundred_megabytes_in_one_document():
    words, n = "The cat chases the mouse. ", 100_000_000 // 26
    reader = WordTokens(True, 1, frozenset())
    tokens, offsets = reader.number([words * n], True)
    assert offsets.tolist() == [0, 5 * n] and reader.n_tokens == 4
    np.testing.assert_array_equal(tokens.reshape(n, 5)[-1], [0, 1, 2, 0, 3])


def test_a_scanner_refuses_other_ascii_words():
    classes = character_classes().copy()
    classes[ord("-")] = 1
    with pytest.raises(ValueError, match="ASCII"):
        Scanner(classes, 1)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((b"bytes",), TypeError, "text must be a str, got a bytes"),
        ((None,), TypeError, "NoneType"),
    ],
)
def test_errors_of_tokenize(arguments, error, message):
    with pytest.raises(error, match=message):
        tokenize(*arguments)


def test_a_string_of_stop_words_is_refused():
    with pytest.raises(TypeError, match="list of words"):
        tokenize("a", stop_words="the")
    with pytest.raises(ValueError, match="min_length"):
        tokenize("a", min_length=0)
