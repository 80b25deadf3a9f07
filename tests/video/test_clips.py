"""The generated world of clips: what is told of them is what is seen and heard; and what cannot be drawn."""

import numpy as np
import pytest

from embeddings.datasets import film, images, moving_shapes, pan
from embeddings.video import stft


@pytest.fixture(scope="module")
def shapes():
    return moving_shapes(300, seed=3, background="plain")


def cover(shapes):
    """What differs from the plain background: (n, frames, height, width)."""
    return abs(shapes.clips.astype(int) - 40).max(axis=-1) > 60


def test_same_seed_same_bits_and_another_seed_others():
    one, two, other = moving_shapes(5, seed=1), moving_shapes(5, seed=1), moving_shapes(5, seed=2)
    assert one.clips.tobytes() == two.clips.tobytes() and one.sounds.tobytes() == two.sounds.tobytes()
    assert one.captions == two.captions and one.captions != other.captions


def test_no_two_of_512_are_alike():
    assert len(set(moving_shapes(512, seed=0, size=16, frames=1, background="plain").captions)) == 512


def test_motions_are_seen(shapes):
    seen = cover(shapes)
    area = seen.sum(axis=(2, 3))
    y, x = (np.einsum(f"nthw,{axis}->nt", seen, np.arange(32.0)) / area for axis in "hw")
    for motion, value in (("moves left", -(x[:, -1] - x[:, 0])), ("moves right", x[:, -1] - x[:, 0])):
        assert (value[shapes.labels["motion"] == shapes.names["motion"].index(motion)] > 8).all()
    for motion, value in (("moves up", -(y[:, -1] - y[:, 0])), ("moves down", y[:, -1] - y[:, 0])):
        assert (value[shapes.labels["motion"] == shapes.names["motion"].index(motion)] > 8).all()
    assert (area[:, -1] > 2 * area[:, 0])[shapes.labels["motion"] == 4].all()
    assert (area[:, 0] > 2 * area[:, -1])[shapes.labels["motion"] == 5].all()
    large = shapes.labels["size"] == 1
    assert area[large].mean() > 1.8 * area[~large].mean()


def test_backwards_left_is_right(shapes):
    """So that the mean over the frames cannot tell which is which: their distributions are the same."""
    mean = cover(shapes).mean(axis=1)
    left, right = (mean[shapes.labels["motion"] == k].mean(axis=0) for k in (0, 1))
    assert abs(left - right).mean() < 0.05


def test_colours_are_seen(shapes):
    seen = cover(shapes)
    for i in range(50):
        inside = shapes.clips[i][seen[i]]
        name = shapes.names["colour"][shapes.labels["colour"][i]]
        assert name in shapes.captions[i]
        ratio = np.median(inside, axis=0) / np.median(inside, axis=0).max()
        expected = {"red": (1, 0.15, 0.15), "white": (1, 1, 1), "blue": (0.2, 0.3, 1), "green": (0.2, 1, 0.3)}
        if name in expected:
            np.testing.assert_allclose(ratio, expected[name], atol=0.15)


def test_pitch_is_heard(shapes):
    still = (shapes.labels["motion"] >= 4) & (shapes.labels["motion"] != 6) & (shapes.labels["shape"] != 3)
    loudest = np.array([abs(stft(sound, 2048)).mean(axis=1).argmax() * 4000 / 2048 for sound in shapes.sounds[still]])
    expected = 110 * 2 ** (shapes.labels["colour"][still] / 8 + (shapes.labels["size"][still] == 0))
    assert (abs(np.log2(loudest / expected)) < 0.06).mean() > 0.95


def test_captions_and_stills(shapes):
    assert shapes.captions[0].startswith("a ") and shapes.captions_zh[0].startswith("一个")
    assert len(shapes) == 300 and shapes.stills.shape == (300, 32, 32, 3)
    assert moving_shapes(0).clips.shape == (0, 8, 32, 32, 3)
    assert abs(shapes.sounds).max() <= 1 and abs(shapes.sounds).max(axis=1).min() > 0.2


def test_pan_moves_a_window():
    picture = images()["coffee"]
    clip = pan(picture, frames=5, size=(60, 80), seed=1)
    assert clip.shape == (5, 60, 80, 3) and clip.dtype == np.uint8
    places = [
        [(y, x) for y in range(341) for x in range(521) if np.array_equal(picture[y, x : x + 80], frame[0])]
        for frame in clip[[0, 2, 4]]
    ]
    (first,), (middle,), (last,) = places
    np.testing.assert_allclose(middle, (np.array(first) + last) / 2, atol=1)
    assert pan(picture[..., 0], frames=1, size=10).shape == (1, 10, 10)
    assert film().shape == (24, 25, 14, 3) and film().dtype == np.uint8


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: moving_shapes(-1), ValueError, "n must be at least 0"),
        (lambda: moving_shapes(1.5), TypeError, "n must be an integer"),
        (lambda: moving_shapes(1, size=8), ValueError, "size must be at least 16"),
        (lambda: moving_shapes(1, frames=0), ValueError, "frames must be at least 1"),
        (lambda: moving_shapes(1, background="sea"), ValueError, "background must be one of"),
        (lambda: pan(np.zeros((10, 10)), size=20), ValueError, "larger than the picture"),
        (lambda: pan(np.zeros(10)), ValueError, "image must have the shape"),
    ],
)
def test_what_cannot_be_drawn(call, error, message):
    with pytest.raises(error, match=message):
        call()
