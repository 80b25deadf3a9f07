"""LDA beside tomotopy's Gibbs sampling and the variational Bayes of scikit-learn and gensim, at equal perplexity.

Held-out perplexity is computed for all by one evaluation, ours, from their topics' distributions over words.
"""

import copy
import time

import numpy as np

from benchmarks.harness import imdb_reviews, report

ALPHA, ETA, MIN_COUNT, SEED = 0.1, 0.01, 5, 1
TRAINED_ON, HELD_OUT = 20_000, 2_000
# Topics, method, epochs of tomotopy, how many of ours stand beside one of them, and the bar. A proposal moves a word
# less often than a draw does, but its time does not grow with the topics.
RACES = [(50, "gibbs", 100, 1, 1.2), (500, "gibbs", 40, 1, 3), (2000, "metropolis", 20, 6, 3)]
EVERY = 2
# Where chains end up differs by half a percent from seed to seed: ours goes on for longer, to see when it gets there.
LONGER = 1.5
BATCH, VARIATIONAL_TOPICS, VARIATIONAL_BAR = 1024, 50, 10


def run(data, threads):
    """Train on IMDb reviews, or on the documentation corpus where they are not there."""
    from embeddings.datasets import documentation
    from embeddings.text import LatentDirichletAllocation, tokenize

    texts = imdb_reviews(data, limit=TRAINED_ON + HELD_OUT)
    documents = [tokenize(text.replace("<br />", " ")) for text in texts or documentation()]
    np.random.default_rng(SEED).shuffle(documents)
    held_out, documents = documents[:HELD_OUT], documents[HELD_OUT : HELD_OUT + TRAINED_ON]
    n_words = sum(map(len, documents))
    print(f"  {'IMDb reviews' if texts else 'documentation'}: {len(documents):,} texts, {n_words:,} words")
    for method in ("gibbs", "metropolis", "variational"):
        LatentDirichletAllocation(2, method=method, epochs=1).fit(documents[:200]).perplexity(held_out[:200])  # compile
    for race in RACES:
        sampling(documents, held_out, threads, *race)
    variational(documents, held_out, threads)


def sampling(documents, held_out, threads, topics, method, epochs, more, bar):
    """Both in turn, some epochs each; print how long each takes to tomotopy's perplexity."""
    from embeddings.text import LatentDirichletAllocation

    peer = _Tomotopy(documents, topics, threads)
    race = _Race(peer, held_out, epochs, more)
    settings = {"alpha": ALPHA, "eta": ETA, "min_count": MIN_COUNT, "method": method, "seed": SEED}
    model = LatentDirichletAllocation(
        topics, epochs=int(epochs * more * LONGER), workers=threads, callbacks=[race], **settings
    )
    race.start()
    model.fit(documents)
    their_seconds, target = race.theirs[-1]
    reached = next((i for i, (_, perplexity) in enumerate(race.ours) if perplexity <= target), None)
    ours = float("nan")
    if reached is not None:
        # The same again, without handing topics to a callback after every epoch.
        alone = LatentDirichletAllocation(topics, epochs=(reached + 1) * EVERY * more, workers=threads, **settings)
        start = time.perf_counter()
        alone.fit(documents)
        ours = time.perf_counter() - start
    report(
        f"\n{method}, {topics} topics, {threads} thread(s), reading included: seconds to tomotopy's perplexity after "
        f"{epochs} epochs, {target:.1f}",
        {"embeddings": ours, "tomotopy": their_seconds},
        bar=bar,
    )
    our_seconds, perplexity = race.ours[len(race.theirs) - 1]
    rate = sum(map(len, documents)) * epochs / 1e6
    print(f"  in turns, million words/s: {rate * more / our_seconds:.1f}, tomotopy {rate / their_seconds:.1f}")
    difference = perplexity / target - 1
    print(f"  held-out perplexity after these epochs: {perplexity:.1f}, tomotopy {target:.1f} ({difference:+.2%})")


class _Tomotopy:
    """tomotopy's model with our settings, and the time it took."""

    def __init__(self, documents, topics, threads):
        import tomotopy

        start = time.perf_counter()
        self.model = tomotopy.LDAModel(k=topics, alpha=ALPHA, eta=ETA, min_cf=MIN_COUNT, seed=SEED)
        # α stays, as ours does.
        self.model.optim_interval = 0
        for document in documents:
            self.model.add_doc(document)
        self.threads = threads
        self.seconds = time.perf_counter() - start

    def train(self, epochs):
        start = time.perf_counter()
        self.model.train(epochs, workers=self.threads, show_progress=False)
        self.seconds += time.perf_counter() - start

    def topics(self, words):
        number = {word: i for i, word in enumerate(self.model.used_vocabs)}
        order = [number[word] for word in words]
        return np.stack([self.model.get_topic_word_dist(k)[order] for k in range(self.model.k)])


