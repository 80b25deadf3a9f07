"""SIFT: blobs by hand, OpenCV's quality, and pictures that have no keypoints."""

import numpy as np
import pytest
from skimage import data

from embeddings.image.keypoints import Keypoints
from embeddings.image.matching import homography, match, votes
from embeddings.image.repeatability import changed, correct_matches, repeatability, survey
from embeddings.image.sift import SIFT

CAMERA = data.camera()[80:280, 130:330]


def blob(sigma, row=40, column=52, shape=(96, 110)):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * sigma**2)).astype(np.float32)


@pytest.mark.parametrize("sigma", [3, 4.5, 7])
def test_a_blob_is_found_in_its_middle_at_its_size(sigma):
    # A Gaussian of σ, blurred by t and by kt, differs most where t √k = σ; t is the level's blur.
    points = SIFT(n_keypoints=1).detect(blob(sigma))
    assert len(points) == 1
    assert abs(points.row[0] - 40) < 0.2 and abs(points.column[0] - 52) < 0.2
    assert abs(points.scale[0] * 2 ** (1 / 6) / sigma - 1) < 0.12


def test_a_keypoint_turns_with_its_picture():
    # A blob on a slope: it looks up the slope, to the right.
    picture = 0.6 * blob(4) + 0.3 * (np.arange(110) / 110).astype(np.float32)
    for turns in range(4):
        points = SIFT(n_keypoints=1).detect(np.ascontiguousarray(np.rot90(picture, turns)))
        # np.rot90 turns against the clock, angles count with it.
        difference = (points.angle[0] + turns * np.pi / 2 + np.pi) % (2 * np.pi) - np.pi
        assert len(points) == 1 and abs(difference) < 0.05


def test_three_by_three_by_hand():
    # Too small for an octave: no keypoint, and a descriptor of zeros.
    assert len(SIFT().detect(np.eye(3))) == 0
    points = Keypoints([1.0], [1.0], [1.6], [0.0], [1.0])
    assert not SIFT().compute(np.eye(3), points).any()


