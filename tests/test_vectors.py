"""Keyed vectors: every question by hand or beside gensim, and wrong questions."""

import numpy as np
import pytest

from embeddings.similarity import QuantisedRows
from embeddings.vectors import KeyedVectors

WORDS = [f"w{i}" for i in range(60)]


@pytest.fixture
def vectors():
    return np.random.default_rng(3).normal(size=(60, 7)).astype(np.float32)


@pytest.fixture
def ours(vectors):
    return KeyedVectors(WORDS, vectors)


@pytest.fixture
def theirs(vectors):
    models = pytest.importorskip("gensim.models")
    keyed = models.KeyedVectors(7)
    keyed.add_vectors(WORDS, vectors)
    return keyed


@pytest.mark.peer("gensim")
@pytest.mark.parametrize("asked", [(["w1"], []), (["w1", "w2"], ["w3"]), ([], ["w5"])])
def test_most_similar_is_gensims(ours, theirs, asked):
    positive, negative = asked
    comp = ours.most_similar(positive, negative, topn=12)
    ref = theirs.most_similar(positive=positive, negative=negative, topn=12)
    assert [key for key, _ in comp] == [key for key, _ in ref]
    np.testing.assert_allclose([s for _, s in comp], [s for _, s in ref], atol=1e-5)


@pytest.mark.peer("gensim")
def test_other_questions_are_answered_as_gensim_does(ours, theirs):
    comp, ref = ours.most_similar_cosmul(["w1", "w2"], ["w3"]), theirs.most_similar_cosmul(["w1", "w2"], ["w3"])
    assert [key for key, _ in comp] == [key for key, _ in ref]
    # gensim has 1e-6 for the ε of the paper, which is 0.001.
    np.testing.assert_allclose([s for _, s in comp], [s for _, s in ref], rtol=0.02)
    assert ours.similarity("w1", "w2") == pytest.approx(float(theirs.similarity("w1", "w2")), abs=1e-6)
    lists = ["w1", "w4"], ["w2", "w9", "w8"]
    assert ours.n_similarity(*lists) == pytest.approx(float(theirs.n_similarity(*lists)), abs=1e-6)
    assert ours.doesnt_match(WORDS[:9]) == theirs.doesnt_match(WORDS[:9])
    np.testing.assert_allclose(ours.distances("w1"), theirs.distances("w1"), atol=1e-6)
    assert ours.distances("w1", ["w3"])[0] == pytest.approx(ours.distance("w1", "w3"), abs=1e-6)
    assert ours.rank("w1", "w2") == theirs.rank("w1", "w2")


def test_look_ups(ours, vectors):
    assert len(ours) == 60 and ours.vector_size == 7 and "w3" in ours and "nobody" not in ours
    np.testing.assert_array_equal(ours["w3"], vectors[3])
    np.testing.assert_array_equal(ours[["w3", "w1"]], vectors[[3, 1]])
    assert ours[[]].shape == (0, 7)
    assert np.linalg.norm(ours.get_vector("w3", norm=True)) == pytest.approx(1)
    np.testing.assert_allclose(np.linalg.norm(ours.get_normed_vectors(), axis=1), 1, rtol=1e-6)


def test_a_zero_vector_is_like_nothing():
    keyed = KeyedVectors(["zero", "one"], np.array([[0.0, 0], [1, 0]]))
    assert keyed.similarity("zero", "one") == 0
    assert keyed.most_similar("one") == [("zero", 0.0)]


def test_wrong_questions_say_what_is_wrong(ours):
    with pytest.raises(KeyError, match="nobody"):
        ours["nobody"]
    with pytest.raises(KeyError, match="nobody"):
        ours.most_similar("nobody")
    with pytest.raises(ValueError, match="nothing to look for"):
        ours.most_similar()
    with pytest.raises(ValueError, match="topn"):
        ours.most_similar("w1", topn=0)
    with pytest.raises(ValueError, match="none of"):
        ours.doesnt_match(["nobody"])
    with pytest.raises(ValueError, match="two lists"):
        ours.n_similarity([], ["w1"])


