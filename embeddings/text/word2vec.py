"""Word2Vec: words are known by the company they keep."""

import numpy as np

from embeddings.checks import check_choice, check_integer, check_number
from embeddings.text.corpus import Corpus
from embeddings.text.word_embedder import Training, WordEmbedder
from kernels import cbow as cbow_kernel
from kernels import hierarchical as hierarchical_kernel
from kernels import sampling as sampling_kernel
from kernels import skipgram as skipgram_kernel
from kernels.device import implementation, to_device, to_host
from kernels.simd import LANES, rows_of_zeros
from kernels.skipgram import CHUNK
from kernels.tiles import in_parts, in_parts_apart

windows = implementation(sampling_kernel.WINDOWS_IMPLEMENTATIONS)
alias_table = implementation(sampling_kernel.ALIAS_IMPLEMENTATIONS)
draw = implementation(sampling_kernel.DRAW_IMPLEMENTATIONS)
huffman = implementation(hierarchical_kernel.HUFFMAN_IMPLEMENTATIONS)

# What sixteen bits of chance can be spread over.
MAX_WINDOW = 1 << 15

# Words of the corpus that are drawn for and trained on at a time.
BLOCK_WORDS = 1 << 16

# Noise words that the centres of a chunk share: for skip-gram (True) the fewest that lose nothing on similarities and
# analogies (16 lose 0.015 of the analogies that pairs solve), and for CBOW.
SHARED_NOISE = {True: 24, False: 8}

# Chunks of a batch, all of whose gradients come from the same vectors, unless some word is so frequent that a batch
# would hold it more often than this: its steps, all in the same direction, would go too far.
TOGETHER, MOST_FREQUENT = 16, 8


