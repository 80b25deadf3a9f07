"""The vocabulary: order, pruning, special tokens, errors."""

import numpy as np
import pytest

from embeddings.base import NotFittedError
from embeddings.text import Vocabulary

SENTENCES = [["b", "a", "c", "a"], ["c", "猫", "b"], ["c"]]


def test_order_is_by_frequency_then_alphabet():
    vocabulary = Vocabulary().fit(SENTENCES)
    assert vocabulary.tokens_ == ["c", "a", "b", "猫"]
    assert vocabulary.counts_.tolist() == [3, 2, 2, 1]
    assert vocabulary.document_frequency_.tolist() == [3, 1, 2, 1]


@pytest.mark.parametrize(
    ("options", "tokens"),
    [
        ({"min_count": 2}, ["c", "a", "b"]),
        ({"max_size": 2}, ["c", "a"]),
        ({"min_df": 2}, ["c", "b"]),
        ({"max_df": 2}, ["a", "b", "猫"]),
        ({"max_df": 0.5}, ["a", "猫"]),
        ({"special_tokens": ("[PAD]", "b"), "max_size": 1}, ["[PAD]", "b", "c"]),
    ],
    ids=str,
)
def test_pruning(options, tokens):
    assert Vocabulary(**options).fit(SENTENCES).tokens_ == tokens


def test_encode_and_decode():
    vocabulary = Vocabulary(min_count=2).fit(SENTENCES)
    assert vocabulary.encode(["b", "猫", "c"]).tolist() == [2, 0]
    assert vocabulary.decode(vocabulary.encode(["b", "c"])) == ["b", "c"]
    assert vocabulary.encode([]).dtype == np.int32
    known = Vocabulary(special_tokens=("?",), unknown_token="?").fit(SENTENCES)
    assert known.encode(["zebra", "c"]).tolist() == [0, 1]
    assert [ids.tolist() for ids in known.transform([["c"], ["?"]])] == [[1], [0]]


def test_save_and_load(tmp_path):
    path = tmp_path / "vocabulary.safetensors"
    vocabulary = Vocabulary(special_tokens=("?",), unknown_token="?").fit(SENTENCES)
    vocabulary.save(path)
    loaded = Vocabulary.load(path)
    assert loaded.tokens_ == vocabulary.tokens_ and loaded["猫"] == vocabulary["猫"]
    np.testing.assert_array_equal(loaded.counts_, vocabulary.counts_)
    vocabulary.tokens_ = vocabulary.tokens_[:-1]
    vocabulary.save(path)
    with pytest.raises(ValueError, match="do not fit"):
        Vocabulary.load(path)


def test_lookups_that_fail_say_why():
    with pytest.raises(NotFittedError):
        Vocabulary().encode(["a"])
    vocabulary = Vocabulary().fit(SENTENCES)
    with pytest.raises(KeyError, match="zebra"):
        vocabulary["zebra"]
    for number in (4, -1):
        with pytest.raises(IndexError, match="0 to 3"):
            vocabulary.decode([number])


@pytest.mark.parametrize(
    ("options", "sentences", "error", "message"),
    [
        ({}, ["a b"], TypeError, "tokenize"),
        ({}, [["a", None]], TypeError, "sentence 0 holds None"),
        ({}, [], ValueError, "sentences is empty"),
        ({}, [[], []], ValueError, "no word remains"),
        ({"min_count": 9}, SENTENCES, ValueError, "lower min_count"),
        ({"min_df": 3, "max_df": 2}, SENTENCES, ValueError, "no word can have both"),
        ({"special_tokens": "[PAD]"}, SENTENCES, TypeError, "special_tokens"),
        ({"special_tokens": ("x", "x")}, SENTENCES, ValueError, "different"),
        ({"unknown_token": "[UNK]"}, SENTENCES, ValueError, "one of special_tokens"),
        ({"min_count": 0}, SENTENCES, ValueError, "min_count"),
        ({"max_size": 1.5}, SENTENCES, TypeError, "max_size"),
    ],
    ids=str,
)
def test_errors(options, sentences, error, message):
    with pytest.raises(error, match=message):
        Vocabulary(**options).fit(sentences)
