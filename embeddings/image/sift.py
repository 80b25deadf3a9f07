"""SIFT: keypoints that are found again in a turned, scaled or dimmed picture, and what they look like."""

import math

import numpy as np

from embeddings.checks import check_integer, check_number
from embeddings.image.checks import check_picture, grey
from embeddings.image.keypoints import Keypoints, strongest
from kernels import blur, sift, sift_descriptors
from kernels.device import implementation

# Pixels at the edge of an octave where nothing is looked for, and the least height and width of an octave.
BORDER = 5
SMALLEST = 16

# Other directions of a keypoint count if they reach this part of the strongest.
SECOND = 0.8

# Blur that a picture has when it comes.
INPUT_SIGMA = 0.5


class SIFT:
    """Scale-invariant feature transform.

    A picture is blurred more and more; where the difference of two blurs is larger or smaller than at all neighbours in
    place and scale, there is a keypoint, as large as the blur. It is turned to where its surroundings get brighter, and
    the gradients around it, in 4 × 4 fields and 8 directions, are its descriptor.

    Parameters
    ----------
    n_keypoints : int, optional
        Keep the strongest this many. All by default.
    n_scales : int, default 3
        Blurs per octave, in which σ doubles.
    contrast : float, default 0.04
        Keypoints whose response is below contrast / n_scales are dropped; white is 1.
    edge : float, default 10
        Largest ratio of the curvatures across and along, beyond which a keypoint lies on an edge and is dropped.
    sigma : float, default 1.6
        Blur of the first level of each octave, in its pixels.
    double : bool, default True
        Begin with a picture of twice the size, which finds four times as many.
    root : bool, default False
        RootSIFT: divide a descriptor by its sum and take square roots, so that its Euclidean distance is Hellinger's.
    device : {"cpu", "numpy"}, default "cpu"
        ``"numpy"`` is the reference.

    Examples
    --------
    A white disc of radius 8 on black is found in its middle, where σ is the radius over √2:

    >>> y, x = np.mgrid[:64, :64]
    >>> disc = ((y - 30) ** 2 + (x - 34) ** 2 <= 64).astype(np.float32)
    >>> points = SIFT(n_keypoints=1).detect(disc)
    >>> (points.row.round().tolist()[0], points.column.round().tolist()[0])
    (30.0, 34.0)
    >>> bool(abs(points.scale[0] - 8 / 2**0.5) < 1)
    True

    References
    ----------
    .. [1] Lowe, "Distinctive Image Features from Scale-Invariant Keypoints", IJCV 2004.
    .. [2] Rey Otero & Delbracio, "Anatomy of the SIFT Method", IPOL 2014.
    .. [3] Arandjelović & Zisserman, "Three things everyone should know to improve object retrieval", CVPR 2012.
    """

    width = 128

    def __init__(
        self,
        n_keypoints=None,
        n_scales=3,
        contrast=0.04,
        edge=10,
        sigma=1.6,
        double=True,
        root=False,
        device="cpu",
    ):
        self.n_keypoints = n_keypoints
        self.n_scales = n_scales
        self.contrast = contrast
        self.edge = edge
        self.sigma = sigma
        self.double = double
        self.root = root
        self.device = device

    def detect(self, picture):
        """Keypoints of a picture.

        Parameters
        ----------
        picture : array, shape (height, width) or (height, width, 3)
            As :func:`~embeddings.image.checks.check_picture` takes it.

        Returns
        -------
        Keypoints
            None in a picture that is constant, or smaller than an octave (8 × 8 pixels, or 16 × 16 without `double`).

        Raises
        ------
        TypeError, ValueError
            For a parameter out of range, or for what is no picture.
        """
        return self._detect(self._octaves(picture))

    def compute(self, picture, points):
        """Descriptors of keypoints, in their order.

        Parameters
        ----------
        picture : array
        points : Keypoints
            Also those of another detector.

        Returns
        -------
        array, shape (n, 128), float32
            Of length 1; zeros where the surroundings are constant.
        """
        return self._compute(self._octaves(picture), points)

    def detect_and_compute(self, picture):
        """Keypoints and descriptors, as :meth:`detect` and :meth:`compute` give them, with the work done once."""
        octaves = self._octaves(picture)
        points = self._detect(octaves)
        return points, self._compute(octaves, points)

    # The steps --------------------------------------------------------------------------------------------------------

    def _octaves(self, picture):
        """Blurred pictures of each octave: a list of arrays (n_scales + 3, height, width)."""
        self._check_parameters()
        picture = np.ascontiguousarray(grey(check_picture(picture)))
        blur_rows = implementation(blur.IMPLEMENTATIONS, self.device)
        first = picture
        if self.double:
            first = np.empty((2 * picture.shape[0], 2 * picture.shape[1]), np.float32)
            implementation(blur.DOUBLE_IMPLEMENTATIONS, self.device)(picture, first)
        S, k = self.n_scales + 3, 2 ** (1 / self.n_scales)
        octaves = []
        while min(first.shape) >= SMALLEST:
            levels = np.empty((S, *first.shape), np.float32)
            if octaves:
                levels[0] = first
            else:
                has = INPUT_SIGMA * (2 if self.double else 1)
                blur_rows(first, blur.gaussian(math.sqrt(max(self.sigma**2 - has**2, 0.01))), levels[0])
            for s in range(1, S):
                more = self.sigma * k ** (s - 1) * math.sqrt(k**2 - 1)
                blur_rows(levels[s - 1], blur.gaussian(more), levels[s])
            octaves.append(levels)
            first = np.ascontiguousarray(levels[self.n_scales, ::2, ::2])
        return octaves

    def _pixel(self, octave):
        """Width of an octave's pixel in pixels of the picture."""
        return 2.0**octave / (2 if self.double else 1)

    def _detect(self, octaves):
        find = implementation(sift.EXTREMA_IMPLEMENTATIONS, self.device)
        refine = implementation(sift.REFINE_IMPLEMENTATIONS, self.device)
        contrast = self.contrast / self.n_scales
        parts = []
        for o, levels in enumerate(octaves):
            capacity = 1 << 12
            places = np.empty(capacity, np.int64)
            count = find(levels, 0.5 * contrast, BORDER, places)
            if count > capacity:
                places = np.empty(count, np.int64)
                find(levels, 0.5 * contrast, BORDER, places)
            refined = np.empty((min(count, len(places)), 5))
            n = refine(levels, places[:count], contrast, float(self.edge), BORDER, refined)
            row, column, scale, response, _ = refined[_different(refined[:n], levels.shape)].T
            sigma = self.sigma * 2 ** (scale / self.n_scales)
            level = np.clip(np.rint(scale), 1, self.n_scales)
            which, angle = self._angles(levels, np.stack([row, column, sigma, level], axis=1))
            pixel = self._pixel(o)
            found = Keypoints(row * pixel, column * pixel, sigma * pixel, np.zeros(len(row)), response)[which]
            parts.append(Keypoints(found.row, found.column, found.scale, angle, found.response))
        points = Keypoints.stack(parts)
        return points[strongest(points, self.n_keypoints)]

    def _angles(self, levels, places):
        """Numbers of keypoints, one that looks in several directions several times, and their angles."""
        h = np.empty((len(places), sift_descriptors.BINS), np.float32)
        implementation(sift_descriptors.ORIENTATIONS_IMPLEMENTATIONS, self.device)(levels, places, h)
        before, behind = np.roll(h, 1, axis=1), np.roll(h, -1, axis=1)
        which, k = np.nonzero((h > before) & (h >= behind) & (h >= SECOND * h.max(axis=1, keepdims=True)))
        left, peak, right = before[which, k], h[which, k], behind[which, k]
        # The summit of a parabola through the peak and its neighbours.
        place = k + 0.5 * (left - right) / (left - 2 * peak + right)
        return which, place % sift_descriptors.BINS * (2 * np.pi / sift_descriptors.BINS)

    def _compute(self, octaves, points):
        if not isinstance(points, Keypoints):
            raise TypeError(f"points must be Keypoints, got a {type(points).__name__}")
        descriptors = np.zeros((len(points), self.width), np.float32)
        if not octaves or not len(points):
            return descriptors
        describe = implementation(sift_descriptors.DESCRIPTORS_IMPLEMENTATIONS, self.device)
        # Where in the scale space each one lies: σ = sigma 2^(octave + level / n_scales), level from 1 to n_scales.
        steps = self.n_scales * np.log2(np.maximum(points.scale, 1e-9) / self._pixel(0) / self.sigma)
        octave = np.clip(np.floor((np.rint(steps) - 1) / self.n_scales), 0, len(octaves) - 1).astype(int)
        level = np.clip(np.rint(steps - self.n_scales * octave), 0, self.n_scales + 2)
        for o in np.unique(octave):
            which = np.flatnonzero(octave == o)
            pixel = self._pixel(o)
            numbers = points.row[which], points.column[which], points.scale[which]
            places = np.stack([*(number / pixel for number in numbers), level[which]], axis=1)
            result = np.empty((len(which), self.width), np.float32)
            describe(octaves[o], places, points.angle[which], result)
            descriptors[which] = result
        if self.root:
            descriptors = np.sqrt(descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-30))
        return descriptors

    def _check_parameters(self):
        if self.n_keypoints is not None:
            check_integer("n_keypoints", self.n_keypoints, minimum=1)
        check_integer("n_scales", self.n_scales, minimum=1)
        check_number("contrast", self.contrast, minimum=0)
        check_number("edge", self.edge, minimum=1)
        check_number("sigma", self.sigma, minimum=INPUT_SIGMA)
        implementation(sift.REFINE_IMPLEMENTATIONS, self.device)


def _different(refined, shape):
    """Numbers of refined keypoints, of several that ended at one place the first."""
    key = (refined[:, 4] * shape[1] + np.rint(refined[:, 0])) * shape[2] + np.rint(refined[:, 1])
    return np.sort(np.unique(key, return_index=True)[1])
