"""Which keypoint of one picture is which of another, and the plane that both see."""

import numpy as np

from embeddings.checks import check_number
from embeddings.similarity import nearest


def match(first, second, ratio=0.8, mutual=True):
    """Pairs of descriptors that belong together.

    Parameters
    ----------
    first : array, shape (n, d)
    second : array, shape (m, d)
    ratio : float, default 0.8
        Lowe's test: the nearest descriptor must be nearer than this part of the distance to the second nearest. 1 asks
        for nothing.
    mutual : bool, default True
        Each must be the other's nearest.

    Returns
    -------
    array, shape (matches, 2), int64
        Rows of `first` and of `second`; the surest first.

    Raises
    ------
    ValueError
        If the widths differ, a value is NaN, or `ratio` lies outside (0, 1].

    Examples
    --------
    The third has two that are equally near:

    >>> first = np.array([[0.0, 1.0], [1.0, 0.0], [0.5, 0.5]])
    >>> second = np.array([[0.9, 0.0], [0.1, 1.0]])
    >>> match(first, second).tolist()
    [[1, 0], [0, 1]]

    References
    ----------
    .. [1] Lowe, "Distinctive Image Features from Scale-Invariant Keypoints", IJCV 2004, section 7.1.
    """
    ratio = _check_ratio(ratio)
    first, second = np.asarray(first), np.asarray(second)
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise ValueError(f"descriptors must be two arrays of one width, got shapes {first.shape} and {second.shape}")
    if not len(first) or not len(second):
        return np.empty((0, 2), np.int64)
    indices, distances = nearest(first, second, k=2, metric="euclidean")
    sure = np.zeros(len(first))
    if indices.shape[1] == 2:
        sure = distances[:, 0] / np.maximum(distances[:, 1], 1e-30)
    keep = sure < ratio if ratio < 1 else np.ones(len(first), bool)
    if mutual:
        keep &= _chosen_back(first, second, indices[:, 0])
    rows = np.flatnonzero(keep)
    rows = rows[np.argsort(sure[rows], kind="stable")]
    return np.stack([rows, indices[rows, 0]], axis=1)


def _check_ratio(ratio):
    ratio = check_number("ratio", ratio, maximum=1)
    if ratio <= 0:
        raise ValueError(f"ratio must be above 0, got {ratio!r}")
    return ratio


def _chosen_back(first, second, of):
    """Whether each descriptor of `first` is the nearest one of its nearest one, `of`."""
    back = nearest(second, first, k=1, metric="euclidean")[0][:, 0]
    return back[of] == np.arange(len(first))


def votes(query, pictures, ratio=0.8):
    """How many descriptors of a query belong to each of many pictures.

    One belongs to a picture if it has a mutual match there, as :func:`match` finds it; or if that picture has one
    nearer than `ratio` of the distance to the nearest in all the others. So a board of equal squares, in which no
    single match is sure, is found all the same: only one picture has such squares.

    Parameters
    ----------
    query : array, shape (n, d)
    pictures : iterable of arrays, shapes (m, d)
        Descriptors of each picture; they are looked at one after the other.
    ratio : float, default 0.8

    Returns
    -------
    array, shape (pictures,), int64

    Raises
    ------
    ValueError
        As :func:`match`.

    Examples
    --------
    >>> squares = np.array([[0.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
    >>> votes(squares[:2], [squares, squares[:, ::-1], squares[:0]]).tolist()
    [2, 0, 0]

    References
    ----------
    .. [1] Lowe, "Distinctive Image Features from Scale-Invariant Keypoints", IJCV 2004, section 7.1: the second nearest
       is to be one "that is known to come from a different object".
    """
    ratio, query = _check_ratio(ratio), np.asarray(query)
    own, best = [], []
    for descriptors in pictures:
        belongs, distance = np.zeros(len(query), bool), np.full(len(query), np.inf)
        if len(query) and len(descriptors):
            indices, distances = nearest(query, descriptors, k=2, metric="euclidean")
            distance = distances[:, 0]
            if len(descriptors) > 1:
                belongs = (distance < ratio * distances[:, 1]) & _chosen_back(query, descriptors, indices[:, 0])
        own.append(belongs)
        best.append(distance)
    own, best = (np.reshape(rows, (len(own), len(query))) for rows in (own, best))
    if np.isfinite(best).any(axis=1).sum() > 1:
        first, second = np.partition(best, 1, axis=0)[:2]
        own |= (best == first) & (first < ratio * second)
    return own.sum(axis=1, dtype=np.int64)


def homography(first, second, matches, tolerance=3.0, seed=1):
    """The map between planes that most matches agree on, by RANSAC.

    Parameters
    ----------
    first, second : Keypoints
    matches : array, shape (matches, 2)
        As from :func:`match`.
    tolerance : float, default 3.0
        Pixels that a match may be off.
    seed : int, default 1

    Returns
    -------
    matrix : array, shape (3, 3), or None
        Takes (column, row, 1) of `first` to those of `second`; None with fewer than four matches, or without a plane.
    agree : array, shape (matches,), bool
        Which matches it explains.

    Examples
    --------
    >>> from embeddings.image.keypoints import Keypoints
    >>> rng = np.random.default_rng(0)
    >>> row, column = rng.uniform(0, 99, (2, 12))
    >>> other = np.zeros(12)
    >>> first, second = (Keypoints(row + d, column, other, other, other) for d in (0, 5))
    >>> matrix, agree = homography(first, second, np.stack([np.arange(12)] * 2, axis=1))
    >>> bool(agree.all()), matrix.round(3)[1, 2]
    (True, np.float64(5.0))
    """
    from skimage.measure import ransac
    from skimage.transform import ProjectiveTransform

    tolerance = check_number("tolerance", tolerance, minimum=0)
    nobody = np.zeros(len(matches), bool)
    if len(matches) < 4:
        return None, nobody
    pair = first.places[matches[:, 0], ::-1], second.places[matches[:, 1], ::-1]  # (column, row)
    model, agree = ransac(
        pair, ProjectiveTransform, min_samples=4, residual_threshold=tolerance, max_trials=1000, rng=seed
    )
    if not model or agree is None:
        return None, nobody
    return model.params, agree
