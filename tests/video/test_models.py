"""VisionTransformer, VideoAutoencoder, SpacetimePatches: the same as what defines them, learning, files, bad clips."""

import numpy as np
import pytest

from embeddings.base import NotFittedError
from embeddings.datasets import moving_shapes
from embeddings.nn import Conv2d, Conv3d, Sequential, TransformerBlock
from embeddings.nn.gradient_check import gradient_check
from embeddings.video import PatchEmbedding, SpacetimePatches, VideoAutoencoder, VisionTransformer, patchify
from embeddings.video.autoencoder import Decibels, GridEmbedding, Sample, Unpatch, WindowedBlocks
from embeddings.video.patch_embedding import ClassToken, FirstToken, GridPositions
from embeddings.video.vision_transformer import SpaceTimeBlock


def rng():
    return np.random.default_rng(0)


def clips(n=4, frames=4, height=8, width=8, channels=3):
    return rng().integers(0, 255, (n, frames, height, width, channels)).astype(np.uint8)


# Layers ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("patch", "make"), [((2, 4), Conv2d), ((2, 3, 4), Conv3d)])
def test_patch_embedding_is_a_convolution_whose_stride_is_its_kernel(patch, make):
    layer = PatchEmbedding(patch, 3, 5, rng=rng())
    conv = make(3, 5, patch, stride=patch, rng=rng())
    # (c, t, y, x; out) to (t, y, x, c, out)
    weight = layer.linear.weight.data.reshape(3, *patch, 5)
    conv.weight.data[:] = np.moveaxis(weight, 0, -2)
    conv.bias.data[:] = layer.linear.bias.data
    x = rng().normal(size=(2, 3, *(2 * p for p in patch))).astype(np.float32)
    ref = conv(x)  # (B, 5, …)
    np.testing.assert_allclose(layer(x), np.moveaxis(ref.reshape(2, 5, -1), 1, 2), rtol=1e-4, atol=1e-5)


