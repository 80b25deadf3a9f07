"""Doc2Vec beside gensim's on the same cores and settings: words per second, of inference, too; and what vectors know.

By default a fifth of the reviews is trained on; ``EMBEDDINGS_BENCH_LONG=1`` trains both on all 75,000, takes forty
minutes and measures the accuracy that is promised.
"""

import os
import time

import numpy as np

from benchmarks.harness import report

SETTINGS = {"vector_size": 100, "window": 5, "negative": 5, "min_count": 2, "sample": 0}
EPOCHS, LONG_EPOCHS, SEED = 3, 20, 1
REVIEWS, INFERRED = 15_000, 10_000
BARS, INFERENCE_BAR = {False: 4, True: 4}, 10
ACCURACY = 0.87
NAMES = {False: "PV-DBOW", True: "PV-DM"}


def run(data, threads):
    """Train both on IMDb reviews, or on the documentation corpus where they are not there."""
    from embeddings.datasets import documentation
    from embeddings.text import Doc2Vec, tokenize

    long = os.environ.get("EMBEDDINGS_BENCH_LONG") == "1"
    labels, texts = _reviews(data, None if long else REVIEWS)
    documents = [tokenize(text.replace("<br />", " ")) for text in texts or documentation()]
    n_words = sum(map(len, documents))
    print(f"  {'IMDb reviews' if texts else 'documentation'}: {len(documents):,} texts, {n_words:,} words")
    for dm in (False, True):
        Doc2Vec(epochs=1, dm=dm).fit(documents[:200]).transform(documents[:200])  # compile
        epochs = LONG_EPOCHS if long else EPOCHS
        start = time.perf_counter()
        ours = Doc2Vec(**SETTINGS, dm=dm, epochs=epochs, workers=threads, seed=SEED).fit(documents)
        seconds = {"embeddings": time.perf_counter() - start}
        theirs, seconds["gensim"] = _gensim(documents, dm, epochs, threads)
        title = f"\n{NAMES[dm]}, {epochs} epochs, {threads} thread(s), vocabulary included"
        report(title, seconds, epochs * n_words / 1e3, "thousand words", BARS[dm])
        print(f"  losses {[round(loss, 4) for loss in ours.loss_history_]}")
        inference(ours, theirs, documents[:INFERRED], dm, threads)
        if labels is not None:
            accuracies(ours, theirs, documents, labels, dm, long)


def _reviews(data, limit):
    """Labels and texts, as many with a label as without, or None and None."""
    import csv
    import lzma

    path = None if data is None else data / "imdb" / "reviews.tsv.xz"
    if path is None or not path.is_file():
        print("  (no imdb/reviews.tsv.xz: pass --data FOLDER or set EMBEDDINGS_BENCH_DATA; documentation instead)")
        return None, None
    with lzma.open(path, "rt", encoding="utf-8", newline="\n") as file:
        rows = [(row[0], row[2]) for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
    # In the file they are sorted by label, which a document's place in the training would give away.
    rows = [rows[i] for i in np.random.default_rng(SEED).permutation(len(rows))[:limit]]
    return np.array([label for label, _ in rows]), [text for _, text in rows]


def _gensim(documents, dm, epochs, threads):
    """gensim's model, and the seconds that it took."""
    from gensim.models.doc2vec import Doc2Vec as GensimDoc2Vec
    from gensim.models.doc2vec import TaggedDocument

    tagged = [TaggedDocument(words, [i]) for i, words in enumerate(documents)]
    start = time.perf_counter()
    model = GensimDoc2Vec(tagged, **SETTINGS, dm=int(dm), epochs=epochs, workers=threads, seed=SEED)
    return model, time.perf_counter() - start


def inference(ours, theirs, documents, dm, threads):
    """Vectors of documents as if they were unseen, in as many epochs; gensim takes them one by one, on one thread."""
    start = time.perf_counter()
    vectors = ours.transform(documents)
    seconds = {"embeddings": time.perf_counter() - start}
    # A tenth is enough to know gensim's speed.
    some = documents[::10]
    start = time.perf_counter()
    their_vectors = np.stack([theirs.infer_vector(words) for words in some])
    n_words, n_some = sum(map(len, documents)), sum(map(len, some))
    seconds["gensim"] = (time.perf_counter() - start) * n_words / n_some
    title = f"{NAMES[dm]}, inference of {len(documents):,} documents, {ours.epochs} epochs, {threads} thread(s)"
    report(title, seconds, ours.epochs * n_words / 1e3, "thousand words", INFERENCE_BAR)
    # Either finds again what it was trained on.
    found = _share_found(vectors[::10], ours.document_vectors_[: len(documents)][::10])
    their_found = _share_found(their_vectors, theirs.dv.vectors[: len(documents)][::10])
    print(f"  inferred vectors whose nearest learned one is their own: {found:.3f}, gensim {their_found:.3f}")


def _share_found(inferred, learned):
    unit = [V / np.linalg.norm(V, axis=1, keepdims=True) for V in (inferred, learned)]
    return float(np.mean(np.argmax(unit[0] @ unit[1].T, axis=1) == np.arange(len(inferred))))


def accuracies(ours, theirs, documents, labels, dm, long):
    """A logistic regression learns positive from negative on half of the labelled reviews; its accuracy on the rest."""
    from sklearn.linear_model import LogisticRegression

    labelled = np.random.default_rng(SEED).permutation(np.flatnonzero(labels != "unsup"))
    half, y = len(labelled) // 2, labels[labelled] == "pos"
    scores = []
    for vectors in (ours.document_vectors_, theirs.dv.vectors):
        X = vectors[labelled]
        classifier = LogisticRegression(max_iter=1000).fit(X[:half], y[:half])
        scores.append(classifier.score(X[half:], y[half:]))
    chosen = [documents[i] for i in labelled]
    inferred = [ours.transform(chosen)]
    if long:
        inferred.append(np.stack([theirs.infer_vector(words) for words in chosen]))
    for X in inferred:
        classifier = LogisticRegression(max_iter=1000).fit(X[:half], y[:half])
        scores.append(classifier.score(X[half:], y[half:]))
    learned = f"learned vectors {scores[0]:.4f}, gensim {scores[1]:.4f} ({scores[0] - scores[1]:+.4f})"
    print(f"  accuracy of {half:,} reviews by {learned}; by inferred ones {scores[2]:.4f}", end="")
    print(f", gensim {scores[3]:.4f} ({scores[2] - scores[3]:+.4f})" if long else "")
    if long and not dm:
        best = max(scores[0], scores[2])
        print(f"  promised {ACCURACY}: {'reached' if best >= ACCURACY else 'NOT reached'}", flush=True)
