"""The shared contract: parameters, and files that are whole or absent."""

import json

import numpy as np
import pytest

from embeddings import files
from embeddings.base import Embedder, NotFittedError


class Words(Embedder):
    """A small model with every kind of state that a file must hold."""

    def __init__(self, size=3, span=(1, 2), stop_words=None, tokenizer=None, dtype=np.float32, inner=None):
        self.size = size
        self.span = span
        self.stop_words = stop_words
        self.tokenizer = tokenizer
        self.dtype = dtype
        self.inner = inner

    def fit(self, X, y=None):
        self.words_ = sorted(X)
        self.empty_ = []
        self.mean_ = float(np.mean([len(x) for x in X]))
        self.vectors_ = np.arange(len(X) * self.size, dtype=self.dtype).reshape(len(X), self.size)
        return self

    def transform(self, X):
        self._check_is_fitted()
        return self.vectors_[[self.words_.index(x) for x in X]]


def test_state_and_params_come_back_with_their_types(tmp_path):
    model = Words(size=2, stop_words={"the", "a"}).fit(["猫", "kitten", "", "a\ud800b\x00"])
    model.save(tmp_path / "words.safetensors")
    loaded = Words.load(tmp_path / "words.safetensors")
    assert loaded.words_ == model.words_ and loaded.empty_ == [] and loaded.mean_ == model.mean_
    assert loaded.span == (1, 2) and loaded.stop_words == {"the", "a"} and loaded.dtype is np.float32
    assert loaded.vectors_.dtype == np.float32
    np.testing.assert_array_equal(loaded.vectors_, model.vectors_)


def test_functions_are_passed_again(tmp_path):
    path = tmp_path / "words.safetensors"
    Words(tokenizer=str.split).fit(["a"]).save(path)
    with pytest.raises(ValueError, match="tokenizer=…"):
        Words.load(path)
    with pytest.raises(ValueError, match="'size'"):
        Words.load(path, tokenizer=str.split, size=len)
    assert Words.load(path, tokenizer=str.split).tokenizer is str.split


def test_what_no_file_can_hold_is_named(tmp_path):
    with pytest.raises(TypeError, match="stop_words"):
        Words(stop_words=object()).fit(["a"]).save(tmp_path / "words.safetensors")
    assert not list(tmp_path.iterdir())


def test_files_of_others_are_refused(tmp_path):
    path = tmp_path / "x.safetensors"
    with pytest.raises(FileNotFoundError, match="x.safetensors"):
        Words.load(path)
    files.write_tensors(path, {"a": np.zeros(2)}, {})
    with pytest.raises(ValueError, match="no model"):
        Words.load(path)

    class Other(Words):
        pass

    Other().fit(["a"]).save(path)
    with pytest.raises(ValueError, match="holds a Other, not a Words"):
        Words.load(path)


@pytest.mark.parametrize("change", [{"values": 3}, {"params": {"size": {"x": 1}}}, {"strings": ["nothing"]}])
def test_metadata_that_does_not_hold_together_is_refused(tmp_path, change):
    path = tmp_path / "words.safetensors"
    Words().fit(["a", "b"]).save(path)
    tensors, metadata = files.read_tensors(path)
    files.write_tensors(path, tensors, {**metadata, **change})
    with pytest.raises(ValueError, match="damaged"):
        Words.load(path)


def test_a_header_that_promises_too_much_allocates_nothing(tmp_path):
    path = tmp_path / "words.safetensors"
    header = json.dumps({"x": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 16)
    with pytest.raises(ValueError, match="not a whole safetensors file"):
        Words.load(path)


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "old.txt"
    path.write_text("old")
    with pytest.raises(OSError, match="disk full"), files.atomic_write(path, "w") as file:
        file.write("new")
        raise OSError("disk full")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("offsets", [[], [1, 2], [0, 3], [0, 2, 1, 2]])
def test_string_offsets_must_fit(offsets):
    with pytest.raises(ValueError, match="offsets"):
        files.unpack_strings(np.array([97, 98], np.uint8), np.array(offsets, np.int64))


def test_nested_parameters():
    model = Words(inner=Words(size=5))
    assert model.get_params()["inner__size"] == 5
    assert model.set_params(inner__size=7).inner.size == 7
    assert "inner__size" not in model.get_params(deep=False)


def test_not_fitted_is_the_error_that_scikit_learn_users_catch():
    with pytest.raises(NotFittedError) as caught:
        Words().transform(["a"])
    assert isinstance(caught.value, ValueError) and isinstance(caught.value, AttributeError)
