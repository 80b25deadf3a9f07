"""fastText's own files: there and back, beside fastText and gensim, and files that mean harm."""

import gzip
import os
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.fasttext_file import MAGIC, read_fasttext
from embeddings.subwords import SubwordVectors
from embeddings.text import FastText
from embeddings.vectors import KeyedVectors

SENTENCES = [["小猫", "追", "老鼠"], ["kitten", "chases", "mice"], ["naïve", "cats", "sleep"]] * 60
SETTINGS = {"vector_size": 7, "window": 2, "min_count": 1, "min_n": 1, "max_n": 4, "bucket": 300, "sample": 0}
UNSEEN = ["大猫", "kittens", "na", "ï"]


@pytest.fixture(scope="module")
def model():
    return FastText(**SETTINGS, epochs=3).fit(SENTENCES)


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(" ".join(sentence) for sentence in SENTENCES), encoding="utf-8")
    return path


def assert_same_vectors(get, vectors, words):
    for word in words:
        np.testing.assert_allclose(get(word), vectors[word], rtol=1e-5, atol=1e-7, err_msg=word)


@pytest.mark.parametrize("name", ["m.bin", "m.bin.gz"])
def test_a_model_comes_back(tmp_path, model, name):
    model.save_facebook_model(tmp_path / name)
    loaded = FastText.load_facebook_model(tmp_path / name)
    assert loaded.get_params() == {**FastText(**SETTINGS, epochs=3).get_params()}
    assert loaded.index_to_key_ == model.index_to_key_ and loaded.counts_.tolist() == model.counts_.tolist()
    np.testing.assert_array_equal(loaded.context_vectors_, model.context_vectors_)
    assert_same_vectors(loaded.wv.get_vector, model.wv, model.index_to_key_ + UNSEEN)
    loaded.save_facebook_model(tmp_path / "again.bin.gz")
    again, once = read_fasttext(tmp_path / "again.bin.gz"), read_fasttext(tmp_path / name)
    for comp_, ref_ in zip(again, once, strict=True):
        np.testing.assert_array_equal(comp_, ref_)


def test_vectors_of_ngrams_stay_on_disk(tmp_path, model):
    model.save_facebook_model(tmp_path / "m.bin")
    keyed = KeyedVectors.load(tmp_path / "m.bin")
    assert isinstance(keyed, SubwordVectors) and isinstance(keyed.piece_vectors.base, np.memmap)
    assert keyed.vectors.shape == (9, 7) and "大猫" not in keyed


@pytest.mark.parametrize("name", ["m.bin", "m.bin.gz"])
def test_limit_leaves_the_others_to_their_ngrams(tmp_path, model, name):
    model.save_facebook_model(tmp_path / name)
    keyed = KeyedVectors.load(tmp_path / name, limit=2)
    assert keyed.index_to_key == model.index_to_key_[:2]
    np.testing.assert_allclose(keyed.vectors, model.vectors_[:2], rtol=1e-5, atol=1e-7)
    assert_same_vectors(keyed.get_vector, model.wv, UNSEEN)
    left_out = model.index_to_key_[5]
    assert left_out not in keyed and not np.allclose(keyed[left_out], model.wv[left_out])
    keyed.save(tmp_path / "limited.bin")
    assert_same_vectors(KeyedVectors.load(tmp_path / "limited.bin").get_vector, keyed, [*UNSEEN, *model.index_to_key_])


def test_vectors_are_saved_with_their_ngrams_where_the_form_has_them(tmp_path, model):
    for name in ("v.bin", "v.bin.gz", "v.vec"):
        model.wv.save(tmp_path / name)
        loaded = KeyedVectors.load(tmp_path / name)
        assert_same_vectors(loaded.get_vector, model.wv, model.index_to_key_)
        if name == "v.vec":
            with pytest.raises(KeyError):
                loaded["大猫"]
        else:
            assert_same_vectors(loaded.get_vector, model.wv, UNSEEN)
    with pytest.raises(ValueError, match="0 output vectors for 9 words"):
        FastText.load_facebook_model(tmp_path / "v.bin")
    with pytest.raises(ValueError, match="holds NaN"):
        SubwordVectors(["a"], np.full((1, 2), np.nan), None, np.zeros((1, 2)), np.zeros(0, int), 3, 3, 9).save(
            tmp_path / "nan.vec"
        )