LAYERS = {
    "PatchEmbedding": (lambda: PatchEmbedding((2, 2), 1, 3, rng=rng()), (2, 1, 4, 6)),
    "PatchEmbedding, overlapping": (lambda: PatchEmbedding((2, 3), 2, 3, stride=(1, 2), rng=rng()), (1, 2, 4, 7)),
    "GridPositions": (lambda: GridPositions((2, 3), 4, "learned", rng=rng()), (2, 6, 4)),
    "ClassToken": (lambda: Sequential(ClassToken(3, rng=rng()), FirstToken()), (2, 4, 3)),
    "SpaceTimeBlock": (lambda: SpaceTimeBlock(2, 4, 2, rng=rng()), (2, 6, 4)),
    "GridEmbedding": (lambda: GridEmbedding((1, 2, 2), 1, 3, rng=rng()), (2, 1, 2, 4, 4)),
    "Unpatch": (lambda: Unpatch((1, 2, 2), 2, 2, rng=rng()), (1, 2, 2, 3, 2)),
    "WindowedBlocks": (lambda: WindowedBlocks((1, 2, 2), 8, 2, 1, 2, rng=rng()), (2, 1, 3, 2, 8)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_gradients(name):
    make, shape = LAYERS[name]
    errors = gradient_check(make().astype(np.float64), rng().normal(size=shape))
    assert max(errors.values()) < 1e-6, errors


def test_the_variational_gradient():
    """Of the squared error and the distance together, the noise held still."""
    x, target = rng().normal(size=(2, 1, 2, 2, 4)), rng().normal(size=(2, 1, 2, 2, 2))

    def loss(x):
        z = Sample(0.3, np.random.default_rng(7))(x)
        mean, s = np.split(x, 2, axis=-1)
        return ((z - target) ** 2).sum() / 2 - 0.3 * 0.5 * (1 + s - mean**2 - np.exp(s)).mean()

    layer = Sample(0.3, np.random.default_rng(7))
    grad = layer.forward(x) - target
    comp = layer.backward(grad)
    ref = np.empty_like(x)
    for i in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[i] = 1e-5
        ref[i] = (loss(x + step) - loss(x - step)) / 2e-5
    np.testing.assert_allclose(comp, ref, rtol=1e-5, atol=1e-8)


def test_factorised_attention_is_two_blocks_by_hand():
    layer = SpaceTimeBlock(2, 4, 2, rng=rng())
    x = rng().normal(size=(1, 6, 4)).astype(np.float32)
    y = np.concatenate([layer.space(x[:, t * 3 : t * 3 + 3]) for t in range(2)], axis=1)
    ref = np.empty_like(y)
    for place in range(3):
        ref[:, place::3] = layer.time(np.ascontiguousarray(y[:, place::3]))
    np.testing.assert_allclose(layer(x), ref, rtol=1e-4, atol=1e-5)


# VisionTransformer ----------------------------------------------------------------------------------------------------

SMALL = {"patch_size": (2, 4, 4), "width": 8, "n_layers": 1, "n_heads": 2, "epochs": 1, "batch_size": 4}


@pytest.mark.parametrize(
    "options",
    [{}, {"pooling": "cls", "positions": "learned"}, {"attention": "factorised"}, {"patch_size": (4, 4)}],
)
def test_vision_transformer(options, tmp_path):
    X = clips(6)[:, 0] if len(options.get("patch_size", "abc")) == 2 else clips(6)
    y = ["a", "b", "c"] * 2
    model = VisionTransformer(**{**SMALL, **options})
    with pytest.raises(NotFittedError):
        model.transform(X)
    model.fit(X, y)
    assert model.transform(X).shape == (6, 8) and model.predict_proba(X).shape == (6, 3)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1, rtol=1e-5)
    again = VisionTransformer(**{**SMALL, **options}).fit(X, y)
    assert again.predict_proba(X).tobytes() == model.predict_proba(X).tobytes()
    model.save(tmp_path / "model.safetensors")
    loaded = VisionTransformer.load(tmp_path / "model.safetensors")
    assert loaded.predict_proba(X).tobytes() == model.predict_proba(X).tobytes() and loaded.predict(X) == model.predict(
        X
    )
    weights = model.attention_weights(X[:2])
    np.testing.assert_allclose(weights.sum(axis=-1), 1, rtol=1e-5)
    one = model.transform(X[:1].astype(np.float32) / 255)
    np.testing.assert_allclose(one, model.transform(X)[:1], atol=1e-5)


def test_vision_transformer_tells_left_from_right_and_a_mean_of_frames_does_not():
    shapes = moving_shapes(1024, seed=1, frames=4, size=16, background="plain")
    sideways = np.flatnonzero(shapes.labels["motion"] < 2)
    X, y = shapes.clips[sideways], shapes.labels["motion"][sideways]
    model = VisionTransformer((4, 8, 8), width=32, n_layers=1, epochs=20, batch_size=32).fit(X[:200], y[:200])
    mean = np.repeat(X.mean(axis=1, keepdims=True), 4, axis=1).astype(np.uint8)
    averaged = VisionTransformer((4, 8, 8), width=32, n_layers=1, epochs=20, batch_size=32).fit(mean[:200], y[:200])
    ours, theirs = model.score(X[200:], y[200:]), averaged.score(mean[200:], y[200:])
    assert ours > 0.9 and theirs < 0.75


def nothing_fits(model, X, error, message, *y):
    with pytest.raises(error, match=message):
        model.fit(X, *y)


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (clips(2, frames=1), ValueError, "patch_size 2 is larger than the frames, 1"),
        (clips(2, frames=0), ValueError, "X is empty"),
        (clips(2, frames=3), ValueError, "do not fill the frames, 3"),
        (clips(2, height=2), ValueError, "patch_size 4 is larger than the height, 2"),
        (np.moveaxis(clips(2), -1, 1), ValueError, "channels seem to be axis 1"),
        (np.moveaxis(clips(2), -1, 2), ValueError, "channels seem to be axis 2"),
        ([clips(1)[0], clips(1, height=12)[0]], ValueError, "items of different sizes"),
        (clips(2)[..., 0], ValueError, "X must be"),
        (clips(2).astype(int), TypeError, "X must hold uint8, or floats"),
        (clips(2).astype(float), ValueError, r"must lie in \[0, 1\]"),
        (np.full((2, 4, 8, 8, 3), np.nan), ValueError, "must lie in"),
    ],
)
def test_bad_clips(X, error, message):
    nothing_fits(VisionTransformer(**SMALL), X, error, message, [0, 1])
    if "patch_size" in message or "do not fill" in message:
        message = "must be a multiple of"
    nothing_fits(VideoAutoencoder((2, 4, 4), 2, width=8, epochs=1), X, error, message)


