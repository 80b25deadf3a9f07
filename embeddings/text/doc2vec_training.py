"""How Doc2Vec learns: Word2Vec's training on blocks of documents, and the inference of unseen ones."""

import concurrent.futures
import itertools

import numpy as np

from embeddings.progress import progress
from embeddings.text.word2vec import (
    BLOCK_WORDS,
    MOST_FREQUENT,
    SHARED_NOISE,
    Word2VecTraining,
    alias_table,
    draw,
    noise_distribution,
    windows,
)
from kernels import dbow as dbow_kernel
from kernels import doc2vec as kernel
from kernels import doc2vec_inference as inference_kernel
from kernels import skipgram as skipgram_kernel
from kernels.device import implementation, to_device, to_host
from kernels.simd import LANES, rows_of_zeros
from kernels.skipgram import CHUNK

# A block is cut into so many strands, and a chunk takes of each in turn, so that it holds different documents.
STRANDS = CHUNK

# Noise words that a chunk shares: sixteen words of PV-DM (with 8, a classifier of film reviews by their vectors loses
# half a percent), sixteen pieces of PV-DBOW, for each word of a piece; and those of inference, where 24 gain nothing.
WINDOW_NOISE, PIECE_NOISE, INFERENCE_NOISE = 16, 64, 16

# Chunks of a batch of PV-DM, and how often it may hold a word or a document: its loss and a classifier by its vectors
# are the same with 8, 16 and 32; but small worlds come apart where so many steps, all in one direction, go this far.
WINDOW_TOGETHER, FARTHEST = 16, 0.4

# Words of the documents that a thread infers at a time.
PIECE_WORDS = 1 << 17


class Doc2VecTraining(Word2VecTraining):
    """Word2Vec's training with the documents' rows behind those of the words."""

    def __init__(self, model, corpus, tagged):
        self.tagged, self.n_words = tagged, len(model.vectors_)
        super().__init__(model, corpus, sg=False)
        self.shared_noise = WINDOW_NOISE if model.dm else PIECE_NOISE
        self.word_kernel = implementation(skipgram_kernel.IMPLEMENTATIONS, model.device)
        lengths = np.diff(corpus.offsets)
        uses = np.bincount(tagged.rows, np.repeat(lengths, np.diff(tagged.offsets)), len(tagged.names))
        most = max(self.most, uses.max() / lengths.sum(), lengths.max() / min(lengths.sum(), BLOCK_WORDS))
        limit = MOST_FREQUENT
        if model.dm and not model.joined:
            limit = np.clip(FARTHEST / max(model.alpha, 1e-9), MOST_FREQUENT, WINDOW_TOGETHER)
        self.together = int(np.clip(limit / (CHUNK * most), 1, limit))

    def _check_corpus(self):
        """A single word is enough: its document predicts it."""

    def _kernels(self):
        if not self.model.dm:
            return dbow_kernel.IMPLEMENTATIONS
        return kernel.CONCAT_IMPLEMENTATIONS if self.model.joined else kernel.IMPLEMENTATIONS

    def _inputs(self):
        model = self.model
        rows = [model.vectors_, model.document_vectors_]
        return np.concatenate([*rows, model.null_vector_[None]] if model.joined else rows)

    def _laid_out(self, vectors):
        return super()._laid_out(widened(vectors, self.model.vector_size))

    def _fingerprint(self):
        return {**super()._fingerprint(), "tags": len(self.tagged.names), "tagged": len(self.tagged.rows)}

    def publish(self):
        """Hand the vectors of words and documents to the model."""
        model, n = self.model, self.n_words
        rows = self._whole(self.W_in)
        model.vectors_, model.document_vectors_ = rows[:n], rows[n : n + len(self.tagged.names)]
        if model.joined:
            model.null_vector_ = rows[-1]
        W = np.hstack(self.W_out) if isinstance(self.W_out, tuple) else to_host(self.W_out)
        model.context_vectors_ = narrowed(W, model.vector_size)

    def _draw(self, b):
        """What training on a block needs: how many terms its loss has, the text, and chance."""
        return self._draw_windows(b) if self.model.dm else self._draw_pieces(b)

    def _draw_windows(self, b):
        model = self.model
        rng, tokens, offsets, reach, uniforms = self._draw_text(b)
        if model.joined:
            reach[:] = model.window
        kept, left, right = windows(tokens, offsets - offsets[0], self.keep, uniforms, reach)
        lengths = np.diff(offsets)
        documents = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
        if len(kept) < len(tokens):
            documents = documents[uniforms < self.keep[tokens]]
        text = kept, left, right, documents, *self._tags(b), strands(len(kept), STRANDS)
        return len(kept), *text, *self._noise_and_rates(rng, offsets, len(kept), self.shared_noise)

    def _draw_pieces(self, b):
        model, pairs = self.model, None
        rng, tokens, offsets, reach, uniforms = self._draw_text(b)
        if model.dbow_words:
            kept, left, right = windows(tokens, offsets - offsets[0], self.keep, uniforms, reach)
            pairs = kept, left, right, *self._noise_and_rates(rng, offsets, len(kept), SHARED_NOISE[True])
        stays = uniforms < self.keep[tokens]
        bounds = np.concatenate([[0], np.cumsum(stays)])[offsets - offsets[0]]
        rows, tag_offsets = self._tags(b)
        # A document comes once for each of its tags.
        ends, lengths = (np.repeat(a, np.diff(tag_offsets)) for a in (bounds[1:], np.diff(bounds)))
        words, counts, rows = in_pieces(tokens[stays], ends, lengths, rows, self.together)
        noise = self._noise_and_rates(rng, offsets, rows.size, self.shared_noise)
        return int(counts.sum()), pairs, words, counts, rows, *noise

    def _tags(self, b):
        """Rows of the tags of a block's documents, and where those of each begin and end."""
        offsets = self.tagged.offsets[self.bounds[b] : self.bounds[b + 1] + 1]
        return self.n_words + self.tagged.rows[offsets[0] : offsets[-1]], offsets - offsets[0]

    def _learn(self, n_terms, *arrays):
        """Train on a block, on its pairs of words first. Returns the documents' loss and how many terms that has."""
        model = self.model
        workers = (model.workers,) if model.device == "cpu" else ()
        if not model.dm:
            pairs, *arrays = arrays
            if pairs is not None:
                words = [to_device(array, model.device) for array in pairs]
                self.word_kernel(self.W_in, self.W_out, *words, model.negative, self.together, *workers)
        arrays = [to_device(array, model.device) for array in arrays]
        options = ()
        if model.dm:
            # The null word stands behind all others.
            null = self.n_words + len(self.tagged.names)
            options = self.together, *((model.window, null) if model.joined else (model.dm_mean,))
        return self.kernel(self.W_in, self.W_out, *arrays, model.negative, *options, *workers), n_terms


