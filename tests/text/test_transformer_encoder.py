"""TransformerEncoder: PyTorch's network, order that is told apart, masked words, pairs, attention, bad input."""

import numpy as np
import pytest

from embeddings import nn
from embeddings.nn.gradient_check import gradient_check
from embeddings.text import TransformerEncoder
from embeddings.text.transformer_encoder import _Blocks

TEXTS = ["the cat hunts the mouse", "the mouse hunts the cat"] * 30
LABELS = ["cat", "mouse"] * 30


def small(**options):
    settings = {"dropout": 0, "epochs": 12, "learning_rate": 0.01, "batch_size": 8, **options}
    return TransformerEncoder(1, 2, 16, **settings)


@pytest.mark.parametrize("positions", ["sinusoidal", "learned"])
@pytest.mark.parametrize("pooling", ["mean", "max", "cls"])
def test_the_order_of_words_is_told_apart(positions, pooling):
    model = small(positions=positions, pooling=pooling, norm="post" if pooling == "max" else "pre").fit(TEXTS, LABELS)
    assert model.score(TEXTS, LABELS) == 1
    assert model.loss_history_[-1] < model.loss_history_[0]
    words, weights = model.attention(TEXTS[0])
    assert words[-5:] == TEXTS[0].split() and (words[0] == "[CLS]") == (pooling == "cls")
    assert weights.shape == (1, 2, len(words), len(words))
    np.testing.assert_allclose(weights.sum(axis=3), 1, rtol=1e-5)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_without_labels_it_fills_in_words(pooling):
    rng = np.random.default_rng(0)
    texts = [
        f"we {verb} {rng.choice(things)}"
        for verb, things in (("eat", ["ham", "rice", "soup"]), ("hear", ["songs", "birds", "drums"]))
        for _ in range(150)
    ]
    model = small(pooling=pooling, epochs=25, batch_size=16).fit(texts)
    assert model.loss_history_[-1] < 0.7 * model.loss_history_[0]
    a, b, c = model.transform(["we eat ham", "we eat rice", "we hear songs"])
    assert np.linalg.norm(a - b) < np.linalg.norm(a - c)


def test_pairs_come_together():
    a = ["one cat", "two dogs", "red ham", "blue fish"] * 8
    b = ["a kitten", "some puppies", "pink meat", "a trout"] * 8
    model = small(epochs=20, batch_size=4, temperature=0.2).fit_pairs(a, b)
    A, B = model.transform(a[:4]), model.transform(b[:4])
    A, B = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (A, B))
    assert np.array_equal((A @ B.T).argmax(axis=1), np.arange(4))


def test_masked_words_are_what_is_asked_for():
    model = small(pooling="cls")
    model.words_ = [str(i) for i in range(50)]
    rows = [np.arange(2, 50), np.arange(2, 12)] * 40
    x, target, lengths = model._language_batch(rows, np.random.default_rng(0))
    assert (target[:, 0] == -100).all()
    asked = target[:, 1:] != -100
    words = np.zeros_like(x)
    for row, values in zip(words, rows, strict=True):
        row[: len(values)] = values
    assert np.array_equal(x[~asked], words[~asked]) and np.array_equal(target[:, 1:][asked], words[asked])
    assert not asked[1::2, 10:].any() and 0.12 < asked[0::2].mean() < 0.18
    assert 0.7 < (x[asked] == 1).mean() < 0.9 and (x[asked] == words[asked]).any()


@pytest.mark.parametrize("options", [{"pooling": "cls", "positions": "learned"}, {"norm": "post"}])
def test_gradients_of_the_body(options):
    body = _Blocks(TransformerEncoder(2, 2, 4, dropout=0, max_length=6, **options), np.random.default_rng(0))
    x = np.random.default_rng(1).normal(size=(2, 5, 4))
    errors = gradient_check(body.astype(np.float64), x, np.array([5, 3]))
    assert max(errors.values()) < 1e-7, errors


@pytest.mark.peer("torch")
def test_the_body_is_pytorchs():
    import torch

    from tests.nn.test_attention import block_of

    model = TransformerEncoder(2, 2, 8, 12, dropout=0)
    body = _Blocks(model, np.random.default_rng(0)).eval()
    blocks = [block_of(block, "gelu", "float32", torch).eval() for block in body.blocks]
    x, lengths = np.random.default_rng(1).normal(size=(3, 6, 8)).astype("f"), np.array([6, 4, 1])
    real = np.arange(6) < lengths[:, None]
    y = torch.tensor((x * np.sqrt(8) + nn.transformer.sinusoids(6, 8)).astype(float))
    with torch.no_grad():
        for block in blocks:
            y = block(y, src_key_padding_mask=torch.tensor(~real))
        y = torch.nn.functional.layer_norm(y, (8,))
    np.testing.assert_allclose(body(x, lengths)[real], y.numpy()[real], rtol=1e-4, atol=1e-4)


def test_a_vector_does_not_depend_on_the_batch(tmp_path):
    model = small(epochs=1).fit(TEXTS, LABELS)
    together = model.transform(["the cat", "the mouse hunts the cat", "", "zebra"])
    np.testing.assert_allclose(model.transform(["the cat"])[0], together[0], atol=1e-6)
    assert np.array_equal(together[2], together[3]) and np.isfinite(together).all()
    model.save(tmp_path / "model.safetensors")
    loaded = TransformerEncoder.load(tmp_path / "model.safetensors")
    assert np.array_equal(loaded.transform(TEXTS[:2]), model.transform(TEXTS[:2]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_heads": 3}, "n_heads must divide vector_size 64, got 3"),
        ({"positions": "rotary"}, "positions must be one of 'sinusoidal', 'learned', got 'rotary'"),
        ({"pooling": "last"}, "pooling must be one of 'mean', 'max', 'cls', got 'last'"),
        ({"n_layers": 0}, "n_layers must be at least 1, got 0"),
        ({"norm": None}, "norm must be one of 'pre', 'post', got None"),
        ({"d_hidden": 0}, "d_hidden must be at least 1, got 0"),
    ],
)
def test_bad_parameters_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        TransformerEncoder(**options).fit(TEXTS, LABELS)


def test_attention_needs_a_known_word():
    with pytest.raises(ValueError, match="no known word: 'zebra'"):
        small(epochs=1).fit(TEXTS, LABELS).attention("zebra")
