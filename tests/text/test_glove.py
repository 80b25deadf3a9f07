"""GloVe: it learns, the same bits for any number of threads, goes on where it was, and refuses nonsense."""

import numpy as np
import pytest

from embeddings.text import GloVe
from embeddings.text import cooccurrence as cooccurrence_module
from embeddings.text.cooccurrence import Cooccurrences
from embeddings.text.corpus import Corpus
from embeddings.text.glove import _Entries
from tests.text.test_word2vec import share_of_kin, world

SETTINGS = {"vector_size": 16, "window": 3, "min_count": 1, "epochs": 15, "x_max": 10}


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of five rows, so that a small vocabulary has many tiles."""
    monkeypatch.setattr(cooccurrence_module, "BLOCK_ROWS", 5)


def ref_cooccurrences(sentences, words, window, symmetric, weight):
    """X by the definition, pair by pair."""
    number = {word: i for i, word in enumerate(words)}
    X = np.zeros((len(words), len(words)))
    for sentence in sentences:
        for p, word in enumerate(sentence):
            for q, other in enumerate(sentence):
                if 0 < abs(p - q) <= window and (symmetric or q < p):
                    X[number[word], number[other]] += weight(abs(p - q))
    return X


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("distance_weighting", [True, False])
def test_cooccurrences_are_those_of_the_definition(symmetric, distance_weighting, small_blocks):
    sentences = [*world(200), [], ["the"], ["the", "the", "the"]]
    corpus = Corpus.encode(sentences)
    counts = Cooccurrences(corpus, 2, symmetric, distance_weighting)
    ref = ref_cooccurrences(sentences, corpus.words, 2, symmetric, lambda k: 1 / k if distance_weighting else 1)
    assert len(counts) > 2
    np.testing.assert_allclose(counts.matrix().toarray(), ref, rtol=1e-6)


def test_tiles_hold_every_entry_once(small_blocks):
    counts = Cooccurrences(Corpus.encode(world(200)), 3)
    entries = _Entries(counts, seed=1)
    X = np.zeros(counts.shape)
    B = len(counts)
    for a in range(B):
        for b in range(B):
            rows, columns, logs = entries.tile(a, b)
            np.add.at(X, (rows + counts.bounds[a], columns + counts.bounds[b]), np.exp(logs))
    np.testing.assert_allclose(X, counts.matrix().toarray(), rtol=1e-5)


def test_products_come_near_the_logarithms_of_the_counts():
    sentences = world(1000)
    model = GloVe(**{**SETTINGS, "epochs": 300}).fit(sentences)
    X = Cooccurrences(Corpus.encode(sentences), 3).matrix().tocoo()
    w, context = model.vectors_ - model.context_vectors_, model.context_vectors_
    products = (w[X.row] * context[X.col]).sum(axis=1) + model.biases_[X.row] + model.context_biases_[X.col]
    assert np.sqrt(np.mean((products - np.log(X.data)) ** 2)) < 0.1 < np.log(X.data).std()


def test_learns_which_words_are_of_a_kind():
    model = GloVe(**SETTINGS).fit(world())
    untrained = GloVe(**{**SETTINGS, "alpha": 0}).fit(world())
    assert share_of_kin(model) == 1 > share_of_kin(untrained)
    assert len(model.loss_history_) == 15 and model.loss_history_[-1] < model.loss_history_[0] / 2


def test_the_same_bits_for_any_number_of_threads(small_blocks, tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(" ".join(sentence) for sentence in world(500)))
    alone, together = GloVe(**SETTINGS).fit(world(500)), GloVe(**SETTINGS, workers=3).fit(path)
    assert alone.vectors_.tobytes() == together.vectors_.tobytes()
    assert alone.loss_history_ == together.loss_history_
    assert GloVe(**SETTINGS, seed=2).fit(path).vectors_.tobytes() != alone.vectors_.tobytes()


def test_goes_on_from_a_checkpoint_with_the_same_bits(small_blocks, tmp_path, monkeypatch):
    from embeddings import checkpoint as checkpoint_module

    # After every step.
    monkeypatch.setattr(checkpoint_module, "INTERVAL", 0)
    path = tmp_path / "training.checkpoint"
    original, steps = GloVe(**SETTINGS).fit(world(500)), []

    def stop_in_the_middle(*arguments):
        steps.append(1)
        if len(steps) == 25:
            raise KeyboardInterrupt
        return train_tile(*arguments)

    from kernels.glove import IMPLEMENTATIONS

    train_tile = IMPLEMENTATIONS["cpu"]
    monkeypatch.setitem(IMPLEMENTATIONS, "cpu", stop_in_the_middle)
    stopped = GloVe(**SETTINGS, checkpoint=path)
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(world(500))
    assert path.exists() and len(stopped.loss_history_) < SETTINGS["epochs"] and "cat" in stopped.wv
    monkeypatch.setitem(IMPLEMENTATIONS, "cpu", train_tile)
    resumed = GloVe(**SETTINGS, checkpoint=path).fit(world(500))
    assert not path.exists()
    assert resumed.vectors_.tobytes() == original.vectors_.tobytes()
    assert resumed.loss_history_ == original.loss_history_


def test_save_and_load(tmp_path):
    model = GloVe(**SETTINGS).fit(world(300))
    model.save(tmp_path / "model.safetensors")
    loaded = GloVe.load(tmp_path / "model.safetensors")
    assert loaded.transform(["cat", "ham"]).tobytes() == model.transform(["cat", "ham"]).tobytes()


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"vector_size": 0}, ValueError, "vector_size must be at least 1"),
        ({"window": 0}, ValueError, "window must be at least 1"),
        ({"x_max": 0}, ValueError, "x_max must be more than 0"),
        ({"power": "a"}, TypeError, "power must be a number"),
        ({"symmetric": 2}, ValueError, "symmetric must be one of"),
        ({"alpha": -1}, ValueError, "alpha must be at least 0"),
        ({"alpha": 1e30}, FloatingPointError, "lower alpha"),
        ({"min_count": 10**6}, ValueError, "lower min_count"),
    ],
)
def test_bad_parameters_are_named(params, error, message):
    with pytest.raises(error, match=message):
        GloVe(**{**SETTINGS, **params}).fit(world(50))


@pytest.mark.parametrize("sentences", [[["alone"]], [["one"], ["two"]]])
def test_words_that_never_meet_teach_nothing(sentences):
    with pytest.raises(ValueError, match="no two words"):
        GloVe(**SETTINGS).fit(sentences)
