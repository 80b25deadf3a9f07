"""SURF: boxes by hand, keypoints that turn and scale with their picture, and pictures that have none."""

import numpy as np
import pytest
from skimage import data

from embeddings.image.keypoints import Keypoints
from embeddings.image.repeatability import changed, correct_matches, survey
from embeddings.image.sift import SIFT
from embeddings.image.surf import SURF
from kernels import surf

CAMERA = data.camera()[80:280, 130:330]


def test_sums_over_boxes_by_hand():
    integral = np.empty((4, 4), np.int64)
    surf.integral_numpy(np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]]), integral)
    assert integral[3, 3] == 45 and integral[2, 2] == 12
    # The lower right square of 2 × 2: 5 + 6 + 8 + 9.
    assert integral[3, 3] - integral[1, 3] - integral[3, 1] + integral[1, 1] == 28


def test_two_boxes_in_a_row_by_hand():
    # One pixel under two boxes of 2, down and across: 1, 2, 1 both ways.
    integral, twice = np.empty((6, 6), np.int64), np.empty((7, 7), np.int64)
    picture = np.zeros((5, 5), np.int64)
    picture[2, 2] = 1
    surf.integral_numpy(picture, integral)
    surf.integral_numpy(integral, twice)
    across = twice[:, 4:] - 2 * twice[:, 2:-2] + twice[:, :-4]
    both = across[4:] - 2 * across[2:-2] + across[:-4]
    np.testing.assert_array_equal(both, [[1, 2, 1], [2, 4, 2], [1, 2, 1]])


@pytest.mark.parametrize("degrees", [0, 20, 30, 45, 70])
def test_a_straight_edge_is_no_keypoint(degrees):
    y, x = np.mgrid[:91, :91] - 45
    turn = np.deg2rad(degrees)
    distance = np.cos(turn) * x + np.sin(turn) * y
    edge, blob = np.clip(0.3 + distance, 0, 1), np.exp(-(x**2 + y**2) / 18)
    # Away from the ends of the edge.
    points = SURF(threshold=0).detect(edge)
    inside = np.hypot(points.row - 45, points.column - 45) < 20
    assert points.response[inside].max(initial=0) < 0.03 * SURF().detect(blob).response.max()


@pytest.mark.parametrize("sigma", [3, 5])
def test_a_blob_is_found_in_its_middle_at_its_size(sigma):
    y, x = np.mgrid[:100, :110]
    blob = np.exp(-((y - 44) ** 2 + (x - 52) ** 2) / (2 * sigma**2)).astype(np.float32)
    points = SURF(n_keypoints=1).detect(blob)
    assert abs(points.row[0] - 44) < 0.6 and abs(points.column[0] - 52) < 0.6
    # The determinant of a Gaussian's Hessian, over σ⁴, is largest at its own σ.
    assert abs(points.scale[0] / sigma - 1) < 0.3


@pytest.mark.parametrize("extended", [False, True])
def test_turned_and_scaled_pictures_match(extended):
    model = SURF(extended=extended)
    first = model.detect_and_compute(CAMERA)
    assert first[1].shape == (len(first[0]), 128 if extended else 64)
    np.testing.assert_allclose(np.linalg.norm(first[1], axis=1), 1, rtol=1e-5)
    for linear in ([[0, -1], [1, 0]], [[1.4, 0], [0, 1.4]], [[0.8, -0.6], [0.6, 0.8]]):
        after, matrix = changed(CAMERA, np.array(linear, float))
        matches, correct = correct_matches(first, model.detect_and_compute(after), matrix)
        assert len(matches) > 0.2 * len(first[0]) and correct.mean() > 0.75


def test_upright_keypoints_do_not_turn():
    model = SURF(upright=True)
    points, descriptors = model.detect_and_compute(CAMERA)
    assert not points.angle.any()
    np.testing.assert_array_equal(model.compute(CAMERA, points), descriptors)
    dim = model.detect_and_compute(CAMERA / 255 * 0.9 + 0.05)
    _, correct = correct_matches((points, descriptors), dim, np.eye(3))
    assert correct.mean() > 0.95


def test_keypoints_survive_nearly_as_well_as_those_of_sift():
    detectors = {"SURF": SURF().detect_and_compute, "SIFT": SIFT().detect_and_compute}
    for kind, by in survey([data.camera()], detectors, ("rotation", "scale")).items():
        print(kind, by)
        assert by["SURF"][0] >= 0.9 * by["SIFT"][0], kind
        assert by["SURF"][1] >= 0.9 * by["SIFT"][1], kind


def test_the_strongest_are_kept_and_the_reference_finds_the_same():
    picture = CAMERA[40:120, 60:150]
    ref, ref_descriptors = SURF(device="numpy", n_keypoints=20).detect_and_compute(picture)
    comp, comp_descriptors = SURF(n_keypoints=20).detect_and_compute(picture)
    assert len(ref) == len(comp) == 20
    np.testing.assert_allclose(comp.places, ref.places, atol=1e-3)
    np.testing.assert_allclose(comp_descriptors, ref_descriptors, atol=1e-3)


@pytest.mark.parametrize("picture", [np.zeros((1, 1)), np.zeros((20, 300)), np.full((64, 64), 0.5)])
def test_pictures_without_keypoints(picture):
    points, descriptors = SURF().detect_and_compute(picture)
    assert len(points) == 0 and descriptors.shape == (0, 64)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: SURF(n_keypoints=0).detect(CAMERA), ValueError, "n_keypoints must be at least 1"),
        (lambda: SURF(n_octaves=0).detect(CAMERA), ValueError, "n_octaves must be at least 1"),
        (lambda: SURF(threshold=-1).detect(CAMERA), ValueError, "threshold must be at least 0"),
        (lambda: SURF(device="tpu").detect(CAMERA), ValueError, "device"),
        (lambda: SURF().detect(np.zeros((3, 64, 64))), ValueError, "channels first"),
        (lambda: SURF().detect(np.full((64, 64), np.nan)), ValueError, "NaN"),
        (lambda: SURF().compute(CAMERA, None), TypeError, "points must be Keypoints, got a NoneType"),
    ],
)
def test_bad_input_is_explained(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_keypoints_of_another_detector():
    points = Keypoints([50.0, 0.0], [60.0, 199.0], [2.0, 4.0], [0.0, 1.0], [1.0, 1.0])
    assert np.isfinite(SURF().compute(CAMERA, points)).all()