def test_training_goes_on_from_a_file(tmp_path, model):
    model.save_facebook_model(tmp_path / "m.bin")
    loaded = FastText.load_facebook_model(tmp_path / "m.bin").set_params(epochs=10)
    loaded.partial_fit([["大猫", "追", "老鼠"]] * 300)
    assert loaded.index_to_key_ == [*model.index_to_key_, "大猫"] and len(loaded.piece_vectors_) == 310
    assert loaded.loss_history_[-1] < loaded.loss_history_[0]
    # What it does not stand with moves away from it; what is like it stays nearest.
    assert loaded.wv.most_similar("大猫", topn=1)[0][0] == "小猫"
    assert all(loaded.wv.similarity("大猫", word) < model.wv.similarity("大猫", word) for word in ("cats", "kitten"))


def test_other_models_are_named(tmp_path, model):
    with pytest.raises(FileNotFoundError):
        FastText.load_facebook_model(tmp_path / "gone.bin")
    model.wv.save(tmp_path / "v.txt")
    for load in (FastText.load_facebook_model, SubwordVectors.load):
        with pytest.raises(ValueError, match="first four bytes are not fastText's"):
            load(tmp_path / "v.txt")
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(ValueError, match="is empty"):
        SubwordVectors.load(tmp_path / "empty")


@pytest.mark.parametrize("word", ["", "a\0b", "a" * (1 << 16)])
def test_words_that_a_file_cannot_hold(tmp_path, word):
    keyed = SubwordVectors([word], np.ones((1, 2)), None, np.ones((1, 2), np.float32), np.zeros(0, int), 3, 3, 9)
    with pytest.raises(ValueError, match="cannot stand in a fastText file"):
        keyed.save(tmp_path / "x.bin")
    assert not list(tmp_path.iterdir())


# Files that mean harm ------------------------------------------------------------------------------------------------

HEADER = {
    **{"magic": MAGIC, "version": 12, "dim": 2, "ws": 5, "epoch": 5, "minCount": 1, "neg": 5, "wordNgrams": 1},
    **{"loss": 2, "model": 2, "bucket": 3, "minn": 3, "maxn": 3, "lrUpdateRate": 100, "t": 1e-4},
}
WORDS = [(b"cat", 7, 0), ("猫".encode(), 2, 0)]


def model_file(words=WORDS, counts=None, pruned=-1, quantised=0, rows=5, columns=2, numbers=None, end=b"", **header):
    """A small model's bytes, with some of them changed."""
    data = struct.pack("<14id", *{**HEADER, **header}.values())
    n_words = sum(kind == 0 for *_, kind in words)
    entries = counts or (len(words), n_words, len(words) - n_words)
    data += struct.pack("<3i2q", *entries, 9, pruned)
    for word, count, kind in words:
        data += word + struct.pack("<bqb", 0, count, kind)
    numbers = np.arange(10) if numbers is None else numbers
    data += struct.pack("<B2q", quantised, rows, columns) + np.asarray(numbers, "<f4").tobytes()
    return data + struct.pack("<B2q", 0, 2, 2) + np.arange(4, dtype="<f4").tobytes() + end


def load(folder, data):
    path = folder / "x.bin"
    path.write_bytes(data)
    return KeyedVectors.load(path)


def test_the_small_model_is_one(tmp_path):
    keyed = load(tmp_path, model_file())
    assert keyed.index_to_key == ["cat", "猫"] and keyed.counts.tolist() == [7, 2]
    assert load(tmp_path, model_file(version=11, words=[*WORDS, (b"__label__a", 3, 1)])).index_to_key == ["cat", "猫"]
    # Classifiers of version 11 have no n-grams: a word is its own row.
    assert load(tmp_path, model_file(version=11, model=3)).vectors.tolist() == [[0, 1], [2, 3]]


