"""UnifiedEncoder and DiffusionTransformer: gradients, learning, files, and what does not fit."""

import numpy as np
import pytest

from embeddings.base import NotFittedError
from embeddings.datasets import moving_shapes
from embeddings.nn import InfoNCE
from embeddings.video import DiffusionTransformer, UnifiedEncoder, VideoAutoencoder
from embeddings.video.denoising import DenoisingTransformer, ModulatedBlock
from embeddings.video.diffusion import VelocityError, signal_share
from embeddings.video.positions import grid_positions, sinusoidal_positions
from embeddings.video.unified import PairsOfForms, UnifiedNetwork


def rng():
    return np.random.default_rng(0)


def slope(function, array, backward, step=1e-5):
    """The largest relative error of ``backward`` beside differences of ``function`` as `array` changes."""
    ref = np.empty(array.size)
    flat = array.reshape(-1)
    for i in range(array.size):
        old = flat[i]
        flat[i] = old + step
        high = function()
        flat[i] = old - step
        ref[i] = (high - function()) / (2 * step)
        flat[i] = old
    return np.linalg.norm(backward.ravel() - ref) / max(np.linalg.norm(ref), np.linalg.norm(backward), 1e-6)


def parameters_are_right(layer, x, shape):
    """Every parameter's gradient, by differences."""
    weight = rng().normal(size=shape)

    def loss():
        value = float((layer.forward(x) * weight).sum())
        layer.train()  # lets go of what was kept
        return value

    layer.train().zero_grad()
    layer.forward(x)
    layer.backward(weight)
    for name, parameter in layer.parameters().items():
        if parameter.data.size <= 216:  # the largest would take too long
            assert slope(loss, parameter.data, parameter.grad) < 1e-6, name


def unified_network():
    places = sinusoidal_positions(grid_positions((1, 2, 2)), 6)
    patches = {"image": ((2, 2), 1, places), "clip": ((1, 4, 4), 1, places[:2])}
    return UnifiedNetwork(5, patches, 6, 1, 2, rng=rng(), dtype=np.float64)


def test_gradients_of_the_unified_network():
    x = {
        "text": (np.array([1, 2, 2, 0, 3]), np.array([2, 3])),
        "image": rng().normal(size=(2, 1, 4, 4)),
        "clip": rng().normal(size=(2, 1, 2, 4, 4)),
    }
    parameters_are_right(unified_network(), x, (6, 6))


def test_each_item_is_read_by_itself():
    network = unified_network().eval()
    images = rng().normal(size=(3, 1, 4, 4))
    together = network.forward({"text": (np.array([1, 2, 3]), np.array([1, 2])), "image": images})
    np.testing.assert_allclose(network.forward({"image": images[1:2]})[0], together[3], rtol=1e-9)
    np.testing.assert_allclose(network.forward({"text": (np.array([2, 3]), np.array([2]))})[0], together[1], rtol=1e-9)


def test_the_loss_of_pairs():
    prediction, loss = rng().normal(size=(9, 4)), PairsOfForms(0.5, [(0, 1), (0, 2)])
    for target in (np.arange(3), np.array([5, 2, 5])):
        value, grad = loss(prediction, target)
        assert slope(lambda target=target: loss(prediction, target)[0], prediction, grad) < 1e-6
    # Items 0 and 2 say the same: neither is a wrong answer to the other.
    assert value < loss(prediction, np.arange(3))[0]
    with pytest.raises(ValueError, match="target must be 2 numbers"):
        InfoNCE()(prediction[:4], np.arange(3))


def test_items_of_the_same_texts_need_not_be_told_apart():
    clips = rng().integers(0, 255, (6, 2, 8, 8, 3)).astype(np.uint8)
    settings = {"width": 8, "n_layers": 1, "n_heads": 2, "clip_patch": (2, 8, 8), "epochs": 2}
    assert UnifiedEncoder(**settings).fit(["a cat"] * 6, clip=clips).loss_history_ == [0, 0]
    assert UnifiedEncoder(**settings).fit(["a cat", "a dog"] * 3, clip=clips).loss_history_[0] > 0.1


@pytest.fixture(scope="module")
def world():
    return moving_shapes(256, seed=5, size=16, frames=4, background="plain")


