"""Word2Vec beside gensim's on the same cores and settings: words per second, and what the vectors know."""

import os
import time

from benchmarks.harness import imdb_reviews, report
from kernels.device import cuda_is_available

SETTINGS = {"vector_size": 100, "window": 5, "negative": 5, "min_count": 5}
EPOCHS, SEED = 3, 1
BARS = {True: 8, False: 5}
# By sg. The corrected gradient is smaller by the number of context words and wants a larger learning rate.
VARIANTS = {
    True: {"skip-gram": {"sg": True}},
    False: {
        "CBOW, gensim's gradient": {"sg": False, "cbow_legacy": True},
        "CBOW, corrected gradient, alpha 0.075": {"sg": False, "alpha": 0.075},
    },
}


def run(data, threads):
    """Train both on all IMDb reviews, or on the documentation corpus where they are not there."""
    from gensim.models import Word2Vec as GensimWord2Vec

    from embeddings.datasets import documentation
    from embeddings.text import Word2Vec, tokenize

    texts = imdb_reviews(data)
    corpus = "IMDb reviews" if texts else "documentation"
    sentences = [tokenize(text.replace("<br />", " ")) for text in texts or documentation()]
    n_words = sum(map(len, sentences))
    print(f"  {corpus}: {len(sentences):,} texts, {n_words:,} words")
    for sg in (True, False):
        Word2Vec(**SETTINGS, epochs=1, sg=sg, workers=threads).fit(sentences[:200])  # compile
    for sg in (True, False):
        theirs = GensimWord2Vec(**SETTINGS, sg=int(sg), workers=threads, seed=SEED)
        start = time.perf_counter()
        theirs.build_vocab(sentences)
        reading = time.perf_counter() - start
        theirs.train(sentences, total_examples=len(sentences), epochs=EPOCHS)
        their_seconds = time.perf_counter() - start
        for name, options in VARIANTS[sg].items():
            ours = Word2Vec(**SETTINGS, **options, epochs=EPOCHS, workers=threads, seed=SEED)
            start = time.perf_counter()
            ours.fit(sentences)
            our_seconds = time.perf_counter() - start
            report(
                f"\n{name}, {EPOCHS} epochs, {threads} thread(s), vocabulary included (gensim's alone {reading:.1f} s)",
                {"embeddings": our_seconds, "gensim": their_seconds},
                EPOCHS * n_words / 1e3,
                "thousand words",
                BARS[sg],
            )
            print(f"  losses {[round(loss, 4) for loss in ours.loss_history_]}")
            quality(data, ours.wv, theirs.wv)
            on_gpu(sentences, options, theirs.wv, data)


def on_gpu(sentences, options, theirs, data):
    """Print how fast a GPU trains the same, and what its vectors know."""
    if not cuda_is_available() or os.environ.get("NUMBA_ENABLE_CUDASIM") == "1":
        print("  CUDA: not measured, there is no GPU here")
        return
    from embeddings.text import Word2Vec

    Word2Vec(**SETTINGS, **options, epochs=1, device="cuda").fit(sentences[:200])  # compile
    model = Word2Vec(**SETTINGS, **options, epochs=EPOCHS, device="cuda", workers=os.cpu_count(), seed=SEED)
    start = time.perf_counter()
    model.fit(sentences)
    speed = EPOCHS * sum(map(len, sentences)) / (time.perf_counter() - start)
    print(f"  CUDA: {speed / 1e3:,.0f} thousand words/s, losses {[round(loss, 4) for loss in model.loss_history_]}")
    quality(data, model.wv, theirs)


def quality(data, ours, theirs):
    """Print what both sets of vectors know, by our own evaluation."""
    from embeddings.vectors import KeyedVectors

    theirs = KeyedVectors(theirs.index_to_key, theirs.vectors)
    folder = None if data is None else data / "similarity"
    if folder is None or not folder.is_dir():
        print("  (no similarity/: pass --data FOLDER to compare what the vectors know)")
        return
    for file in ("wordsim353-sim.csv", "wordsim353-rel.csv", "simlex999.csv"):
        scores = [vectors.evaluate_word_pairs(folder / file)[1] for vectors in (ours, theirs)]
        print(f"  {file:<24} Spearman {scores[0]:.3f}, gensim {scores[1]:.3f}   ({scores[0] - scores[1]:+.3f})")
    scores = []
    for vectors in (ours, theirs):
        _, sections = vectors.evaluate_word_analogies(folder / "google-analogies.csv")
        chosen = [counts for name, counts in sections.items() if name == "family" or name.startswith("gram")]
        scores.append(sum(right for right, _ in chosen) / max(sum(n for _, n in chosen), 1))
    print(
        f"  analogies, family, gram* accuracy {scores[0]:.3f}, gensim {scores[1]:.3f}   ({scores[0] - scores[1]:+.3f})"
    )