BAD = {
    "another version": ({"version": 13}, "byte 8: version 13"),
    "no numbers": ({"dim": 0}, "header makes no sense"),
    "endless n-grams": ({"maxn": 10**9}, "header makes no sense"),
    "negative n-grams": ({"minn": -1}, "header makes no sense"),
    "negative buckets": ({"bucket": -1}, "header makes no sense"),
    "n-grams without buckets": ({"bucket": 0, "rows": 2, "numbers": np.arange(4)}, "header makes no sense"),
    "too many words": ({"counts": (10**9, 10**9, 0)}, "a dictionary of 1,000,000,000 entries"),
    "no words": ({"words": []}, "a dictionary of 0 entries"),
    "negative labels": ({"counts": (2, 3, -1)}, "and -1 labels cannot be"),
    "pruned": ({"pruned": 1}, "pruned"),
    "quantised": ({"quantised": 1}, "quantised"),
    "rows that are not there": ({"rows": 10**12}, "input matrix, 1,000,000,000,000 × 2, does not fit"),
    "negative rows": ({"rows": -1}, "input matrix, -1 × 2, does not fit"),
    "other columns": ({"columns": 3}, "input matrix, 5 × 3, does not fit"),
    "other buckets": ({"bucket": 4}, "5 rows do not fit 2 words and 4 buckets"),
    "bytes at the end": ({"end": b"abc"}, "3 bytes too many"),
    "a label before a word": ({"words": [(b"a", 1, 1), (b"b", 1, 0)]}, "entry 1 of the dictionary"),
    "an unknown kind": ({"words": [(b"a", 1, 0), (b"b", 1, 2)]}, "entry 2 of the dictionary"),
    "a negative count": ({"words": [(b"cat", -1, 0), (b"dog", 1, 0)]}, "entry 1 .* count -1"),
    "an empty word": ({"words": [(b"", 1, 0), (b"dog", 1, 0)]}, "byte 92: a word is empty"),
    "a word without end": ({"words": [(b"a" * 70_000, 1, 0), (b"dog", 1, 0)]}, "byte 92: a word has no end"),
    "the same word again": ({"words": [(b"cat", 1, 0), (b"cat", 1, 0)]}, "byte 105: 'cat' comes a second time"),
    "not UTF-8": ({"words": [(b"cat", 1, 0), (b"\xff\xfe", 1, 0)]}, "byte 105: the word .* is not UTF-8"),
    "NaN": ({"numbers": [0, 1, 2, np.nan, *range(6)]}, "byte 143: a vector of which '猫' is made holds NaN"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("zipped", [False, True])
def test_hostile_files_are_told_what_is_wrong(tmp_path, name, zipped):
    changes, message = BAD[name]
    data = model_file(**changes)
    with pytest.raises(ValueError, match=message) as error:
        load(tmp_path, gzip.compress(data) if zipped else data)
    assert str(tmp_path) in str(error.value)


def test_every_cut_is_noticed(tmp_path):
    data = model_file()
    for length in range(len(data)):
        with pytest.raises(ValueError, match="fastText model|is empty|holds no word vectors"):
            load(tmp_path, data[:length])
    zipped = gzip.compress(data)
    for length in range(len(zipped)):
        with pytest.raises(ValueError, match="damaged gzip|is empty|holds no word vectors"):
            load(tmp_path, zipped[:length])


@given(st.lists(st.tuples(st.integers(4, len(model_file()) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_changed_bytes_give_vectors_or_an_error(tmp_path_factory, changes):
    data = bytearray(model_file())
    for place, byte in changes:
        data[place] = byte
    try:
        keyed = load(tmp_path_factory.getbasetemp(), bytes(data))
    except ValueError:
        return
    assert np.isfinite(keyed.vectors).all() and len(keyed) == len(keyed.index_to_key) <= 2


def test_nan_of_an_unseen_word(tmp_path):
    numbers = np.arange(10.0)
    numbers[4:] = np.nan  # every bucket
    keyed = load(tmp_path, model_file(numbers=numbers, minn=4, maxn=4, words=[(b"a", 2, 0), (b"b", 1, 0)]))
    with pytest.raises(ValueError, match="an n-gram of 'long' holds NaN"):
        keyed["long"]


# Beside fastText and gensim ------------------------------------------------------------------------------------------


@pytest.mark.peer("fasttext")
def test_fasttext_opens_ours(tmp_path, model):
    fasttext = pytest.importorskip("fasttext")
    model.save_facebook_model(tmp_path / "m.bin")
    theirs = fasttext.load_model(os.fspath(tmp_path / "m.bin"))
    assert theirs.get_words() == model.index_to_key_
    assert_same_vectors(theirs.get_word_vector, model.wv, model.index_to_key_ + UNSEEN)
    np.testing.assert_array_equal(theirs.get_output_matrix(), model.context_vectors_)
    model.wv.save(tmp_path / "v.bin")
    assert_same_vectors(fasttext.load_model(os.fspath(tmp_path / "v.bin")).get_word_vector, model.wv, UNSEEN)


@pytest.mark.peer("fasttext")
def test_fasttext_cuts_and_hashes_as_we_do(tmp_path, model):
    fasttext = pytest.importorskip("fasttext")
    model.save_facebook_model(tmp_path / "m.bin")
    theirs = fasttext.load_model(os.fspath(tmp_path / "m.bin"))
    parts = FastText.load_facebook_model(tmp_path / "m.bin")
    pieces, offsets = parts._pieces()
    for i, word in enumerate(model.index_to_key_):
        assert pieces[offsets[i] : offsets[i + 1]].tolist() == theirs.get_subwords(word)[1].tolist()


@pytest.mark.peer("fasttext")
@pytest.mark.parametrize("kind", ["skipgram", "cbow"])
def test_we_open_fasttexts(tmp_path, corpus, kind):
    fasttext = pytest.importorskip("fasttext")
    # For each thread it fills a tenth of the buckets, and leaves the rest as zeros.
    options = {"dim": 6, "minCount": 1, "minn": 2, "maxn": 3, "bucket": 200, "epoch": 2, "thread": 10, "verbose": 0}
    theirs = fasttext.train_unsupervised(os.fspath(corpus), model=kind, **options)
    theirs.save_model(os.fspath(tmp_path / "t.bin"))
    keyed = KeyedVectors.load(tmp_path / "t.bin")
    assert keyed.index_to_key == theirs.get_words() and "</s>" in keyed
    assert_same_vectors(theirs.get_word_vector, keyed, theirs.get_words() + UNSEEN[:2])
    if kind == "cbow":
        with pytest.raises(ValueError, match="holds cbow with negative sampling"):
            FastText.load_facebook_model(tmp_path / "t.bin")
        return
    ours = FastText.load_facebook_model(tmp_path / "t.bin").partial_fit(SENTENCES)
    ours.save_facebook_model(tmp_path / "more.bin")
    theirs = fasttext.load_model(os.fspath(tmp_path / "more.bin"))
    assert_same_vectors(theirs.get_word_vector, ours.wv, theirs.get_words() + UNSEEN[:2])


@pytest.mark.peer("fasttext")
@pytest.mark.parametrize("options", [{"minn": 2, "maxn": 3, "bucket": 50}, {"wordNgrams": 2, "bucket": 50}, {}])
def test_classifiers_hold_vectors_too(tmp_path, options):
    fasttext = pytest.importorskip("fasttext")
    text = tmp_path / "labelled.txt"
    text.write_text("__label__a good cat\n__label__b bad dog\n" * 20)
    theirs = fasttext.train_supervised(os.fspath(text), dim=4, epoch=2, thread=1, verbose=0, **options)
    theirs.save_model(os.fspath(tmp_path / "t.bin"))
    keyed = KeyedVectors.load(tmp_path / "t.bin")
    assert keyed.index_to_key == theirs.get_words()
    assert_same_vectors(theirs.get_word_vector, keyed, theirs.get_words() + ["cats"] * ("minn" in options))


@pytest.mark.peer("fasttext")
def test_quantised_models_are_refused(tmp_path):
    fasttext = pytest.importorskip("fasttext")
    text = tmp_path / "labelled.txt"
    text.write_text(("__label__a " + " ".join(f"w{i}" for i in range(300)) + "\n") * 20)
    for cutoff in (0, 280):
        theirs = fasttext.train_supervised(os.fspath(text), dim=4, epoch=1, thread=1, verbose=0)
        theirs.quantize(os.fspath(text), cutoff=cutoff)
        theirs.save_model(os.fspath(tmp_path / "t.ftz"))
        with pytest.raises(ValueError, match="quantised"):
            KeyedVectors.load(tmp_path / "t.ftz")


@pytest.mark.peer("fasttext")
def test_fasttext_starts_from_our_vec(tmp_path, model):
    fasttext = pytest.importorskip("fasttext")
    model.wv.save(tmp_path / "v.vec")
    text = tmp_path / "labelled.txt"
    text.write_text("__label__a " + " ".join(model.index_to_key_) + "\n", encoding="utf-8")
    options = {"dim": 7, "lr": 0.0, "epoch": 1, "thread": 1, "verbose": 0}
    theirs = fasttext.train_supervised(os.fspath(text), pretrainedVectors=os.fspath(tmp_path / "v.vec"), **options)
    for word in model.index_to_key_:
        np.testing.assert_array_equal(theirs.get_word_vector(word), model.wv[word])


def test_a_vec_as_fasttext_writes_it(tmp_path):
    # Its numbers are followed by a space.
    (tmp_path / "t.vec").write_text("2 3\n</s> 0.1 -0.2 3 \n猫 1e-05 2 -0.5 \n", encoding="utf-8")
    keyed = KeyedVectors.load(tmp_path / "t.vec")
    assert keyed.index_to_key == ["</s>", "猫"]
    np.testing.assert_allclose(keyed.vectors, [[0.1, -0.2, 3], [1e-5, 2, -0.5]])


@pytest.mark.peer("gensim")
def test_gensim_opens_ours_and_we_open_gensims(tmp_path, model):
    theirs = pytest.importorskip("gensim.models.fasttext")
    path = os.fspath(tmp_path / "m.bin")
    grown = FastText(**SETTINGS, epochs=3).fit(SENTENCES).partial_fit([["大狗", "追", "小猫"]] * 99)
    for ours in (model, grown):
        ours.save_facebook_model(path)
        opened = theirs.load_facebook_model(path)
        assert opened.wv.index_to_key == ours.index_to_key_
        assert_same_vectors(opened.wv.get_vector, ours.wv, ours.index_to_key_ + UNSEEN)
        np.testing.assert_array_equal(opened.syn1neg, ours.context_vectors_)
        ours.wv.save(path)
        assert_same_vectors(theirs.load_facebook_vectors(path).get_vector, ours.wv, ours.index_to_key_ + UNSEEN)
    options = {"vector_size": 6, "min_count": 1, "min_n": 2, "max_n": 3, "bucket": 100, "sg": 1, "epochs": 2}
    gensims = theirs.FastText(SENTENCES, **options)
    theirs.save_facebook_model(gensims, path)
    keyed = KeyedVectors.load(path)
    assert keyed.index_to_key == gensims.wv.index_to_key
    assert_same_vectors(gensims.wv.get_vector, keyed, gensims.wv.index_to_key + UNSEEN[:2])
    assert FastText.load_facebook_model(path).partial_fit(SENTENCES).loss_history_
