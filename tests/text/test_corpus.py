"""Corpora as numbers: against counting by hand, from every kind of input, and in blocks."""

import collections
import gzip

import numpy as np
import pytest

from embeddings.text import tokenize
from embeddings.text.corpus import Corpus

TEXTS = ["The cat, the cat.", "", "火腿 三明治 the", "one", "", "A mouse the"]


def by_hand(sentences, min_count, known=()):
    """Words, counts and numbered sentences, the slow way."""
    counts = collections.Counter(word for sentence in sentences for word in sentence)
    new = sorted((w for w in counts if counts[w] >= min_count and w not in known), key=lambda w: (-counts[w], w))
    words = [*known, *new]
    number = {word: i for i, word in enumerate(words)}
    return words, [counts[w] for w in words], [[number[w] for w in s if w in number] for s in sentences]


def same(corpus, words, counts, sentences):
    assert corpus.words == words
    assert corpus.counts.tolist() == counts
    assert [corpus.tokens[a:b].tolist() for a, b in zip(corpus.offsets, corpus.offsets[1:], strict=False)] == sentences


@pytest.mark.parametrize("min_count", [1, 2])
@pytest.mark.parametrize("kind", ["texts", "lists", "generator", "file", "gzip"])
def test_every_kind_of_input(tmp_path, kind, min_count):
    lists = [tokenize(text) for text in TEXTS]
    content = ("\n".join(TEXTS) + "\n").encode()
    (tmp_path / "c.txt").write_bytes(content)
    (tmp_path / "c.gz").write_bytes(gzip.compress(content))
    given = {
        "texts": TEXTS,
        "lists": lists,
        "generator": (sentence for sentence in lists),
        "file": tmp_path / "c.txt",
        "gzip": str(tmp_path / "c.gz"),
    }[kind]
    same(Corpus.encode(given, min_count), *by_hand(lists, min_count))


def test_known_words_keep_their_numbers_however_rare():
    lists = [["b", "a", "b"], ["c", "c", "c", "a"]]
    same(Corpus.encode(lists, 2, known=["z", "a"]), *by_hand(lists, 2, ["z", "a"]))


def test_rare_words_are_left_out_wherever_they_stand():
    rng = np.random.default_rng(0)
    lists = [[f"w{i}" for i in rng.zipf(1.5, n) % 50] for n in rng.integers(0, 9, 500)]
    expected = by_hand(lists, 3)
    same(Corpus.encode(lists, 3), *expected)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("sentences", "error", "message"),
    [
        ([], ValueError, "empty"),
        ([["a"], "b"], TypeError, "sentence 1 is a str"),
        ([["a"], 3], TypeError, "sentence 1 is 3"),
        ([["a", 3]], TypeError, "words must be strings, got 3"),
        ([["a", ["b"]]], TypeError, r"words must be strings, got \['b'\], a list"),
        ([["a"]], ValueError, "lower min_count"),
        ([["a", "b\0"]], ValueError, r"NUL, got 'b\\x00'"),
        ([[], []], ValueError, "no word to learn from: none of 2 sentences"),
    ],
)
def test_bad_sentences(sentences, error, message, workers):
    with pytest.raises(error, match=message):
        Corpus.encode(sentences, 2, workers=workers)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("kind", ["lists", "texts", "file"])
def test_blocks_of_any_size(tmp_path, monkeypatch, kind, workers):
    rng = np.random.default_rng(1)
    words = np.array(["Ab", "İstanbul", "猫", "x" * 20, "é", "b", "GROẞ", "ab"])
    texts = [" ".join(rng.choice(words, n)) for n in rng.integers(0, 6, 300)]
    lists = [tokenize(text) for text in texts]
    monkeypatch.setattr("embeddings.text.corpus.BLOCK_BYTES", 50)
    monkeypatch.setattr("embeddings.text.corpus.BLOCK_WORDS", 10)
    monkeypatch.setattr("embeddings.text.grams.BLOCK_BYTES", 50)
    path = tmp_path / "c.txt"
    path.write_text("\n".join([*texts, "end"]), encoding="utf-8")
    lists.append(["end"])
    given = {"lists": lists, "texts": [*texts, "end"], "file": path}[kind]
    same(Corpus.encode(given, 1, workers=workers), *by_hand(lists, 1))


def test_words_of_lists_stay_as_they_are():
    lists = [["", "A b", "a b", "\ud800", ""], ["", "é" * 9, "é" * 10, "é" * 9], ("猫\n",)]
    same(Corpus.encode(lists), *by_hand(lists, 1))


def test_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "c.txt"
    path.write_bytes(b"caf\xe9 ol\xc3\n\xff\xfe\r\nz\xc3\xa3 \xe7\x8c\nend")
    lists = [["caf", "ol"], [], ["zã"], ["end"]]
    same(Corpus.encode(path), *by_hand(lists, 1))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        Corpus.encode(tmp_path / "gone.txt")