@pytest.mark.parametrize(
    ("options", "y", "error", "message"),
    [
        ({}, [0], ValueError, "y must be 2 labels"),
        ({}, [1, 1], ValueError, "at least two different labels"),
        ({}, [0.5, 1], TypeError, "y must be whole numbers or strings"),
        ({"patch_size": 8}, [0, 1], ValueError, "patch_size must be 2 numbers"),
        ({"pooling": "max"}, [0, 1], ValueError, "pooling must be"),
        ({"attention": "factorised", "pooling": "cls"}, [0, 1], ValueError, 'with pooling="mean"'),
        ({"n_heads": 3}, [0, 1], ValueError, "n_heads must divide"),
        ({"epochs": 0}, [0, 1], ValueError, "epochs must be at least 1"),
        ({"learning_rate": 0}, [0, 1], ValueError, "learning_rate must be above 0"),
    ],
)
def test_bad_parameters(options, y, error, message):
    nothing_fits(VisionTransformer(**{**SMALL, **options}), clips(2), error, message, y)


# VideoAutoencoder and SpacetimePatches --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def autoencoder():
    X = moving_shapes(512, seed=2, frames=4, size=16, background="plain").clips
    return VideoAutoencoder((2, 4, 4), latent_channels=4, width=16, n_blocks=1, epochs=8, batch_size=16).fit(X)


def test_autoencoder(autoencoder, tmp_path):
    X = moving_shapes(32, seed=3, frames=4, size=16, background="plain").clips
    latents = autoencoder.transform(X)
    assert latents.shape == (32, 2, 4, 4, 4) and autoencoder.compression == 24
    back = autoencoder.inverse_transform(latents)
    assert back.shape == X.shape and back.dtype == np.uint8
    error = np.square(back.astype(float) - X).mean()
    assert error < 0.8 * np.square(X - X.mean(axis=0)).mean(), "better than the mean clip"
    assert autoencoder.transform(np.repeat(X, 2, axis=2)).shape == (32, 2, 8, 4, 4), "other sizes, too"
    autoencoder.save(tmp_path / "model.safetensors")
    loaded = VideoAutoencoder.load(tmp_path / "model.safetensors")
    assert loaded.transform(X).tobytes() == latents.tobytes()
    with pytest.raises(ValueError, match=r"latents must be \(n, frames, height, width, 4\)"):
        autoencoder.inverse_transform(latents[..., :3])
    with pytest.raises(ValueError, match="X has 1 channels; fit saw 3"):
        autoencoder.transform(X[..., :1])


def test_a_larger_clip_is_read_window_by_window(autoencoder):
    """Fitted on 4 × 16 × 16: a clip of six frames, 16 × 32, is four such windows, two of them of two frames."""
    X = rng().integers(0, 255, (2, 6, 16, 32, 3)).astype(np.uint8)
    latents = autoencoder.transform(X)
    assert latents.shape == (2, 3, 4, 8, 4)
    for frames, rows in ((slice(0, 4), slice(0, 2)), (slice(4, 6), slice(2, 3))):
        for x in (0, 1):
            alone = autoencoder.transform(X[:, frames, :, 16 * x : 16 * x + 16])
            np.testing.assert_allclose(latents[:, rows, :, 4 * x : 4 * x + 4], alone, rtol=1e-4, atol=1e-4)


def test_training_begins_with_principal_components():
    """Without blocks, and before it has learned much, what is drawn is what components of patches give."""
    X = moving_shapes(256, seed=2, frames=2, size=16, background="plain").clips
    model = VideoAutoencoder((2, 4, 4), 4, width=16, n_blocks=0, epochs=1, learning_rate=1e-6).fit(X)
    patches = patchify(X.astype(np.float64), (2, 4, 4)).reshape(-1, 96)
    centre = patches.mean(axis=0)
    components = np.linalg.svd(patches - centre, full_matrices=False)[2][:4]
    ref = (patches - centre) @ components.T @ components + centre
    ours = np.square(model.inverse_transform(model.transform(X)) - X.astype(float)).mean()
    assert ours < 1.1 * np.square(ref - patches).mean()


