"""FastText: it learns from pieces of words, the same bits every time, and knows words that it never saw."""

import numpy as np
import pytest

from embeddings.text import FastText
from kernels.subword import fnv1a
from tests.text.test_word2vec import share_of_kin, world

SETTINGS = {"vector_size": 24, "window": 2, "min_count": 1, "sample": 0, "epochs": 4, "bucket": 5000}


def inflected(n=3000, seed=0):
    """The world of animals and food, with nouns in the plural half of the time."""
    rng = np.random.default_rng(seed)
    return [[s[0], s[1] + "s" * int(rng.integers(2)), *s[2:]] for s in world(n, seed)]


HAMSTERS = [["the", "hamster", "hunts", "today"], ["the", "kittens", "hunts", "today"]] * 300


def test_learns_which_words_are_of_a_kind():
    model = FastText(**SETTINGS).fit(world())
    assert share_of_kin(model) == 1
    assert len(model.loss_history_) == 4 and model.loss_history_[-1] < model.loss_history_[0]


def test_unseen_words_lie_near_what_they_are_made_of():
    model = FastText(**SETTINGS).fit(inflected())
    for word, stem in (("puppyish", "puppy"), ("kittenlike", "kitten"), ("cheesecake", "cheese")):
        assert word not in model.wv.key_to_index
        near = [key for key, _ in model.wv.most_similar(word, topn=4)]
        assert stem in near or stem + "s" in near
    assert model.transform(["puppyish", "puppy"]).shape == (2, 24)
    with pytest.raises(KeyError, match="shares no n-gram"):
        model.transform(["qqq"])


def test_a_word_is_the_mean_of_its_pieces():
    model = FastText(**{**SETTINGS, "min_n": 3, "max_n": 4}).fit(world(300))
    number = {bucket: len(model.counts_) + i for i, bucket in enumerate(model.buckets_.tolist())}
    grams = [b"<cat", b"cat>", b"<ca", b"cat", b"at>"]
    rows = [model.index_to_key_.index("cat"), *(number[fnv1a(gram) % 5000] for gram in grams)]
    np.testing.assert_allclose(model.wv["cat"], model.piece_vectors_[rows].mean(axis=0), rtol=1e-4, atol=1e-7)
    # Of the eleven n-grams of <cattle>, these have vectors; the others count as zeros.
    unseen = [number[fnv1a(gram) % 5000] for gram in (b"<ca", b"cat", b"<cat")]
    np.testing.assert_allclose(model.wv["cattle"], model.piece_vectors_[unseen].sum(axis=0) / 11, rtol=1e-4, atol=1e-7)


def test_chinese_words_share_characters():
    sentences = [["小猫", "追", "老鼠"], ["大猫", "追", "老鼠"], ["小狗", "吃", "面包"], ["大狗", "吃", "面包"]] * 100
    model = FastText(**{**SETTINGS, "min_n": 1, "max_n": 2}).fit(sentences)
    assert model.wv.similarity("黑猫", "小猫") > model.wv.similarity("黑猫", "小狗")


def test_a_file_and_lists_give_the_same_bits(tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(" ".join(sentence) for sentence in world(300)))
    from_file, from_lists = FastText(**SETTINGS).fit(path), FastText(**SETTINGS).fit(world(300))
    assert from_file.vectors_.tobytes() == from_lists.vectors_.tobytes()
    assert FastText(**SETTINGS, seed=2).fit(path).vectors_.tobytes() != from_file.vectors_.tobytes()


def test_save_and_load(tmp_path):
    model = FastText(**SETTINGS).fit(world(300))
    model.save(tmp_path / "model.safetensors")
    loaded = FastText.load(tmp_path / "model.safetensors")
    words = ["cat", "ham", "kittenlike"]
    assert loaded.transform(words).tobytes() == model.transform(words).tobytes()


def test_new_words_join_the_vocabulary():
    model = FastText(**SETTINGS).fit(world(1000))
    old, count, buckets = list(model.index_to_key_), model.counts_[0], model.buckets_
    # Before it is trained on, a new word is what its n-grams say, and the old ones are what they were.
    untrained = FastText(**SETTINGS).fit(world(1000)).set_params(alpha=0, min_alpha=0).partial_fit(HAMSTERS)
    assert untrained.wv.similarity("kittens", "kitten") > 0.5
    np.testing.assert_array_equal(untrained.transform([*old, "kittenlike"]), model.transform([*old, "kittenlike"]))
    model.partial_fit(HAMSTERS)
    assert model.index_to_key_ == [*old, "hamster", "kittens"]
    assert model.counts_[0] == count + 600 and model.counts_[-1] == 300
    assert model.buckets_[: len(buckets)].tolist() == buckets.tolist()
    assert len(np.unique(model.buckets_)) == len(model.buckets_) > len(buckets)
    assert model.wv.similarity("hamster", "cat") > model.wv.similarity("hamster", "soup")
    assert len(model.loss_history_) == 8
    assert model.piece_vectors_.shape == (len(model.index_to_key_) + len(model.buckets_), 24)


def test_partial_fit_begins_as_fit_does_and_survives_bad_sentences():
    model = FastText(**SETTINGS).partial_fit(world(300))
    assert model.vectors_.tobytes() == FastText(**SETTINGS).fit(world(300)).vectors_.tobytes()
    with pytest.raises(ValueError, match="no two words"):
        model.partial_fit([["alone"]])
    assert model.transform(["alone", "cat", "kittenlike"]).shape == (3, 24)
    with pytest.raises(ValueError, match="vector_size must stay 24"):
        FastText(**SETTINGS).fit(world(300)).set_params(vector_size=8).partial_fit(world(300))
    assert model.fit(world(300)).vectors_.tobytes() == FastText(**SETTINGS).fit(world(300)).vectors_.tobytes()


def test_shorter_ngrams_than_before_get_vectors():
    model = FastText(**SETTINGS).fit(world(300)).set_params(min_n=2)
    model.partial_fit(world(300))
    wanted = [fnv1a(gram) % 5000 for gram in (b"<c", b"ca", b"at", b"t>")]
    assert set(wanted) <= set(model.buckets_.tolist())
    assert model.wv["ca"].any()


def test_goes_on_from_a_checkpoint_with_the_same_bits(tmp_path):
    def stop(model):
        if len(model.loss_history_) == 2:
            raise KeyboardInterrupt

    path = tmp_path / "training.checkpoint"
    with pytest.raises(KeyboardInterrupt):
        FastText(**SETTINGS, checkpoint=path, callbacks=[stop]).fit(world(500))
    resumed = FastText(**SETTINGS, checkpoint=path).fit(world(500))
    assert resumed.vectors_.tobytes() == FastText(**SETTINGS).fit(world(500)).vectors_.tobytes()
    assert not path.exists()


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"min_n": 0}, ValueError, "min_n must be at least 1"),
        ({"min_n": 4, "max_n": 3}, ValueError, "max_n must be at least 4"),
        ({"bucket": 0}, ValueError, "bucket must be at least 1"),
        ({"window": 2.5}, TypeError, "window must be an integer"),
        ({"min_alpha": 1.0}, ValueError, "min_alpha must be at most"),
        ({"min_count": 10**6}, ValueError, "lower min_count"),
    ],
)
def test_bad_parameters_are_named(params, error, message):
    with pytest.raises(error, match=message):
        FastText(**{**SETTINGS, **params}).fit(world(50))
