"""Losses: how wrong a prediction is, and the gradient with respect to it.

``loss(prediction, target)`` gives a number, the mean over all targets that count, and an array like `prediction`.
``loss.count`` then tells over how many targets the mean went, so that means of batches can be joined.
"""

import numpy as np

from embeddings.checks import check_choice, check_number


class Loss:
    """Base of the losses: a subclass defines ``__call__`` and sets `count` there."""

    count = 0

    def __call__(self, prediction, target):
        raise NotImplementedError(f"{type(self).__name__} does not define __call__")

    def __repr__(self):
        options = ", ".join(f"{name}={value!r}" for name, value in vars(self).items() if name != "count")
        return f"{type(self).__name__}({options})"


class CrossEntropy(Loss):
    """``-log softmax(prediction)[target]``, the mean over the targets.

    Parameters
    ----------
    ignore_index : int, default -100
        Targets of this value do not count: padding, or words that were not masked.

    Examples
    --------
    >>> loss = CrossEntropy()
    >>> value, grad = loss(np.log([[1.0, 3.0], [1.0, 1.0]]), np.array([0, -100]))
    >>> round(value, 6), grad.round(6).tolist(), loss.count
    (1.386294, [[-0.75, 0.75], [0.0, 0.0]], 1)
    """

    def __init__(self, ignore_index=-100):
        self.ignore_index = ignore_index

    def __call__(self, prediction, target):
        """Scores (…, n_classes) and class numbers (…)."""
        n = prediction.shape[-1]
        target = np.asarray(target)
        if target.shape != prediction.shape[:-1]:
            raise ValueError(
                f"target must have the shape {prediction.shape[:-1]} for scores of shape {prediction.shape}, "
                f"got {target.shape}"
            )
        if target.dtype.kind not in "iu":
            raise TypeError(f"target must be class numbers, got an array of {target.dtype}")
        grad = np.zeros_like(prediction)
        places = np.flatnonzero(target.ravel() != self.ignore_index)
        self.count = len(places)
        if not self.count:
            return 0.0, grad
        every = self.count == target.size
        scores = prediction.reshape(-1, n) if every else prediction.reshape(-1, n)[places]
        chosen = target.ravel()[places]
        if chosen.min() < 0 or chosen.max() >= n:
            raise ValueError(f"target must lie in 0 to {n - 1}, got {chosen.min()} to {chosen.max()}")
        rows = np.arange(len(places))
        shifted = scores - scores.max(axis=1, keepdims=True)
        at_target = shifted[rows, chosen]
        e = np.exp(shifted, out=shifted)
        total = e.sum(axis=1)
        value = float((np.log(total) - at_target).mean(dtype=np.float64))
        # p - 1 at the target, p elsewhere, over the number of targets.
        e /= total[:, None]
        e[rows, chosen] -= 1
        e /= self.count
        if every:
            return value, e.reshape(prediction.shape)
        grad.reshape(-1, n)[places] = e
        return value, grad


class BinaryCrossEntropy(Loss):
    """``-t log σ(x) - (1 - t) log(1 - σ(x))`` of scores x and targets t in [0, 1], the mean over all numbers.

    Examples
    --------
    >>> value, grad = BinaryCrossEntropy()(np.array([0.0]), np.array([1.0]))
    >>> round(value, 6), grad.tolist()
    (0.693147, [-0.5])
    """

    def __call__(self, prediction, target):
        target = _same_shape(prediction, target)
        self.count = prediction.size
        e = np.exp(-np.abs(prediction))
        value = np.maximum(prediction, 0) - prediction * target + np.log1p(e)
        sigmoid = np.where(prediction >= 0, 1, e) / (1 + e)
        return float(value.mean(dtype=np.float64)), ((sigmoid - target) / self.count).astype(prediction.dtype)


