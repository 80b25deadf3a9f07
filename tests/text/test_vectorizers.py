"""OneHotEncoder, NGramVectorizer and TfidfVectorizer: the matrices of scikit-learn, and clear errors."""

import itertools
import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.feature_extraction.text import TfidfVectorizer as RefTfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from embeddings.base import NotFittedError
from embeddings.text import NGramVectorizer, OneHotEncoder, TfidfVectorizer
from embeddings.text import grams as grams_module
from embeddings.text.tokenizer import TOKEN_PATTERN

DOCUMENTS = [
    "The cat chases the mouse. The cat!",
    "The kitten hunts rodents",
    "I like ham sandwiches; I like the ham",
    "猫追老鼠，小猫捕鼠。猫 cat",
    "Éclair à la crème, ÉCLAIR… naïve Σίσυφος ΟΔΟΣ",
    "🙂 mouse 🙂🙂 mouse's don’t e\u0301",
    "",
    "understanding understandings understandingly understanding",
    "the  cat \t chases\u00a0\u00a0the mouse",
]
UNSEEN = ["the cat and a zebra chase the kitten", "新 猫", "", "zebra"]


def assert_same_matrix(comp, ref):
    assert comp.shape == ref.shape
    comp, ref = comp.copy(), ref.copy()
    assert comp.has_canonical_format
    ref.sort_indices()
    np.testing.assert_array_equal(comp.indptr, ref.indptr)
    np.testing.assert_array_equal(comp.indices, ref.indices)
    np.testing.assert_allclose(comp.data, ref.data, rtol=1e-12, atol=1e-12)