class Word2Vec(WordEmbedder):
    """Skip-gram or CBOW, with negative sampling or hierarchical softmax.

    Parameters
    ----------
    vector_size : int, default 100
    window : int, default 5
        How far a word sees to both sides at most; the actual reach is drawn anew for each word, from 1 to `window`.
    min_count : int, default 5
        Rarer words are left out.
    sample : float, default 1e-3
        Words that make up a larger share of the text are thinned out at random; 0 keeps all.
    negative : int, default 5
        Noise words for each pair.
    hs : bool, default False
        Hierarchical softmax in place of noise words: a pair costs about log V products, and its loss is a true
        -log p(word). ``context_vectors_`` are then those of the tree's inner nodes.
    ns_exponent : float, default 0.75
        Noise words are drawn from word counts to this power.
    sg : bool, default True
        Skip-gram; False is CBOW.
    cbow_mean : bool, default True
        CBOW's context is the mean of its words' vectors, not their sum.
    cbow_legacy : bool, default False
        With `cbow_mean`, pass the whole gradient to every word of the context, as word2vec.c and gensim do, instead of
        its share (İrsoy, Benton & Stratos 2021, "Corrected CBOW Performs as well as Skip-gram").
    alpha, min_alpha : float, default 0.025 and 1e-4
        Learning rate at the start and at the end; it falls in a straight line. CBOW learns more with 0.075: the mean
        shares its gradient out.
    epochs : int, default 5
    batch : {"block", "pair"}, default "block"
        "block" trains 16 neighbouring words at a time, which share their noise, and 16 such chunks from the same
        vectors; "pair" is the textbook's update of one pair (or one context) at a time. Both learn the same space;
        blocks are several times faster.
    workers : int, default 1
        Threads. The vectors are the same, to the last bit, for any number. ``batch="pair"`` and `hs` have use for one
        alone.
    device : {"cpu", "cuda", "numpy"}, default "cpu"
        What trains: our threads; an NVIDIA GPU; or the reference in NumPy, to be read and compared with, hundreds of
        times slower.
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
    context_vectors_ : array, shape (V, vector_size), float32
        What predicts: the output layer.
    loss_history_ : list of float
        Mean loss of a pair (of a word, for CBOW) in each epoch, before each update.
    wv : KeyedVectors
        The vectors with gensim's vocabulary: ``most_similar``, ``doesnt_match`` …

    Examples
    --------
    >>> sentences = [["red", "apple"], ["green", "apple"], ["red", "pear"], ["green", "pear"]] * 50
    >>> model = Word2Vec(vector_size=8, window=1, sample=0, epochs=20, seed=1).fit(sentences)
    >>> model.index_to_key_
    ['apple', 'green', 'pear', 'red']
    >>> model.wv.most_similar("red", topn=1)[0][0]
    'green'

    References
    ----------
    Mikolov, Chen, Corrado & Dean, "Efficient Estimation of Word Representations in Vector Space", 2013.
    Mikolov, Sutskever, Chen, Corrado & Dean, "Distributed Representations of Words and Phrases and their
    Compositionality", 2013.
    """

    def __init__(
        self,
        vector_size=100,
        window=5,
        min_count=5,
        sample=1e-3,
        negative=5,
        hs=False,
        ns_exponent=0.75,
        sg=True,
        cbow_mean=True,
        cbow_legacy=False,
        alpha=0.025,
        min_alpha=1e-4,
        epochs=5,
        batch="block",
        workers=1,
        device="cpu",
        seed=1,
        callbacks=(),
        checkpoint=None,
    ):
        self.vector_size = vector_size
        self.window = window
        self.min_count = min_count
        self.sample = sample
        self.negative = negative
        self.hs = hs
        self.ns_exponent = ns_exponent
        self.sg = sg
        self.cbow_mean = cbow_mean
        self.cbow_legacy = cbow_legacy
        self.alpha = alpha
        self.min_alpha = min_alpha
        self.epochs = epochs
        self.batch = batch
        self.workers = workers
        self.device = device
        self.seed = seed
        self.callbacks = callbacks
        self.checkpoint = checkpoint

    def fit(self, X, y=None):
        """Learn vectors.

        Parameters
        ----------
        X : path, or iterable of str or of lists of str
            A text file with a sentence in each line, plain or gzipped; or sentences, as text or as lists of words. They
            are read once.

        Raises
        ------
        TypeError, ValueError
            For bad parameters or sentences, or if no word occurs `min_count` times, or no two stand together.
        RuntimeError
            For ``device="cuda"`` where there is no GPU.
        KeyboardInterrupt
            After Ctrl-C. The model then has what it learned so far, and can be used and saved.
        """
        self._check_parameters()
        corpus = Corpus.encode(X, self.min_count, workers=self.workers)
        self._start(corpus, self._new_rows(len(corpus.words), 0))
        self.loss_history_ = []
        Word2VecTraining(self, corpus, self.sg, self.batch, self.hs).run()
        return self

    def partial_fit(self, X, y=None):
        """Go on learning from other sentences; words that are new and frequent enough join the vocabulary.

        Each call trains for `epochs` epochs, with the learning rate falling anew.

        Raises
        ------
        TypeError, ValueError
            As by :meth:`fit`; with `hs`, whose tree has no place for new words; or if `vector_size` is no longer that
            of the vectors.
        """
        if not self.__sklearn_is_fitted__():
            return self.fit(X)
        self._check_parameters()
        if self.hs:
            raise ValueError("hs=True cannot go on learning: its tree is made of the words and counts of one corpus")
        d = self.vectors_.shape[1]
        if self.vector_size != d:
            raise ValueError(f"vector_size must stay {d}, that of the vectors learned so far, got {self.vector_size}")
        corpus = Corpus.encode(X, self.min_count, known=self.index_to_key_, workers=self.workers)
        old_counts, n_old = self.counts_, len(self.index_to_key_)
        new = self._new_rows(len(corpus.words) - n_old, n_old)
        zeros = np.zeros_like(new)
        rows = np.concatenate([self.vectors_, new]), np.concatenate([self.context_vectors_, zeros])
        corpus.counts[:n_old] += old_counts
        self._start(corpus, *rows)
        Word2VecTraining(self, corpus, self.sg, self.batch, self.hs).run()
        return self

    # Training --------------------------------------------------------------------------------------------------------

    def _start(self, corpus, vectors, context_vectors=None):
        self.index_to_key_, self.counts_ = corpus.words, corpus.counts
        self.vectors_ = vectors
        self.context_vectors_ = np.zeros_like(vectors) if context_vectors is None else context_vectors

    def _check_parameters(self):
        self._check_training()
        check_integer("window", self.window, minimum=1, maximum=MAX_WINDOW)
        check_integer("negative", self.negative, minimum=1)
        check_number("sample", self.sample, minimum=0, maximum=1)
        check_number("ns_exponent", self.ns_exponent)
        alpha = check_number("alpha", self.alpha, minimum=0)
        check_number("min_alpha", self.min_alpha, minimum=0, maximum=alpha)
        for name in ("sg", "hs", "cbow_mean", "cbow_legacy"):
            check_choice(name, getattr(self, name), (True, False))
        check_choice("batch", self.batch, ("block", "pair"))
        implementation((hierarchical_kernel if self.hs else skipgram_kernel).PAIR_IMPLEMENTATIONS, self.device)


