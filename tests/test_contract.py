"""The contract that every model of the project keeps."""

import inspect

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from embeddings.base import NotFittedError
from tests.contract_models import MODELS

pytestmark = pytest.mark.parametrize(("make_model", "make_input"), [m[1:] for m in MODELS], ids=[m[0] for m in MODELS])


def dense(vectors):
    return vectors.toarray() if sparse.issparse(vectors) else np.asarray(vectors)


def test_constructor_only_stores(make_model, make_input):
    model = make_model()
    assert set(vars(model)) == set(inspect.signature(type(model).__init__).parameters) - {"self"}


def test_params_round_trip(make_model, make_input):
    model = make_model()
    other = type(model)().set_params(**model.get_params(deep=False))
    assert repr(other) == repr(model)
    with pytest.raises(ValueError, match="no_such_parameter"):
        model.set_params(no_such_parameter=1)


def test_not_fitted_says_so(make_model, make_input, tmp_path):
    with pytest.raises(NotFittedError, match="call fit first"):
        make_model().transform(make_input())
    with pytest.raises(NotFittedError, match="call fit first"):
        make_model().save(tmp_path / "model.safetensors")


def test_fit_returns_self_and_vectors_have_rows(make_model, make_input):
    model, X = make_model(), make_input()
    assert model.fit(X) is model
    vectors = model.transform(X)
    assert vectors.ndim == 2 and vectors.shape[0] == len(X)
    assert np.isfinite(dense(vectors)).all()


def test_same_seed_same_bits(make_model, make_input):
    first = dense(make_model().fit(make_input()).transform(make_input()))
    second = dense(make_model().fit(make_input()).transform(make_input()))
    assert first.tobytes() == second.tobytes()


def test_fit_transform_is_fit_then_transform(make_model, make_input):
    together = dense(make_model().fit_transform(make_input()))
    apart = dense(make_model().fit(make_input()).transform(make_input()))
    np.testing.assert_array_equal(together, apart)


def test_fitting_again_forgets(make_model, make_input):
    X = make_input()
    model = make_model().fit(X[: len(X) // 2])
    np.testing.assert_array_equal(dense(model.fit(X).transform(X)), dense(make_model().fit(X).transform(X)))


def test_save_and_load(make_model, make_input, tmp_path):
    model, X = make_model(), make_input()
    expected = dense(model.fit(X).transform(X))
    path = tmp_path / "model.safetensors"
    model.save(path)
    loaded = type(model).load(path)
    assert dense(loaded.transform(X)).tobytes() == expected.tobytes()
    assert repr(loaded) == repr(model)
    assert list(tmp_path.iterdir()) == [path], "a temporary file was left behind"


def test_damaged_file_is_refused(make_model, make_input, tmp_path):
    path = tmp_path / "model.safetensors"
    make_model().fit(make_input()).save(path)
    data = path.read_bytes()
    for damage in (b"", data[:7], data[: len(data) // 2], data[:-1], b"\xff" * 64, b"\x80\x04K\x01."):
        path.write_bytes(damage)
        with pytest.raises(ValueError, match="model.safetensors"):
            type(make_model()).load(path)


def test_sklearn_clone_and_pipeline(make_model, make_input):
    model, X = make_model(), make_input()
    copied = clone(model)
    assert copied is not model and repr(copied) == repr(model)
    pipeline = make_pipeline(clone(model))
    np.testing.assert_array_equal(dense(pipeline.fit_transform(X)), dense(make_model().fit_transform(X)))
