"""How well keypoints survive: a picture is turned, scaled, blurred or sheared by a known map, and looked at again."""

import numpy as np

from embeddings.image.checks import check_picture, grey
from embeddings.image.matching import match


def changes():
    """Ways to change a picture: name → (map, blur), the map taking (column, row, 1) from the picture's middle.

    Examples
    --------
    >>> sorted({name.split()[0] for name in changes()})
    ['affine', 'blur', 'rotation', 'scale']
    """
    found = {}
    for degrees in (10, 45, 90, 160):
        turn = np.deg2rad(degrees)
        found[f"rotation {degrees}°"] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]], 0
    for factor in (0.5, 0.7, 1.5):
        found[f"scale {factor}"] = [[factor, 0], [0, factor]], 0
    for sigma in (1, 2):
        found[f"blur {sigma}"] = [[1, 0], [0, 1]], sigma
    found["affine shear"] = [[1, 0.3], [0, 1]], 0
    found["affine tilt"] = [[0.95, 0.05], [0.1, 0.7]], 0
    return {name: (np.array(matrix, float), sigma) for name, (matrix, sigma) in found.items()}


def changed(picture, matrix, sigma=0):
    """A picture after a change, as large as it must be, and the map that takes (column, row, 1) to it.

    Returns
    -------
    picture : array, shape (height, width), float32
    matrix : array, shape (3, 3)

    Examples
    --------
    >>> after, moved = changed(np.eye(9), np.array([[2.0, 0.0], [0.0, 2.0]]))
    >>> after.shape, (moved @ [8, 8, 1]).tolist()
    ((17, 17), [16.0, 16.0, 1.0])
    """
    from scipy.ndimage import affine_transform, gaussian_filter

    picture = grey(check_picture(picture))
    height, width = picture.shape
    corners = matrix @ np.array([[0, width - 1, 0, width - 1], [0, 0, height - 1, height - 1]])  # (column, row)
    low = corners.min(axis=1)
    size = np.ceil(corners.max(axis=1) - low - 1e-9).astype(int) + 1  # (width, height)
    full = np.eye(3)
    full[:2, :2], full[:2, 2] = matrix, -low
    shrinks = np.linalg.svd(matrix)[1].min()
    if shrinks < 1:
        picture = gaussian_filter(picture, 0.5 * np.sqrt(1 / shrinks**2 - 1))
    back = np.linalg.inv(full)[[1, 0, 2]][:, [1, 0, 2]]  # of (row, column, 1)
    after = affine_transform(picture, back[:2, :2], back[:2, 2], (size[1], size[0]), order=1)
    if sigma:
        after = gaussian_filter(after, sigma)
    return np.clip(after, 0, 1).astype(np.float32), full


def moved(points, matrix):
    """Rows and columns of keypoints after a change, shape (n, 2)."""
    column, row, one = matrix @ np.stack([points.column, points.row, np.ones(len(points))])
    return np.stack([row / one, column / one], axis=1)


def repeatability(first, second, matrix, shape, tolerance=2.0):
    """Share of keypoints that are found again.

    Parameters
    ----------
    first, second : Keypoints
        Before and after.
    matrix : array, shape (3, 3)
        What happened to (column, row, 1).
    shape : tuple of int
        Of the picture after; keypoints that left it do not count.
    tolerance : float, default 2.0
        Pixels.

    Examples
    --------
    >>> from embeddings.image.keypoints import Keypoints
    >>> numbers = np.array([[1.0, 5.0], [1.0, 5.0], [1, 1], [0, 0], [1, 1]])
    >>> first, second = Keypoints(*numbers), Keypoints(*numbers[:, :1])
    >>> repeatability(first, second, np.eye(3), (9, 9))
    0.5
    """
    from scipy.spatial import cKDTree

    places = moved(first, matrix)
    places = places[((places >= 0) & (places <= np.array(shape) - 1)).all(axis=1)]
    if not len(places) or not len(second):
        return 0.0
    return float((cKDTree(second.places).query(places)[0] <= tolerance).mean())


def correct_matches(first, second, matrix, tolerance=3.0):
    """Matches, and which of them are where the change says.

    Parameters
    ----------
    first, second : tuple of Keypoints and array
        Keypoints and descriptors, before and after.

    Returns
    -------
    matches : array, shape (matches, 2), int64
    correct : array, shape (matches,), bool
    """
    matches = match(first[1], second[1])
    off = moved(first[0][matches[:, 0]], matrix) - second[0].places[matches[:, 1]]
    return matches, np.hypot(*off.T) <= tolerance


def survey(pictures, detectors, kinds=("rotation", "scale", "blur", "affine")):
    """Repeatability and share of correct matches of several detectors, each with the same number of keypoints.

    Parameters
    ----------
    pictures : iterable of array
    detectors : dict of str to callable
        Takes a picture, gives keypoints and descriptors; of all but the first, the strongest are taken, as many as the
        poorest has.
    kinds : tuple of str
        Which of :func:`changes`.

    Returns
    -------
    dict of str to dict of str to (float, float, float)
        Kind of change → detector → repeatability, share of matches that are correct, and correct matches for each
        keypoint.
    """
    sums = {kind: {name: np.zeros(4) for name in detectors} for kind in kinds}
    for picture in pictures:
        before = _equally_many({name: detect(picture) for name, detect in detectors.items()})
        for change, (linear, sigma) in changes().items():
            kind = change.split()[0]
            if kind not in kinds:
                continue
            after, matrix = changed(picture, linear, sigma)
            seen = _equally_many({name: detect(after) for name, detect in detectors.items()})
            for name in detectors:
                again = repeatability(before[name][0], seen[name][0], matrix, after.shape)
                _, correct = correct_matches(before[name], seen[name], matrix)
                share = correct.mean() if len(correct) else 0
                found = correct.sum() / max(1, min(len(before[name][0]), len(seen[name][0])))
                sums[kind][name] += again, share, found, 1
    return {
        kind: {name: tuple(map(float, total[:3] / total[3])) for name, total in by.items()} for kind, by in sums.items()
    }


def _equally_many(found):
    """The strongest keypoints of each detector, as many as that with the fewest has."""
    n = min(len(points) for points, _ in found.values())
    result = {}
    for name, (points, descriptors) in found.items():
        which = np.argsort(-points.response, kind="stable")[:n]
        result[name] = points[which], descriptors[which]
    return result
