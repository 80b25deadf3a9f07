"""PPMI by its definition, LSA beside exact and scikit-learn's decompositions."""

import numpy as np
import pytest
from scipy import sparse

from embeddings.text import LSA, PPMI
from tests.text.test_glove import ref_cooccurrences
from tests.text.test_word2vec import ANIMALS, FOODS, world


@pytest.mark.parametrize(("shift", "smoothing"), [(1, 1), (5, 0.75)])
def test_ppmi_is_that_of_the_definition(shift, smoothing):
    model = PPMI(window=2, min_count=1, shift=shift, smoothing=smoothing).fit(world(200))
    X = ref_cooccurrences(world(200), model.index_to_key_, 2, True, lambda k: 1)
    joint, rows = X / X.sum(), X.sum(axis=1) / X.sum()
    contexts = X.sum(axis=0) ** smoothing / (X.sum(axis=0) ** smoothing).sum()
    with np.errstate(divide="ignore"):
        ref = np.maximum(np.log(joint / (rows[:, None] * contexts)) - np.log(shift), 0)
    np.testing.assert_allclose(model.matrix_.toarray(), ref, rtol=1e-4, atol=1e-6)


def test_words_of_a_kind_lie_close():
    model = PPMI(window=2, min_count=1).fit(world())
    vectors = LSA(n_components=4).fit_transform(model.matrix_)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    row = {word: unit[i] for i, word in enumerate(model.index_to_key_)}
    kin = min(row[a] @ row[b] for kind in (ANIMALS, FOODS) for a in kind for b in kind)
    assert kin > max(row[a] @ row[b] for a in ANIMALS for b in FOODS)


@pytest.mark.parametrize("as_sparse", [True, False])
def test_lsa_is_the_truncated_decomposition(as_sparse):
    rng = np.random.default_rng(0)
    X = sparse.random(120, 80, 0.2, random_state=np.random.default_rng(1), data_rvs=rng.standard_normal).toarray()
    X *= 0.9 ** np.arange(80)
    model = LSA(n_components=6).fit(sparse.csr_matrix(X) if as_sparse else X)
    U, S, Vt = np.linalg.svd(X)
    np.testing.assert_allclose(model.singular_values_, S[:6], rtol=1e-4)
    np.testing.assert_allclose(np.abs(model.components_ @ Vt[:6].T), np.eye(6), atol=2e-2)
    ref = (U[:, :6] * S[:6]) @ (U[:, :6] * S[:6]).T
    comp = model.transform(X) @ model.transform(X).T
    np.testing.assert_allclose(comp, ref, atol=2e-2 * np.abs(ref).max())


def test_lsa_agrees_with_scikit_learn():
    decomposition = pytest.importorskip("sklearn.decomposition")
    X = PPMI(window=2, min_count=1).fit(world(500)).matrix_
    ref = decomposition.TruncatedSVD(4, random_state=0).fit(X)
    np.testing.assert_allclose(LSA(n_components=4).fit(X).singular_values_, ref.singular_values_, rtol=1e-4)


def test_save_and_load(tmp_path):
    X = np.random.default_rng(0).normal(size=(20, 9))
    model = LSA(n_components=3).fit(X)
    model.save(tmp_path / "lsa.safetensors")
    assert LSA.load(tmp_path / "lsa.safetensors").transform(X).tobytes() == model.transform(X).tobytes()
    model = PPMI(min_count=1).fit(world(50))
    model.save(tmp_path / "ppmi.safetensors")
    loaded = PPMI.load(tmp_path / "ppmi.safetensors")
    assert (loaded.matrix_ != model.matrix_).nnz == 0 and (
        loaded.transform(["cat"]) != model.transform(["cat"])
    ).nnz == 0


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda: LSA(n_components=9).fit(np.ones((4, 5))), ValueError, "n_components is 9"),
        (lambda: LSA(n_components=1).fit(np.full((4, 5), np.nan)), ValueError, "NaN"),
        (lambda: LSA(n_components=1).fit(np.ones(4)), ValueError, "matrix"),
        (lambda: LSA(n_components=1).fit([["a"]]), TypeError, "numbers"),
        (lambda: LSA(n_components=1).fit(np.eye(3)).transform(np.eye(4)), ValueError, "4 features"),
        (lambda: PPMI(shift=0.5).fit(world(50)), ValueError, "shift must be at least 1"),
        (lambda: PPMI(min_count=1).fit([["alone"]]), ValueError, "no two words"),
        (lambda: PPMI(min_count=1).fit(world(50)).transform(["nobody"]), KeyError, "nobody"),
        (lambda: PPMI(min_count=1).fit(world(50)).transform("cat"), TypeError, "single string"),
    ],
)
def test_bad_input_is_named(ask, error, message):
    with pytest.raises(error, match=message):
        ask()