def in_pieces(tokens, ends, lengths, rows, size):
    """Cut documents, which have `rows`, into even pieces of `size` words at most, and take these from each strand.

    Returns
    -------
    words : array, shape (C, size, 16), int32
    counts, rows : arrays, shape (C, 16), int32
        As ``kernels/dbow.py`` takes them.

    Examples
    --------
    A document of three words, row 7, and one of a single word, row 8:

    >>> pieces = in_pieces(np.array([3, 4, 5, 6]), np.array([3, 4]), np.array([3, 1]), np.array([7, 8]), 2)
    >>> words, counts, rows = (a[..., :3].tolist() for a in pieces)
    >>> words[0][0], counts[0], rows[0]
    ([3, 4, 6], [1, 2, 1], [7, 7, 8])
    """
    n = -(-lengths // size)
    owner = np.repeat(np.arange(len(n)), n)
    number = np.arange(len(owner)) - np.repeat(np.cumsum(n) - n, n)
    n, lengths, rows, begins = n[owner], lengths[owner], rows[owner], (ends - lengths)[owner]
    first, last = (lengths * k // n for k in (number, number + 1))
    order = strands(len(owner), STRANDS)
    # Behind the last piece, empty ones fill the chunk.
    C = -(-len(owner) // CHUNK)
    pieces = np.zeros((3, CHUNK * C), np.int32)
    pieces[:, : len(order)] = np.stack([begins + first, last - first, rows])[:, order]
    begins, counts, rows = pieces.reshape(3, C, CHUNK)
    place = begins[:, None] + np.arange(size, dtype=np.int32)[:, None]
    return tokens[np.minimum(place, len(tokens) - 1, out=place)], counts, rows


def alone(n):
    """Where the windows of n words begin and end that see themselves alone."""
    left = np.arange(n, dtype=np.int32)
    return left, left + np.int32(1)


def strands(n, count):
    """The numbers 0 to n - 1, cut into `count` strands of one length, and taken from each strand in turn.

    Examples
    --------
    >>> strands(7, 2).tolist()
    [0, 4, 1, 5, 2, 6, 3]
    """
    length = -(-n // count)
    place = np.arange(count * length, dtype=np.int32).reshape(count, length).T.ravel()
    return place[place < n]


def widened(vectors, d):
    """Rows that hold one or several vectors of d numbers, each filled up to whole lanes."""
    n = vectors.shape[1] // d
    P = -(-d // LANES) * LANES
    wide = rows_of_zeros(len(vectors), n * P)
    wide.reshape(len(vectors), n, P)[:, :, :d] = vectors.reshape(len(vectors), n, d)
    return wide


def narrowed(W, d):
    """What :func:`widened` was made of."""
    P = -(-d // LANES) * LANES
    return np.ascontiguousarray(W.reshape(len(W), -1, P)[:, :, :d]).reshape(len(W), -1)


class Inference:
    """Finds vectors of unseen documents; the model stays as it is.

    Chance depends on seed, epoch and the place in the document alone, never on other documents.
    """

    def __init__(self, model, epochs, alpha, min_alpha):
        self.model, self.epochs, self.alpha, self.min_alpha = model, epochs, alpha, min_alpha
        self.step = implementation(inference_kernel.IMPLEMENTATIONS, model.device)
        vectors = np.concatenate([model.vectors_, model.null_vector_[None]]) if model.joined else model.vectors_
        matrices = [widened(W, model.vector_size) for W in (vectors, model.context_vectors_)]
        self.matrices = [to_device(W, model.device) for W in matrices]
        # Nothing is thinned out: of a few words none is to be lost.
        self.keep = np.ones(len(model.counts_), np.float32)
        self.noise = alias_table(noise_distribution(model.counts_, model.ns_exponent))

    def run(self, blocks):
        """Vectors, (N, d), of documents that come in blocks of ``tokens`` and ``offsets``."""
        found = [np.zeros((0, self.model.vector_size), np.float32)]
        with (
            progress(desc="inferring", unit=" documents", unit_scale=True) as bar,
            concurrent.futures.ThreadPoolExecutor(self.model.workers) as pool,
        ):
            for vectors in pool.map(self._infer, _pieces(blocks)):
                found.append(vectors)
                bar.update(len(vectors))
        return np.concatenate(found)

    def _infer(self, documents):
        model, device = self.model, self.model.device
        tokens, offsets = documents
        lengths = np.diff(offsets)
        longest = int(lengths.max(initial=0))
        number = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
        place = np.arange(len(tokens), dtype=np.int32) - offsets.astype(np.int32)[number]
        # All begin at zero, where no document is nearer to one than to another.
        D = to_device(rows_of_zeros(len(lengths), self.matrices[0].shape[1]), device)
        options = model.negative, model.dm_mean, model.window if model.joined else 0, len(model.vectors_)
        for epoch in range(self.epochs):
            rng = np.random.default_rng([model.seed, 2, epoch])
            if not model.dm:
                left, right = alone(len(tokens))
            else:
                reach = np.full(longest, model.window, np.int32)
                if not model.joined:
                    reach = rng.integers(1, model.window, longest, np.int32, endpoint=True)
                _, left, right = windows(tokens, offsets, self.keep, np.zeros(len(tokens), np.float32), reach[place])
            rng = np.random.default_rng([model.seed, 3, epoch])
            negatives = draw(*self.noise, rng.random((-(-longest // CHUNK), INFERENCE_NOISE)))
            rate = self.alpha - (self.alpha - self.min_alpha) * epoch / max(self.epochs - 1, 1)
            text = [to_device(a, device) for a in (tokens, left, right, number, offsets, negatives)]
            self.step(D, *self.matrices, *text, rate, *options)
        return np.array(to_host(D)[:, : model.vector_size])


def _pieces(blocks):
    """Blocks of about ``PIECE_WORDS`` words each."""
    for tokens, offsets in blocks:
        cuts = np.searchsorted(offsets, np.arange(PIECE_WORDS, offsets[-1], PIECE_WORDS))
        ends = np.unique([0, *cuts, len(offsets) - 1])
        for first, last in itertools.pairwise(ends):
            yield tokens[offsets[first] : offsets[last]], offsets[first : last + 1] - offsets[first]
