"""RecurrentEncoder: order counts, three ways to learn, padding and threads change nothing, files, bad input."""

import numpy as np
import pytest

from embeddings import nn
from embeddings.base import NotFittedError
from embeddings.text import RecurrentEncoder
from embeddings.text.sentence_encoder import padded

SMALL = {"vector_size": 8, "hidden": 8, "dropout": 0, "learning_rate": 0.02, "batch_size": 8, "epochs": 6}
TEXTS = ["the cat chases the mouse", "The mouse chases the cat!"] * 20
LABELS = ["cat", "mouse"] * 20


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("pooling", ["mean", "max", "last"])
def test_it_learns_the_order_of_words(cell, pooling):
    model = RecurrentEncoder(cell, pooling=pooling, bidirectional=pooling == "last", **SMALL).fit(TEXTS, LABELS)
    assert model.score(TEXTS, LABELS) == 1 and model.loss_history_[-1] < model.loss_history_[0]
    assert model.predict([["the", "mouse", "chases", "the", "cat"]]).tolist() == ["mouse"]
    np.testing.assert_allclose(model.predict_proba(TEXTS).sum(axis=1), 1, rtol=1e-5)


def test_a_language_model_tells_the_next_word():
    model = RecurrentEncoder("gru", **{**SMALL, "epochs": 30}).fit(["猫追老鼠", "狗吃骨头"] * 20)
    x, lengths = padded([[1, 2 + model.words_.index("猫"), 2 + model.words_.index("追")]])
    following = model.network_(x, lengths)[0, -1].argmax()
    assert model.words_[following - 2] in ("老", "老鼠") and model.transform(["猫追老鼠"]).shape == (1, 8)
    assert model.loss_history_[-1] < 0.8 < model.loss_history_[0]
    with pytest.raises(ValueError, match="fitted without labels"):
        model.predict(["猫"])


def test_pairs_come_close():
    a = ["red apple", "fast car", "old house", "deep sea"]
    b = ["rote frucht", "schneller wagen", "altes haus", "tiefes meer"]
    model = RecurrentEncoder("gru", **{**SMALL, "epochs": 20, "batch_size": 4}).fit_pairs(a * 10, b * 10)
    one, other = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (model.transform(a), model.transform(b)))
    assert ((one @ other.T).argmax(axis=1) == np.arange(4)).all()


def test_padding_blocks_and_threads_change_nothing():
    texts = [" ".join(["cat", "mouse", "chases"][i % 3] for i in range(n)) for n in (1, 9, 3, 30, 2)] + ["", "zebra"]
    model = RecurrentEncoder("lstm", bidirectional=True, pooling="last", **SMALL).fit(TEXTS, LABELS)
    together = model.transform(texts)
    for text, row in zip(texts, together, strict=True):
        np.testing.assert_allclose(model.transform([text])[0], row, rtol=1e-5, atol=1e-6)
    model.set_params(workers=2)
    np.testing.assert_allclose(model.transform(texts), together, rtol=1e-5, atol=1e-6)
    assert model.transform([]).shape == (0, 16)


def test_gates_are_what_the_state_is_made_of():
    model = RecurrentEncoder("lstm", **{**SMALL, "epochs": 1}).fit(TEXTS, LABELS)
    words, gates = model.gates("the cat, unheard of, chases")
    assert words == ["the", "cat", "chases"]
    np.testing.assert_allclose(gates["output"] * np.tanh(gates["cell"]), gates["state"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        gates["cell"][1:],
        gates["forget"][1:] * gates["cell"][:-1] + (gates["input"] * gates["candidate"])[1:],
        atol=1e-6,
    )
    with pytest.raises(ValueError, match="no known word"):
        model.gates("zebra")


def test_files_hold_all_of_it(tmp_path):
    for y in (LABELS, [5, 7] * 20, None):
        model = RecurrentEncoder("gru", n_layers=2, **{**SMALL, "epochs": 1}).fit(TEXTS, y)
        model.save(tmp_path / "model.safetensors")
        loaded = RecurrentEncoder.load(tmp_path / "model.safetensors")
        assert loaded.transform(TEXTS).tobytes() == model.transform(TEXTS).tobytes()
        if y is not None:
            assert loaded.predict(TEXTS).tolist() == model.predict(TEXTS).tolist()
    model.words_ = model.words_[1:]
    model.save(tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="table of words must have the shape"):
        RecurrentEncoder.load(tmp_path / "model.safetensors")


@pytest.mark.parametrize(
    ("options", "X", "y", "error", "message"),
    [
        ({"cell": "lstn"}, TEXTS, LABELS, ValueError, "cell must be one of 'rnn', 'lstm', 'gru', got 'lstn'"),
        ({"hidden": 0}, TEXTS, LABELS, ValueError, "hidden must be at least 1, got 0"),
        ({"pooling": "cls"}, TEXTS, LABELS, ValueError, "pooling must be one of"),
        ({"dropout": 1.0}, TEXTS, LABELS, ValueError, r"dropout must lie in \[0, 1\)"),
        ({"learning_rate": 0}, TEXTS, LABELS, ValueError, "learning_rate must be above 0"),
        ({"bidirectional": 1}, TEXTS, LABELS, TypeError, "bidirectional must be True or False"),
        ({"bidirectional": True}, TEXTS, None, ValueError, "sees the next word"),
        ({}, TEXTS, LABELS[1:], ValueError, "a label for each of 40 texts, got 39"),
        ({}, TEXTS, ["cat"] * 40, ValueError, "at least two different labels"),
        ({}, TEXTS, ["cat", 1] * 20, TypeError, "strings, or whole numbers, alone"),
        ({}, "one text", LABELS, FileNotFoundError, "pass texts in a list"),
    ],
)
def test_bad_input_is_explained(options, X, y, error, message):
    with pytest.raises(error, match=message):
        RecurrentEncoder(**{**SMALL, **options}).fit(X, y)


def test_what_was_not_fitted_says_so():
    with pytest.raises(NotFittedError):
        RecurrentEncoder().transform(["a"])
    with pytest.raises(ValueError, match="equally long, got 1 and 2"):
        RecurrentEncoder().fit_pairs(["a"], ["a", "b"])


def test_the_last_step_of_both_directions():
    layer = RecurrentEncoder(hidden=1, pooling="last")._pooling(2)
    assert isinstance(layer, nn.Layer)
    x = np.array([[[1.0, 2], [3, 4], [0, 0]]])
    assert layer(x, np.array([2])).tolist() == [[3, 2]]
    assert layer.backward(np.array([[5.0, 6]])).tolist() == [[[0, 6], [5, 0], [0, 0]]]