def test_unified_encoder_finds_what_belongs_together(world, tmp_path):
    texts = list(zip(world.captions, world.captions_zh, strict=True))
    settings = {"width": 32, "n_layers": 1, "clip_patch": (4, 8, 8), "epochs": 20, "batch_size": 32, "n_fft": 256}
    with pytest.raises(NotFittedError):
        UnifiedEncoder(**settings).transform(["a"])
    given = {"image": world.stills, "clip": world.clips, "sound": world.sounds, "sample_rate": 4000}
    model = UnifiedEncoder(**settings).fit(texts, **given)
    vectors = {
        "text": model.transform(world.captions),
        "zh": model.transform(world.captions_zh),
        "clip": model.transform(world.clips, "clip"),
        "image": model.transform(world.stills, "image"),
        "sound": model.transform(world.sounds, "sound"),
    }
    for name, found in vectors.items():
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)
        scores = found @ vectors["text"].T
        nearer = (scores > np.diag(scores)[:, None]).mean()
        assert nearer < 0.3, f"{name}: by chance, half of all texts are nearer than its own; here {nearer:.2f}"
    model.save(tmp_path / "model.safetensors")
    loaded = UnifiedEncoder.load(tmp_path / "model.safetensors")
    assert loaded.transform(world.clips, "clip").tobytes() == vectors["clip"].tobytes()
    assert loaded.transform(world.sounds, "sound").tobytes() == vectors["sound"].tobytes()
    assert loaded.transform(["zebra", ""]).shape == (2, 32) and loaded.transform([]).shape == (0, 32)
    for call, message in (
        (lambda: model.transform(world.clips, "smell"), "modality must be one of 'text', 'image', 'clip', 'sound'"),
        (lambda: model.transform(world.clips[:, :2], "clip"), "clip has items of"),
        (lambda: model.transform(world.sounds[:, :9], "sound"), "sound has items of"),
        (lambda: model.transform(world.sounds[0], "sound"), "sound must be floats of shape"),
        (lambda: model.transform(np.moveaxis(world.clips, -1, 1), "clip"), "channels seem to be axis 1"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(TypeError, match="list of strings"):
        model.transform("a text")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "pass image, clip or sound beside text"),
        ({"clip": np.zeros((3, 4, 16, 16, 3), np.uint8)}, "text and clip must be equally many, got 2 and 3"),
        ({"sound": np.zeros((2, 4000))}, "sound needs sample_rate"),
        ({"sound": np.zeros((2, 9)), "sample_rate": 8000}, "shorter than a patch of 3 frames"),
        ({"clip": np.zeros((2, 4, 12, 16, 3), np.uint8)}, "do not fill the height, 12"),
    ],
)
def test_pairs_that_do_not_fit(given, message):
    with pytest.raises(ValueError, match=message):
        UnifiedEncoder(width=8, n_layers=1, epochs=1).fit(["a", "b"], **given)


# Diffusion ------------------------------------------------------------------------------------------------------------


def moved(layer):
    """Its parameters away from the zeros with which they begin: there some gradients are 0 whatever is wrong."""
    for parameter in layer.parameters().values():
        parameter.data += rng().normal(0, 0.3, parameter.data.shape)
    return layer


def test_gradients_of_the_denoising_transformer():
    layer = moved(DenoisingTransformer((2, 3), 5, (1, 2, 2), 6, 1, 2, rng=rng(), dtype=np.float64))
    x = rng().normal(size=(2, 4, 5)), np.array([0.2, 0.9]), np.array([[0, 1], [2, 3]])
    parameters_are_right(layer, x, (2, 4, 5))


def test_gradients_of_what_a_modulated_block_is_given():
    layer = moved(ModulatedBlock(6, 2, rng=rng(), dtype=np.float64)).train()
    x, steering, weight = (rng().normal(size=shape) for shape in ((2, 4, 6), (2, 6), (2, 4, 6)))

    def loss():
        value = float((layer.forward((x, steering)) * weight).sum())
        layer.train()
        return value

    layer.forward((x, steering))
    dx, d_steering = layer.backward(weight)
    layer.train()
    assert slope(loss, x, dx) < 1e-6 and slope(loss, steering, d_steering) < 1e-6


def test_a_modulated_block_begins_as_nothing():
    layer, x = ModulatedBlock(6, 2, rng=rng()), rng().normal(size=(2, 4, 6)).astype(np.float32)
    np.testing.assert_array_equal(layer.forward((x, np.ones((2, 6), np.float32))), x)


def test_errors_count_by_how_much_noise_there_was():
    prediction, x = rng().normal(size=(2, 3, 4, 5))
    noise, loss = np.array([1.0, 0.5, 1e-3])[:, None, None], VelocityError()
    value, grad = loss(prediction, (x, noise))
    each = np.square(prediction - x).mean(axis=(1, 2))
    assert abs(value - (each * [1, 4, 20]).mean()) < 1e-12
    assert slope(lambda: loss(prediction, (x, noise))[0], prediction, grad) < 1e-6


def test_noise_grows_with_time():
    share = signal_share(np.linspace(0, 1, 11))
    assert share[0] == 1 and share[-1] < 1e-12 and (np.diff(share) < 0).all()


