"""Cosine, Euclidean distance and nearest neighbours, against scikit-learn and plain arithmetic."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.metrics.pairwise import cosine_similarity as ref_cosine_similarity
from sklearn.metrics.pairwise import euclidean_distances as ref_euclidean_distances

from embeddings import similarity
from embeddings.similarity import cosine_similarity, euclidean_distance, nearest


def draw(n, d, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(dtype)


def ref_nearest(queries, items, k, metric):
    """All scores in float64, sorted."""
    queries, items = queries.astype(np.float64), items.astype(np.float64)
    if metric == "cosine":
        order = np.argsort(-ref_cosine_similarity(queries, items), axis=1, kind="stable")
    else:
        differences = queries[:, None] - items
        order = np.argsort((differences**2).sum(axis=2), axis=1, kind="stable")
    return order[:, :k]


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix, sparse.csc_array])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_matrices_are_those_of_scikit_learn(kind, dtype):
    A, B = draw(7, 13, 1, dtype), draw(5, 13, 2, dtype)
    A[np.abs(A) < 0.5] = 0
    tolerance = 1e-6 if dtype == np.float32 else 1e-12
    for comp, ref in [(cosine_similarity, ref_cosine_similarity), (euclidean_distance, ref_euclidean_distances)]:
        result = comp(kind(A), kind(B))
        assert isinstance(result, np.ndarray) and result.dtype == dtype
        np.testing.assert_allclose(result, ref(A, B), rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(comp(kind(A)), ref(A), rtol=tolerance, atol=100 * tolerance)


def test_dense_against_sparse():
    A, B = draw(3, 4), draw(2, 4, 1)
    np.testing.assert_allclose(cosine_similarity(A, sparse.csr_matrix(B)), cosine_similarity(A, B), rtol=1e-14)


def test_a_zero_vector_is_like_nothing():
    assert cosine_similarity([[0, 0], [1, 0]]).tolist() == [[0, 0], [0, 1]]
    assert cosine_similarity(sparse.csr_matrix([[0, 0], [1, 0]])).tolist() == [[0, 0], [0, 1]]
    indices, scores = nearest([[0.0, 0.0]], [[1.0, 0.0], [0.0, 0.0]], k=2)
    assert indices.tolist() == [[0, 1]] and scores.tolist() == [[0, 0]]


def test_digits_do_not_cancel():
    A = np.array([[1e8, 0.0], [1e8, 1.0], [1e8, 1.5]])
    assert euclidean_distance(A).tolist() == [[0, 1, 1.5], [1, 0, 0.5], [1.5, 0.5, 0]]
    indices, distances = nearest(A[:1], A[1:], 2, "euclidean")
    assert indices.tolist() == [[0, 1]] and distances.tolist() == [[1, 1.5]]


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n", "m", "d", "k"), [(300, 2500, 17, 10), (1, 70_000, 3, 4), (5, 3, 2, 9), (2, 1, 1, 1)])
def test_nearest_is_exact(metric, dtype, n, m, d, k):
    queries, items = draw(n, d, 1, dtype), draw(m, d, 2, dtype)
    indices, scores = nearest(queries, items, k, metric)
    np.testing.assert_array_equal(indices, ref_nearest(queries, items, k, metric))
    pairwise = ref_cosine_similarity if metric == "cosine" else ref_euclidean_distances
    ref_scores = np.take_along_axis(pairwise(queries.astype(float), items.astype(float)), indices, 1)
    np.testing.assert_allclose(scores, ref_scores, rtol=1e-6, atol=1e-6)
    assert scores.dtype == dtype


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_nearest_among_equals_takes_the_lower_row(metric):
    items = np.tile(draw(3, 5), (400, 1)).astype(np.float32)
    indices, scores = nearest(items[:3], items, 5, metric)
    np.testing.assert_array_equal(indices, [[0, 3, 6, 9, 12], [1, 4, 7, 10, 13], [2, 5, 8, 11, 14]])
    assert (scores[:, 0] == scores[:, 4]).all()


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_float32_does_not_hide_a_better_item(metric):
    rng = np.random.default_rng(0)
    items = (1000 + rng.normal(size=(3000, 8)) * 1e-2).astype(np.float32)
    queries = (1000 + rng.normal(size=(20, 8)) * 1e-2).astype(np.float32)
    indices, _ = nearest(queries, items, 3, metric)
    np.testing.assert_array_equal(indices, ref_nearest(queries, items, 3, metric))


def test_nearest_sparse_is_nearest_dense():
    items = sparse.random(2000, 50, 0.1, "csr", random_state=1)
    queries = sparse.random(30, 50, 0.2, "csr", random_state=2)
    for metric in ("cosine", "euclidean"):
        comp_indices, comp_scores = nearest(queries, items, 5, metric)
        ref_indices, ref_scores = nearest(queries.toarray(), items.toarray(), 5, metric)
        np.testing.assert_allclose(comp_scores, ref_scores, rtol=1e-12, atol=1e-12)
        assert (comp_indices == ref_indices).mean() > 0.95, "they may differ among equals alone"


def test_blocks_and_threads_do_not_show(monkeypatch):
    queries, items = draw(50, 6, 1, np.float32), draw(400, 6, 2, np.float32)
    ref = nearest(queries, items, 7)
    monkeypatch.setattr(similarity, "QUERIES", 8)
    monkeypatch.setattr(similarity, "ITEMS", 16)
    for threads in (1, 3):
        monkeypatch.setattr(similarity, "_blas_threads", lambda threads=threads: threads)
        for comp_part, ref_part in zip(nearest(queries, items, 7), ref, strict=True):
            np.testing.assert_array_equal(comp_part, ref_part)


@given(st.integers(0, 4), st.integers(1, 40), st.integers(1, 4), st.integers(1, 12), st.integers(0, 9))
def test_nearest_of_small_whole_numbers(n, m, d, k, seed):
    rng = np.random.default_rng(seed)
    queries, items = rng.integers(-2, 3, (n, d)), rng.integers(-2, 3, (m, d))
    indices, scores = nearest(queries, items, k, "euclidean")
    np.testing.assert_array_equal(indices, ref_nearest(queries, items, k, "euclidean"))
    assert indices.shape == scores.shape == (n, min(k, m))


@pytest.mark.parametrize("function", [cosine_similarity, euclidean_distance, nearest])
@pytest.mark.parametrize(
    ("A", "B", "error", "message"),
    [
        ([[1.0, np.nan]], [[1.0, 2.0]], ValueError, "NaN or infinity, first in row 0"),
        ([[1.0, 2.0]], [[1.0, 2.0], [np.inf, 0]], ValueError, "first in row 1"),
        ([[1.0, 2.0]], sparse.csr_matrix([[1.0, 2.0], [np.nan, 0]]), ValueError, "first in row 1"),
        ([[1.0, 2.0]], [[1.0]], ValueError, "vectors of 2 numbers"),
        ([1.0, 2.0], [[1.0, 2.0]], ValueError, r"got shape \(2,\)"),
        ([["a"]], [[1.0]], TypeError, "must hold numbers"),
    ],
)
def test_errors(function, A, B, error, message):
    with pytest.raises(error, match=message):
        function(A, B)


def test_errors_of_nearest():
    with pytest.raises(ValueError, match="k must be at least 1"):
        nearest([[1.0]], [[1.0]], 0)
    with pytest.raises(ValueError, match="metric must be one of"):
        nearest([[1.0]], [[1.0]], 1, "manhattan")
    with pytest.raises(ValueError, match="items is empty"):
        nearest([[1.0]], np.empty((0, 1)))
