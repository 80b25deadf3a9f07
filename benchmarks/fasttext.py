"""FastText beside fastText's C++ and gensim's on the same cores and settings: words per second, and what they know."""

import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from benchmarks.harness import imdb_reviews, report
from benchmarks.word2vec import quality

EPOCHS, SEED = 3, 1
SETTINGS = {
    "vector_size": 100,
    "window": 5,
    "negative": 5,
    "min_count": 5,
    "min_n": 3,
    "max_n": 6,
    "alpha": 0.05,
    "ns_exponent": 0.5,
}
ENDINGS = ("s", "ed", "ing", "ly", "er")


def run(data, threads):
    """Train all on all IMDb reviews, or on the documentation corpus where they are not there; all read a text file."""
    import fasttext
    from gensim.models import FastText as GensimFastText

    from embeddings.datasets import documentation
    from embeddings.text import FastText, tokenize

    texts = imdb_reviews(data)
    sentences = [tokenize(text.replace("<br />", " ")) for text in texts or documentation()]
    n_words = sum(map(len, sentences))
    print(f"  {'IMDb reviews' if texts else 'documentation'}: {len(sentences):,} texts, {n_words:,} words")
    FastText(**SETTINGS, epochs=1, workers=threads).fit(sentences[:200])  # compile
    # Words of which every third inflected form is held back, so that all must guess it from its pieces.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus.txt"
        held_out = _held_out(sentences)
        path.write_text(
            "\n".join(" ".join(word for word in sentence if word not in held_out) for sentence in sentences),
            encoding="utf-8",
        )
        del sentences, texts
        seconds, models = {}, {}
        start = time.perf_counter()
        models["embeddings"] = FastText(**SETTINGS, epochs=EPOCHS, workers=threads, seed=SEED).fit(path).wv
        seconds["embeddings"] = time.perf_counter() - start
        start = time.perf_counter()
        theirs = fasttext.train_unsupervised(
            str(path), dim=100, ws=5, neg=5, minCount=5, minn=3, maxn=6, lr=0.05, t=1e-3, epoch=EPOCHS, thread=threads,
            verbose=0,
        )  # fmt: skip
        seconds["fastText"] = time.perf_counter() - start
        words = theirs.get_words()
        vectors = np.array([theirs.get_word_vector(word) for word in words])
        models["fastText"] = SimpleNamespace(index_to_key=words, vectors=vectors, get=theirs.get_word_vector)
        start = time.perf_counter()
        gensim = GensimFastText(corpus_file=str(path), sg=1, epochs=EPOCHS, workers=threads, seed=SEED, **SETTINGS).wv
        seconds["gensim"] = time.perf_counter() - start
    amount = EPOCHS * n_words / 1e3
    for peer, bar in (("fastText", 8), ("gensim", 4)):
        medians = {"embeddings": seconds["embeddings"], peer: seconds[peer]}
        report(
            f"\nskip-gram, {EPOCHS} epochs, {threads} thread(s), reading included",
            medians,
            amount,
            "thousand words",
            bar,
        )
    print("  the last column is fastText's:")
    quality(data, models["embeddings"], models["fastText"])
    print("  the last column is gensim's:")
    quality(data, models["embeddings"], gensim)
    ours = models["embeddings"]
    answers = {
        "embeddings": _stems_found(ours.index_to_key, ours.vectors, ours.get_vector, held_out),
        "fastText": _stems_found(words, vectors, theirs.get_word_vector, held_out),
        "gensim": _stems_found(gensim.index_to_key, gensim.vectors, gensim.get_vector, held_out),
    }
    print(f"  stem among the five nearest of {len(held_out)} unseen inflections: {answers}")


def _held_out(sentences):
    """Inflected forms of frequent words and their stems, every third one."""
    from collections import Counter

    counts = Counter(word for sentence in sentences for word in sentence)
    pairs = {
        stem + ending: stem
        for stem, n in sorted(counts.items())
        if n >= 200 and len(stem) > 3
        for ending in ENDINGS
        if counts[stem + ending] >= 5
    }
    return dict(list(pairs.items())[::3])


def _stems_found(words, vectors, vector_of, held_out):
    """Share of held-out forms with their stem among the five nearest words."""
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    found = 0
    for form, stem in held_out.items():
        nearest = np.argpartition(-(unit @ vector_of(form)), 5)[:5]
        found += stem in {words[i] for i in nearest}
    return round(found / max(len(held_out), 1), 3)