class MSE(Loss):
    """``(prediction - target)²``, the mean over all numbers.

    Examples
    --------
    >>> MSE()(np.array([[1.0, 2.0]]), np.array([[1.0, 4.0]]))
    (2.0, array([[ 0., -2.]]))
    """

    def __call__(self, prediction, target):
        difference = prediction - _same_shape(prediction, target)
        self.count = prediction.size
        value = float(np.square(difference).mean(dtype=np.float64))
        return value, difference * prediction.dtype.type(2 / self.count)


# The score of what is not to be told apart: e to it is 0.
_NO_RIVAL = -1e4


class InfoNCE(Loss):
    """Two views of the same thing closer to each other than to all others (van den Oord et al. 2018, equation 4).

    Row i of the first half of `prediction` belongs to row i of the second. With a and b the two halves, each row at
    length 1, and S = a bᵀ / temperature, the loss is the cross-entropy of S with its diagonal as targets. Rows that are
    known to say the same need not be told apart.

    Parameters
    ----------
    temperature : float, default 0.05
    symmetric : bool, default True
        The mean of both directions: b among a's, too (as CLIP does).
    similarity : {"cosine", "dot"}, default "cosine"
        "dot": rows keep their lengths.

    Examples
    --------
    >>> close = np.array([[1.0, 0], [0, 1], [1, 0], [0, 1]])
    >>> far = np.array([[1.0, 0], [0, 1], [0, 1], [1, 0]])
    >>> loss = InfoNCE(temperature=0.5)
    >>> round(loss(close)[0], 4), round(loss(far)[0], 4)
    (0.1269, 2.1269)
    >>> loss(far, target=[7, 7])[0]
    0.0
    """

    def __init__(self, temperature=0.05, symmetric=True, similarity="cosine"):
        self.temperature = check_number("temperature", temperature)
        if self.temperature <= 0:
            raise ValueError(f"temperature must be above 0, got {temperature!r}")
        self.symmetric, self.similarity = symmetric, check_choice("similarity", similarity, ("cosine", "dot"))

    def __call__(self, prediction, target=None):
        """Vectors (2 N, d); `target`, if given, (N,), has the same number for rows that say the same."""
        if prediction.ndim != 2 or len(prediction) % 2 or not len(prediction):
            raise ValueError(f"InfoNCE takes two halves of vectors (2 N, d), got an array of shape {prediction.shape}")
        N = self.count = len(prediction) // 2
        vectors = prediction
        if self.similarity == "cosine":
            lengths = np.maximum(np.linalg.norm(prediction, axis=1, keepdims=True), 1e-12)
            vectors = prediction / lengths
        a, b = vectors[:N], vectors[N:]
        scores = a @ b.T / prediction.dtype.type(self.temperature)  # (N, N)
        diagonal, cross_entropy = np.arange(N), CrossEntropy()
        if target is not None:
            target = np.asarray(target)
            if target.shape != (N,):
                raise ValueError(f"target must be {N} numbers, one for each pair, got the shape {target.shape}")
            scores[(target[:, None] == target) & (diagonal[:, None] != diagonal)] = _NO_RIVAL
        value, d_scores = cross_entropy(scores, diagonal)
        if self.symmetric:
            other, d_other = cross_entropy(np.ascontiguousarray(scores.T), diagonal)
            value, d_scores = (value + other) / 2, (d_scores + d_other.T) / 2
        d_scores = d_scores / prediction.dtype.type(self.temperature)
        grad = np.concatenate([d_scores @ b, d_scores.T @ a])
        if self.similarity == "cosine":
            # v = x / |x|  =>  dx = (dv - v (v · dv)) / |x|
            grad = (grad - vectors * (vectors * grad).sum(axis=1, keepdims=True)) / lengths
        return value, grad.astype(prediction.dtype)


def _same_shape(prediction, target):
    target = np.asarray(target, prediction.dtype)
    if target.shape != prediction.shape:
        raise ValueError(f"target must have the prediction's shape {prediction.shape}, got {target.shape}")
    return target
