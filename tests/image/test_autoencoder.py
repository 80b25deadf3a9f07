"""Autoencoders draw what they saw from few numbers; noise is taken away; latent vectors of any kind can be drawn."""

import numpy as np
import pytest

from embeddings.image import Autoencoder


def blobs(n=200, size=12):
    """Round blobs of light at random places: two numbers say all."""
    places = np.random.default_rng(0).uniform(3, size - 3, (n, 2, 1, 1))
    rows, columns = np.mgrid[:size, :size]
    return np.exp(-((rows - places[:, 0]) ** 2 + (columns - places[:, 1]) ** 2) / 6).astype("f")


def error(model, pictures):
    return float(np.square(model.reconstruct(pictures) - pictures).mean())


def by_components(pictures, n):
    """The mean squared error of PCA with n components."""
    rows = pictures.reshape(len(pictures), -1)
    values = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False)
    return float(np.square(values[n:]).sum() / rows.size)


@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_two_numbers_draw_what_two_components_cannot(kind):
    pictures = blobs()
    model = Autoencoder(kind, 2, hidden=64, epochs=60, batch_size=20, learning_rate=0.005).fit(pictures)
    assert model.transform(pictures).shape == (200, 2)
    assert error(model, pictures) < 0.6 * by_components(pictures, 2)
    assert model.loss_history_[-1] < model.loss_history_[0] / 2
    assert np.all((0 <= model.reconstruct(pictures)) & (model.reconstruct(pictures) <= 1))


def test_denoising_takes_noise_away():
    pictures = blobs()
    noisy = np.clip(pictures + np.random.default_rng(1).normal(0, 0.2, pictures.shape), 0, 1)
    model = Autoencoder(latent_dim=6, denoising=0.2, hidden=64, epochs=40, batch_size=20).fit(pictures)
    assert np.square(model.reconstruct(noisy) - pictures).mean() < 0.5 * np.square(noisy - pictures).mean()


def test_a_variational_one_keeps_its_vectors_near_the_standard_normal():
    pictures = blobs()
    options = {"latent_dim": 2, "hidden": 64, "epochs": 40, "batch_size": 20, "learning_rate": 0.005}
    drawn = Autoencoder(**options, variational=True).fit(pictures)
    vectors = drawn.transform(pictures)
    assert (
        np.abs(vectors.mean(axis=0)).max() < 0.5 and 0.5 < vectors.std(axis=0).min() < vectors.std(axis=0).max() < 1.3
    )
    tight = Autoencoder(**options, variational=True, beta=100.0).fit(pictures)
    assert np.abs(tight.transform(pictures)).max() < 0.2  # nothing but nearness counts
    assert error(drawn, pictures) < pictures.var()
    assert drawn.transform(pictures).tobytes() == vectors.tobytes()  # the mean, nothing drawn


@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_colour_and_odd_sizes_are_saved_and_drawn(kind, tmp_path):
    pictures = np.random.default_rng(0).random((5, 7, 9, 3))
    model = Autoencoder(kind, 3, hidden=8, epochs=1, variational=True).fit(pictures)
    assert model.reconstruct(pictures).shape == (5, 7, 9, 3)
    model.save(tmp_path / "x.safetensors")
    again = Autoencoder.load(tmp_path / "x.safetensors")
    assert again.transform(pictures).tobytes() == model.transform(pictures).tobytes()
    assert again.inverse_transform(np.ones((1, 3))).tobytes() == model.inverse_transform(np.ones((1, 3))).tobytes()


@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_one_pixel_and_constant_pictures_have_vectors(kind):
    for pictures in (np.zeros((3, 1, 1)), np.full((3, 8, 8), 0.5)):
        model = Autoencoder(kind, 2, hidden=4, epochs=1).fit(pictures)
        assert np.isfinite(model.transform(pictures)).all() and model.reconstruct(pictures).shape == pictures.shape


@pytest.mark.parametrize(
    ("options", "X", "message"),
    [
        ({"kind": "deep"}, np.zeros((2, 8, 8)), "kind must be one of 'dense', 'conv'"),
        ({"latent_dim": 0}, np.zeros((2, 8, 8)), "latent_dim must be at least 1"),
        ({"denoising": -1}, np.zeros((2, 8, 8)), "denoising must be at least 0"),
        ({"variational": 3}, np.zeros((2, 8, 8)), "variational must be one of True, False"),
        ({}, np.zeros((0, 8, 8)), "X is empty"),
        ({}, np.full((2, 8, 8), np.inf), "NaN or infinity"),
        ({}, np.zeros((2, 3, 8, 8)), "channels first"),
    ],
)
def test_bad_input_is_named(options, X, message):
    with pytest.raises(ValueError, match=message):
        Autoencoder(**options).fit(X)


def test_vectors_of_another_length_are_refused():
    model = Autoencoder(latent_dim=2, hidden=4, epochs=1).fit(np.zeros((2, 8, 8)))
    with pytest.raises(ValueError, match=r"Z must have the shape \(n, 2\)"):
        model.inverse_transform(np.zeros((1, 3)))
