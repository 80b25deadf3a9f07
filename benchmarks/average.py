"""AverageEncoder beside gensim and NumPy: words per second, tokenising included; and what the means know (STS-B)."""

import csv
import time

import numpy as np
from scipy import stats

from benchmarks.harness import imdb_reviews, interleave, report

REVIEWS = 5_000
# Promised for one thread, whatever the peers do.
WORDS_PER_SECOND = 1e6
SETTINGS = {"vector_size": 100, "window": 10, "sample": 1e-4, "epochs": 5, "seed": 1}
ENCODERS = {
    "plain average": {},
    "TF-IDF average": {"weighting": "tfidf"},
    "SIF": {"weighting": "sif"},
    "SIF, one component removed": {"weighting": "sif", "remove_components": 1},
}


def run(data, threads):
    """Train word vectors on all IMDb reviews, or on the documentation corpus where they are not there; average."""
    from embeddings.datasets import documentation
    from embeddings.text import Word2Vec

    reviews = imdb_reviews(data)
    texts = [text.replace("<br />", " ") for text in reviews] if reviews else documentation()
    start = time.perf_counter()
    model = Word2Vec(**SETTINGS, workers=threads).fit(texts)
    print(f"  {len(texts):,} texts; Word2Vec in {time.perf_counter() - start:.0f} s, {len(model.wv):,} words")
    speed(model, texts[:REVIEWS] if reviews else texts, threads)
    if reviews:
        quality(data, model, texts)


def speed(model, texts, threads):
    """From texts to vectors; the peers cut texts into the same words with Python's ``re``."""
    from gensim.models import KeyedVectors as GensimKeyedVectors

    from embeddings.text import AverageEncoder, tokenize

    theirs = GensimKeyedVectors(model.vector_size)
    theirs.add_vectors(model.wv.index_to_key, model.wv.vectors)
    row, vectors = model.wv.key_to_index, model.wv.vectors
    encoder = AverageEncoder(model).fit(texts)
    zeros = np.zeros(model.vector_size, np.float32)
    results = {}

    def ours():
        results["embeddings"] = encoder.transform(texts)

    def gensim():
        words = [[word for word in tokenize(text) if word in row] for text in texts]
        means = [theirs.get_mean_vector(known, pre_normalize=False) if known else zeros for known in words]
        results["gensim"] = np.array(means)

    def numpy():
        rows = [[row[word] for word in tokenize(text) if word in row] for text in texts]
        results["NumPy"] = np.array([vectors[known].mean(axis=0) if known else zeros for known in rows])

    n_words = sum(len(tokenize(text)) for text in texts)
    contestants = {"embeddings": ours, "gensim get_mean_vector": gensim, "NumPy, a document at a time": numpy}
    medians = interleave(contestants, repeats=5, threads=1)
    for name in ("gensim", "NumPy"):
        np.testing.assert_allclose(results["embeddings"], results[name], atol=1e-5)
    report(f"\n{len(texts):,} texts, {n_words:,} words, one thread", medians, n_words / 1e6, "million words")
    rate = n_words / medians["embeddings"]
    print(f"  promised {WORDS_PER_SECOND:,.0f} words/s: {'reached' if rate >= WORDS_PER_SECOND else 'NOT reached'}")


def quality(data, model, texts):
    """Spearman's correlation with people's judgement of sentence pairs; weights and components are the reviews'."""
    from embeddings.text import AverageEncoder, TfidfVectorizer
    from embeddings.vectors import KeyedVectors

    path = data / "stsb" / "sts-dev.csv"
    if not path.is_file():
        print("  (no stsb/sts-dev.csv: pass --data FOLDER to compare with people's judgement)")
        return
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    judged = np.array([float(row[4]) for row in rows])
    first, second = [row[5] for row in rows], [row[6] for row in rows]
    print(f"\nSTS-B dev, {len(rows):,} pairs, vectors and weights of the reviews: Spearman (Pearson)")
    # Rare words have shorter vectors than frequent ones. IDF goes on growing for them and makes up for it; SIF's weight
    # does not, it is 1 at most. And a component removed sets kinds of text apart (the cosines of forum posts halve),
    # while the order within each kind, headlines or captions, hardly changes: over all pairs that costs.
    unit = KeyedVectors(model.wv.index_to_key, model.wv.get_normed_vectors(), model.wv.counts)
    for form, keyed in (("word vectors of length 1", unit), ("word vectors as trained", model.wv)):
        found = []
        print(f"  {form}")
        for name, options in ENCODERS.items():
            encoder = AverageEncoder(keyed, **options).fit(texts)
            spearman, pearson = _correlations(_cosines(encoder.transform(first), encoder.transform(second)), judged)
            found.append(spearman)
            print(f"    {name:<32}{spearman:.4f}   ({pearson:.4f})")
        plain, tfidf, sif, _ = found
        print(f"    SIF ≥ TF-IDF average ≥ plain average: {'holds' if sif >= tfidf >= plain else 'does NOT hold'}")
    vectorizer = TfidfVectorizer().fit(texts)
    cosines = vectorizer.transform(first).multiply(vectorizer.transform(second)).sum(axis=1)  # rows have length 1
    spearman, pearson = _correlations(np.asarray(cosines).ravel(), judged)
    print(f"  {'TF-IDF cosine, without vectors':<34}{spearman:.4f}   ({pearson:.4f})", flush=True)


def _cosines(A, B):
    lengths = np.linalg.norm(A, axis=1) * np.linalg.norm(B, axis=1)
    return np.einsum("nd,nd->n", A, B) / np.where(lengths > 0, lengths, 1)


def _correlations(cosines, judged):
    """Spearman's and Pearson's correlation."""
    return stats.spearmanr(cosines, judged)[0], stats.pearsonr(cosines, judged)[0]