def assert_parity(model, ref):
    """Both fail, or both give the same matrices and names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ref_matrix = ref.fit_transform(DOCUMENTS)
        except ValueError:
            with pytest.raises(ValueError):
                model.fit_transform(DOCUMENTS)
            return
    assert_same_matrix(model.fit_transform(DOCUMENTS), ref_matrix)
    assert model.get_feature_names_out().tolist() == ref.get_feature_names_out().tolist()
    assert_same_matrix(model.transform(UNSEEN), ref.transform(UNSEEN))


PRUNING = [
    *({"min_df": a, "max_df": b} for a, b in [(1, 1.0), (2, 1.0), (1, 2), (0.2, 0.9), (2, 0.3), (0.9, 1.0)]),
    {"max_features": 5},
    {"max_features": 3, "min_df": 2},
]
RANGES = [(1, 1), (1, 2), (2, 2), (1, 3), (3, 4)]


@pytest.mark.parametrize("pruning", PRUNING, ids=str)
@pytest.mark.parametrize("ngram_range", RANGES, ids=str)
@pytest.mark.parametrize("analyzer", ["word", "char"])
def test_counts_are_those_of_scikit_learn(analyzer, ngram_range, pruning):
    for binary, lowercase in itertools.product((False, True), repeat=2):
        options = dict(analyzer=analyzer, ngram_range=ngram_range, binary=binary, lowercase=lowercase, **pruning)
        assert_parity(NGramVectorizer(**options), CountVectorizer(token_pattern=TOKEN_PATTERN, **options))


@pytest.mark.parametrize("norm", ["l1", "l2", None])
@pytest.mark.parametrize("pruning", PRUNING, ids=str)
def test_weights_are_those_of_scikit_learn(norm, pruning):
    switches = itertools.product((False, True), repeat=4)
    for (smooth_idf, sublinear_tf, binary, use_idf), ngram_range in itertools.product(switches, [(1, 1), (1, 2)]):
        options = dict(
            norm=norm,
            smooth_idf=smooth_idf,
            sublinear_tf=sublinear_tf,
            binary=binary,
            use_idf=use_idf,
            ngram_range=ngram_range,
            **pruning,
        )
        assert_parity(TfidfVectorizer(**options), RefTfidfVectorizer(token_pattern=TOKEN_PATTERN, **options))


@pytest.mark.parametrize("ngram_range", [(1, 1), (1, 3)])
def test_stop_words_and_tokenizers_are_those_of_scikit_learn(ngram_range):
    stop_words = ["the", "cat", "猫", "don't", ""]
    assert_parity(
        NGramVectorizer(stop_words=stop_words, ngram_range=ngram_range),
        CountVectorizer(stop_words=stop_words, ngram_range=ngram_range, token_pattern=TOKEN_PATTERN),
    )

    def halves(text):
        return [part + " x" for part in text.split("a")] + text.split()

    options = dict(tokenizer=halves, ngram_range=ngram_range, stop_words=["mouse"], min_df=1, max_df=0.9)
    assert_parity(NGramVectorizer(**options), CountVectorizer(token_pattern=None, **options))
    assert_parity(TfidfVectorizer(**options), RefTfidfVectorizer(token_pattern=None, **options))


def test_one_hot_is_binary_counting():
    assert_parity(OneHotEncoder(), CountVectorizer(token_pattern=TOKEN_PATTERN, binary=True))


def test_min_length_is_a_longer_token_pattern():
    assert_parity(NGramVectorizer(min_length=3), CountVectorizer(token_pattern=TOKEN_PATTERN[:-1] + "{3,}"))


@pytest.mark.filterwarnings("ignore:The parameter 'token_pattern'")
@given(st.lists(st.text(alphabet="ab 猫Éé.\n🙂\ud800", max_size=12), min_size=1, max_size=6), st.sampled_from(RANGES))
def test_any_text_is_counted_as_scikit_learn_counts_it(documents, ngram_range):
    for analyzer in ("word", "char"):
        ref = CountVectorizer(token_pattern=TOKEN_PATTERN, ngram_range=ngram_range, analyzer=analyzer)
        comp = NGramVectorizer(ngram_range=ngram_range, analyzer=analyzer)
        try:
            ref_matrix = ref.fit_transform(documents)
        except ValueError:
            with pytest.raises(ValueError, match="single term"):
                comp.fit(documents)
            continue
        assert_same_matrix(comp.fit_transform(documents), ref_matrix)
        assert_same_matrix(comp.transform(documents), ref_matrix)
        assert comp.get_feature_names_out().tolist() == ref.get_feature_names_out().tolist()


def test_blocks_do_not_show(monkeypatch):
    whole = TfidfVectorizer(ngram_range=(1, 2)).fit_transform(DOCUMENTS)
    monkeypatch.setattr(grams_module, "BLOCK_BYTES", 20)
    model = TfidfVectorizer(ngram_range=(1, 2))
    assert_same_matrix(model.fit_transform(DOCUMENTS), whole)
    assert_same_matrix(model.fit_transform(iter(DOCUMENTS)), whole)
    assert_same_matrix(model.transform(DOCUMENTS), whole)
    hashed = NGramVectorizer(n_features=32).fit_transform(DOCUMENTS)
    monkeypatch.undo()
    assert_same_matrix(NGramVectorizer(n_features=32).fit_transform(DOCUMENTS), hashed)


# Hashing -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"ngram_range": (1, 3)}, {"analyzer": "char", "ngram_range": (2, 3)}], ids=str)
def test_hashing_into_many_columns_only_renames_them(options):
    counted = NGramVectorizer(**options).fit_transform(DOCUMENTS)
    hashed = NGramVectorizer(n_features=2**22, **options).fit_transform(DOCUMENTS).tocsc()
    used = np.flatnonzero(np.diff(hashed.indptr))
    assert len(used) == counted.shape[1], "two n-grams share one of four million columns"
    ref_columns = sorted(column.tobytes() for column in counted.toarray().T)
    comp_columns = sorted(column.tobytes() for column in hashed[:, used].toarray().T)
    assert comp_columns == ref_columns


def test_hashing_keeps_every_count_and_needs_no_vocabulary():
    model = NGramVectorizer(n_features=7, ngram_range=(1, 2)).fit(["anything"])
    ref = NGramVectorizer(ngram_range=(1, 2)).fit_transform(DOCUMENTS)
    comp = model.transform(DOCUMENTS)
    assert comp.shape == (len(DOCUMENTS), 7)
    np.testing.assert_array_equal(comp.sum(axis=1), ref.sum(axis=1))
    np.testing.assert_array_equal(model.transform(DOCUMENTS[:1]).toarray(), comp[:1].toarray())
    assert model.transform([]).shape == (0, 7)
    with pytest.raises(NotFittedError, match="hashes"):
        model.get_feature_names_out()


# Using them ----------------------------------------------------------------------------------------------------------


def test_inverse_transform_gives_the_terms_back():
    model = NGramVectorizer().fit(DOCUMENTS)
    terms = model.inverse_transform(model.transform(["the cat and the ham"]))
    assert [t.tolist() for t in terms] == [["cat", "ham", "the"]]
    with pytest.raises(ValueError, match="columns"):
        model.inverse_transform(np.zeros((1, 2)))


def test_vocabulary_is_a_dict_of_columns():
    model = TfidfVectorizer().fit(["b a", "c"])
    assert model.vocabulary_ == {"a": 0, "b": 1, "c": 2}


def test_dtype_is_kept():
    for dtype in (np.float32, np.float64):
        assert TfidfVectorizer(dtype=dtype).fit_transform(DOCUMENTS).dtype == dtype
    assert NGramVectorizer().fit_transform(DOCUMENTS).dtype == np.int64
    assert isinstance(OneHotEncoder().fit_transform(DOCUMENTS), sparse.csr_matrix)


def test_parameters_set_after_fitting_count():
    model = NGramVectorizer().fit(["the cat", "THE ham"])
    assert model.transform(["THE"]).sum() == 1
    model.set_params(lowercase=False)
    assert model.transform(["THE"]).sum() == 0


def test_a_fitted_model_is_pickled_without_its_tables():
    model = TfidfVectorizer().fit(DOCUMENTS)
    ref = model.transform(UNSEEN)
    comp = pickle.loads(pickle.dumps(model)).transform(UNSEEN)
    assert_same_matrix(comp, ref)


def test_grid_search_over_a_pipeline():
    texts = ["cat mouse", "mouse kitten", "cat kitten", "ham bread", "bread cheese", "ham cheese"] * 3
    labels = [0, 0, 0, 1, 1, 1] * 3
    pipeline = Pipeline([("vectors", TfidfVectorizer()), ("classifier", LogisticRegression())])
    grid = {"vectors__ngram_range": [(1, 1), (1, 2)], "vectors__sublinear_tf": [False, True], "vectors__min_df": [1, 2]}
    search = GridSearchCV(pipeline, grid, cv=3, error_score="raise").fit(texts, labels)
    assert search.best_score_ == 1.0
    assert search.predict(["the cat", "some cheese"]).tolist() == [0, 1]


def test_a_model_with_a_tokenizer_asks_for_it_when_loaded(tmp_path):
    path = tmp_path / "model.safetensors"
    model = TfidfVectorizer(tokenizer=str.split, ngram_range=(1, 2)).fit(["a b", "b c"])
    model.save(path)
    with pytest.raises(ValueError, match="tokenizer"):
        TfidfVectorizer.load(path)
    loaded = TfidfVectorizer.load(path, tokenizer=str.split)
    assert_same_matrix(loaded.transform(["a b c"]), model.transform(["a b c"]))


@pytest.mark.parametrize(
    "damage",
    [
        {"grams_": np.array([[9]], np.int32)},
        {"grams_": np.array([[-1]], np.int32)},
        {"grams_": np.array([[0], [0]], np.int32)},
        {"grams_": np.zeros((1, 2), np.int32)},
        {"grams_": np.zeros((1, 1), np.int64)},
        {"word_offsets_": np.array([0, 1, 2, 9])},
        {"words_utf8_": np.zeros(3, np.uint8)},
        {"idf_": np.full(3, np.nan)},
        {"idf_": np.ones(2)},
    ],
    ids=str,
)
def test_a_state_that_does_not_hold_together_is_refused(tmp_path, damage):
    path = tmp_path / "model.safetensors"
    model = TfidfVectorizer().fit(["a b c"])
    vars(model).update(damage)
    model.save(path)
    with pytest.raises(ValueError, match="model.safetensors"):
        TfidfVectorizer.load(path)


# Bad input -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model", [OneHotEncoder(), NGramVectorizer(), TfidfVectorizer(), NGramVectorizer(n_features=4)]
)
@pytest.mark.parametrize(
    ("documents", "error", "message"),
    [
        ("a single string", TypeError, r"put it in a list: \[text\]"),
        (b"bytes", TypeError, "single bytes"),
        (3, TypeError, "must be a list of strings, got a int"),
        (["the cat", None], TypeError, "document 1 is None, a NoneType"),
        (["the cat", "mouse", 3.5], TypeError, "document 2 is 3.5, a float"),
        ([b"bytes"], TypeError, "document 0 is b'bytes', a bytes"),
        ([["the", "cat"]], TypeError, "document 0 is .*list"),
    ],
)
def test_wrong_documents(model, documents, error, message):
    with pytest.raises(error, match=message):
        model.fit(documents)


@pytest.mark.parametrize(
    ("options", "documents", "error", "message"),
    [
        ({}, [], ValueError, "documents is empty"),
        ({}, ["", " .! "], ValueError, "no document holds a single term"),
        ({"stop_words": ["a"]}, ["a a"], ValueError, "stop_words"),
        ({"ngram_range": (3, 3)}, ["a b"], ValueError, "ngram_range"),
        ({"min_df": 2}, ["a", "b"], ValueError, "no term remains"),
        ({"min_df": 2, "max_df": 1}, ["a", "a"], ValueError, "min_df=2 asks for at least 2 documents and max_df=1"),
        ({"min_df": 0.9, "max_df": 0.1}, ["a"] * 10, ValueError, "no term can have both"),
        ({"ngram_range": (2, 1)}, ["a b"], ValueError, r"shortest ≤ longest, got \(2, 1\)"),
        ({"ngram_range": (0, 1)}, ["a b"], ValueError, "ngram_range"),
        ({"ngram_range": 2}, ["a b"], TypeError, "pair"),
        ({"analyzer": "letters"}, ["a"], ValueError, "analyzer must be one of"),
        ({"min_df": -1}, ["a"], ValueError, "min_df"),
        ({"max_df": 1.5}, ["a"], ValueError, "max_df"),
        ({"max_df": "1"}, ["a"], TypeError, "max_df must be a number"),
        ({"max_features": 0}, ["a"], ValueError, "max_features"),
        ({"min_length": 0}, ["a"], ValueError, "min_length"),
        ({"stop_words": "the"}, ["a"], TypeError, "stop_words"),
        ({"tokenizer": 3}, ["a"], TypeError, "callable"),
        ({"tokenizer": len}, ["a"], TypeError, "tokenizer must return a list of strings"),
        ({"tokenizer": str.split, "analyzer": "char"}, ["a"], ValueError, "analyzer"),
        ({"norm": "l3"}, ["a"], ValueError, "norm must be one of"),
    ],
    ids=str,
)
def test_wrong_options(options, documents, error, message):
    with pytest.raises(error, match=message):
        TfidfVectorizer(**options).fit(documents)


def test_nul_bytes_lone_surrogates_and_empty_documents_have_a_result():
    model = NGramVectorizer()
    X = model.fit_transform(["a\0b", "x\ud800y", ""])
    assert model.get_feature_names_out().tolist() == ["a", "b", "x", "y"]
    assert X.toarray().tolist() == [[1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 0]]
    assert model.transform([]).shape == (0, 4)
    assert model.transform(["never seen"]).nnz == 0


def test_a_failed_fit_keeps_what_was_learned():
    model = TfidfVectorizer().fit(["the cat"])
    with pytest.raises(TypeError):
        model.fit(["the ham", None])
    assert model.get_feature_names_out().tolist() == ["cat", "the"]
