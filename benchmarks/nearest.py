"""nearest beside scikit-learn's brute-force NearestNeighbors: 1,000 queries, 100,000 items, 100 dimensions, k = 10."""

import numpy as np
from sklearn.neighbors import NearestNeighbors

from benchmarks.harness import interleave, report
from embeddings.similarity import nearest

QUERIES, ITEMS, DIMENSIONS, K, BAR = 1_000, 100_000, 100, 10, 1.2


def run(data, threads):
    """Compare for both metrics on normally distributed float32 vectors; `data` is not needed."""
    rng = np.random.default_rng(0)
    items = rng.normal(size=(ITEMS, DIMENSIONS)).astype(np.float32)
    queries = rng.normal(size=(QUERIES, DIMENSIONS)).astype(np.float32)
    for metric in ("cosine", "euclidean"):
        found = {}

        def ours(metric=metric, found=found):
            found["ours"] = nearest(queries, items, K, metric)[0]

        def theirs(metric=metric, found=found):
            model = NearestNeighbors(n_neighbors=K, algorithm="brute", metric=metric).fit(items)
            found["theirs"] = model.kneighbors(queries, return_distance=True)[1]

        medians = interleave({"embeddings": ours, "scikit-learn": theirs}, threads=threads)
        same = (found["ours"] == found["theirs"]).mean()
        # scikit-learn computes cosines in float32 and may swap neighbours that differ in the seventh digit.
        assert same > 0.999, f"only {same:.2%} of the neighbours are the same"
        report(f"\n{metric}, {same:.2%} of the neighbours the same", medians, QUERIES, "queries", BAR)
