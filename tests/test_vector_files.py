"""Files of word vectors: there and back, beside gensim and fastText, and files that mean harm."""

import gzip
import pickle
import zipfile

import numpy as np
import pytest

from embeddings import vector_files
from embeddings.text import Word2Vec
from embeddings.vectors import KeyedVectors

WORDS = ["cat", "the", "猫", "naïve", "1", "-0.5", "a/b"]


@pytest.fixture
def keyed():
    vectors = np.random.default_rng(0).normal(size=(len(WORDS), 5)).astype(np.float32)
    vectors[0] *= 1e-20
    vectors[1] *= 1e20
    return KeyedVectors(WORDS, vectors, np.arange(len(WORDS), 0, -1))


NAMES = ["v.txt", "v.vec", "v.bin", "v.safetensors"]
NAMES += [name + ".gz" for name in NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_saved_comes_back_bit_by_bit(tmp_path, keyed, name):
    keyed.save(tmp_path / name)
    loaded = KeyedVectors.load(tmp_path / name)
    assert loaded.index_to_key == WORDS
    np.testing.assert_array_equal(loaded.vectors, keyed.vectors)
    assert ((tmp_path / name).read_bytes()[:2] == b"\x1f\x8b") == name.endswith(".gz")
    limited = KeyedVectors.load(tmp_path / name, limit=3)
    assert limited.index_to_key == WORDS[:3]
    np.testing.assert_array_equal(limited.vectors, keyed.vectors[:3])


def test_glove_files_have_no_first_line(tmp_path, keyed):
    keyed.save(tmp_path / "glove.txt", format="glove")
    assert (tmp_path / "glove.txt").read_text(encoding="utf-8").startswith("cat ")
    assert KeyedVectors.load(tmp_path / "glove.txt").index_to_key == WORDS


def test_glove_words_with_spaces(tmp_path):
    (tmp_path / "g.txt").write_text("the 1 2\n. . . 3 4\n")
    assert KeyedVectors.load(tmp_path / "g.txt").index_to_key == ["the", ". . ."]


def test_safetensors_keep_counts_and_are_mapped(tmp_path, keyed):
    keyed.save(tmp_path / "v.safetensors")
    loaded = KeyedVectors.load(tmp_path / "v.safetensors")
    assert loaded.counts.tolist() == keyed.counts.tolist()
    assert isinstance(loaded.vectors.base, np.memmap) or isinstance(loaded.vectors, np.memmap)


def test_models_are_read_as_vectors(tmp_path):
    model = Word2Vec(vector_size=6, epochs=1).fit([["a", "b", "c"]] * 9)
    model.save(tmp_path / "m.safetensors")
    loaded = KeyedVectors.load(tmp_path / "m.safetensors")
    assert loaded.index_to_key == model.index_to_key_
    np.testing.assert_array_equal(loaded.vectors, model.vectors_)


@pytest.mark.parametrize("end", ["", ".gz"])
def test_projector_tables(tmp_path, keyed, end):
    keyed.save(tmp_path / f"p.tsv{end}")
    with (gzip.open if end else open)(tmp_path / f"p_metadata.tsv{end}", "rt", encoding="utf-8") as table:
        assert table.read().split("\n")[:-1] == WORDS
    np.testing.assert_array_equal(np.loadtxt(tmp_path / f"p.tsv{end}", np.float32), keyed.vectors)


@pytest.mark.peer("gensim")
@pytest.mark.parametrize("name", ["v.txt", "v.txt.gz", "v.bin", "v.bin.gz"])
def test_gensim_reads_ours_and_we_read_gensims(tmp_path, keyed, name):
    models = pytest.importorskip("gensim.models")
    binary = ".bin" in name
    keyed.save(tmp_path / name)
    theirs = models.KeyedVectors.load_word2vec_format(tmp_path / name, binary=binary)
    assert theirs.index_to_key == WORDS
    np.testing.assert_array_equal(theirs.vectors, keyed.vectors)
    theirs.save_word2vec_format(str(tmp_path / f"theirs-{name}"), binary=binary)
    ours = KeyedVectors.load(tmp_path / f"theirs-{name}")
    assert sorted(ours.index_to_key) == sorted(WORDS)
    for word in WORDS:
        np.testing.assert_array_equal(ours[word], keyed[word])


@pytest.mark.parametrize("block", [128, 250, 1000])
@pytest.mark.parametrize("name", ["v.txt", "v.bin", "g.txt"])
def test_blocks_end_anywhere(tmp_path, keyed, monkeypatch, name, block):
    keyed.save(tmp_path / name, format="glove" if name[0] == "g" else None)
    monkeypatch.setattr(vector_files, "BLOCK", block)
    np.testing.assert_array_equal(KeyedVectors.load(tmp_path / name).vectors, keyed.vectors)


def floats(*values):
    return np.array(values, "<f4").tobytes()


HOSTILE = {
    "a header that promises too much": (b"1000000000000 100\ncat" + b" 1" * 100, "ends after 1 of 1,000,000,000,000"),
    "the same, binary": (b"1000000000000 2\ncat " + floats(1.1, 2.3), "ends after 1 of"),
    "vectors without end": (b"2 1000000000000\ncat 1", "vectors of 1,000,000,000,000 numbers"),
    "cut off within a number": (b"2 2\ncat 1 2\nham 1", "line 3: 1 numbers, not 2"),
    "cut off, binary": (
        b"2 2\ncat " + floats(1.1, 2.3) + b"ham " + floats(1.7)[:3],
        "ends after 1 of 2 vectors, at byte 16",
    ),
    "wrong width far down": (b"70001 2\n" + b"".join(b"w%d 1 2\n" % i for i in range(70000)) + b"x 1\n", "line 70,002"),
    "too many": (b"3 2\ncat 1 2\nham 1 2\nhen 1 2\nfox 1 2\n", "goes on after the 3 vectors"),
    "NaN": (b"cat 1 2\nham nan 1\n", "line 2: 'nan' is not a finite number"),
    "too large": (b"cat 1 2\nham 1 1e39\n", "line 2: '1e39' is not a finite number"),
    "no number": (b"cat 1 2\nham 1 two\n", "line 2"),
    "NaN, binary": (b"2 1\ncat " + floats(1.1) + b"ham " + floats(np.nan), "byte 12: the vector of 'ham'"),
    "twice": (b"cat 1 2\ncat 1 2\n", "line 2: the word 'cat' comes a second time"),
    "not UTF-8": (b"cat 1 2\n\xff\xfe 1 2\n", "line 2: the word '.*' is not UTF-8"),
    "a pickle": (pickle.dumps({"a": 1}), "pickle"),
    "nothing": (b"", "is empty"),
    "prose": (b"What a fine day it is.\n", "holds no word vectors"),
    "a fastText model": ((793712314).to_bytes(4, "little") + bytes(100), "fastText model"),
    "a header alone": (b"2 2\n", "ends after 0 of 2"),
    "no words": (b"0 2\n", "holds no vector"),
    "no numbers": (b"2 0\ncat\n", "line 1: vectors of 0 numbers"),
    "a safetensors file of something else": (b"\x02\0\0\0\0\0\0\0{}", "holds no word vectors"),
    "half a safetensors file": (b'\x05\0\0\0\0\0\0\0{"a":', "not a whole safetensors"),
    "half a safetensors file, gzipped": (
        gzip.compress(b'\x05\0\0\0\0\0\0\0{"a":'),
        "'.*/x' is not a whole safetensors",
    ),
    "a pickle, gzipped": (gzip.compress(pickle.dumps({"a": 1})), "pickle"),
    "nothing, gzipped": (gzip.compress(b""), "is empty"),
    "a damaged gzip file": (gzip.compress(b"cat 1 2\n" * 99)[:-9], "damaged gzip"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_told_what_is_wrong(tmp_path, name):
    content, message = HOSTILE[name]
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        KeyedVectors.load(tmp_path / "x")


def test_zips_and_missing_files(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("x.txt", "cat 1")
    with pytest.raises(ValueError, match="zip archive"):
        KeyedVectors.load(tmp_path / "x.zip")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        KeyedVectors.load(tmp_path / "y")


@pytest.mark.parametrize("word", ["new york", "", "a\tb"])
def test_words_that_text_cannot_hold(tmp_path, word):
    keyed = KeyedVectors([word], np.ones((1, 2)))
    with pytest.raises(ValueError, match="safetensors"):
        keyed.save(tmp_path / "x.txt")
    assert not list(tmp_path.iterdir())
    keyed.save(tmp_path / "x.safetensors")
    assert KeyedVectors.load(tmp_path / "x.safetensors").index_to_key == [word]


def test_nan_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="'b' holds NaN"):
        KeyedVectors(["a", "b"], np.array([[1.0], [np.nan]])).save(tmp_path / "x.txt")
