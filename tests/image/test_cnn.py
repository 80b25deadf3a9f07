"""The CNN learns classes, its layers are embeddings, and bad input is told what is wrong."""

import numpy as np
import pytest

from embeddings.image import CNN


def bars(n=60, size=16):
    """Bars that stand (0) and bars that lie (1), on noise."""
    rng = np.random.default_rng(0)
    pictures = rng.random((n, size, size), np.float32) / 2
    labels = np.arange(n) % 2
    for picture, label in zip(pictures, labels, strict=True):
        place = rng.integers(size)
        picture[(slice(None), place) if label == 0 else place] = 1
    return pictures, labels


@pytest.fixture(scope="module")
def model():
    pictures, labels = bars()
    return CNN((4, 6), kernel_size=3, hidden=10, epochs=30, batch_size=10).fit(pictures[:40], labels[:40])


def test_it_learns_what_logistic_regression_cannot(model):
    from sklearn.linear_model import LogisticRegression

    pictures, labels = bars()
    rows = pictures.reshape(len(pictures), -1)
    baseline = LogisticRegression(max_iter=1000).fit(rows[:40], labels[:40]).score(rows[40:], labels[40:])
    assert model.score(pictures[40:], labels[40:]) >= 0.9 > baseline
    assert model.loss_history_[-1] < 0.7 * model.loss_history_[0]


def test_every_layer_is_an_embedding(model):
    pictures = bars()[0][:3]
    shapes = {"conv1": (4, 14, 14), "pool1": (4, 7, 7), "conv2": (6, 5, 5), "pool2": (6, 2, 2), "hidden": (10,)}
    for layer, shape in shapes.items():
        made = model.activations(pictures, layer)
        assert made.shape == (3, *shape)
        vectors = model.set_params(layer=layer).transform(pictures)
        np.testing.assert_array_equal(vectors, made.reshape(3, -1))
    probabilities = model.predict_proba(pictures)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    assert np.all(model.activations(pictures, "pool2") >= 0)


@pytest.mark.parametrize("labels", [["a", "b"], [True, False], [7, 3]])
def test_labels_of_every_kind_are_saved(labels, tmp_path):
    pictures, numbers = bars(20)
    y = np.array(labels)[numbers]
    colour = np.repeat(pictures[..., None], 3, axis=3)
    model = CNN((2,), kernel_size=3, hidden=4, epochs=1).fit(colour, y)
    model.save(tmp_path / "x.safetensors")
    again = CNN.load(tmp_path / "x.safetensors")
    assert again.predict(colour).tolist() == model.predict(colour).tolist()
    assert again.transform(colour).tobytes() == model.transform(colour).tobytes()
    assert type(again.predict(colour)[0]) is type(y[0])


def test_same_seed_same_bits_and_other_seed_others():
    pictures, labels = bars(20)
    first, same, other = (
        CNN((2,), kernel_size=3, hidden=4, epochs=2, seed=s).fit(pictures, labels).transform(pictures)
        for s in (1, 1, 2)
    )
    assert first.tobytes() == same.tobytes() != other.tobytes()


def test_constant_pictures_give_finite_vectors():
    flat = np.full((6, 16, 16), 0.5)
    assert np.isfinite(CNN((2,), epochs=1).fit(flat, [0, 1] * 3).transform(flat)).all()


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.zeros((0, 16, 16)), [], "X is empty"),
        (np.zeros((2, 1, 1)), [0, 1], "at least 16 × 16 for 2 stages with kernel_size=5, got 1 × 1"),
        (np.full((2, 16, 16), np.nan), [0, 1], "NaN"),
        (np.full((2, 16, 16), 300.0), [0, 1], "from 300 to 300, not from 0 to 1"),
        (np.zeros((2, 16, 16), np.int64), [0, 1], "int64"),
        (np.zeros((2, 3, 16, 16)), [0, 1], "channels first"),
        ([np.zeros((16, 16)), np.zeros((16, 17))], [0, 1], "pictures of one shape"),
        (np.zeros((2, 16, 16)), [0], "one label .* for each of 2 pictures"),
        (np.zeros((2, 16, 16)), [0.5, 1.5], "one label"),
        (np.zeros((2, 16, 16)), [1, 1], "at least two classes"),
    ],
)
def test_bad_input_is_named(X, y, message):
    with pytest.raises(ValueError, match=message):
        CNN().fit(X, y)


def test_bad_arguments_and_other_pictures_are_named(model):
    pictures, labels = bars(4)
    for options, message in (
        ({"channels": ()}, "channels must be"),
        ({"layer": "conv3"}, "layer must be one of 'conv1'"),
        ({"learning_rate": 0}, "learning_rate must be above 0"),
        ({"epochs": 0}, "epochs must be at least 1"),
    ):
        with pytest.raises(ValueError, match=message):
            CNN(**options).fit(pictures, labels)
    with pytest.raises(ValueError, match=r"shape \(9, 9\), this CNN was fitted on \(16, 16\)"):
        model.transform(np.zeros((1, 9, 9)))


def test_one_picture_alone_gets_the_scores_that_it_gets_among_many():
    pictures, labels = bars(20, 19)
    colour = np.stack([pictures, pictures / 2, 1 - pictures], axis=3)
    model = CNN((3, 17), kernel_size=4, hidden=6, epochs=2).fit(colour, labels)
    many = model.predict_proba(colour)
    alone = np.concatenate([model.predict_proba(colour[i : i + 1]) for i in range(20)])
    np.testing.assert_allclose(alone, many, rtol=1e-4)
