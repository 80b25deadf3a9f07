"""LSA: the best few dimensions of a large sparse matrix."""

import numpy as np
from scipy import sparse

from embeddings.base import Embedder
from embeddings.checks import check_integer


class LSA(Embedder):
    """Latent semantic analysis: a truncated singular value decomposition X ≈ U S Vᵀ, whose rows U S are the vectors.

    X is any matrix of things by features: TF-IDF of documents, PPMI of words. The decomposition is found by random
    projections (Halko, Martinsson & Tropp 2011, algorithms 4.4 and 5.1), which read X a few times and never square it.

    Parameters
    ----------
    n_components : int, default 100
    n_iter : int, default 5
        Power iterations: more are more exact.
    n_oversamples : int, default 10
        Dimensions that are computed beside, and thrown away.
    seed : int, default 1

    Attributes
    ----------
    components_ : array, shape (n_components, n_features), float32
        Vᵀ; its rows have the length 1, and the largest number of each is positive.
    singular_values_ : array, shape (n_components,), float32
        The diagonal of S, falling.

    Examples
    --------
    >>> X = np.array([[3.0, 0, 0], [0, 2, 0], [0, 0, 1]])
    >>> model = LSA(n_components=2).fit(X)
    >>> model.singular_values_.round(4).tolist()
    [3.0, 2.0]
    >>> model.transform(X).round(4).tolist()
    [[3.0, 0.0], [0.0, 2.0], [0.0, 0.0]]

    References
    ----------
    Deerwester et al., "Indexing by Latent Semantic Analysis", 1990; Halko, Martinsson & Tropp, "Finding Structure with
    Randomness", SIAM Review 2011.
    """

    def __init__(self, n_components=100, n_iter=5, n_oversamples=10, seed=1):
        self.n_components = n_components
        self.n_iter = n_iter
        self.n_oversamples = n_oversamples
        self.seed = seed

    def fit(self, X, y=None):
        """Find the dimensions of `X`, a dense or sparse matrix of shape (n, n_features).

        Raises
        ------
        TypeError, ValueError
            For bad parameters, NaN, or fewer rows or columns than `n_components`.
        """
        for name in ("n_components", "n_iter", "n_oversamples", "seed"):
            check_integer(name, getattr(self, name), minimum=0 if name != "n_components" else 1)
        X = _matrix(X)
        if self.n_components > min(X.shape):
            raise ValueError(f"n_components is {self.n_components}, but X, {X.shape}, has fewer dimensions")
        width = min(self.n_components + self.n_oversamples, min(X.shape))
        Q = np.random.default_rng(self.seed).standard_normal((X.shape[1], width))
        # The range of X, turned towards its largest dimensions by every product with XᵀX.
        for _ in range(self.n_iter):
            Q, _ = np.linalg.qr(X.T @ np.linalg.qr(X @ Q)[0])
        Q, _ = np.linalg.qr(X @ Q)  # (n, width)
        _, S, Vt = np.linalg.svd((X.T @ Q).T, full_matrices=False)
        Vt = Vt[: self.n_components]
        largest = Vt[np.arange(len(Vt)), np.abs(Vt).argmax(axis=1)]
        self.components_ = (Vt * np.where(largest < 0, -1, 1)[:, None]).astype(np.float32)
        self.singular_values_ = S[: self.n_components].astype(np.float32)
        return self

    def transform(self, X):
        """U S = X V of other rows.

        Returns
        -------
        array, shape (n, n_components), float32
        """
        self._check_is_fitted()
        X = _matrix(X)
        if X.shape[1] != self.components_.shape[1]:
            raise ValueError(f"X has {X.shape[1]} features, fitted were {self.components_.shape[1]}")
        return np.asarray(X @ self.components_.T, np.float32)


def _matrix(X):
    X = sparse.csr_matrix(X) if sparse.issparse(X) else np.asarray(X)
    if X.ndim != 2:
        raise ValueError(f"X must be a matrix, got the shape {X.shape}")
    if X.dtype.kind not in "fiub":
        raise TypeError(f"X must hold numbers, got {X.dtype}")
    if not np.isfinite(X.data if sparse.issparse(X) else X).all():
        raise ValueError("X holds NaN or infinity")
    return X