def test_decibels():
    (prediction, target), loss = rng().normal(size=(2, 3, 2, 2)), Decibels()
    value, grad = loss(prediction, target)
    np.testing.assert_allclose(value, 10 * np.log10(np.square(prediction - target).mean(axis=(1, 2))).mean(), atol=1e-2)
    ref = np.empty_like(grad)
    for i in np.ndindex(grad.shape):
        step = np.zeros_like(grad)
        step[i] = 1e-6
        ref[i] = (loss(prediction + step, target)[0] - loss(prediction - step, target)[0]) / 2e-6
    np.testing.assert_allclose(grad, ref, rtol=1e-5, atol=1e-7)


def test_variational_autoencoder_draws_in_training_alone():
    X = clips(8)
    settings = {"width": 8, "n_blocks": 0, "variational": True, "batch_size": 2, "learning_rate": 5e-3}
    model = VideoAutoencoder((2, 4, 4), 2, **settings, beta=0.1, epochs=2).fit(X)
    latents = model.transform(X)
    assert latents.shape == (8, 2, 2, 2, 2) and latents.tobytes() == model.transform(X).tobytes()
    near = VideoAutoencoder((2, 4, 4), 2, **settings, beta=1000.0, epochs=40).fit(X)
    assert np.square(near.transform(X)).mean() < 0.25 * np.square(latents).mean()


@pytest.mark.parametrize("with_autoencoder", [False, True])
def test_clips_of_any_size_as_tokens_and_back(autoencoder, with_autoencoder):
    sizes = [(4, 16, 16), (2, 16, 32), (8, 8, 24), (2, 8, 8)]
    X = [rng().integers(0, 255, (*size, 3)).astype(np.uint8) for size in sizes]
    spacetime = SpacetimePatches(autoencoder if with_autoencoder else None, (1, 2, 2)).fit(X)
    for clip, size in zip(X, sizes, strict=True):
        tokens, positions = spacetime.tokens(clip)
        assert len(tokens) == len(positions) and tokens.shape[1] == spacetime.width_
        back = spacetime.clip(tokens, size)
        expected = autoencoder.inverse_transform(autoencoder.transform(clip[None]))[0] if with_autoencoder else clip
        np.testing.assert_array_equal(back, expected)


def test_packing_keeps_attention_within_each_clip():
    sizes = [(4, 8, 8), (2, 8, 16), (1, 4, 4), (2, 4, 4)]
    X = [rng().integers(0, 255, (*size, 1)).astype(np.uint8) for size in sizes]
    spacetime = SpacetimePatches(patch_size=(1, 2, 2)).fit(X)
    batches = spacetime.pack(X, 72)
    assert sorted(np.concatenate([batch.items for batch in batches])) == [0, 1, 2, 3]
    assert all(len(batch.tokens) <= 72 and batch.lengths.sum() == len(batch.tokens) for batch in batches)
    assert len(batches) == 2, "64 + 8 tokens, and 64 + 4"
    block = TransformerBlock(4, 2, rng=rng()).eval()
    for batch in batches:
        together = block.forward(batch.tokens, batch.lengths)
        start = 0
        for item, length in zip(batch.items, batch.lengths, strict=True):
            tokens, positions = spacetime.tokens(X[item])
            np.testing.assert_array_equal(batch.positions[start : start + length], positions)
            np.testing.assert_allclose(together[start : start + length], block.forward(tokens[None])[0], atol=1e-5)
            start += length
    with pytest.raises(ValueError, match="clip 0 has 64 tokens, more than token_budget=10"):
        spacetime.pack(X, 10)


@pytest.mark.parametrize(
    ("X", "options", "error", "message"),
    [
        ([], {}, ValueError, "no clip"),
        ([np.zeros((2, 8, 8), np.uint8)], {}, ValueError, "a clip must be"),
        ([np.zeros((2, 8, 8, 3), np.uint8)], {"autoencoder": 3}, TypeError, "autoencoder must be"),
        ([np.zeros((2, 8, 8, 3), np.uint8)], {"patch_size": (0, 2, 2)}, ValueError, "patch_size must be at least 1"),
        ([np.zeros((2, 8, 8, 3), int)], {}, TypeError, "clip must hold uint8"),
    ],
)
def test_what_has_no_tokens(X, options, error, message):
    with pytest.raises(error, match=message):
        SpacetimePatches(**options).fit(X)
