"""GloVe: word vectors from how often words stand together."""

import tempfile

import numpy as np

from embeddings.checks import check_choice, check_integer, check_number
from embeddings.progress import progress
from embeddings.text.cooccurrence import Cooccurrences
from embeddings.text.corpus import Corpus
from embeddings.text.word_embedder import Training, WordEmbedder
from kernels import glove as kernel
from kernels.device import implementation, to_device, to_host
from kernels.simd import LANES, rows_of_zeros


class GloVe(WordEmbedder):
    """Global vectors: w_i · w̃_j + b_i + b̃_j ≈ log X_ij, where X counts how often words stand together.

    Parameters
    ----------
    vector_size : int, default 100
    window : int, default 10
        How far a word sees.
    min_count : int, default 5
        Rarer words are left out.
    symmetric : bool, default True
        A word sees to both sides; False: to the left alone.
    distance_weighting : bool, default True
        A word counts 1 / distance; False: 1.
    x_max : float, default 100
        An entry of X below it counts less,
    power : float, default 0.75
        by (X_ij / x_max) to this power ("α" in the paper).
    alpha : float, default 0.05
        Learning rate of AdaGrad ("η" in the paper).
    epochs : int, default 15
    workers : int, default 1
        Threads. The vectors are the same, to the last bit, for any number.
    device : {"cpu", "cuda", "numpy"}, default "cpu"
        What counts and trains: our threads; an NVIDIA GPU, whose vectors are the same in every run, too, and but for
        rounding those of the CPU; or the reference in NumPy, to be read and compared with, hundreds of times slower.
    seed : int, default 1
    callbacks : sequence of callables, default ()
        Each is called with the model after every epoch; ``vectors_`` are those so far.
    checkpoint : path, optional
        A file that keeps the state of the training, written every minute and after every epoch. If it is there and
        fits, ``fit`` goes on from it; it is removed at the end.

    Attributes
    ----------
    index_to_key_ : list of str
        The words, the most frequent first.
    counts_ : array, shape (V,), int64
    vectors_ : array, shape (V, vector_size), float32
        w + w̃: X is symmetric, so that both learn the same, from different random numbers (section 4.2).
    context_vectors_ : array, shape (V, vector_size), float32
        w̃ alone.
    biases_, context_biases_ : arrays, shape (V,), float32
        b and b̃.
    loss_history_ : list of float
        Mean loss ½ f(X_ij) (…)² of an entry in each epoch, before each update.
    wv : KeyedVectors
        The vectors with gensim's vocabulary: ``most_similar``, ``doesnt_match`` …

    Examples
    --------
    "red" and "apple" stand together 50 times, and that is what the product says:

    >>> sentences = [["red", "apple"], ["green", "apple"], ["red", "pear"], ["green", "pear"]] * 50
    >>> model = GloVe(vector_size=8, window=1, epochs=50, seed=1).fit(sentences)
    >>> red, apple = (model.index_to_key_.index(word) for word in ("red", "apple"))
    >>> product = (model.vectors_ - model.context_vectors_)[red] @ model.context_vectors_[apple]
    >>> round(float(np.exp(product + model.biases_[red] + model.context_biases_[apple])))
    50

    References
    ----------
    Pennington, Socher & Manning, "GloVe: Global Vectors for Word Representation", EMNLP 2014.
    """

    def __init__(
        self,
        vector_size=100,
        window=10,
        min_count=5,
        symmetric=True,
        distance_weighting=True,
        x_max=100,
        power=0.75,
        alpha=0.05,
        epochs=15,
        workers=1,
        device="cpu",
        seed=1,
        callbacks=(),
        checkpoint=None,
    ):
        self.vector_size = vector_size
        self.window = window
        self.min_count = min_count
        self.symmetric = symmetric
        self.distance_weighting = distance_weighting
        self.x_max = x_max
        self.power = power
        self.alpha = alpha
        self.epochs = epochs
        self.workers = workers
        self.device = device
        self.seed = seed
        self.callbacks = callbacks
        self.checkpoint = checkpoint

    def fit(self, X, y=None):
        """Count, and learn vectors from the counts.

        Parameters
        ----------
        X : path, or iterable of str or of lists of str
            A text file with a sentence in each line, plain or gzipped; or sentences, as text or as lists of words. They
            are read once.

        Raises
        ------
        TypeError, ValueError
            For bad parameters or sentences, or if no word occurs `min_count` times, or no two stand together.
        FloatingPointError
            If the training diverges: `alpha` is too large.
        RuntimeError
            For ``device="cuda"`` where there is no GPU.
        KeyboardInterrupt
            After Ctrl-C. The model then has what it learned so far, and can be used and saved.
        """
        self._check_parameters()
        words, counts, entries = self._count(X)
        if len(entries) == 0:
            raise ValueError("no two words stand together in any sentence; there is nothing to learn from")
        self.index_to_key_, self.counts_, self.loss_history_ = words, counts, []
        _GloVeTraining(self, entries).run()
        return self

    def _count(self, X):
        """Words, how often each occurs, and the entries of the matrix; of the text itself nothing stays in memory."""
        corpus = Corpus.encode(X, self.min_count, workers=self.workers)
        counts = Cooccurrences(corpus, self.window, self.symmetric, self.distance_weighting, self.device)
        words, frequencies = corpus.words, corpus.counts
        del corpus
        return words, frequencies, _Entries(counts, self.seed)

    def _check_parameters(self):
        self._check_training()
        implementation(kernel.IMPLEMENTATIONS, self.device)
        check_integer("window", self.window, minimum=1)
        for name in ("symmetric", "distance_weighting"):
            check_choice(name, getattr(self, name), (True, False))
        if check_number("x_max", self.x_max, minimum=0) == 0:
            raise ValueError("x_max must be more than 0")
        for name in ("power", "alpha"):
            check_number(name, getattr(self, name), minimum=0)


