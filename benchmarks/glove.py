"""GloVe's counting and training: tokens and entries per second, and what the vectors know beside gensim's skip-gram.

No peer of it can be installed: the authors' C is not packaged. On a machine where gensim's skip-gram did 310 thousand
words/s on one thread, their program counted 1.6 million tokens/s and trained on 0.9 million entries/s; both are scaled
here by what gensim does in the same run.
"""

import time

from benchmarks.harness import imdb_reviews
from benchmarks.word2vec import quality

GENSIM, COUNTING, TRAINING = 310e3, 1.6e6, 0.9e6
EPOCHS = 15


def run(data, threads):
    """Train on all IMDb reviews, or on the documentation corpus where they are not there."""
    from gensim.models import Word2Vec as GensimWord2Vec

    from embeddings.datasets import documentation
    from embeddings.text import GloVe, tokenize
    from embeddings.text.cooccurrence import Cooccurrences
    from embeddings.text.corpus import Corpus

    texts = imdb_reviews(data)
    print(f"  {'IMDb reviews' if texts else 'documentation'}")
    sentences = [tokenize(text.replace("<br />", " ")) for text in texts or documentation()]
    GloVe(epochs=1).fit(sentences[:200])  # compile

    theirs = GensimWord2Vec(vector_size=100, window=5, negative=5, min_count=5, sg=1, workers=1, seed=1)
    theirs.build_vocab(sentences)
    start = time.perf_counter()
    theirs.train(sentences, total_examples=len(sentences), epochs=1)
    gensim_rate = theirs.corpus_total_words / (time.perf_counter() - start)
    scale = gensim_rate / GENSIM
    print(f"  gensim's skip-gram, 1 thread: {gensim_rate / 1e3:,.0f} thousand words/s")

    corpus = Corpus.encode(sentences, 5)
    start = time.perf_counter()
    counts = Cooccurrences(corpus, window=10)
    entries = sum(len(counts.block(b)[1]) for b in range(len(counts)))
    seconds = time.perf_counter() - start
    _report("counting, 1 thread", len(corpus.tokens) / seconds, COUNTING * scale, "tokens")

    for settings in ({}, {"x_max": 10, "alpha": 0.1}):
        marks = _Marks()
        # The first epoch holds the reading and the counting.
        model = GloVe(epochs=EPOCHS, workers=threads, callbacks=[marks], **settings)
        model.fit(sentences)
        seconds = (marks.times[-1] - marks.times[0]) / (EPOCHS - 1)
        _report(f"training, {threads} thread(s), {settings}", entries / seconds, TRAINING * scale * threads, "entries")
        print(f"  losses {[round(loss, 4) for loss in model.loss_history_]}; gensim's skip-gram had one epoch:")
        quality(data, model.wv, theirs.wv)


class _Marks:
    """When each epoch ended."""

    def __init__(self):
        self.times = []

    def __call__(self, model):
        self.times.append(time.perf_counter())


def _report(what, rate, yardstick, unit):
    ratio = rate / yardstick
    reached = "reached" if ratio >= 4 else "NOT reached"
    print(f"\n{what}: {rate / 1e6:.2f} million {unit}/s, scaled yardstick {yardstick / 1e6:.2f}")
    print(f"  embeddings is {ratio:.2f} times as fast   (bar 4: {reached})", flush=True)
