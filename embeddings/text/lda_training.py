"""How LDA is trained: Gibbs sampling by tiles, Metropolis-Hastings by passes, variational Bayes by batches."""

import heapq

import numpy as np
from scipy import sparse

from embeddings.text.dirichlet import fit_to_counts, fit_to_logarithms
from embeddings.text.word_embedder import Training
from kernels import lda_gibbs, lda_metropolis, lda_variational
from kernels.count import COUNT_IMPLEMENTATIONS
from kernels.device import implementation
from kernels.sampling import ALIAS_IMPLEMENTATIONS
from kernels.simd import LANES, rows_of_zeros

sample_tiles = implementation(lda_gibbs.IMPLEMENTATIONS)
renew_units = implementation(lda_metropolis.IMPLEMENTATIONS)
infer = implementation(lda_variational.INFER_IMPLEMENTATIONS)
expect = implementation(lda_variational.EXPECT_IMPLEMENTATIONS)
collect = implementation(lda_variational.COLLECT_IMPLEMENTATIONS)
count = implementation(COUNT_IMPLEMENTATIONS)
alias_table = implementation(ALIAS_IMPLEMENTATIONS)

# A corpus of so many words is cut in two both ways, into four tiles, a larger one into more, up to MOST squared.
PART_WORDS, MOST_PARTS = 1_000_000, 8

# Places that one thread takes at once in a pass of Metropolis-Hastings.
BLOCK_PLACES = 1 << 18

# Words whose probability is computed for the loss of Metropolis-Hastings.
SAMPLE_WORDS = 5_000

# Documents, and words, that one thread takes at once in a batch of variational Bayes.
BATCH_DOCUMENTS, BATCH_WORDS = 64, 1024

# Float32 counts one by one up to here.
MOST_COUNTED = 1 << 24