# What is kept of an entry: its row and its column in the tile, and the logarithm of its count.
TYPES = {"rows": np.uint16, "columns": np.uint16, "logs": np.float32}


class _Entries:
    """Entries of the co-occurrence matrix on disk, by tiles: a block of rows, a block of columns; shuffled in each.

    A tile's vectors fit a cache, and tiles that share neither rows nor columns can be trained on at the same time.
    """

    def __init__(self, counts, seed):
        B = len(counts)
        self.bounds = counts.bounds
        block_of = np.repeat(np.arange(B), np.diff(counts.bounds)).astype(np.uint16 if B < 2**16 else np.uint32)
        self._files = {name: tempfile.TemporaryFile(prefix="entries-") for name in TYPES}
        sizes = np.zeros((B, B), np.int64)
        for b in progress(range(B), desc="counting", unit=" blocks"):
            row_starts, columns, values = counts.block(b)
            rows = np.repeat(np.arange(len(row_starts) - 1), np.diff(row_starts))
            shuffled = np.random.default_rng([seed, 2, b]).permutation(len(columns))
            tiles = block_of[columns[shuffled]]
            order = shuffled[np.argsort(tiles, kind="stable")]
            sizes[b] = np.bincount(tiles, minlength=B)
            columns = columns[order]
            columns -= self.bounds[block_of[columns]]
            for name, array in (("rows", rows[order]), ("columns", columns), ("logs", np.log(values[order]))):
                array.astype(TYPES[name]).tofile(self._files[name])
        for file in self._files.values():
            file.flush()
        self.starts = np.concatenate([[0], np.cumsum(sizes)])

    def __len__(self):
        return int(self.starts[-1])

    def tile(self, a, b):
        """``rows``, ``columns`` (both from the beginning of their block) and ``logs``."""
        start = self.starts[a * (len(self.bounds) - 1) + b]
        size = self.size(a, b)
        # One map of the whole file would stay in memory as far as it was read. And a map cannot be empty.
        return [
            np.asarray(np.memmap(self._files[name], dtype, "r", start * np.dtype(dtype).itemsize, size))
            if size
            else np.zeros(0, dtype)
            for name, dtype in TYPES.items()
        ]

    def size(self, a, b):
        """How many entries a tile has."""
        t = a * (len(self.bounds) - 1) + b
        return int(self.starts[t + 1] - self.starts[t])


