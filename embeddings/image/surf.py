"""SURF: SIFT's idea with boxes in place of blurs, several times as fast."""

import numpy as np

from embeddings.checks import check_integer, check_number
from embeddings.image.checks import check_picture, grey
from embeddings.image.keypoints import Keypoints, strongest
from kernels import surf, surf_descriptors
from kernels.device import implementation

# Filters of an octave; every second one is a filter of the next octave, too.
FILTERS = 4


class SURF:
    """Speeded-up robust features.

    Where SIFT blurs, SURF sums over boxes of an integral image: any size costs the same. Keypoints are where
    the determinant of the Hessian is largest over place and scale; a descriptor sums how much fields around them rise.
    The Hessian's boxes are two in a row here, by sums of sums, not one as in [1]_: that costs no more, and the filters
    are round enough to find in a turned picture what they found before.

    Parameters
    ----------
    n_keypoints : int, optional
        Keep the strongest this many. All by default.
    n_octaves : int, default 5
        In each, σ doubles; the first begins with 1.1.
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
    .. [2] Heckbert, "Filtering by Repeated Integration", SIGGRAPH 1986.
    """

    def __init__(self, n_keypoints=None, n_octaves=5, threshold=0.0005, extended=False, upright=False, device="cpu"):
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
            None in a picture that is constant, or smaller than the third filter (15 × 15).
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
        add_up = implementation(surf.INTEGRAL_IMPLEMENTATIONS, self.device)
        levels = np.rint(grey(check_picture(picture)) * np.float32(surf.WHITE)).astype(np.int64)
        integral = np.empty((levels.shape[0] + 1, levels.shape[1] + 1), np.int64)
        add_up(levels, integral)
        return integral

    def _detect(self, integral):
        find = implementation(surf.MAXIMA_IMPLEMENTATIONS, self.device)
        parts = []
        for lobes, step, responses in self._octaves(integral):
            # No more than one in eight can be larger than all of its neighbours.
            places = np.empty(responses.size // 8 + 1, np.int64)
            count = find(responses, self.threshold, places)
            i, y, x, offset, response = _refined(responses, places[:count])
            row, column = (y + offset[:, 1]) * step, (x + offset[:, 2]) * step
            scale = surf.filter_sigma(lobes[0] + (i + offset[:, 0]) * (lobes[1] - lobes[0]))
            parts.append(Keypoints(row, column, scale, np.zeros(len(row)), response))
        points = Keypoints.stack(parts)
        points = points[strongest(points, self.n_keypoints)]
        if self.upright:
            return points
        angles = np.empty(len(points))
        turn = implementation(surf_descriptors.DIRECTIONS_IMPLEMENTATIONS, self.device)
        turn(integral, np.stack([points.row, points.column, points.scale], axis=1), angles)
        return Keypoints(points.row, points.column, points.scale, angles, points.response)

    def _octaves(self, integral):
        """Lobes (4,), step and responses (4, height, width) of each octave."""
        respond = implementation(surf.RESPONSES_IMPLEMENTATIONS, self.device)
        H, W = integral.shape[0] - 1, integral.shape[1] - 1
        twice = np.empty((H + 2, W + 2), np.int64)
        implementation(surf.INTEGRAL_IMPLEMENTATIONS, self.device)(integral, twice)
        before, step_before = None, 1
        for o in range(self.n_octaves):
            lobes, step = 2**o * np.arange(1, FILTERS + 1) + 1, max(1, 2 ** (o - 1))
            if 4 * lobes[2] - 1 > min(H, W):
                return
            responses = np.empty((FILTERS, -(-H // step), -(-W // step)), np.float32)
            known = 0
            if before is not None:
                known, every = FILTERS // 2, step // step_before
                responses[:known] = before[1::2, ::every, ::every]
            respond(twice, surf.filter_sizes(lobes[known:]), step, responses[known:])
            yield lobes, step, responses
            before, step_before = responses, step

    def _compute(self, integral, points):
        if not isinstance(points, Keypoints):
            raise TypeError(f"points must be Keypoints, got a {type(points).__name__}")
        descriptors = np.empty((len(points), self.width), np.float32)
        places = np.stack([points.row, points.column, points.scale], axis=1)
        angles = np.zeros(len(points)) if self.upright else points.angle
        describe = implementation(surf_descriptors.DESCRIPTORS_IMPLEMENTATIONS, self.device)
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