def padded(array):
    """A copy in float32 whose width is a multiple of the lanes."""
    R, K = array.shape
    P = -(-K // LANES) * LANES
    result = rows_of_zeros(R, P)
    result[:, :K] = array
    return result


class LDATraining(Training):
    """What the three trainings share: α, which each learns in its way, and the words of the corpus."""

    def __init__(self, model, corpus, size):
        super().__init__(model, size)
        self.corpus = corpus
        self.alpha = np.array(np.broadcast_to(model.alpha, model.n_components), np.float64)

    def size_done(self):
        """Where no step is partly done, the epoch is at its beginning or at its end."""
        return self.size if self.done else 0

    def publish(self):
        """Hand topics and α to the model; between epochs only where somebody looks."""
        model = self.model
        if model.callbacks or self._stopped.is_set():
            model.components_, model.alpha_ = self._components(), self.alpha.astype(np.float32)

    def _components(self):
        """How much of each word each topic has, (K, V), in new memory."""
        raise NotImplementedError

    def _alpha_is_due(self):
        interval = self.model.optimize_interval
        return interval and (self.epoch + 1) % interval == 0

    def _map(self, pool, function, items):
        return list((pool.map if self.model.workers > 1 else map)(function, items))


class GibbsTraining(LDATraining):
    """A step is a diagonal of tiles, in which no two share documents or words: on how many threads they are sampled
    changes nothing."""

    def __init__(self, model, corpus):
        super().__init__(model, corpus, corpus.n_tokens)
        if corpus.counts.max() >= MOST_COUNTED:
            raise ValueError(
                f'a word that occurs {corpus.counts.max():,} times is more than the counts of method="gibbs" hold, '
                f'{MOST_COUNTED - 1:,}; leave it out, or take method="metropolis"'
            )
        self._cut()
        K = model.n_components
        self.z = np.random.default_rng([model.seed, 0]).integers(0, K, self.size, np.uint16)
        self._count()

    def _cut(self):
        """Sort the words of the corpus by tiles: the diagonals in turn, in each the parts of the documents in turn."""
        corpus, V, D = self.corpus, len(self.corpus.words), len(self.corpus)
        self.G = G = max(1, min(self.size // PART_WORDS, MOST_PARTS, V, D))
        part_of_word = _even_parts(corpus.counts, G)
        cuts = np.searchsorted(corpus.offsets, np.linspace(0, self.size, G + 1))
        cuts[0], cuts[-1] = 0, D
        tiles = [[None] * G for _ in range(G)]
        for g in range(G):
            first, last = cuts[g], cuts[g + 1]
            offsets = corpus.offsets[first : last + 1]
            words = corpus.tokens[offsets[0] : offsets[-1]]
            diagonal = ((part_of_word[words] + g) % G).astype(np.uint8)
            order = np.argsort(diagonal, kind="stable")
            documents = np.repeat(np.arange(first, last, dtype=np.int32), np.diff(offsets))[order]
            ends = np.cumsum([0, *np.bincount(diagonal, minlength=G)])
            for s in range(G):
                tiles[s][g] = words[order[ends[s] : ends[s + 1]]], documents[ends[s] : ends[s + 1]]
        tiles = [tile for diagonal in tiles for tile in diagonal]
        self.words = np.concatenate([words for words, _ in tiles])
        documents = np.concatenate([documents for _, documents in tiles])
        # Tile t has the places bounds[t] to bounds[t + 1] - 1, and the runs run_bounds[t] to run_bounds[t + 1] - 1.
        self.bounds = np.cumsum([0, *(len(words) for words, _ in tiles)])
        begins = np.ones(self.size, bool)
        begins[1:] = documents[1:] != documents[:-1]
        begins[self.bounds[self.bounds < self.size]] = True
        self.starts = np.append(np.flatnonzero(begins), self.size)
        self.documents = documents[self.starts[:-1]]
        self.run_bounds = np.searchsorted(self.starts, self.bounds)

    def _count(self):
        """All counts, from z."""
        V, D, K = len(self.corpus.words), len(self.corpus), self.model.n_components
        P = -(-K // LANES) * LANES
        self.n_dk, self.n_wk = rows_of_zeros(D, P), rows_of_zeros(V, P)
        documents = np.repeat(self.documents, np.diff(self.starts))
        for rows, counts in ((documents, self.n_dk), (self.words, self.n_wk)):
            counts.reshape(-1)[:] = np.bincount(rows.astype(np.int64) * P + self.z, minlength=counts.size)
        self.n_k = np.bincount(self.z, minlength=K).astype(np.int32)

    def size_done(self):
        """Words of the diagonals before."""
        return int(self.bounds[self.done * self.G])

    def _components(self):
        # In the order of the counts in memory: a row is a word's.
        return self.n_wk[:, : self.model.n_components].T + np.float32(self.model.eta)

    def tensors(self):
        """The topics of all places: what else there is, is counted from them."""
        return {"z": self.z, "alpha": self.alpha}

    def _restore(self, saved):
        super()._restore(saved)
        self._count()

    def steps(self, pool):
        """Sample the diagonals that are left, the tiles of each on all threads."""
        lengths = np.diff(self.corpus.offsets)
        while self.done < self.G:
            tiles = range(self.done * self.G, (self.done + 1) * self.G)
            counted = np.repeat(self.n_k[None], self.G, axis=0)
            alpha = self.alpha.astype(np.float32)
            # The probability of a word, of which the kernel gives the upper part.
            below = np.log(np.maximum(lengths - 1, 0) + self.alpha.sum())
            self.loss -= sum(self._map(pool, lambda t: self._sample(t, counted, alpha, below), tiles))  # noqa: B023
            self.n_k += (counted - self.n_k).sum(axis=0)
            size = int(self.bounds[tiles.stop] - self.bounds[tiles.start])
            self.n_terms += size
            self.done += 1
            yield size
        if self._alpha_is_due():
            _, k = np.nonzero(self.n_dk)
            self.alpha[:] = fit_to_counts(self.alpha, k, self.n_dk[self.n_dk > 0], lengths)

    def _sample(self, tile, counted, alpha, below):
        first, last = self.bounds[tile], self.bounds[tile + 1]
        runs = slice(self.run_bounds[tile], self.run_bounds[tile + 1])
        starts = self.starts[runs.start : runs.stop + 1] - first
        documents = self.documents[runs]
        uniforms = np.random.default_rng([self.model.seed, 1, self.epoch, tile]).random(last - first, np.float32)
        part = tile % self.G
        log_p = sample_tiles(
            self.words[first:last],
            documents,
            starts,
            np.array([0, len(documents)]),
            self.z[first:last],
            uniforms,
            self.n_dk,
            self.n_wk,
            counted[part : part + 1],
            alpha,
            self.model.eta,
        )
        return log_p - below[documents] @ np.diff(starts)


class MetropolisTraining(LDATraining):
    """A step is a pass, over the words or over the documents; all counts stay as they were at its beginning."""

    unit = " proposals"

    def __init__(self, model, corpus):
        N = corpus.n_tokens
        super().__init__(model, corpus, 2 * N)
        self.tokens = corpus.tokens
        V, K = len(corpus.words), model.n_components
        by_word = np.argsort(self.tokens, kind="stable").astype(np.int32)
        word_starts = np.cumsum([0, *np.bincount(self.tokens, minlength=V)])
        self.passes = [(by_word, word_starts), (np.arange(N, dtype=np.int32), corpus.offsets)]
        z = np.random.default_rng([model.seed, 0]).integers(0, K, N, np.uint16)
        # Each proposes its own topic at first.
        self.topics = np.stack([z, z], axis=1)
        self._choose_sample()

    def _choose_sample(self):
        """Evenly spaced documents of about SAMPLE_WORDS words together, for the loss."""
        offsets = self.corpus.offsets
        step = max(1, self.size // 2 // SAMPLE_WORDS)
        chosen = np.flatnonzero(np.diff(offsets) > 0)[::step]
        places = np.concatenate([np.arange(offsets[d], offsets[d + 1]) for d in chosen])
        self.sample = places, np.repeat(np.arange(len(chosen)), np.diff(offsets)[chosen])

    def _components(self):
        by_word, starts = self.passes[0]
        V, K = len(starts) - 1, self.model.n_components
        indptr, k, n = count(self.topics[by_word, 0].astype(np.int32), starts, K)
        components = np.full((V, K), self.model.eta, np.float32)
        components[np.repeat(np.arange(V), np.diff(indptr)), k] += n
        return components.T

    def tensors(self):
        """Topics and proposals."""
        return {"topics": self.topics, "alpha": self.alpha}

    def size_done(self):
        """Half of the proposals are judged in the pass over the words."""
        return self.done * self.size // 2

    def steps(self, pool):
        """The passes that are left."""
        if self.done == 0:
            self.loss, self.n_terms = self._loss()
        V, K, model = len(self.corpus.words), self.model.n_components, self.model
        while self.done < 2:
            places, starts = self.passes[self.done]
            prior = self.alpha.copy() if self.done else np.full(K, float(model.eta))
            n_k = np.bincount(self.topics[:, 0], minlength=K)
            common = prior, *alias_table(prior / prior.sum()), n_k, V * float(model.eta)
            ends = np.arange(BLOCK_PLACES, len(places), BLOCK_PLACES)
            bounds = np.unique([0, *np.searchsorted(starts, ends), len(starts) - 1])
            self._map(pool, lambda b: self._renew(b, places, starts, bounds, common), range(len(bounds) - 1))  # noqa: B023
            self.done += 1
            yield self.size // 2
        if self._alpha_is_due():
            _, k, n = count(self.topics[:, 0].astype(np.int32), self.corpus.offsets, K)
            self.alpha[:] = fit_to_counts(self.alpha, k, n, np.diff(self.corpus.offsets))

    def _renew(self, block, places, starts, bounds, common):
        starts = starts[bounds[block] : bounds[block + 1] + 1]
        rng = np.random.default_rng([self.model.seed, 1, self.epoch, self.done, block])
        bits = rng.integers(0, 2**64, (starts[-1] - starts[0], 1), np.uint64)
        renew_units(places[starts[0] : starts[-1]], starts - starts[0], self.topics, bits, *common)

    def _loss(self):
        """-log of the probability of the sample's words, given the topics of all others, and how many they are."""
        places, d = self.sample
        K, V, eta = self.model.n_components, len(self.corpus.words), self.model.eta
        words, w = np.unique(self.tokens[places], return_inverse=True)
        by_word, starts = self.passes[0]
        of_words = np.concatenate([by_word[starts[word] : starts[word + 1]] for word in words])
        ends = np.cumsum([0, *np.diff(starts)[words]])
        indptr, k, n = count(self.topics[of_words, 0].astype(np.int32), ends, K)
        n_wk = sparse.csr_matrix((n, k, indptr), (len(words), K))
        z = self.topics[places, 0]
        n_dk = sparse.csr_matrix((np.ones(len(d)), (d, z)), (d[-1] + 1, K))
        n_k = np.bincount(self.topics[:, 0], minlength=K)
        loss, block = 0.0, max(1, (1 << 22) // K)
        for first in range(0, len(d), block):
            i = slice(first, first + block)
            rows = np.arange(len(d[i]))
            # Counts without the word itself.
            of_document, of_word, of_topic = n_dk[d[i]].toarray(), n_wk[w[i]].toarray(), np.tile(n_k, (len(rows), 1))
            for counts in (of_document, of_word, of_topic):
                counts[rows, z[i]] -= 1
            p = ((of_document + self.alpha) * (of_word + eta) / (of_topic + V * eta)).sum(axis=1)
            loss -= np.log(p / (of_document.sum(axis=1) + self.alpha.sum())).sum()
        return float(loss), len(d)


class VariationalTraining(LDATraining):
    """A step is a batch of documents, drawn anew in every epoch."""

    def __init__(self, model, corpus):
        super().__init__(model, corpus, corpus.n_tokens)
        V, K, D = len(corpus.words), model.n_components, len(corpus)
        self.batch_size = min(model.batch_size, D)
        self.n_batches = -(-D // self.batch_size)
        self.masses = padded(first_topics(model.seed, V, K) - model.eta)
        # λ_kw - η is scale · masses; the scale is an array so that a checkpoint brings it back.
        self.scale, self.logarithms = np.ones(1), np.zeros(K)

    def _components(self):
        topics = self.masses[:, : self.model.n_components].T * np.float32(self.scale[0]) + np.float32(self.model.eta)
        # Rounding must not take a topic all it has of a word.
        return np.maximum(topics, np.finfo(np.float32).tiny)

    def tensors(self):
        """λ - η, as masses and scale, and what α is learned from."""
        return {"masses": self.masses, "scale": self.scale, "alpha": self.alpha, "logarithms": self.logarithms}

    def size_done(self):
        """Words of the batches before."""
        lengths = np.diff(self.corpus.offsets)
        return int(lengths[self._order()[: self.done * self.batch_size]].sum())

    def _order(self):
        return np.random.default_rng([self.model.seed, 1, self.epoch]).permutation(len(self.corpus))

    def steps(self, pool):
        """The batches that are left."""
        order = self._order()
        if self.done == 0:
            self.logarithms[:] = 0
        # Σ_v m_kv anew, so that roundings do not add up.
        totals = self.masses[:, : self.model.n_components].sum(axis=0, dtype=np.float64)
        while self.done < self.n_batches:
            batch = np.sort(order[self.done * self.batch_size : (self.done + 1) * self.batch_size])
            size, loss = self._learn(pool, batch, totals)
            self.loss += loss
            self.n_terms += size
            self.done += 1
            yield size
        if self._alpha_is_due():
            self.alpha[:] = fit_to_logarithms(self.alpha, self.logarithms / len(self.corpus))

    def _learn(self, pool, batch, totals):
        """Infer the documents of a batch, and move the topics towards what they got. Returns words and loss."""
        model, K, V = self.model, self.model.n_components, len(self.corpus.words)
        rows, starts, words, counts = self._bag(batch)
        masses = self.masses[rows]
        topics, gamma = np.zeros_like(masses), padded(np.ones((len(batch), K)))
        theta, ratios, alpha = np.zeros_like(gamma), np.empty(len(words), np.float32), self.alpha.astype(np.float32)
        sums = V * model.eta + self.scale[0] * totals

        def infer_some(first):
            documents = slice(first, first + BATCH_DOCUMENTS)
            ends = starts[first : first + BATCH_DOCUMENTS + 1]
            some = slice(ends[0], ends[-1])
            results = gamma[documents], theta[documents], ratios[some]
            stop = model.mean_change, model.inner_iterations
            return infer(ends - ends[0], words[some], counts[some], topics, alpha, *results, *stop)

        def expect_some(first):
            some = slice(first, first + BATCH_WORDS)
            expect(masses[some], self.scale[0], model.eta, sums, topics[some])

        self._map(pool, expect_some, range(0, len(rows), BATCH_WORDS))
        log_likelihood = sum(self._map(pool, infer_some, range(0, len(batch), BATCH_DOCUMENTS)))
        if model.optimize_interval:
            self.logarithms += _mean_logarithms(gamma[:, :K]).sum(axis=0)

        rate = 1.0
        if self.n_batches > 1:
            step = self.epoch * self.n_batches + self.done
            rate = (model.learning_offset + step + 1) ** -model.learning_decay
        self.scale *= 1 - rate
        if self.scale[0] < 1e-6:
            # Before the scale is too small to divide by, it is multiplied into the masses.
            for array in (self.masses, masses, totals):
                array *= array.dtype.type(self.scale[0])
            self.scale[0] = 1
        before = masses[:, :K].sum(axis=0, dtype=np.float64)
        factor = rate * len(self.corpus) / len(batch) / self.scale[0]
        by_word = sparse.csr_matrix((np.arange(len(words)), words, starts), (len(batch), len(rows))).tocsc()

        def collect_some(first):
            some = slice(first, first + BATCH_WORDS)
            ends = by_word.indptr[first : first + BATCH_WORDS + 1].astype(np.int64)
            entries = slice(ends[0], ends[-1])
            found = by_word.indices[entries], ratios[by_word.data[entries]]
            collect(ends - ends[0], *found, theta, topics[some], factor, masses[some])

        self._map(pool, collect_some, range(0, len(rows), BATCH_WORDS))
        self.masses[rows] = masses
        totals += masses[:, :K].sum(axis=0, dtype=np.float64) - before
        return int(counts.sum()), -log_likelihood

    def _bag(self, batch):
        """The words that some documents have, and the documents as counts of rows of them."""
        V, offsets = len(self.corpus.words), self.corpus.offsets
        lengths = np.diff(offsets)[batch]
        ends = np.cumsum([0, *lengths])
        places = np.arange(ends[-1]) + np.repeat(offsets[batch] - ends[:-1], lengths)
        starts, words, counts = count(self.corpus.tokens[places], ends, V)
        rows = np.flatnonzero(np.bincount(words, minlength=V))
        row_of_word = np.zeros(V, np.int32)
        row_of_word[rows] = np.arange(len(rows))
        return rows, starts, row_of_word[words], counts.astype(np.float32)


def first_topics(seed, V, K):
    """Random λ to begin with, (V, K), as Hoffman's program draws them."""
    return np.random.default_rng([seed, 0]).gamma(100, 1 / 100, (V, K))


def _mean_logarithms(gamma):
    """E[log θ_dk] = ψ(γ_dk) - ψ(Σ_j γ_dj)."""
    from scipy.special import digamma

    gamma = gamma.astype(np.float64)
    return digamma(gamma) - digamma(gamma.sum(axis=1, keepdims=True))


def _even_parts(counts, G):
    """A part for each word, so that all have about the same number of places: each goes where there are fewest."""
    parts = np.zeros(len(counts), np.int64)
    heap = [(0, g) for g in range(G)]
    for w in np.argsort(-counts, kind="stable") if G > 1 else ():
        size, g = heap[0]
        parts[w] = g
        heapq.heapreplace(heap, (size + int(counts[w]), g))
    return parts
