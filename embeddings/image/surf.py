"""SURF: SIFT's idea with boxes in place of blurs, several times as fast."""

import numpy as np

from embeddings.checks import check_integer, check_number
from embeddings.image.checks import check_picture, grey
from embeddings.image.keypoints import Keypoints, strongest
from kernels import surf
from kernels.device import implementation

# Filters of an octave.
FILTERS = 4


class SURF:
    """Speeded-up robust features.

    Where SIFT blurs, SURF sums over boxes of an integral image: any size costs the same. Keypoints are where
    the determinant of the Hessian is largest over place and scale; a descriptor sums how much fields around them rise.

    Parameters
    ----------
    n_keypoints : int, optional
        Keep the strongest this many. All by default.
    n_octaves : int, default 4
    threshold : float, default 0.0005
        Least determinant; white is 1.
    extended : bool, default False
        Descriptors of 128 numbers, in place of 64.
    upright : bool, default False
        Do not look for directions: faster, for pictures that are not turned (by less than 15° or so).
    device : {"cpu", "numpy"}, default "cpu"
        ``"numpy"`` is the reference.

    Examples
    --------
    >>> y, x = np.mgrid[:64, :64]
    >>> disc = ((y - 30) ** 2 + (x - 34) ** 2 <= 36).astype(np.float32)
    >>> points, descriptors = SURF(n_keypoints=1).detect_and_compute(disc)
    >>> points.row.round().tolist(), points.column.round().tolist(), descriptors.shape
    ([30.0], [34.0], (1, 64))

    References
    ----------
    .. [1] Bay, Ess, Tuytelaars & Van Gool, "Speeded-Up Robust Features (SURF)", CVIU 2008.
    """

    def __init__(self, n_keypoints=None, n_octaves=4, threshold=0.0005, extended=False, upright=False, device="cpu"):
        self.n_keypoints = n_keypoints
        self.n_octaves = n_octaves
        self.threshold = threshold
        self.extended = extended
        self.upright = upright
        self.device = device

    @property
    def width(self):
        """Numbers of a descriptor."""
        return 128 if self.extended else 64

    def detect(self, picture):
        """Keypoints of a picture; parameters and errors as in :meth:`~embeddings.image.SIFT.detect`.

        Returns
        -------
        Keypoints
            None in a picture that is constant, or smaller than two filters' difference (21 × 21).
        """
        return self._detect(self._integral(picture))

    def compute(self, picture, points):
        """Descriptors of keypoints, shape (n, 64) or (n, 128), float32, of length 1."""
        return self._compute(self._integral(picture), points)

    def detect_and_compute(self, picture):
        """Keypoints and descriptors, with the work done once."""
        integral = self._integral(picture)
        points = self._detect(integral)
        return points, self._compute(integral, points)

    # The steps --------------------------------------------------------------------------------------------------------

    def _integral(self, picture):
        if self.n_keypoints is not None:
            check_integer("n_keypoints", self.n_keypoints, minimum=1)
        check_integer("n_octaves", self.n_octaves, minimum=1, maximum=8)
        check_number("threshold", self.threshold, minimum=0)
        implementation(surf.MAXIMA_IMPLEMENTATIONS, self.device)
        return surf.integral_image(grey(check_picture(picture)))

    def _detect(self, integral):
        filter_boxes = implementation(surf.RESPONSES_IMPLEMENTATIONS, self.device)
        find = implementation(surf.MAXIMA_IMPLEMENTATIONS, self.device)
        H, W = integral.shape[0] - 1, integral.shape[1] - 1
        parts = []
        for o in range(self.n_octaves):
            step = 2**o
            sizes = 3 * (2 ** (o + 1) * np.arange(1, FILTERS + 1) + 1)
            responses = np.empty((FILTERS, -(-H // step), -(-W // step)), np.float32)
            if sizes[2] > min(H, W):
                break
            filter_boxes(integral, sizes, step, responses)
            # No more than one in eight can be larger than all of its neighbours.
            places = np.empty(responses.size // 8 + 1, np.int64)
            count = find(responses, self.threshold, places)
            i, y, x, offset, response = _refined(responses, places[:count])
            row, column = (y + offset[:, 1]) * step, (x + offset[:, 2]) * step
            L = sizes[0] + (i + offset[:, 0]) * (sizes[1] - sizes[0])
            parts.append(Keypoints(row, column, 1.2 * L / 9, np.zeros(len(row)), response))
        points = Keypoints.stack(parts)
        points = points[strongest(points, self.n_keypoints)]
        if self.upright:
            return points
        angles = np.empty(len(points))
        turn = implementation(surf.DIRECTIONS_IMPLEMENTATIONS, self.device)
        turn(integral, np.stack([points.row, points.column, points.scale], axis=1), angles)
        return Keypoints(points.row, points.column, points.scale, angles, points.response)

    def _compute(self, integral, points):
        if not isinstance(points, Keypoints):
            raise TypeError(f"points must be Keypoints, got a {type(points).__name__}")
        descriptors = np.empty((len(points), self.width), np.float32)
        places = np.stack([points.row, points.column, points.scale], axis=1)
        angles = np.zeros(len(points)) if self.upright else points.angle
        describe = implementation(surf.DESCRIPTORS_IMPLEMENTATIONS, self.device)
        describe(integral, places, angles, bool(self.extended), descriptors)
        return descriptors


def _refined(responses, places):
    """Move maxima to the summits of parabolas; those whose summit lies further than a neighbour are dropped."""
    i, y, x = np.unravel_index(places, responses.shape)
    around = np.arange(-1, 2)
    cube = responses[
        i[:, None, None, None] + around[:, None, None],
        y[:, None, None, None] + around[:, None],
        x[:, None, None, None] + around,
    ].astype(np.float64)  # (n, 3, 3, 3)
    middle = cube[:, 1, 1, 1]
    lines = np.stack([cube[:, :, 1, 1], cube[:, 1, :, 1], cube[:, 1, 1, :]], axis=1)  # (n, 3, 3)
    gradient = (lines[:, :, 2] - lines[:, :, 0]) / 2
    hessian = np.empty((len(i), 3, 3))
    for a in range(3):
        hessian[:, a, a] = lines[:, a, 2] + lines[:, a, 0] - 2 * middle
    for a, b, plane in ((0, 1, cube[:, :, :, 1]), (0, 2, cube[:, :, 1, :]), (1, 2, cube[:, 1])):
        mixed = (plane[:, 2, 2] - plane[:, 2, 0] - plane[:, 0, 2] + plane[:, 0, 0]) / 4
        hessian[:, a, b] = hessian[:, b, a] = mixed
    usable = np.abs(np.linalg.det(hessian)) > 1e-40
    hessian[~usable] = np.eye(3)
    offset = -np.linalg.solve(hessian, gradient[..., None])[..., 0]
    keep = usable & (np.abs(offset) <= 1).all(axis=1)
    response = middle + (gradient * offset).sum(axis=1) / 2
    return i[keep], y[keep], x[keep], offset[keep], response[keep]
