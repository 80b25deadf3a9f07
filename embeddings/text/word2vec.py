"""Word2Vec: words are known by the company they keep."""

import numpy as np

from embeddings.checks import check_choice, check_integer, check_number
from embeddings.text.corpus import Corpus
from embeddings.text.word_embedder import Training, WordEmbedder
from kernels import cbow as cbow_kernel
from kernels import sampling as sampling_kernel
from kernels import skipgram as skipgram_kernel
from kernels.device import implementation
from kernels.simd import LANES, lanes_of_zeros

windows = implementation(sampling_kernel.WINDOWS_IMPLEMENTATIONS)
alias_table = implementation(sampling_kernel.ALIAS_IMPLEMENTATIONS)
draw = implementation(sampling_kernel.DRAW_IMPLEMENTATIONS)
skipgram_block = implementation(skipgram_kernel.IMPLEMENTATIONS)
skipgram_pair = implementation(skipgram_kernel.PAIR_IMPLEMENTATIONS)
cbow_block = implementation(cbow_kernel.IMPLEMENTATIONS)
cbow_word = implementation(cbow_kernel.WORD_IMPLEMENTATIONS)

# Words of the corpus that are drawn for and trained on at a time.
BLOCK_WORDS = 1 << 16

# Centres of a chunk, and the noise words that they share: for skip-gram (True) the fewest that lose nothing on
# similarities and analogies (16 lose 0.015 of the analogies that pairs solve), and for CBOW.
SHARING = {True: (skipgram_kernel.CHUNK, 24), False: (cbow_kernel.CHUNK, 8)}


class Word2Vec(WordEmbedder):
    """Skip-gram or CBOW with negative sampling.

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
        "block" trains 16 neighbouring words (8 for CBOW) at a time, which share their noise; "pair" is the textbook's
        update of one pair (or one context) at a time. Both learn the same space; blocks are several times faster.
    workers : int, default 1
        Threads. One gives the same bits every time; more train on the same vectors without waiting for each other
        ("Hogwild"), so that the last digits differ from run to run.
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
        ns_exponent=0.75,
        sg=True,
        cbow_mean=True,
        cbow_legacy=False,
        alpha=0.025,
        min_alpha=1e-4,
        epochs=5,
        batch="block",
        workers=1,
        seed=1,
        callbacks=(),
        checkpoint=None,
    ):
        self.vector_size = vector_size
        self.window = window
        self.min_count = min_count
        self.sample = sample
        self.negative = negative
        self.ns_exponent = ns_exponent
        self.sg = sg
        self.cbow_mean = cbow_mean
        self.cbow_legacy = cbow_legacy
        self.alpha = alpha
        self.min_alpha = min_alpha
        self.epochs = epochs
        self.batch = batch
        self.workers = workers
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
        KeyboardInterrupt
            After Ctrl-C. The model then has what it learned so far, and can be used and saved.
        """
        self._check_parameters()
        corpus = Corpus.encode(X, self.min_count)
        self._start(corpus, self._new_rows(len(corpus.words), 0))
        self.loss_history_ = []
        Word2VecTraining(self, corpus, self.sg).run()
        return self

    def partial_fit(self, X, y=None):
        """Go on learning from other sentences; words that are new and frequent enough join the vocabulary.

        Each call trains for `epochs` epochs, with the learning rate falling anew.
        """
        if not self.__sklearn_is_fitted__():
            return self.fit(X)
        self._check_parameters()
        corpus = Corpus.encode(X, self.min_count, known=self.index_to_key_)
        old_counts, n_old = self.counts_, len(self.index_to_key_)
        new = self._new_rows(len(corpus.words) - n_old, n_old)
        zeros = np.zeros_like(new)
        rows = np.concatenate([self.vectors_, new]), np.concatenate([self.context_vectors_, zeros])
        corpus.counts[:n_old] += old_counts
        self._start(corpus, *rows)
        Word2VecTraining(self, corpus, self.sg).run()
        return self

    # Training --------------------------------------------------------------------------------------------------------

    def _new_rows(self, n, first):
        """Random vectors for n words, in (-1/2d, 1/2d) as word2vec.c draws them."""
        rng = np.random.default_rng([self.seed, 0, first])
        return (
            (rng.random((n, self.vector_size), np.float32) - np.float32(0.5)) / np.float32(self.vector_size)
        ).astype(np.float32)

    def _start(self, corpus, vectors, context_vectors=None):
        self.index_to_key_, self.counts_ = corpus.words, corpus.counts
        self.vectors_ = vectors
        self.context_vectors_ = np.zeros_like(vectors) if context_vectors is None else context_vectors

    def _check_parameters(self):
        self._check_training()
        for name in ("window", "negative"):
            check_integer(name, getattr(self, name), minimum=1)
        check_number("sample", self.sample, minimum=0, maximum=1)
        check_number("ns_exponent", self.ns_exponent)
        alpha = check_number("alpha", self.alpha, minimum=0)
        check_number("min_alpha", self.min_alpha, minimum=0, maximum=alpha)
        for name in ("sg", "cbow_mean", "cbow_legacy"):
            check_choice(name, getattr(self, name), (True, False))
        check_choice("batch", self.batch, ("block", "pair"))


