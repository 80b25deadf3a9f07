"""Which words stand together how often, a block of rows at a time."""

import numpy as np
from scipy import sparse

from kernels import cooccurrence as kernel
from kernels.device import implementation, to_device, to_host

spread = implementation(kernel.SPREAD_IMPLEMENTATIONS)
index = implementation(kernel.INDEX_IMPLEMENTATIONS)

# A block has at most so many rows (whose numbers fit a uint16 and whose vectors fit a cache), and entries.
BLOCK_ROWS, BLOCK_ENTRIES = 512, 1 << 22


class Cooccurrences:
    """The co-occurrence matrix X of a corpus: X_ij is how much of word j stands in the windows of word i.

    Memory holds the corpus twice, as numbers, but never the matrix: :meth:`block` counts a few rows of it.

    Parameters
    ----------
    corpus : Corpus
    window : int, default 10
        How far a word sees.
    symmetric : bool, default True
        It sees to both sides; False: to the left alone.
    distance_weighting : bool, default True
        A word counts 1 / distance; False: 1.
    device : {"cpu", "cuda", "numpy"}, default "cpu"
        What counts the rows.

    Attributes
    ----------
    bounds : array, shape (n_blocks + 1,), int64
        Block b has the rows bounds[b] to bounds[b + 1] - 1.

    Examples
    --------
    >>> from embeddings.text.corpus import Corpus
    >>> corpus = Corpus.encode(["the cat chases the mouse"])
    >>> corpus.words
    ['the', 'cat', 'chases', 'mouse']
    >>> Cooccurrences(corpus, window=2).matrix().toarray().tolist()
    [[0.0, 1.5, 1.5, 1.0], [1.5, 0.0, 1.0, 0.0], [1.5, 1.0, 0.0, 0.5], [1.0, 0.0, 0.5, 0.0]]
    """

    def __init__(self, corpus, window=10, symmetric=True, distance_weighting=True, device="cpu"):
        V = len(corpus.words)
        self._device, self._count_rows = device, implementation(kernel.ROWS_IMPLEMENTATIONS, device)
        self._before = 1 / np.arange(1, window + 1) if distance_weighting else np.ones(window)
        self._after = self._before * symmetric
        self._places = spread(corpus.tokens, corpus.offsets, window, V)
        fits = len(self._places) < 2**31
        self._positions = np.empty(corpus.n_tokens, np.int32 if fits else np.int64)
        self._starts = index(self._places, V, self._positions)
        # A row has no more entries than columns, nor than words in its windows.
        entries = np.minimum(np.diff(self._starts) * window * (1 + symmetric), V)
        bounds = [0]
        while bounds[-1] < V:
            total = np.cumsum(entries[bounds[-1] : bounds[-1] + BLOCK_ROWS])
            bounds.append(bounds[-1] + max(1, int(np.searchsorted(total, BLOCK_ENTRIES, "right"))))
        self.bounds = np.array(bounds)
        self.shape = (V, V)
        self._places = to_device(self._places, device)

    def __len__(self):
        return len(self.bounds) - 1

    def block(self, b):
        """Rows of block b.

        Returns
        -------
        row_starts : array, shape (rows + 1,), int64
        columns : array, int32
        counts : array, float32
        """
        starts = self._starts[self.bounds[b] : self.bounds[b + 1] + 1]
        arrays = self._positions[starts[0] : starts[-1]], starts - starts[0], self._before, self._after
        arrays = (to_device(array, self._device) for array in arrays)
        return tuple(map(to_host, self._count_rows(self._places, *arrays, self.shape[1])))

    def matrix(self):
        """All of X, a scipy.sparse.csr_matrix of float32."""
        blocks = []
        for b in range(len(self)):
            row_starts, columns, counts = self.block(b)
            rows = self.bounds[b + 1] - self.bounds[b]
            blocks.append(sparse.csr_matrix((counts, columns, row_starts), shape=(rows, self.shape[1])))
        matrix = sparse.vstack(blocks, "csr")
        matrix.sort_indices()
        return matrix
