"""AverageEncoder: hand-made numbers, plain loops beside it, streams, files, and what cannot be averaged."""

import numpy as np
import pytest
from scipy import stats
from sklearn.base import clone

from embeddings.base import NotFittedError
from embeddings.datasets import toy_world
from embeddings.similarity import cosine_similarity
from embeddings.text import AverageEncoder, FastText, Word2Vec, tokenize
from embeddings.text import average as module
from embeddings.text.average import split_sentences
from embeddings.vectors import KeyedVectors

TEXTS = [
    "The cat chases the mouse. A cat! It hunts.",
    "The kitten hunts rodents",
    "I like ham sandwiches, and I like the mouse.\nHam?",
    "猫追老鼠。小猫睡觉。",
    "",
    "zebra zebra",
]
WORDS = ["the", "cat", "kitten", "chases", "hunts", "mouse", "rodents", "ham", "i", "like", "猫", "鼠", "sandwiches"]


def keyed(d=6, words=WORDS):
    return KeyedVectors(words, np.random.default_rng(3).normal(size=(len(words), d)))


def by_hand(vectors, fitted, documents, weighting, remove, unit, a):
    """The definition, in plain loops and float64."""
    N = len(fitted)
    count, frequency = {}, {}
    for document in fitted:
        words = [word for sentence in document for word in sentence]
        for word in words:
            count[word] = count.get(word, 0) + 1
        for word in set(words):
            frequency[word] = frequency.get(word, 0) + 1
    total = sum(count.values())

    def weigh(word):
        if weighting == "tfidf":
            return np.log((1 + N) / (1 + frequency.get(word, 0))) + 1
        return a / (a + count.get(word, 0) / total) if weighting == "sif" else 1.0

    def mean(words):
        known = [word for word in words if word in vectors]
        if not known:
            return None
        divisor = sum(weigh(word) if weighting == "tfidf" else 1 for word in known)
        return sum(weigh(word) * vectors[word].astype(float) for word in known) / divisor

    def encode(document):
        if unit == "word":
            document = [[word for sentence in document for word in sentence]]
        means = [m for m in map(mean, document) if m is not None]
        return np.mean(means, axis=0) if means else np.zeros(vectors.vector_size)

    _, _, Vt = np.linalg.svd(np.stack([encode(document) for document in fitted]), full_matrices=False)
    C = Vt[:remove]
    X = np.stack([encode(document) for document in documents])
    return X - X @ C.T @ C


@pytest.mark.parametrize("unit", ["word", "sentence"])
@pytest.mark.parametrize("remove", [0, 1, 2])
@pytest.mark.parametrize("weighting", ["uniform", "tfidf", "sif"])
def test_it_is_what_the_loops_give(weighting, remove, unit, monkeypatch):
    cut = [[tokenize(sentence) for sentence in split_sentences(text)] for text in TEXTS]
    options = {"weighting": weighting, "remove_components": remove, "unit": unit, "a": 0.05}
    ref = by_hand(keyed(), cut, cut, **{"remove" if k == "remove_components" else k: v for k, v in options.items()})
    lists = cut if unit == "sentence" else [sum(document, []) for document in cut]
    monkeypatch.setattr(module, "BLOCK_WORDS", 5)
    for documents in (TEXTS, lists, iter(TEXTS), (document for document in lists)):
        encoder = AverageEncoder(keyed(), **options)
        comp = encoder.fit(documents).transform(TEXTS)
        assert comp.dtype == np.float32 and comp.shape == (len(TEXTS), 6)
        np.testing.assert_allclose(comp, ref, atol=2e-6)
        np.testing.assert_allclose(encoder.transform(iter(lists)), ref, atol=2e-6)
        assert not comp[4:].any(), "no known word: zeros"


def test_blocks_do_not_matter(monkeypatch):
    documents = [" ".join(TEXTS[i % 6] for i in range(n, n + 7)) for n in range(300)]
    encoder = AverageEncoder(keyed(), weighting="sif", unit="sentence").fit(documents)
    expected = encoder.transform(documents)
    monkeypatch.setattr("embeddings.text.grams.BLOCK_BYTES", 1000)
    np.testing.assert_array_equal(encoder.transform(documents), expected)


def test_the_mean_of_sentences_is_not_that_of_words():
    vectors = KeyedVectors(["cat", "ham"], np.eye(2))
    texts = ["cat cat cat. ham. zebra."]
    assert AverageEncoder(vectors).fit(texts).transform(texts).tolist() == [[0.75, 0.25]]
    assert AverageEncoder(vectors, unit="sentence").fit(texts).transform(texts).tolist() == [[0.5, 0.5]]