class Word2VecTraining(Training):
    """Word2Vec's training, whose step is a block of sentences."""

    def __init__(self, model, corpus, sg, batch="block", hs=False):
        super().__init__(model, corpus.n_tokens)
        self.corpus, self.sg, self.by_blocks = corpus, sg, batch == "block" and not hs
        self.tree = huffman(model.counts_) if hs else None
        self.shared_noise = SHARED_NOISE[sg]
        self.kernel = implementation(self._kernels(), model.device)
        self.W_in, self.W_out = self._laid_out(self._inputs()), self._laid_out(model.context_vectors_)
        # Block b holds the sentences bounds[b] to bounds[b + 1] - 1.
        ends = corpus.offsets[1:]
        blocks = np.arange(BLOCK_WORDS, corpus.n_tokens, BLOCK_WORDS)
        self.bounds = np.unique([0, *(np.searchsorted(ends, blocks) + 1), len(corpus)])
        frequency = model.counts_ / model.counts_.sum()
        self.keep = keep_probabilities(model.counts_, model.sample)
        noise = noise_distribution(model.counts_, model.ns_exponent)
        self.noise = alias_table(noise)
        kept = frequency * self.keep
        self.most = max(float(kept.max() / kept.sum()), float(noise.max()))
        self.together = int(np.clip(MOST_FREQUENT / (CHUNK * self.most), 1, TOGETHER))
        self._check_corpus()

    def _check_corpus(self):
        if not np.any(np.diff(self.corpus.offsets) > 1):
            raise ValueError("no two words stand together in any sentence; there is nothing to learn from")

    def size_done(self):
        """Words before the block at hand."""
        return int(self.corpus.offsets[self.bounds[self.done]])

    def _kernels(self):
        if self.by_blocks:
            return (skipgram_kernel if self.sg else cbow_kernel).IMPLEMENTATIONS
        if self.sg:
            return (hierarchical_kernel if self.tree else skipgram_kernel).PAIR_IMPLEMENTATIONS
        return (hierarchical_kernel if self.tree else cbow_kernel).WORD_IMPLEMENTATIONS

    def _inputs(self):
        return self.model.vectors_

    def _laid_out(self, vectors):
        """A copy as the kernel wants it: rows of whole lanes, and for several threads in parts that stand apart."""
        model = self.model
        if model.device == "cpu" and self.by_blocks:
            return in_parts_apart(vectors) if model.workers > 1 else in_parts(padded(vectors))
        return to_device(padded(vectors), model.device)

    def _whole(self, W):
        """The vectors in what `_laid_out` made, without the lanes that were added."""
        parts = W if isinstance(W, tuple) else (to_host(W),)
        whole, begin = np.empty((len(parts[0]), self.model.vector_size), np.float32), 0
        for part in parts:
            end = min(begin + part.shape[1], whole.shape[1])
            whole[:, begin:end] = part[:, : end - begin]
            begin = end
        return whole

    def publish(self):
        """Hand the vectors to the model as it knows them."""
        self.model.vectors_, self.model.context_vectors_ = self._whole(self.W_in), self._whole(self.W_out)

    def tensors(self):
        """Both matrices, part by part."""
        parts = {}
        for name, W in (("W_in", self.W_in), ("W_out", self.W_out)):
            for i, part in enumerate(W if isinstance(W, tuple) else (W,)):
                parts[f"{name}.{i}"] = part
        return parts

    def steps(self, pool):
        """Train on the blocks that are left, one after the other; what they need is drawn for several at a time."""
        workers = self.model.workers
        for first in range(self.done, len(self.bounds) - 1, workers):
            blocks = range(first, min(first + workers, len(self.bounds) - 1))
            for block, drawn in zip(blocks, (pool.map if workers > 1 else map)(self._draw, blocks), strict=True):
                loss, n_terms = self._learn(*drawn)
                self.loss += loss
                self.n_terms += n_terms
                self.done += 1
                start, stop = self.corpus.offsets[self.bounds[[block, block + 1]]]
                yield int(stop - start)

    def _draw(self, b):
        """What training on a block needs. It depends on seed, epoch and block alone."""
        model = self.model
        rng, tokens, offsets, reach, uniforms = self._draw_text(b)
        kept, left, right = windows(tokens, offsets - offsets[0], self.keep, uniforms, reach)
        pairs = right - left - 1
        n_terms = int(pairs.sum(dtype=np.int64)) if self.sg else int(np.count_nonzero(pairs))
        if self.tree:
            return n_terms, kept, left, right, *self.tree, self._rates(offsets, len(kept))
        if not self.by_blocks:
            noise = draw(*self.noise, rng.random((n_terms, model.negative)))
            return n_terms, kept, left, right, noise, self._rates(offsets, len(kept))
        return n_terms, kept, left, right, *self._noise_and_rates(rng, offsets, len(kept), self.shared_noise)

    def _draw_text(self, b):
        """A generator, the words of a block and where its sentences begin and end; how far each word sees, and chance
        for whether it stays.
        """
        model, corpus = self.model, self.corpus
        offsets = corpus.offsets[self.bounds[b] : self.bounds[b + 1] + 1]
        tokens = corpus.tokens[offsets[0] : offsets[-1]]
        rng = np.random.default_rng([model.seed, 1, self.epoch, b])
        # Sixteen bits of chance for each window; a range of numbers would cost as much as the training of some words.
        bits = rng.integers(0, 1 << 16, len(tokens), np.uint16)
        reach = 1 + (bits.astype(np.int32) * np.int32(model.window) >> 16)
        uniforms = rng.random(len(tokens), np.float32)
        return rng, tokens, offsets, reach, uniforms

    def _noise_and_rates(self, rng, offsets, n, shared):
        """For each chunk of the `n` words of a block, so many noise words, and its learning rate."""
        return draw(*self.noise, rng.random((-(-n // CHUNK), shared))), self._rates(offsets, n)

    def _rates(self, offsets, n):
        """The learning rate of each chunk, or word, by the share of all words that lie behind it."""
        model, size = self.model, self.corpus.n_tokens
        places = np.arange(0, n, CHUNK if self.by_blocks else 1) / max(n, 1)
        done = offsets[0] + (offsets[-1] - offsets[0]) * places + self.epoch * size
        share = done / (model.epochs * size)
        return (model.alpha - (model.alpha - model.min_alpha) * share).astype(np.float32)

    def _learn(self, n_terms, *arrays):
        """Train on a block. Returns its loss and how many terms that has."""
        model = self.model
        arrays = [to_device(array, model.device) for array in (*self._pieces(), *arrays)]
        arguments = [self.W_in, self.W_out, *arrays]
        if self.by_blocks:
            arguments += [model.negative, self.together]
        if not self.sg:
            arguments += [model.cbow_mean, model.cbow_legacy]
        if self.by_blocks and model.device == "cpu":
            arguments.append(model.workers)
        return self.kernel(*arguments), n_terms

    def _pieces(self):
        """What else the kernel wants to know of words."""
        return ()


def keep_probabilities(counts, sample):
    """With what probability each word stays in the text, (V,), float32."""
    if not sample:
        return np.ones(len(counts), np.float32)
    ratio = sample / np.maximum(counts / counts.sum(), 1e-300)
    return np.minimum(np.sqrt(ratio) + ratio, 1).astype(np.float32)


def noise_distribution(counts, exponent):
    """With what probability a noise word is each word, (V,), float64."""
    noise = np.maximum(counts, 1).astype(np.float64) ** exponent
    return noise / noise.sum()


def padded(vectors):
    """A copy whose width is a multiple of the lanes."""
    V, d = vectors.shape
    P = -(-d // LANES) * LANES
    padded = rows_of_zeros(V, P)
    padded[:, :d] = vectors
    return padded
