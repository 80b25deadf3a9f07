"""Pictures as bags of words: every descriptor is rounded to a word of a vocabulary that k-means finds."""

import numpy as np

from embeddings.base import Embedder
from embeddings.checks import check_choice, check_integer
from embeddings.image.checks import check_pictures
from embeddings.image.sift import SIFT
from embeddings.image.surf import SURF
from embeddings.progress import progress
from embeddings.similarity import nearest

# Descriptors that the vocabulary is learned from, at most; k-means over more takes long and finds hardly better words.
SAMPLE = 50_000
ITERATIONS = 20

# Smooth pictures have keypoints of low contrast alone; of others, the strongest are taken.
DETECTORS = {
    "sift": lambda n: SIFT(n_keypoints=n, contrast=0.01),
    "rootsift": lambda n: SIFT(n_keypoints=n, contrast=0.01, root=True),
    "surf": lambda n: SURF(n_keypoints=n, threshold=0.0001),
}


class _VisualWords(Embedder):
    """What both kinds share: descriptors, and a vocabulary of them.

    `words_` are its words, shape (n_words, d), float32.
    """

    def fit(self, X, y=None):
        """Learn a vocabulary.

        Parameters
        ----------
        X : array or iterable of arrays
            Pictures of any sizes.

        Raises
        ------
        ValueError
            If a parameter is out of range, or the pictures have fewer keypoints than there are words.
        """
        self._learn(self._describe(X))
        return self

    def transform(self, X):
        """Vectors of pictures, shape (n_pictures, n_features), float32; zeros for one without keypoints."""
        self._check_is_fitted()
        return self._embed(self._describe(X))

    def fit_transform(self, X, y=None):
        """``fit(X).transform(X)``, with the keypoints found once."""
        described = self._describe(X)
        self._learn(described)
        return self._embed(described)

    def _describe(self, X):
        check_integer("n_words", self.n_words, minimum=1)
        check_choice("detector", self.detector, tuple(DETECTORS))
        check_integer("seed", self.seed, minimum=0)
        if self.n_keypoints is not None:
            check_integer("n_keypoints", self.n_keypoints, minimum=1)
        detector = DETECTORS[self.detector](self.n_keypoints)
        pictures = check_pictures(X)
        return [detector.detect_and_compute(p)[1] for p in progress(pictures, desc="keypoints", unit="picture")]

    def _learn(self, described):
        from scipy.cluster.vq import kmeans2

        if not described:
            raise ValueError("X is empty: there is no picture to learn words from")
        found = np.concatenate(described)
        if len(found) < self.n_words:
            raise ValueError(
                f"n_words={self.n_words} needs as many keypoints, but the {len(described)} pictures have {len(found)}"
            )
        rng = np.random.default_rng(self.seed)
        sample = found[np.sort(rng.permutation(len(found))[:SAMPLE])]
        first = sample[np.sort(rng.permutation(len(sample))[: self.n_words])]
        words, _ = kmeans2(sample.astype(np.float64), first.astype(np.float64), iter=ITERATIONS, minit="matrix")
        self.words_ = words.astype(np.float32)
        self._weigh(described)

    def _weigh(self, described):
        """What a kind learns beyond its words."""

    def _words_of(self, descriptors):
        """Number of the nearest word of each descriptor."""
        return nearest(descriptors, self.words_, k=1, metric="euclidean")[0][:, 0]

    def _set_state(self, state):
        super()._set_state(state)
        d = DETECTORS[self.detector](None).width
        if self.words_.shape != (self.n_words, d) or not np.isfinite(self.words_).all():
            raise ValueError(f"words_ must be {self.n_words} × {d} finite numbers, got shape {self.words_.shape}")