@pytest.mark.parametrize(("keys", "shape"), [(["a"], (2, 3)), (["a", "a"], (2, 3)), (["a"], (1,))])
def test_keys_that_do_not_fit_are_refused(keys, shape):
    with pytest.raises(ValueError, match="keys|twice"):
        KeyedVectors(keys, np.ones(shape))


def test_word_pairs_follow_judgement(tmp_path):
    angles = np.array([0, 0.2, 0.9, 1.5])
    keyed = KeyedVectors(["a", "B", "c", "d"], np.stack([np.cos(angles), np.sin(angles)], axis=1))
    path = tmp_path / "pairs.csv"
    # A header, a table's own numbers, an unknown word, and the empty row that some tables end with.
    path.write_text(",first,second,score\n0,a,b,9\n1,A,c,5\n2,a,d,1\n3,a,nobody,4\n4,,,\n")
    pearson, spearman, unknown = keyed.evaluate_word_pairs(path)
    assert spearman == pytest.approx(1) and pearson > 0.9 and unknown == pytest.approx(25)
    assert keyed.evaluate_word_pairs([("a", "b", 1), ("a", "c", 2), ("a", "d", 3)])[1] == pytest.approx(-1)
    path.write_text("a\tb\t9\na\tc\tmuch\n")
    with pytest.raises(ValueError, match="line 2.*'much' is not a number"):
        keyed.evaluate_word_pairs(path)
    with pytest.raises(ValueError, match="fewer than two"):
        keyed.evaluate_word_pairs([("x", "y", 1.0)])


def test_analogies_by_section(tmp_path):
    # king - man + woman = queen exactly; the second section's target is wrong.
    keyed = KeyedVectors(
        ["man", "king", "woman", "queen", "ham"],
        np.array([[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1], [-1, 0.1, 0]], np.float32),
    )
    path = tmp_path / "questions.txt"
    path.write_text(": royal\nman king woman queen\n: wrong\nman king woman ham\nman king woman nobody\n")
    accuracy, sections = keyed.evaluate_word_analogies(path)
    assert accuracy == 0.5 and sections == {"royal": (1, 1), "wrong": (0, 1)}
    path.write_text("man king woman\n")
    with pytest.raises(ValueError, match="line 1"):
        keyed.evaluate_word_analogies(path)


@pytest.mark.parametrize("d", [1, 7, 40])
@pytest.mark.parametrize("restrict", [None, 300])
def test_bytes_lead_to_the_same_neighbours(monkeypatch, d, restrict):
    rng = np.random.default_rng(d)
    vectors = rng.normal(size=(500, d)).astype(np.float32) * rng.uniform(1e-3, 1e3, (500, 1)).astype(np.float32)
    vectors[::50] = 0
    vectors[7] = vectors[5]
    keys = [f"w{i}" for i in range(500)]
    for asked in (["w5"], ["w1", "w2"], [rng.normal(size=d)], ["w50"]):
        for topn in (1, 10, 400):
            monkeypatch.setattr("embeddings.vectors.QUANTISED_FROM", 10**9)
            ref = KeyedVectors(keys, vectors).most_similar(asked, topn=topn, restrict_vocab=restrict)
            monkeypatch.setattr("embeddings.vectors.QUANTISED_FROM", 1)
            comp = KeyedVectors(keys, vectors).most_similar(asked, topn=topn, restrict_vocab=restrict)
            if d > 1:  # with one number, all cosines are 1 or -1, and rounding alone tells them apart
                assert [key for key, _ in comp] == [key for key, _ in ref]
            np.testing.assert_allclose([s for _, s in comp], [s for _, s in ref], atol=1e-6)


def test_candidates_are_few():
    vectors = np.random.default_rng(0).normal(size=(5000, 64)).astype(np.float32)
    assert 10 <= len(QuantisedRows(vectors).candidates(vectors[3], 10)) < 60