class _Race:
    """A callback: stops our clock, lets the peer train as much, and notes where both are."""

    def __init__(self, peer, held_out, epochs, more):
        self.peer, self.held_out, self.every, self.rounds = peer, held_out, EVERY * more, epochs // EVERY
        self.ours, self.theirs, self.seconds = [], [], 0.0

    def start(self):
        self._since = time.perf_counter()

    def __call__(self, model):
        self.seconds += time.perf_counter() - self._since
        if len(model.loss_history_) % self.every == 0:
            self.ours.append((self.seconds, model.perplexity(self.held_out)))
            if len(self.theirs) < self.rounds:
                self.peer.train(EVERY)
                theirs = perplexity_of(model, self.peer.topics(model.index_to_key_), self.held_out)
                self.theirs.append((self.peer.seconds, theirs))
        self.start()


def perplexity_of(model, topics, held_out):
    """Held-out perplexity of the topics, (K, V), of somebody else with the same words."""
    other = copy.copy(model)
    # Inferred as sampled topics are: from the distributions themselves.
    other.components_, other.method_ = np.maximum(topics, 1e-12).astype(np.float32), "gibbs"
    return other.perplexity(held_out)


def variational(documents, held_out, threads):
    """One pass of online variational Bayes of each, from the same counts."""
    from gensim.matutils import Sparse2Corpus
    from gensim.models import LdaModel
    from sklearn.decomposition import LatentDirichletAllocation as TheirLDA

    from embeddings.text import LatentDirichletAllocation
    from embeddings.text.documents import corpus_of_documents

    corpus = corpus_of_documents(documents, MIN_COUNT)
    numbers = {word: i for i, word in enumerate(corpus.words)}
    X = _counts(documents, numbers)
    held_out_counts = _counts(held_out, numbers)
    bags = list(Sparse2Corpus(X, documents_columns=False))
    K, shared = VARIATIONAL_TOPICS, {"alpha": ALPHA, "eta": ETA}
    ours = LatentDirichletAllocation(
        K, **shared, method="variational", epochs=1, batch_size=BATCH, workers=threads, seed=SEED
    )
    start = time.perf_counter()
    ours.fit(X)
    seconds = {"embeddings": time.perf_counter() - start}
    perplexities = {"embeddings": perplexity_of(ours, _normalised(ours.components_), held_out_counts)}
    theirs = TheirLDA(
        K,
        doc_topic_prior=ALPHA,
        topic_word_prior=ETA,
        learning_method="online",
        batch_size=BATCH,
        max_iter=1,
        n_jobs=threads,
        random_state=SEED,
    )
    start = time.perf_counter()
    theirs.fit(X)
    seconds["scikit-learn"] = time.perf_counter() - start
    perplexities["scikit-learn"] = perplexity_of(ours, _normalised(theirs.components_), held_out_counts)
    start = time.perf_counter()
    gensims = LdaModel(
        bags,
        num_topics=K,
        **shared,
        chunksize=BATCH,
        passes=1,
        decay=0.7,
        offset=10,
        iterations=100,
        eval_every=None,
        random_state=SEED,
    )
    seconds["gensim"] = time.perf_counter() - start
    topics = np.zeros((K, X.shape[1]))
    topics[:, : gensims.num_terms] = gensims.get_topics()
    perplexities["gensim"] = perplexity_of(ours, topics, held_out_counts)
    report(
        f"\nvariational Bayes, one pass, {K} topics, batches of {BATCH}, {threads} thread(s) (gensim: 1)",
        seconds,
        X.sum() / 1e3,
        "thousand words",
        VARIATIONAL_BAR,
    )
    print("  held-out perplexity: " + ", ".join(f"{name} {value:.1f}" for name, value in perplexities.items()))


def _counts(documents, numbers):
    from scipy import sparse

    rows = [[numbers[word] for word in document if word in numbers] for document in documents]
    ends = np.cumsum([0, *map(len, rows)])
    columns = np.concatenate([np.array(row, np.int32) for row in rows])
    X = sparse.csr_matrix((np.ones(len(columns), np.int64), columns, ends), (len(documents), len(numbers)))
    X.sum_duplicates()
    return X


def _normalised(topics):
    return topics / topics.sum(axis=1, keepdims=True)