def test_components_are_those_of_the_fitted_corpus_alone():
    encoder = AverageEncoder(keyed(), remove_components=1).fit(TEXTS[:3])
    first = encoder.transform(TEXTS[:1])
    np.testing.assert_allclose(np.linalg.norm(encoder.components_, axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(first @ encoder.components_.T, 0, atol=1e-6)
    np.testing.assert_array_equal(encoder.transform(TEXTS)[:1], first)


def test_words_that_fit_did_not_see_weigh_most():
    for weighting, expected in (("tfidf", np.log(3) + 1), ("sif", 1), ("uniform", 1)):
        encoder = AverageEncoder(keyed(), weighting=weighting).fit(["the cat", "the mouse"])
        weights = dict(zip(WORDS, encoder.weights_, strict=True))
        assert weights["ham"] == np.float32(expected) and weights["the"] <= weights["cat"] <= weights["ham"]


# Models of word vectors ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fasttext():
    return FastText(vector_size=16, min_count=5, epochs=2, seed=1).fit(toy_world(500, language="en", seed=1).sentences)


@pytest.mark.parametrize("as_lists", [False, True])
def test_unseen_words_are_composed(fasttext, as_lists):
    texts = ["The kittens", "kittenish mice, the", "qqq", "cat"]
    assert "kittens" not in fasttext.wv.key_to_index
    encoder = AverageEncoder(fasttext).fit(["the cat"])
    X = [tokenize(text) for text in texts] if as_lists else texts
    vectors = encoder.transform(X)
    np.testing.assert_allclose(vectors[0], (fasttext.wv["the"] + fasttext.wv["kittens"]) / 2, rtol=1e-5, atol=1e-6)
    three = [fasttext.wv[word] for word in ("kittenish", "mice", "the")]
    np.testing.assert_allclose(vectors[1], np.mean(three, axis=0), rtol=1e-5, atol=1e-6)
    assert not vectors[2].any()
    np.testing.assert_array_equal(vectors[3], fasttext.wv["cat"])
    # Alone, and in a fit that removes components.
    np.testing.assert_array_equal(encoder.transform(X[1:2])[0], vectors[1])
    bare = AverageEncoder(fasttext, weighting="sif", remove_components=1).fit(texts)
    np.testing.assert_allclose(bare.transform(texts) @ bare.components_.T, 0, atol=1e-5)


def test_a_model_that_is_not_fitted(fasttext):
    with pytest.raises(NotFittedError, match="Word2Vec"):
        AverageEncoder(Word2Vec()).fit(TEXTS)
    copied = clone(AverageEncoder(fasttext, weighting="sif"))
    assert copied.vectors is fasttext and copied.fit(TEXTS).transform(TEXTS).any()


def test_the_file_holds_the_vectors(tmp_path):
    encoder = AverageEncoder(keyed(), weighting="sif", remove_components=1, unit="sentence", a=0.01).fit(TEXTS)
    encoder.save(tmp_path / "encoder.safetensors")
    loaded = AverageEncoder.load(tmp_path / "encoder.safetensors")
    assert loaded.transform(TEXTS).tobytes() == encoder.transform(TEXTS).tobytes()
    assert loaded.fit(TEXTS).transform(TEXTS).tobytes() == encoder.transform(TEXTS).tobytes()
    np.testing.assert_array_equal(KeyedVectors.load(tmp_path / "encoder.safetensors")["猫"], keyed()["猫"])


def test_the_file_holds_the_pieces_of_words(fasttext, tmp_path):
    encoder = AverageEncoder(fasttext).fit(["the cat"])
    encoder.save(tmp_path / "encoder.safetensors")
    loaded = AverageEncoder.load(tmp_path / "encoder.safetensors")
    vectors = encoder.transform(["kittenish kittens"])
    assert vectors.any() and loaded.transform(["kittenish kittens"]).tobytes() == vectors.tobytes()


def test_a_file_that_does_not_hold_together(tmp_path):
    encoder = AverageEncoder(keyed()).fit(TEXTS)
    encoder.weights_ = encoder.weights_[1:]
    encoder.save(tmp_path / "damaged.safetensors")
    with pytest.raises(ValueError, match="damaged.safetensors.*weights_ must be"):
        AverageEncoder.load(tmp_path / "damaged.safetensors")


# What cannot be averaged ---------------------------------------------------------------------------------------------


def with_nan():
    vectors = np.ones((2, 3))
    vectors[1, 2] = np.nan
    return KeyedVectors(["cat", "mouse"], vectors)


@pytest.mark.parametrize(
    ("options", "X", "error", "message"),
    [
        (
            {"vectors": None},
            TEXTS,
            TypeError,
            "vectors must be KeyedVectors or a model .* got a NoneType",
        ),
        ({"vectors": np.eye(3)}, TEXTS, TypeError, "got a ndarray"),
        ({"vectors": KeyedVectors([], np.ones((0, 3)))}, TEXTS, ValueError, "at least one word"),
        ({"vectors": with_nan()}, TEXTS, ValueError, "that of 'mouse' is not"),
        ({"weighting": "idf"}, TEXTS, ValueError, "weighting must be one of 'uniform', 'tfidf', 'sif', got 'idf'"),
        ({"unit": "words"}, TEXTS, ValueError, "unit must be one of"),
        ({"remove_components": -1}, TEXTS, ValueError, "remove_components must be at least 0, got -1"),
        ({"remove_components": 0.5}, TEXTS, TypeError, "remove_components must be an integer"),
        ({"remove_components": 7}, TEXTS, ValueError, "remove_components is 7, but the vectors have only 6 numbers"),
        ({"remove_components": 1}, TEXTS[:1], ValueError, "needs at least 2 documents with a known word, got 1 of 1"),
        ({"remove_components": 1}, TEXTS[3:], ValueError, "got 1 of 3"),
        ({"a": 0}, TEXTS, ValueError, "a must be above 0"),
        ({"a": float("nan")}, TEXTS, ValueError, "a must be finite"),
        ({}, "one text", TypeError, "got a single str"),
        ({}, 5, TypeError, "got a int"),
        ({}, [], ValueError, "empty"),
        ({}, ["", "?!"], ValueError, "no word to learn from: none of 2"),
        ({}, ["cat", ["cat"]], TypeError, "document 1 is"),
        ({}, [["cat"], "cat"], TypeError, "sentence 1 is a str"),
        ({}, [["cat", 3]], TypeError, "words must be strings, got 3"),
        ({}, [None, "cat"], TypeError, "None"),
        ({}, [b"cat"], TypeError, "sentence 0 is a bytes; texts or lists"),
        ({"unit": "sentence"}, [["the", "cat"]], TypeError, "document 0 is \\['the', 'cat'\\]"),
        ({"unit": "sentence"}, ["the cat", None], TypeError, "document 1 is None"),
    ],
)
def test_bad_input_is_explained(options, X, error, message):
    with pytest.raises(error, match=message):
        AverageEncoder(**{"vectors": keyed(), **options}).fit(X)


def test_bad_documents_are_refused_by_transform_too():
    encoder = AverageEncoder(keyed()).fit(TEXTS)
    for X, message in (
        ("text", "single str"),
        (["cat", 3], "document 1 is 3"),
        ([["cat", 3]], "must be strings, got 3"),
    ):
        with pytest.raises(TypeError, match=message):
            encoder.transform(X)


def test_what_is_there_of_nothing():
    for unit in ("word", "sentence"):
        encoder = AverageEncoder(keyed(), unit=unit).fit(["the cat"])
        assert encoder.transform([]).shape == (0, 6) and encoder.transform(iter(())).shape == (0, 6)
        assert encoder.transform([[], []]).tolist() == [[0.0] * 6] * 2
        assert encoder.transform(["", "zebra", "cat"]).any(axis=1).tolist() == [False, False, True]
        assert encoder.transform([[[]], [["cat"]]] if unit == "sentence" else [[], ["cat"]]).any(axis=1).tolist() == [
            False,
            True,
        ]


def test_one_document_without_components():
    encoder = AverageEncoder(keyed(), weighting="tfidf")
    np.testing.assert_allclose(encoder.fit_transform(["cat"])[0], keyed()["cat"])


# Quality -------------------------------------------------------------------------------------------------------------


def test_means_find_the_topics_that_were_planted():
    world = toy_world(3000, language="en", seed=3)
    model = Word2Vec(vector_size=32, min_count=1, epochs=5, seed=1).fit(world.sentences)
    some = slice(0, 300)
    topics = np.array(world.topics[some])
    same = topics[:, None] == topics
    upper = np.triu(np.ones_like(same), 1).astype(bool)
    scores = {}
    for weighting, remove in (("uniform", 0), ("sif", 1)):
        encoder = AverageEncoder(model, weighting=weighting, remove_components=remove).fit(world.sentences)
        similarity = cosine_similarity(encoder.transform(world.sentences[some]))
        scores[weighting] = stats.pointbiserialr(same[upper], similarity[upper])[0]
    print(scores)
    assert scores["sif"] > scores["uniform"] > 0.5
