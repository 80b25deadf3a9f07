"""Keypoints: places in a picture that another picture of the same thing has, too."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Keypoints:
    """Where a detector found something, one number per keypoint in each array.

    Attributes
    ----------
    row, column : arrays, shape (n,), float64
        Place in pixels; the middle of the first pixel is (0, 0).
    scale : array, shape (n,), float64
        σ of the blur at which it stands out, in pixels: its size.
    angle : array, shape (n,), float64
        Direction in radians, from 0 to 2π: 0 looks along the columns to the right, π/2 down the rows.
    response : array, shape (n,), float64
        How much it stands out.

    Examples
    --------
    >>> points = Keypoints(*np.arange(10.0).reshape(5, 2))
    >>> len(points), points[[1]].row.tolist(), points.places.tolist()
    (2, [1.0], [[0.0, 2.0], [1.0, 3.0]])
    """

    row: np.ndarray
    column: np.ndarray
    scale: np.ndarray
    angle: np.ndarray
    response: np.ndarray

    def __post_init__(self):
        for name, value in vars(self).items():
            value = np.asarray(value, np.float64)
            if value.ndim != 1 or len(value) != len(self.row):
                raise ValueError(f"{name} must be {len(self.row)} numbers, got shape {value.shape}")
            if not np.isfinite(value).all():
                raise ValueError(f"{name} holds NaN or infinity")
            object.__setattr__(self, name, value)

    def __len__(self):
        return len(self.row)

    def __getitem__(self, which):
        return Keypoints(*(np.atleast_1d(value[which]) for value in vars(self).values()))

    @property
    def places(self):
        """Rows and columns, shape (n, 2)."""
        return np.stack([self.row, self.column], axis=1)

    @classmethod
    def stack(cls, parts):
        """One set of keypoints from an iterable of them."""
        parts = list(parts)
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts] or [[]]) for f in dataclasses.fields(cls)))


def strongest(points, n):
    """Numbers of the n keypoints of largest response, in rising order; all, if n is None."""
    if n is None or len(points) <= n:
        return np.arange(len(points))
    return np.sort(np.argsort(-points.response, kind="stable")[:n])