def test_diffusion_draws_the_colour_that_is_asked_for(tmp_path):
    """Clips of one colour each: the mean colour of what is drawn is nearest to that which was asked for."""
    colours = np.array([[230, 30, 30], [30, 230, 30], [30, 30, 230]], np.uint8)
    labels = {"colour": np.arange(96) % 3}
    clips = np.broadcast_to(colours[labels["colour"]][:, None, None, None], (96, 2, 4, 4, 3))
    model = DiffusionTransformer(
        (1, 4, 4), width=16, n_layers=1, n_heads=2, epochs=30, batch_size=16, learning_rate=5e-3
    )
    with pytest.raises(NotFittedError):
        model.sample(labels)
    with pytest.raises(TypeError, match="labels must be a dict of names to whole numbers.*got a ndarray"):
        model.fit(clips, labels["colour"])
    with pytest.raises(ValueError, match=r"labels\['colour'\] must be whole numbers from 0, got <U3; words can be"):
        model.fit(clips, {"colour": ["red"] * 96})
    model.fit(clips, labels)
    asked = {"colour": np.array([0, 1, 2, 2])}
    drawn = model.sample(asked, steps=8, seed=3)
    assert drawn.shape == (4, 2, 4, 4, 3) and drawn.dtype == np.uint8

    def nearest(clips):
        return abs(clips.reshape(4, -1, 3).mean(axis=1)[:, None] - colours).sum(axis=2).argmin(axis=1).tolist()

    assert nearest(drawn) == [0, 1, 2, 2]
    assert model.sample(asked, steps=8, seed=3).tobytes() == drawn.tobytes()
    assert len(list(model.steps(asked, steps=3))) == 3
    # From time 0.625 back to 0.875 it goes in one step, and down again in two.
    *before, again = model.steps(asked, steps=8, restarts=2, seed=3)
    assert len(before) == 8 + 2 * 2 - 1 and (again != drawn).any()
    assert nearest(again) == [0, 1, 2, 2]
    with pytest.raises(ValueError, match="restarts must be at least 0, got -1"):
        model.sample(asked, restarts=-1)
    model.save(tmp_path / "model.safetensors")
    assert (
        DiffusionTransformer.load(tmp_path / "model.safetensors").sample(asked, 8, seed=3).tobytes() == drawn.tobytes()
    )
    for bad, message in (
        ({"shape": np.zeros(1, int)}, "labels must have some of the names colour"),
        ({}, "labels must have some"),
        ({"colour": np.array([7])}, "must lie in 0 to 2"),
        ({"colour": np.array([0.5])}, "must be 1 whole numbers"),
    ):
        with pytest.raises(ValueError, match=message):
            model.sample(bad)


def test_diffusion_in_the_latents_of_an_autoencoder(tmp_path):
    colours = np.array([[230, 30, 30], [30, 230, 30], [30, 30, 230]], np.uint8)
    labels = {"colour": np.arange(96) % 3}
    clips = np.broadcast_to(colours[labels["colour"]][:, None, None, None], (96, 2, 8, 8, 3))
    autoencoder = VideoAutoencoder((2, 4, 4), latent_channels=4, width=16, n_blocks=1, epochs=10, batch_size=16)
    settings = {"patch_size": (1, 1, 1), "width": 16, "n_layers": 1, "n_heads": 2, "learning_rate": 5e-3, "epochs": 30}
    with pytest.raises(NotFittedError):
        DiffusionTransformer(autoencoder=autoencoder).fit(clips, labels)
    with pytest.raises(TypeError, match="autoencoder must be a VideoAutoencoder, got a str"):
        DiffusionTransformer(autoencoder="latents").fit(clips, labels)
    autoencoder.fit(clips)
    with pytest.raises(ValueError, match=r"latents, which are \(1, 2, 2\); \(2, 4, 4\) .*try \(1, 1, 1\)"):
        DiffusionTransformer(autoencoder=autoencoder).fit(clips, labels)
    model = DiffusionTransformer(**settings, batch_size=16, autoencoder=autoencoder).fit(clips, labels)
    assert model.sizes_ == (1, 2, 2) and model.n_channels_ == 4
    tokens = model._tokens(autoencoder.transform(clips))
    np.testing.assert_allclose(tokens.mean(axis=(0, 1)), 0, atol=1e-5)
    assert abs(tokens.std() - 1) < 1e-4
    np.testing.assert_allclose(abs(tokens).max(axis=(0, 1)), model.bound_, rtol=1e-4)
    asked = {"colour": np.array([0, 1, 2, 2])}
    *_, drawn = model.steps(asked, steps=8, seed=3)
    assert drawn.shape == (4, 2, 8, 8, 3) and drawn.dtype == np.uint8
    distance = abs(drawn.reshape(4, -1, 3).mean(axis=1)[:, None] - colours).sum(axis=2)
    assert distance.argmin(axis=1).tolist() == [0, 1, 2, 2]
    assert distance.min(axis=1).max() < 40, "as bright as they were, too"
    model.save(tmp_path / "model.safetensors")
    loaded = DiffusionTransformer.load(tmp_path / "model.safetensors")
    assert loaded.sample(asked, 8, seed=3).tobytes() == drawn.tobytes()
    assert loaded.autoencoder.compression == 24
