"""Patches: there and back exactly, the numbers of einops, and what cannot be cut. Positions."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.base import NotFittedError
from embeddings.video import (
    Patchifier,
    grid_positions,
    patch_grid,
    patchify,
    rotary_angles,
    rotate,
    sinusoidal_positions,
    sum_patches,
    unpatchify,
)


@st.composite
def cuts(draw):
    """Data of any rank, and any way to cut them."""
    rank = draw(st.integers(1, 3))
    patch = tuple(draw(st.integers(1, 4)) for _ in range(rank))
    stride = tuple(draw(st.integers(1, p)) for p in patch)
    padding = draw(st.sampled_from(["none", "drop", "zeros", "edge", "reflect"]))
    if padding == "none":
        sizes = tuple(p + s * draw(st.integers(0, 3)) for p, s in zip(patch, stride, strict=True))
    else:
        sizes = tuple(draw(st.integers(p if padding == "drop" else 1, 9)) for p in patch)
    channels = draw(st.sampled_from(["last", "first", None]))
    C = draw(st.integers(1, 3))
    lead = draw(st.sampled_from([(), (2,), (1, 2)]))
    shape = {"last": (*lead, *sizes, C), "first": (*lead, C, *sizes), None: (*lead, *sizes)}[channels]
    dtype = draw(st.sampled_from([np.uint8, np.float64]))
    seed = draw(st.integers(0, 5))
    x = (np.random.default_rng(seed).normal(size=shape) * 50 + 100).astype(dtype)
    return x, sizes, patch, stride, padding, channels


@given(cuts())
def test_there_and_back_is_exact(cut):
    x, sizes, patch, stride, padding, channels = cut
    patches = patchify(x, patch, stride, padding, channels)
    assert patches.dtype == x.dtype and patches.shape[-2] == math.prod(patch_grid(sizes, patch, stride, padding))
    back = unpatchify(patches, sizes, patch, stride, padding, channels)
    assert back.dtype == x.dtype and back.shape == x.shape
    if padding == "drop":  # what was left out is 0
        kept = np.zeros(x.shape, bool)
        first = x.ndim - len(sizes) - (channels == "last")
        inside = [slice(None)] * x.ndim
        for d, (p, s, n) in enumerate(zip(patch, stride, patch_grid(sizes, patch, stride, padding), strict=True)):
            inside[first + d] = slice(0, (n - 1) * s + p)
        kept[tuple(inside)] = True
        x = np.where(kept, x, 0)
    np.testing.assert_array_equal(back, x)


@given(cuts())
def test_the_sum_is_the_transpose_of_cutting(cut):
    x, sizes, patch, stride, padding, channels = cut
    if padding in ("edge", "reflect"):
        return
    x = x.astype(float)
    patches = patchify(x, patch, stride, padding, channels)
    other = np.random.default_rng(7).normal(size=patches.shape)
    back = sum_patches(other, sizes, patch, stride, padding, channels)
    np.testing.assert_allclose((back * x).sum(), (other * patches).sum(), rtol=1e-9, atol=1e-6)


@given(cuts())
def test_patches_are_slices(cut):
    x, sizes, patch, stride, padding, channels = cut
    rank = len(sizes)
    if channels == "first":
        x = np.moveaxis(x, -rank - 1, -1)
    elif channels is None:
        x = x[..., None]
    grid = patch_grid(sizes, patch, stride, padding)
    if padding in ("zeros", "edge", "reflect"):
        extra = [max(0, (n - 1) * s + p - a) for n, s, p, a in zip(grid, stride, patch, sizes, strict=True)]
        widths = [(0, 0)] * (x.ndim - rank - 1) + [(0, e) for e in extra] + [(0, 0)]
        x = np.pad(x, widths, mode={"zeros": "constant"}.get(padding, padding))
    rows = []
    for place in grid_positions(grid):
        block = x[(..., *(slice(i * s, i * s + p) for i, s, p in zip(place, stride, patch, strict=True)), slice(None))]
        if channels == "first":
            block = np.moveaxis(block, -1, -rank - 1)
        rows.append(block.reshape(*block.shape[: x.ndim - rank - 1], -1))
    cut_x = cut[0]
    np.testing.assert_array_equal(patchify(cut_x, patch, stride, padding, channels), np.stack(rows, axis=-2))


@pytest.mark.peer("einops")
def test_plain_patches_are_those_of_einops():
    from einops import rearrange

    rng = np.random.default_rng(0)
    clips = rng.normal(size=(2, 4, 6, 8, 3))
    ref = rearrange(clips, "n (t a) (h b) (w c) d -> n (t h w) (a b c d)", a=2, b=3, c=4)
    np.testing.assert_array_equal(patchify(clips, (2, 3, 4)), ref)
    images = rng.normal(size=(2, 3, 6, 8))
    ref = rearrange(images, "n d (h b) (w c) -> n (h w) (d b c)", b=3, c=2)
    np.testing.assert_array_equal(patchify(images, (3, 2), channels="first"), ref)
    text = rng.integers(0, 9, (3, 12))
    np.testing.assert_array_equal(patchify(text, 4, channels=None), rearrange(text, "n (t a) -> n t a", a=4))


def test_where_patches_disagree_the_mean_is_taken():
    assert unpatchify([[0, 10], [21, 5]], 3, 2, stride=1, channels=None).tolist() == [0, 16, 5]
    assert unpatchify([[0.0, 10], [21, 5]], 3, 2, stride=1, channels=None).tolist() == [0, 15.5, 5]


@pytest.mark.parametrize(
    ("shape", "options", "error", "message"),
    [
        ((4, 8, 8, 3), {"patch_size": (2, 3, 4)}, ValueError, "do not fill the height, 8: the nearest .* 6 and 9"),
        ((4, 8, 8, 3), {"patch_size": (8, 8, 8)}, ValueError, "patch_size 8 is larger than the frames, 4"),
        ((0, 8, 8, 3), {"patch_size": (1, 8, 8)}, ValueError, "nothing to cut: the frames is 0"),
        ((8, 8), {"patch_size": (2, 2)}, ValueError, "x needs at least 3 axes"),
        ((8, 8, 0), {"patch_size": (2, 2)}, ValueError, "no channel"),
        ((8, 8, 1), {"patch_size": (0, 2)}, ValueError, "patch_size must be at least 1, got 0"),
        ((8, 8, 1), {"patch_size": (2.0, 2)}, TypeError, "patch_size must be an integer"),
        ((8, 8, 1), {"patch_size": (1, 1, 1, 1)}, ValueError, "patch_size must be 1, 2 or 3 numbers"),
        ((8, 8, 1), {"patch_size": (2, 2), "stride": (3, 2)}, ValueError, "stride must be .* each at most as large"),
        ((8, 8, 1), {"patch_size": (2, 2), "stride": 2}, ValueError, "stride must be as many numbers"),
        ((8, 8, 1), {"patch_size": (2, 2), "padding": "same"}, ValueError, "padding must be one of"),
        ((8, 8, 1), {"patch_size": (2, 2), "channels": 3}, ValueError, "channels must be one of"),
    ],
)
def test_what_cannot_be_cut(shape, options, error, message):
    with pytest.raises(error, match=message):
        patchify(np.zeros(shape), **options)


@pytest.mark.parametrize(
    ("patches", "options", "message"),
    [
        (np.zeros((3, 4)), {"sizes": (4, 4), "patch_size": (2, 2)}, "have 4 patches of a multiple of 4 .*got 3 of 4"),
        (np.zeros((4, 5)), {"sizes": (4, 4), "patch_size": (2, 2)}, "got 4 of 5"),
        (np.zeros((4, 8)), {"sizes": (4, 4), "patch_size": (2, 2), "channels": None}, "got 4 of 8"),
        (np.zeros(4), {"sizes": 4, "patch_size": 2}, r"must have the shape \(..., P, p\)"),
    ],
)
def test_what_cannot_be_put_back(patches, options, message):
    with pytest.raises(ValueError, match=message):
        unpatchify(patches, **options)
    with pytest.raises(ValueError, match="padding must be"):
        sum_patches(np.zeros((4, 4)), (4, 4), (2, 2), padding="edge")


def test_patchifier(tmp_path):
    clips = np.random.default_rng(1).integers(0, 255, (3, 5, 8, 9, 3)).astype(np.uint8)
    model = Patchifier((2, 4, 4), stride=(1, 2, 2), padding="reflect")
    with pytest.raises(NotFittedError):
        model.transform(clips)
    patches = model.fit_transform(clips)
    assert model.sizes_ == (5, 8, 9) and model.grid_ == (4, 3, 4) and patches.shape == (3, 48, 96)
    np.testing.assert_array_equal(patches, patchify(clips, (2, 4, 4), (1, 2, 2), "reflect"))
    model.save(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(Patchifier.load(tmp_path / "model.safetensors").inverse_transform(patches), clips)
    with pytest.raises(ValueError, match="fit saw"):
        model.transform(clips[:, :4])
    with pytest.raises(ValueError, match="X must have 5 axes"):
        model.fit(clips[0])


# Positions ------------------------------------------------------------------------------------------------------------


def test_sinusoids_of_one_axis_are_those_of_the_paper():
    positions = np.arange(7)[:, None]
    comp = sinusoidal_positions(positions, 8)
    i = np.arange(4)
    np.testing.assert_allclose(comp[:, :4], np.sin(positions / 10000 ** (2 * i / 8)), atol=1e-6)
    np.testing.assert_allclose(comp[:, 4:], np.cos(positions / 10000 ** (2 * i / 8)), atol=1e-6)


def test_each_place_of_a_grid_has_its_own_vector():
    vectors = sinusoidal_positions(grid_positions((4, 5, 6)), 20)
    assert vectors.shape == (120, 20) and len(np.unique(vectors.round(4), axis=0)) == 120
    # Places that differ in x alone differ in the share of x alone.
    np.testing.assert_array_equal(vectors[0, :14], vectors[1, :14])


def test_turned_products_know_the_distance_alone():
    rng = np.random.default_rng(0)
    q, k = rng.normal(size=(2, 12))
    here, there = np.array([1.0, 2.0, 3.0]), np.array([4.0, 0.0, 9.0])
    products = [
        rotate(q, rotary_angles(here + shift, 12)) @ rotate(k, rotary_angles(there + shift, 12))
        for shift in (0, 5, np.array([3, -2, 11]))
    ]
    np.testing.assert_allclose(products, products[0])
    moved = rotate(q, rotary_angles(here, 12)) @ rotate(k, rotary_angles(there + [1, 0, 0], 12))
    assert abs(moved - products[0]) > 1e-3
    np.testing.assert_allclose(np.linalg.norm(rotate(q, rotary_angles(here, 12))), np.linalg.norm(q))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sinusoidal_positions([[1, 2]], 2), "width must be at least 4"),
        (lambda: sinusoidal_positions([[1]], 5), "width must be even"),
        (lambda: sinusoidal_positions(3, 4), "positions must have the shape"),
        (lambda: rotary_angles([[1]], 4, base=1), "base must be above 1"),
        (lambda: rotate(np.ones(6), np.ones(2)), "needs half as many angles"),
    ],
)
def test_bad_positions(call, message):
    with pytest.raises(ValueError, match=message):
        call()
