"""HOG: scikit-image's numbers for every option, pictures by hand, and what cannot be described."""

import itertools

import numpy as np
import pytest
from skimage import data
from skimage.feature import hog

from embeddings.image.hog import HOG

CAMERA = data.camera()[100:230, 150:270]
CAT = data.cat()[60:150, 120:230]


@pytest.mark.parametrize("block_norm", ["L1", "L1-sqrt", "L2", "L2-Hys"])
@pytest.mark.parametrize("transform_sqrt", [False, True])
def test_every_norm_equals_scikit_image(block_norm, transform_sqrt):
    for picture, kind in itertools.product((CAMERA, CAT), ("uint8", "float64", "float32", "uint16")):
        if kind == "uint16":
            picture = picture.astype(np.uint16) * 257
        elif kind != "uint8":
            picture = (picture / 255).astype(kind)
        options = {"block_norm": block_norm, "transform_sqrt": transform_sqrt}
        ref = hog(picture, channel_axis=-1 if picture.ndim == 3 else None, **options)
        comp = HOG(**options).fit_transform([picture])[0]
        assert comp.dtype == np.float32
        np.testing.assert_allclose(comp, ref, atol=1e-6)


@pytest.mark.parametrize("orientations", [1, 4, 7, 8, 12])
@pytest.mark.parametrize("cells", [((8, 8), (2, 2)), ((5, 7), (1, 3)), ((16, 4), (4, 1))])
def test_every_size_equals_scikit_image(orientations, cells):
    for picture in (CAMERA, CAT / 255):
        options = {"orientations": orientations, "pixels_per_cell": cells[0], "cells_per_block": cells[1]}
        axis = -1 if picture.ndim == 3 else None
        ref = hog(picture, channel_axis=axis, feature_vector=False, **options)
        np.testing.assert_allclose(HOG(feature_vector=False, **options).describe(picture), ref, atol=1e-6)
        np.testing.assert_allclose(HOG(**options).describe(picture), ref.ravel(), atol=1e-6)


def test_channels_first():
    first = CAT.transpose(2, 0, 1)
    ref = hog(first, channel_axis=0)
    np.testing.assert_allclose(HOG(channel_axis=0).fit_transform(first[None])[0], ref, atol=1e-6)
    with pytest.raises(ValueError, match="channels first"):
        HOG().fit([first])


def test_many_cells_and_rows_of_vectors():
    X = np.stack([CAMERA[:64, :64], CAMERA[60:124, 50:114]])
    vectors = HOG().fit(X).transform(X)
    assert vectors.shape == (2, 6 * 6 * 81)
    np.testing.assert_array_equal(vectors[1], HOG().describe(X[1]))
    assert HOG(feature_vector=False).fit_transform(X).shape == (2, 6, 6, 3, 3, 9)
    assert HOG().fit(X).transform([]).shape == (0, 6 * 6 * 81)


def test_three_by_three_by_hand():
    # Only the middle column has g_x, only the middle row g_y: at the centre g = (2, 2), 45°, size 2 √2; above and below
    # g_x = 2 (0°), left and right g_y = 2 (90°); the corners have none.
    picture = np.array([[0, 1, 2], [1, 2, 3], [2, 3, 4]], np.uint8)
    cells = HOG(orientations=4, pixels_per_cell=(3, 3)).cells(picture)
    np.testing.assert_allclose(9 * cells[0, 0], [4, 8**0.5, 4, 0])


def test_constant_pictures_are_zeros():
    for block_norm in ("L1", "L1-sqrt", "L2", "L2-Hys"):
        vectors = HOG(block_norm=block_norm).fit_transform([np.full((32, 32), 7, np.uint8)])
        assert vectors.shape == (1, 324) and not vectors.any()


def test_pictures_are_brought_to_one_size():
    model = HOG(size=(64, 48))
    vectors = model.fit_transform([CAMERA, CAT, data.coins()])
    assert vectors.shape == (3, 6 * 4 * 81) and model.shape_ == (64, 48)
    similar = model.transform([CAT[2:, 1:]])[0]
    assert np.argmin(np.linalg.norm(vectors - similar, axis=1)) == 1


def test_light_and_contrast_hardly_matter():
    picture = CAMERA / 255
    plain, dim, other = HOG().fit_transform([picture, picture * 0.4 + 0.3, picture[::-1]])
    assert np.linalg.norm(plain - dim) < 0.02 * np.linalg.norm(plain - other)


@pytest.mark.parametrize(
    ("options", "X", "error", "message"),
    [
        ({}, [np.zeros((23, 40))], ValueError, "23 × 40, too small for 3 × 3 cells of 8 × 8 pixels: at least 24 × 24"),
        ({}, [np.zeros((1, 1))], ValueError, "too small"),
        ({}, [], ValueError, "X is empty"),
        ({}, [np.zeros((0, 40))], ValueError, r"X\[0\] is empty"),
        ({}, [np.full((32, 32), np.nan)], ValueError, "NaN"),
        ({}, [np.full((32, 32), 100.0)], ValueError, "not from 0 to 1"),
        ({}, [np.zeros((32, 32), int)], ValueError, "must be uint8"),
        ({}, np.zeros((32, 32)), ValueError, "one picture"),
        ({"channel_axis": 0}, np.zeros((32, 32)), ValueError, "one picture"),
        ({}, [np.zeros((32, 32)), np.zeros((32, 33))], ValueError, r"X\[1\] is 32 × 33, .* give size="),
        ({"orientations": 0}, [CAMERA], ValueError, "orientations must be at least 1"),
        ({"pixels_per_cell": 8}, [CAMERA], TypeError, "pixels_per_cell must be two integers, got 8"),
        ({"cells_per_block": (0, 2)}, [CAMERA], ValueError, "cells_per_block must be at least 1"),
        ({"size": (64,)}, [CAMERA], TypeError, "size must be two integers"),
        ({"block_norm": "l2"}, [CAMERA], ValueError, "block_norm must be one of 'L1'"),
        ({"channel_axis": 3}, [CAMERA], ValueError, "channel_axis must be one of"),
        ({"device": "gpu"}, [CAMERA], ValueError, "device"),
    ],
)
def test_bad_input_is_explained(options, X, error, message):
    with pytest.raises(error, match=message):
        HOG(**options).fit(X)


def test_another_size_after_fit():
    model = HOG().fit([np.zeros((32, 32))])
    with pytest.raises(ValueError, match="but the pictures that the model knows are 32 × 32"):
        model.transform([np.zeros((32, 40))])


def test_the_reference_gives_the_same():
    np.testing.assert_allclose(HOG(device="numpy").describe(CAT), HOG().describe(CAT), atol=1e-6)


def test_a_file_that_does_not_hold_together(tmp_path):
    model = HOG().fit([CAMERA])
    model.shape_ = (5, 5)
    model.save(tmp_path / "hog.safetensors")
    with pytest.raises(ValueError, match="hog.safetensors.*too small"):
        HOG.load(tmp_path / "hog.safetensors")