class Word2VecTraining(Training):
    """Word2Vec's training, whose step is a block of sentences."""

    def __init__(self, model, corpus, sg):
        super().__init__(model, len(corpus.tokens))
        self.corpus, self.sg, self.sharing = corpus, sg, SHARING[sg]
        # Threads that race leave no state that another run would meet again.
        self.exact = model.workers == 1
        self.W_in, self.W_out = padded(self._inputs()), padded(model.context_vectors_)
        # Block b holds the sentences bounds[b] to bounds[b + 1] - 1.
        ends = corpus.offsets[1:]
        blocks = np.arange(BLOCK_WORDS, len(corpus.tokens), BLOCK_WORDS)
        self.bounds = np.unique([0, *(np.searchsorted(ends, blocks) + 1), len(corpus)])
        frequency = model.counts_ / model.counts_.sum()
        self.keep = np.ones(len(frequency), np.float32)
        if model.sample:
            ratio = model.sample / np.maximum(frequency, 1e-300)
            self.keep = np.minimum(np.sqrt(ratio) + ratio, 1).astype(np.float32)
        noise = np.maximum(model.counts_, 1).astype(np.float64) ** model.ns_exponent
        self.noise = alias_table(noise / noise.sum())
        if not np.any(np.diff(corpus.offsets) > 1):
            raise ValueError("no two words stand together in any sentence; there is nothing to learn from")

    def size_done(self):
        """Words before the block at hand."""
        return int(self.corpus.offsets[self.bounds[self.done]])

    def _inputs(self):
        return self.model.vectors_

    def publish(self):
        """Cut the padding off."""
        d = self.model.vector_size
        self.model.vectors_ = np.ascontiguousarray(self.W_in[:, :d])
        self.model.context_vectors_ = np.ascontiguousarray(self.W_out[:, :d])

    def tensors(self):
        """Both matrices."""
        return {"W_in": self.W_in, "W_out": self.W_out}

    def steps(self, pool):
        """Train on the blocks that are left, in turn; at most a few of them wait."""
        waiting = []
        for b in range(self.done, len(self.bounds) - 1):
            waiting.append(pool.submit(self._train_block, self.epoch, b))
            if len(waiting) >= 2 * self.model.workers:
                yield self._take(waiting.pop(0))
        while waiting:
            yield self._take(waiting.pop(0))

    def _take(self, future):
        words, loss, n_terms = future.result()
        self.loss += loss
        self.n_terms += n_terms
        self.done += 1
        return words

    def _train_block(self, epoch, b):
        """Draw what a block needs, and train on it. What is drawn depends on seed, epoch and block alone."""
        if self._stopped.is_set():
            return 0, 0.0, 0
        model, corpus = self.model, self.corpus
        first, last = self.bounds[b], self.bounds[b + 1]
        offsets = corpus.offsets[first : last + 1]
        tokens = np.asarray(corpus.tokens[offsets[0] : offsets[-1]])
        rng = np.random.default_rng([model.seed, 1, epoch, b])
        reach = rng.integers(1, model.window, len(tokens), np.int32, endpoint=True)
        uniforms = rng.random(len(tokens), np.float32)
        kept, left, right = windows(tokens, offsets - offsets[0], self.keep, uniforms, reach)
        pairs = right.astype(np.int64) - left - 1
        # The learning rate of each place in the block, by the share of all words that lie behind it.
        done = np.linspace(offsets[0], offsets[-1], len(kept) + 1)[:-1] + epoch * len(corpus.tokens)
        share = done / (model.epochs * len(corpus.tokens))
        alphas = (model.alpha - (model.alpha - model.min_alpha) * share).astype(np.float32)
        n_terms = int(pairs.sum()) if self.sg else int((pairs > 0).sum())
        return len(tokens), self._learn(rng, kept, left, right, alphas, n_terms), n_terms

    def _learn(self, rng, kept, left, right, alphas, n_terms):
        model = self.model
        arguments = self.W_in, self.W_out, kept, left, right
        if model.batch == "pair":
            negatives = draw(*self.noise, rng.random((n_terms, model.negative)))
            if self.sg:
                return skipgram_pair(*arguments, negatives, alphas)
            return cbow_word(*arguments, negatives, alphas, *self._cbow_options())
        negatives, alphas = self._shared_noise(rng, len(kept), alphas)
        if self.sg:
            return skipgram_block(*arguments, negatives, alphas, model.negative)
        return cbow_block(*arguments, negatives, alphas, model.negative, *self._cbow_options())

    def _shared_noise(self, rng, n_words, alphas):
        """Noise words and learning rate of each chunk."""
        chunk, shared = self.sharing
        return draw(*self.noise, rng.random((-(-n_words // chunk), shared))), alphas[::chunk].copy()

    def _cbow_options(self):
        return self.model.cbow_mean, self.model.cbow_legacy


def padded(vectors):
    """A copy whose width is a multiple of the lanes."""
    V, d = vectors.shape
    P = -(-d // LANES) * LANES
    padded = lanes_of_zeros(V * P).reshape(V, P)
    padded[:, :d] = vectors
    return padded