def test_descriptors_have_length_1_and_roots_sum_to_1():
    points, descriptors = SIFT().detect_and_compute(CAMERA)
    assert descriptors.shape == (len(points), 128) and descriptors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(descriptors, axis=1), 1, rtol=1e-5)
    roots = SIFT(root=True).compute(CAMERA, points)
    np.testing.assert_allclose((roots**2).sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(roots**2, descriptors / descriptors.sum(axis=1, keepdims=True), atol=1e-6)
    np.testing.assert_array_equal(SIFT().compute(CAMERA, points), descriptors)


def test_the_strongest_are_kept():
    everything, some = SIFT().detect(CAMERA), SIFT(n_keypoints=20).detect(CAMERA)
    assert len(some) == 20 < len(everything)
    assert some.response.min() >= np.sort(everything.response)[-20]
    few = SIFT(contrast=0.12).detect(CAMERA)
    assert 0 < len(few) < len(everything) and few.response.min() >= 0.04


def test_light_does_not_matter():
    plain = SIFT().detect_and_compute(CAMERA)
    dim = SIFT(contrast=0.02).detect_and_compute((CAMERA / 255 * 0.5 + 0.2).astype(np.float32))
    matches, correct = correct_matches(plain, dim, np.eye(3))
    assert len(matches) > 0.9 * len(plain[0]) and correct.mean() > 0.98


def test_the_reference_finds_the_same():
    picture = data.camera()[100:196, 200:290]
    ref, ref_descriptors = SIFT(device="numpy", double=False).detect_and_compute(picture)
    comp, comp_descriptors = SIFT(double=False).detect_and_compute(picture)
    assert len(ref) == len(comp) > 3
    for name in ("row", "column", "scale", "angle", "response"):
        np.testing.assert_allclose(getattr(comp, name), getattr(ref, name), atol=2e-3)
    np.testing.assert_allclose(comp_descriptors, ref_descriptors, atol=2e-2)


@pytest.mark.peer("cv2")
def test_keypoints_survive_as_well_as_open_cv_has_them():
    from benchmarks.sift import opencv

    pictures = [data.camera()]
    found = survey(pictures, {"embeddings": SIFT().detect_and_compute, "OpenCV": opencv}, ("rotation", "affine"))
    for kind, by in found.items():
        ours, theirs = np.array(by["embeddings"]), np.array(by["OpenCV"])
        print(kind, ours, theirs)
        assert (ours[:2] >= 0.97 * theirs[:2]).all(), kind


def test_a_known_map_is_found():
    after, matrix = changed(CAMERA, np.array([[0.8, -0.4], [0.4, 0.8]]))
    first, second = SIFT().detect_and_compute(CAMERA), SIFT().detect_and_compute(after)
    assert repeatability(first[0], second[0], matrix, after.shape) > 0.6
    matches = match(first[1], second[1])
    found, agree = homography(first[0], second[0], matches)
    assert agree.mean() > 0.9
    corners = np.array([[0, 199, 0, 199], [0, 0, 199, 199], [1, 1, 1, 1]])
    mapped = found @ corners
    np.testing.assert_allclose((mapped / mapped[2])[:2], (matrix @ corners)[:2], atol=2)


def test_matches():
    first = np.array([[0.0, 0], [10, 0], [0, 10]])
    second = np.array([[0.0, 1], [0.5, 1], [10, 1]])
    # The first is nearly as near to two; both others have one match, the last one's is not mutual.
    assert match(first, second).tolist() == [[1, 2]]
    assert match(first, second, ratio=1).tolist() == [[1, 2], [0, 0]]
    assert match(first, second, ratio=1, mutual=False).tolist() == [[1, 2], [0, 0], [2, 0]]
    assert match(first[:0], second).shape == match(first, second[:0]).shape == (0, 2)
    assert match(first[:1], second[:1]).tolist() == [[0, 0]]
    assert homography(None, None, match(first, second))[0] is None


def test_votes():
    query = np.array([[0.0, 0], [10, 0], [0, 10]])
    first = np.array([[0.0, 1], [0.5, 1], [10, 1]])
    # In a picture alone: mutual matches. Beside one that is further away, all are nearer to the first.
    assert votes(query, [first]).tolist() == [len(match(query, first))] == [1]
    assert votes(query, [first, first + 20]).tolist() == [3, 0]
    # Of two copies, neither is without the other, but matches within each remain.
    assert votes(query, [first, first]).tolist() == [1, 1]
    assert votes(query, [first[:0], first, first[:1]]).tolist() == [0, 1, 0]
    assert votes(query[:0], [first]).tolist() == [0] and votes(query, []).shape == (0,)
    with pytest.raises(ValueError, match="ratio must be above 0"):
        votes(query, [first], ratio=0)


def test_a_board_of_squares_is_found_though_no_match_is_sure():
    board, camera = data.checkerboard(), data.camera()[::2, ::2]
    model = SIFT(n_keypoints=300, contrast=0.01)
    known = [model.detect_and_compute(picture)[1] for picture in (camera, board)]
    query = model.detect_and_compute(board[20:140, 30:160])[1]
    assert len(match(query, known[1])) < 0.1 * len(query)
    ref = votes(query, known)
    assert ref[1] > 0.5 * len(query) and ref[0] < 0.1 * len(query)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: match(np.zeros((2, 3)), np.zeros((2, 4))), ValueError, "one width"),
        (lambda: match(np.zeros((2, 3)), np.zeros((2, 3)), ratio=1.5), ValueError, "ratio must be at most 1"),
        (lambda: match(np.zeros((2, 3)), np.zeros((2, 3)), ratio=0), ValueError, "ratio must be above 0"),
        (lambda: SIFT(n_keypoints=0).detect(CAMERA), ValueError, "n_keypoints must be at least 1"),
        (lambda: SIFT(n_scales=0).detect(CAMERA), ValueError, "n_scales must be at least 1"),
        (lambda: SIFT(contrast=-1).detect(CAMERA), ValueError, "contrast must be at least 0"),
        (lambda: SIFT(edge=0.5).detect(CAMERA), ValueError, "edge must be at least 1"),
        (lambda: SIFT(sigma=0.1).detect(CAMERA), ValueError, "sigma must be at least 0.5"),
        (lambda: SIFT(device="tpu").detect(CAMERA), ValueError, "device"),
        (lambda: SIFT().detect(np.zeros((0, 9))), ValueError, "empty"),
        (lambda: SIFT().detect(np.zeros((3, 64, 64))), ValueError, "channels first"),
        (lambda: SIFT().detect(np.full((64, 64), np.nan)), ValueError, "NaN"),
        (lambda: SIFT().detect(np.full((64, 64), 9.0)), ValueError, "not from 0 to 1"),
        (lambda: SIFT().detect(np.zeros((64, 64), int)), ValueError, "must be uint8"),
        (lambda: SIFT().compute(CAMERA, [1, 2]), TypeError, "points must be Keypoints, got a list"),
        (lambda: Keypoints([1.0], [1.0, 2.0], [1.0], [1.0], [1.0]), ValueError, "column must be 1 numbers"),
        (lambda: Keypoints([1.0], [np.nan], [1.0], [1.0], [1.0]), ValueError, "column holds NaN"),
    ],
)
def test_bad_input_is_explained(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    "picture", [np.zeros((1, 1)), np.zeros((7, 300)), np.full((64, 64), 0.5), np.full((70, 64, 3), 255, np.uint8)]
)
def test_pictures_without_keypoints(picture):
    points, descriptors = SIFT().detect_and_compute(picture)
    assert len(points) == 0 and descriptors.shape == (0, 128)