class BagOfVisualWords(_VisualWords):
    """How often each visual word occurs in a picture, weighted by TF-IDF.

    Parameters
    ----------
    n_words : int, default 1000
        Size of the vocabulary.
    detector : {"sift", "rootsift", "surf"}, default "rootsift"
    n_keypoints : int, default 1000
        The strongest this many of each picture are taken; None takes all.
    sublinear_tf : bool, default True
        Take 1 + ln(count) for a count.
    seed : int, default 1
        Of the words that k-means starts with.

    Attributes
    ----------
    words_ : array, shape (n_words, d), float32
    idf_ : array, shape (n_words,), float64
        Weight of each word.

    Examples
    --------
    >>> from skimage import data
    >>> pictures = [data.camera()[:200, 100:300], data.coins()[:200, :200]]
    >>> model = BagOfVisualWords(n_words=20)
    >>> vectors = model.fit_transform(pictures)
    >>> vectors.shape, np.linalg.norm(vectors, axis=1).round(3).tolist()
    ((2, 20), [1.0, 1.0])

    References
    ----------
    .. [1] Sivic & Zisserman, "Video Google: A Text Retrieval Approach to Object Matching in Videos", ICCV 2003.
    """

    def __init__(self, n_words=1000, detector="rootsift", n_keypoints=1000, sublinear_tf=True, seed=1):
        self.n_words = n_words
        self.detector = detector
        self.n_keypoints = n_keypoints
        self.sublinear_tf = sublinear_tf
        self.seed = seed

    def counts(self, X):
        """How often each word occurs in each picture.

        Returns
        -------
        array, shape (n_pictures, n_words), int64
        """
        self._check_is_fitted()
        return self._counts(self._describe(X))

    def _counts(self, described):
        counts = np.zeros((len(described), self.n_words), np.int64)
        for descriptors, row in zip(described, counts, strict=True):
            if len(descriptors):
                row += np.bincount(self._words_of(descriptors), minlength=self.n_words)
        return counts

    def _weigh(self, described):
        # As the text chapter has it: one more document that holds every word.
        holds = (self._counts(described) > 0).sum(axis=0)
        self.idf_ = np.log((1 + len(described)) / (1 + holds)) + 1

    def _embed(self, described):
        from scipy import sparse

        from embeddings.text.tfidf import weigh
        from kernels.tfidf import NORMS

        counts = sparse.csr_matrix(self._counts(described))
        counts.data = weigh(counts.indptr, counts.indices, counts.data, self.idf_, bool(self.sublinear_tf), NORMS["l2"])
        return counts.toarray().astype(np.float32)

    def _set_state(self, state):
        super()._set_state(state)
        if self.idf_.shape != (self.n_words,) or not np.isfinite(self.idf_).all():
            raise ValueError(f"idf_ must be {self.n_words} finite numbers")


class VLAD(_VisualWords):
    """Vectors of locally aggregated descriptors: for each word, the sum of how its descriptors differ from it.

    Parameters
    ----------
    n_words : int, default 32
        Few are enough: each gives as many numbers as a descriptor has.
    detector : {"sift", "rootsift", "surf"}, default "rootsift"
    n_keypoints : int, default 1000
        The strongest this many of each picture are taken; None takes all.
    seed : int, default 1

    Attributes
    ----------
    words_ : array, shape (n_words, d), float32

    Examples
    --------
    >>> from skimage import data
    >>> VLAD(n_words=4).fit_transform([data.camera()[:200, 100:300], data.coins()[:200, :200]]).shape
    (2, 512)

    References
    ----------
    .. [1] Jégou, Douze, Schmid & Pérez, "Aggregating local descriptors into a compact image representation", CVPR
       2010; each word's sum brought to length 1: Arandjelović & Zisserman, "All about VLAD", CVPR 2013.
    """

    def __init__(self, n_words=32, detector="rootsift", n_keypoints=1000, seed=1):
        self.n_words = n_words
        self.detector = detector
        self.n_keypoints = n_keypoints
        self.seed = seed

    def _embed(self, described):
        d = self.words_.shape[1]
        vectors = np.zeros((len(described), self.n_words, d), np.float32)
        for descriptors, vector in zip(described, vectors, strict=True):
            if len(descriptors):
                words = self._words_of(descriptors)
                np.add.at(vector, words, descriptors - self.words_[words])
        vectors /= np.maximum(np.linalg.norm(vectors, axis=2, keepdims=True), 1e-12)
        flat = vectors.reshape(len(described), self.n_words * d)
        return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)