class _GloVeTraining(Training):
    """A step is a diagonal of tiles, in which no two share a row or a column: the order in which threads take them
    changes nothing (Gemulla et al. 2011, "Large-Scale Matrix Factorization with Distributed Stochastic Gradient
    Descent")."""

    unit = " entries"

    def __init__(self, model, entries):
        super().__init__(model, len(entries))
        self.entries = entries
        self.train_tile = implementation(kernel.IMPLEMENTATIONS, model.device)
        rng = np.random.default_rng([model.seed, 0])
        d, V = model.vector_size, len(model.index_to_key_)
        self.W = to_device(_side(rng, V, d, bias=d, one=d + 1), model.device)
        self.C = to_device(_side(rng, V, d, bias=d + 1, one=d), model.device)

    def size_done(self):
        """Entries of the diagonals before."""
        return sum(self._size(tile) for tiles in self._diagonals()[: self.done] for tile in tiles)

    def publish(self):
        """Cut padding, sums and biases off."""
        model, d = self.model, self.model.vector_size
        W, C = to_host(self.W), to_host(self.C)
        model.vectors_ = W[:, :d] + C[:, :d]
        model.context_vectors_ = C[:, :d].copy()
        model.biases_, model.context_biases_ = W[:, d].copy(), C[:, d + 1].copy()

    def tensors(self):
        """Both sides, with their sums of squares."""
        return {"W": self.W, "C": self.C}

    def steps(self, pool):
        """Train on the diagonals that are left, each in turn, the tiles of one on all threads."""
        for tiles in self._diagonals()[self.done :]:
            # The largest first, so that no thread begins it when the others are done.
            tiles.sort(key=self._size, reverse=True)
            if self.model.device == "cuda":
                self.loss += self._train_at_once(tiles)
            else:
                self.loss += sum((pool.map if self.model.workers > 1 else map)(self._train_tile, tiles))
            size = sum(map(self._size, tiles))
            self.n_terms += size
            self.done += 1
            yield size

    def _diagonals(self):
        """Lists of tiles (a, b), in an order drawn for the epoch."""
        B = len(self.entries.bounds) - 1
        shifts = np.random.default_rng([self.model.seed, 3, self.epoch]).permutation(B)
        return [[(a, (a + shift) % B) for a in range(B)] for shift in shifts.tolist()]

    def _size(self, tile):
        return self.entries.size(*tile)

    def _train_tile(self, tile):
        a, b = tile
        bounds, model = self.entries.bounds, self.model
        W, C = self.W[bounds[a] : bounds[a + 1]], self.C[bounds[b] : bounds[b + 1]]
        return self.train_tile(W, C, *self.entries.tile(a, b), model.alpha, model.x_max, model.power)

    def _train_at_once(self, tiles):
        """Train on a diagonal in one call to the GPU, with rows and columns counted from the beginning of W and C."""
        model, bounds = self.model, self.entries.bounds.astype(np.int32)
        entries = [self.entries.tile(*tile) for tile in tiles]
        rows = np.concatenate([rows + bounds[a] for (a, _), (rows, _, _) in zip(tiles, entries, strict=True)])
        columns = np.concatenate([columns + bounds[b] for (_, b), (_, columns, _) in zip(tiles, entries, strict=True)])
        logs = np.concatenate([logs for _, _, logs in entries])
        starts = np.concatenate([[0], np.cumsum([len(logs) for _, _, logs in entries])])
        rows, columns, logs, starts = (to_device(array, "cuda") for array in (rows, columns, logs, starts))
        return self.train_tile(self.W, self.C, rows, columns, logs, model.alpha, model.x_max, model.power, starts)


def _side(rng, V, d, bias, one):
    """Parameters and sums of squares of one side, as the kernel lays them out."""
    P = -(-(d + 2) // LANES) * LANES
    side = rows_of_zeros(V, 2 * P)
    side[:, P:] = 1
    drawn = (rng.random((V, d + 1), np.float32) - np.float32(0.5)) / np.float32(d)
    side[:, :d], side[:, bias] = drawn[:, :d], drawn[:, d]
    side[:, one], side[:, P + one] = 1, kernel.FIXED
    return side
