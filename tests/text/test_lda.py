"""LDA: it finds the topics that were planted, by all three methods, the same bits every time, and refuses nonsense."""

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linear_sum_assignment
from scipy.special import digamma

from embeddings import checkpoint as checkpoint_module
from embeddings.datasets import toy_world
from embeddings.text import LatentDirichletAllocation, NGramVectorizer, lda_training
from embeddings.text import lda as lda_module
from embeddings.text.coherence import c_npmi, umass
from embeddings.text.dirichlet import fit_to_counts, fit_to_logarithms

METHODS = {
    "gibbs": {"method": "gibbs", "epochs": 60},
    "metropolis": {"method": "metropolis", "epochs": 150},
    "variational": {"method": "variational", "epochs": 20, "batch_size": 64, "seed": 3},
}
FRUIT = [["apple", "pear", "apple"], ["pear", "apple"], ["drum", "flute"], ["flute", "drum", "flute"]] * 10


def mixed_documents(n=500, sentences=10, seed=0):
    """Documents of sentences of the toy world, the mixture of topics of each, and the counts of each topic's words."""
    world, rng = toy_world(4000, seed=1), np.random.default_rng(seed)
    names = sorted(set(world.topics))
    of_topic = [
        [words for words, topic in zip(world.tokens, world.topics, strict=True) if topic == name] for name in names
    ]
    mixtures = rng.dirichlet(np.full(len(names), 0.3), n)
    documents = [
        [
            word
            for k in rng.choice(len(names), sentences, p=mixture)
            for word in of_topic[k][rng.integers(len(of_topic[k]))]
        ]
        for mixture in mixtures
    ]
    planted = [
        {word: sum(words.count(word) for words in of_topic[k]) for word in set().union(*of_topic[k])} for k in range(5)
    ]
    return documents, mixtures, planted


def matched(model, planted):
    """Cosines of planted and found topics, matched one to one, and which found topic is which planted one's."""
    P = np.array([[topic.get(word, 0) for word in model.index_to_key_] for topic in planted], float)
    unit = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (P, model.components_)]
    cosines = unit[0] @ unit[1].T
    rows, columns = linear_sum_assignment(-cosines)
    return cosines[rows, columns], columns


@pytest.mark.parametrize("method", METHODS)
def test_recovers_the_planted_topics(method):
    documents, mixtures, planted = mixed_documents()
    model = LatentDirichletAllocation(**{"n_components": 5, "min_count": 1, **METHODS[method]}).fit(documents)
    cosines, order = matched(model, planted)
    assert cosines.min() >= 0.98
    untrained, _ = matched(LatentDirichletAllocation(5, min_count=1, epochs=1).fit(documents), planted)
    assert untrained.min() < 0.9
    # Mixtures too: guessing the mean mixture is off by 0.22.
    assert np.abs(model.transform(documents)[:, order] - mixtures).mean() < 0.08
    assert np.abs(mixtures.mean(axis=0) - mixtures).mean() > 0.2
    assert len(model.loss_history_) == model.epochs
    assert model.loss_history_[-1] < model.loss_history_[0] - 0.4
    held_out, _, _ = mixed_documents(200, seed=5)
    V = len(model.index_to_key_)
    assert 1 < model.perplexity(held_out) < 62 < V / 2


def test_many_topics_are_sampled_by_proposals():
    assert LatentDirichletAllocation(5, epochs=1).fit(FRUIT).method_ == "gibbs"
    assert LatentDirichletAllocation(lda_module.MOST_GIBBS_TOPICS + 1, epochs=1).fit(FRUIT).method_ == "metropolis"


# The loss ------------------------------------------------------------------------------------------------------------


def test_the_loss_is_that_of_the_definition():
    """With one topic, of which nothing can be learned, a word's probability is its share of all other words."""
    model = LatentDirichletAllocation(1, alpha=0.3, eta=0.5, epochs=1, min_count=1).fit(FRUIT)
    tokens = [word for document in FRUIT for word in document]
    N, V = len(tokens), 4
    ref = -np.mean([np.log((tokens.count(word) - 1 + 0.5) / (N + V * 0.5)) for word in tokens])
    assert model.loss_history_[0] == pytest.approx(ref, abs=0.02)
    metropolis = LatentDirichletAllocation(1, alpha=0.3, eta=0.5, epochs=1, min_count=1, method="metropolis").fit(FRUIT)
    exact = -np.mean([np.log((tokens.count(word) - 1 + 0.5) / (N - 1 + V * 0.5)) for word in tokens])
    assert metropolis.loss_history_[0] == pytest.approx(exact, rel=1e-6)


def test_perplexity_is_that_of_the_definition():
    model = LatentDirichletAllocation(3, min_count=1, epochs=5).fit(FRUIT)
    documents = [["apple", "pear", "drum", "apple", "nobody"], ["flute"], [], ["drum", "drum"]]
    theta = model.transform([["apple", "drum"], ["drum"]])
    phi = model.components_ / model.components_.sum(axis=1, keepdims=True)
    word = model.index_to_key_.index
    p = [theta[0] @ phi[:, word("pear")], theta[0] @ phi[:, word("apple")], theta[1] @ phi[:, word("drum")]]
    assert model.perplexity(documents) == pytest.approx(np.exp(-np.log(p).mean()), rel=1e-5)


# The same every time -------------------------------------------------------------------------------------------------


@pytest.fixture
def small_parts(monkeypatch):
    """Cut into many pieces what is large enough for one otherwise."""
    for name, value in {"PART_WORDS": 500, "BLOCK_PLACES": 300, "BATCH_DOCUMENTS": 7, "BATCH_WORDS": 20}.items():
        monkeypatch.setattr(lda_training, name, value)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_bits_for_any_number_of_threads(method, small_parts, tmp_path):
    documents, _, planted = mixed_documents(200)
    path = tmp_path / "documents.txt"
    path.write_text("\n".join(" ".join(document) for document in documents))
    settings = {"n_components": 5, "min_count": 1, **METHODS[method], "optimize_interval": 4}
    alone = LatentDirichletAllocation(**settings).fit(documents)
    together = LatentDirichletAllocation(**settings, workers=3).fit(path)
    assert alone.components_.tobytes() == together.components_.tobytes()
    assert alone.alpha_.tobytes() == together.alpha_.tobytes() and alone.loss_history_ == together.loss_history_
    other = LatentDirichletAllocation(**{**settings, "seed": 9}).fit(path)
    assert other.components_.tobytes() != alone.components_.tobytes()
    if method != "variational":  # which finds another optimum from here
        assert matched(alone, planted)[0].min() > 0.95


def test_tiles_hold_every_place_once_and_share_nothing(small_parts):
    documents, _, _ = mixed_documents(200)
    model = LatentDirichletAllocation(5, min_count=1, epochs=1)
    corpus = lda_module.corpus_of_documents(documents)
    model.index_to_key_ = corpus.words
    training = lda_training.GibbsTraining(model, corpus)
    assert training.G == lda_training.MOST_PARTS
    places = np.repeat(training.documents, np.diff(training.starts)), training.words
    ref = np.repeat(np.arange(len(corpus)), np.diff(corpus.offsets)), corpus.tokens
    assert sorted(zip(*places, strict=True)) == sorted(zip(*ref, strict=True))
    for s in range(training.G):
        tiles = range(s * training.G, (s + 1) * training.G)
        for array in places:
            parts = [set(array[training.bounds[t] : training.bounds[t + 1]].tolist()) for t in tiles]
            assert len(set().union(*parts)) == sum(map(len, parts))


@pytest.mark.parametrize("method", METHODS)
def test_goes_on_from_a_checkpoint_with_the_same_bits(method, small_parts, tmp_path, monkeypatch):
    # After every step.
    monkeypatch.setattr(checkpoint_module, "INTERVAL", 0)
    path = tmp_path / "training.checkpoint"
    documents, _, _ = mixed_documents(100)
    settings = {"n_components": 5, "min_count": 1, **METHODS[method], "epochs": 6, "optimize_interval": 2}
    original, steps = LatentDirichletAllocation(**settings).fit(documents), []
    name = {"gibbs": "sample_tiles", "metropolis": "renew_units", "variational": "infer"}[method]
    kernel = getattr(lda_training, name)
    calls = []
    monkeypatch.setattr(lda_training, name, lambda *arguments: calls.append(1) or kernel(*arguments))
    LatentDirichletAllocation(**settings).fit(documents)

    def stop_in_the_middle(*arguments):
        steps.append(1)
        if len(steps) == len(calls) * 2 // 3:
            raise KeyboardInterrupt
        return kernel(*arguments)

    monkeypatch.setattr(lda_training, name, stop_in_the_middle)
    stopped = LatentDirichletAllocation(**settings, checkpoint=path)
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(documents)
    assert path.exists() and 0 < len(stopped.loss_history_) < 6
    assert stopped.transform(documents[:2]).shape == (2, 5) and stopped.perplexity(documents) > 1
    stopped.save(tmp_path / "stopped.safetensors")
    monkeypatch.setattr(lda_training, name, kernel)
    with pytest.raises(ValueError, match="another corpus"):
        LatentDirichletAllocation(**{**settings, "eta": 0.5}, checkpoint=path).fit(documents)
    resumed = LatentDirichletAllocation(**settings, checkpoint=path).fit(documents)
    assert not path.exists()
    assert resumed.components_.tobytes() == original.components_.tobytes()
    assert resumed.alpha_.tobytes() == original.alpha_.tobytes()
    assert resumed.loss_history_ == pytest.approx(original.loss_history_, rel=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_callbacks_see_the_topics_of_every_epoch(method):
    seen = []
    settings = {**METHODS[method], "epochs": 3, "n_components": 2}
    model = LatentDirichletAllocation(**settings, callbacks=[lambda m: seen.append(m.components_.copy())]).fit(FRUIT)
    assert len(seen) == 3 and np.array_equal(seen[-1], model.components_)
    assert not np.array_equal(seen[0], seen[1])


@pytest.mark.parametrize("method", METHODS)
def test_save_and_load(method, tmp_path):
    model = LatentDirichletAllocation(**{**METHODS[method], "n_components": 3, "alpha": (0.1, 0.2, 0.3)}).fit(FRUIT)
    model.save(tmp_path / "model.safetensors")
    loaded = LatentDirichletAllocation.load(tmp_path / "model.safetensors")
    assert loaded.transform(FRUIT).tobytes() == model.transform(FRUIT).tobytes()
    assert loaded.top_words(2) == model.top_words(2)


# Alpha ---------------------------------------------------------------------------------------------------------------


def test_alpha_is_learned_from_counts_and_from_logarithms():
    rng = np.random.default_rng(0)
    true = np.array([0.2, 1.0, 3.0])
    theta = rng.dirichlet(true, 20_000)
    counts = rng.multinomial(50, theta)
    _, k = np.nonzero(counts)
    alpha = np.full(3, 0.5)
    for _ in range(20):
        alpha = fit_to_counts(alpha, k, counts[counts > 0], counts.sum(axis=1))
    np.testing.assert_allclose(alpha, true, rtol=0.05)
    mean = digamma(true) - digamma(true.sum())
    np.testing.assert_allclose(fit_to_logarithms(np.full(3, 5.0), mean), true, rtol=1e-6)


@pytest.mark.parametrize("method", ["gibbs", "variational"])
def test_a_common_topic_gets_a_larger_alpha(method):
    rng = np.random.default_rng(1)
    documents = [
        ["ab"[i] for i in rng.integers(0, 2, n)] + ["xy"[i] for i in rng.integers(0, 2, 40 - n)]
        for n in rng.binomial(40, rng.beta(1.2, 0.3, 300))
    ]
    settings = {"optimize_interval": 2, "epochs": 40, "alpha": 0.5, "batch_size": 300}
    model = LatentDirichletAllocation(2, method=method, **settings).fit(documents)
    common = int(np.argmax(model.components_[:, model.index_to_key_.index("a")]))
    assert 2.5 < model.alpha_[common] / model.alpha_[1 - common] < 6
    fixed = LatentDirichletAllocation(2, method=method, **{**settings, "optimize_interval": 0}).fit(documents)
    assert fixed.alpha_.tolist() == [0.5, 0.5]


# Beside others -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("batch_size", "epochs"), [(160, 15), (32, 3)])
def test_variational_bayes_agrees_with_scikit_learn(batch_size, epochs, monkeypatch):
    decomposition = pytest.importorskip("sklearn.decomposition")

    class WithoutChance(decomposition.LatentDirichletAllocation):
        """Begins every document with the same γ, as we do."""

        def _e_step(self, X, cal_sstats, random_init, parallel=None):
            return super()._e_step(X, cal_sstats, False, parallel)

    def first_topics(seed, V, K):
        return np.random.RandomState(seed).gamma(100, 0.01, (K, V)).T

    documents, _, _ = mixed_documents(160)
    X = NGramVectorizer().fit_transform([" ".join(document) for document in documents])
    monkeypatch.setattr(lda_training, "first_topics", first_topics)
    monkeypatch.setattr(lda_training.VariationalTraining, "_order", lambda self: np.arange(len(self.corpus)))
    options = {"batch_size": batch_size, "epochs": epochs, "mean_change": 1e-5, "inner_iterations": 500, "seed": 7}
    model = LatentDirichletAllocation(4, method="variational", alpha=0.2, eta=0.1, **options).fit(X)
    ref = WithoutChance(
        4,
        doc_topic_prior=0.2,
        topic_word_prior=0.1,
        learning_method="batch" if batch_size == 160 else "online",
        batch_size=batch_size,
        max_iter=epochs,
        mean_change_tol=1e-5,
        max_doc_update_iter=500,
        random_state=7,
    ).fit(X)
    np.testing.assert_allclose(model.components_, ref.components_, rtol=0.02, atol=0.02)
    np.testing.assert_allclose(model.transform(X), ref.transform(X), atol=5e-3)


@pytest.mark.peer("tomotopy")
def test_gibbs_sampling_is_as_good_as_tomotopys():
    import tomotopy

    documents, _, planted = mixed_documents()
    held_out, _, _ = mixed_documents(200, seed=5)
    model = LatentDirichletAllocation(5, min_count=1, epochs=100).fit(documents)
    peer = tomotopy.LDAModel(k=5, alpha=0.1, eta=0.01, seed=1)
    peer.optim_interval = 0
    for document in documents:
        peer.add_doc(document)
    peer.train(100, workers=1)
    ours = model.perplexity(held_out)
    order = [list(peer.used_vocabs).index(word) for word in model.index_to_key_]
    model.components_ = np.stack([peer.get_topic_word_dist(k)[order] for k in range(5)])
    assert ours <= 1.01 * model.perplexity(held_out)


# Coherence -----------------------------------------------------------------------------------------------------------


def ref_coherence(topic, documents, measure):
    """By the definitions, over sets of words: of whole documents, or of windows of ten."""
    if measure == "umass":
        sets = [set(document) for document in documents]
    else:
        sets = [set(d[i : i + 10]) for d in documents for i in range(max(1, len(d) - 9))]
    scores = []
    for i, word in enumerate(topic):
        for other in topic[:i]:
            w, v, both = (sum(words <= held for held in sets) for words in ({word}, {other}, {word, other}))
            if measure == "umass":
                scores.append(np.log((both + 1) / v))
            else:
                joint = both / len(sets) + 1e-12
                scores.append(np.log(joint / (w * v / len(sets) ** 2)) / -np.log(joint))
    return np.mean(scores)


@pytest.mark.parametrize("measure", ["umass", "c_npmi"])
def test_coherence_is_that_of_the_definition(measure):
    documents, _, _ = mixed_documents(60)
    documents[3], documents[4] = documents[3][:4], documents[4][:10]
    model = LatentDirichletAllocation(5, min_count=1, epochs=10).fit(documents)
    ref = [ref_coherence([word for word, _ in words], documents, measure) for words in model.top_words(5)]
    np.testing.assert_allclose(model.coherence(documents, measure, n=5), ref, rtol=1e-6)


def test_coherence_tells_good_topics_from_mixed_ones():
    documents, _, _ = mixed_documents()
    good = LatentDirichletAllocation(5, min_count=1, epochs=60).fit(documents)
    mixed = LatentDirichletAllocation(5, min_count=1, epochs=1).fit(documents)
    assert good.coherence(documents, "c_npmi").mean() > mixed.coherence(documents, "c_npmi").mean() + 0.05
    with pytest.raises(ValueError, match="pass texts"):
        good.coherence(np.eye(len(good.index_to_key_)), "c_npmi")


def test_coherence_by_hand():
    # "a b" in one document, "a" in two, "b" in three; windows of ten words over thirteen: four.
    tokens, offsets = np.array([0, 1, 0, 1, 1]), np.array([0, 2, 3, 4, 5])
    assert umass(np.array([[0, 1]]), [(tokens, offsets)])[0] == pytest.approx(np.log(2 / 2))
    assert umass(np.array([[1, 0]]), [(tokens, offsets)])[0] == pytest.approx(np.log(2 / 3))
    tokens = np.full(13, -1)
    tokens[[1, 11]] = 0, 1  # "a" is seen from windows 0 and 1, "b" from 2 and 3
    assert c_npmi(np.array([[0, 1]]), [(tokens, np.array([0, 13]))])[0] < -0.9
    tokens[[1, 11]] = 0, -1
    tokens[10] = 1  # and now from 1, 2 and 3
    ref = np.log(0.25 / (0.5 * 0.75)) / -np.log(0.25)
    assert c_npmi(np.array([[0, 1]]), [(tokens, np.array([0, 13]))])[0] == pytest.approx(ref)


# Input ---------------------------------------------------------------------------------------------------------------


def test_every_kind_of_input_is_the_same_corpus(tmp_path):
    texts = [" ".join(document) for document in FRUIT]
    (tmp_path / "documents.txt").write_text("\n".join(texts))
    settings = {"n_components": 2, "epochs": 5, "min_count": 1}
    ref = LatentDirichletAllocation(**settings).fit(FRUIT)
    for X in (texts, iter(texts), tmp_path / "documents.txt", str(tmp_path / "documents.txt")):
        model = LatentDirichletAllocation(**settings).fit(X)
        assert model.components_.tobytes() == ref.components_.tobytes()
    assert ref.transform(texts).tobytes() == ref.transform(FRUIT).tobytes()
    counts = np.array([[document.count(word) for word in ref.index_to_key_] for document in FRUIT])
    for X in (counts, counts.astype(float), sparse.csr_matrix(counts), sparse.coo_array(counts)):
        model = LatentDirichletAllocation(**settings).fit(X)
        assert model.counts_.tolist() == ref.counts_.tolist() and model.index_to_key_ == ["0", "1", "2", "3"]
        np.testing.assert_allclose(ref.transform(X), ref.transform(FRUIT), rtol=1e-4)


def test_a_matrix_is_not_changed():
    X = sparse.csr_matrix((np.ones(4), [1, 0, 1, 1], [0, 2, 4]), (2, 2))
    before = X.indices.copy(), X.data.copy()
    LatentDirichletAllocation(2, epochs=1).fit(X)
    assert np.array_equal(X.indices, before[0]) and np.array_equal(X.data, before[1])


@pytest.mark.parametrize("method", METHODS)
def test_small_corpora_have_stated_results(method):
    settings = {"min_count": 1, "method": method, "epochs": 3}
    one = LatentDirichletAllocation(2, **settings).fit([["cat", "cat", "dog"]])
    assert one.components_.shape == (2, 2) and np.isfinite(one.loss_history_).all()
    word = LatentDirichletAllocation(2, **settings).fit([["cat"], ["cat", "cat"]])
    assert [words[0][0] for words in word.top_words()] == ["cat", "cat"]
    assert word.perplexity([["cat", "cat"]]) == pytest.approx(1)
    many = LatentDirichletAllocation(9, **settings).fit([["cat", "dog"], [], ["dog"]])
    assert many.components_.shape == (9, 2) and (many.components_ > 0).all()
    np.testing.assert_allclose(many.transform([["cat"], [], ["nobody"]]).sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(many.transform([[], ["nobody", "else"]]), 1 / 9, rtol=1e-5)
    assert many.transform([]).shape == (0, 9)


def test_rare_and_common_words_are_left_out():
    documents = [["the", "cat"], ["the", "dog"], ["the", "cat", "ham"], ["the", "dog"]]
    model = LatentDirichletAllocation(2, min_count=2, max_df=0.5, epochs=1).fit(documents)
    assert model.index_to_key_ == ["cat", "dog"] and model.counts_.tolist() == [2, 2]


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ([], ValueError, "no sentence"),
        ([[], []], ValueError, "no word"),
        ([["once"]], ValueError, "lower min_count"),
        ([["a"] * 9, 3], TypeError, "sentence 1"),
        ([[1, 2]] * 9, TypeError, "words must be strings"),
        (np.array([[1.0, 0.5]]), ValueError, "X holds 0.5; counts are whole"),
        (np.array([[1, -2]]), ValueError, "X holds -2; counts cannot be negative"),
        (np.array([[1, np.nan]]), ValueError, "NaN"),
        (sparse.csr_matrix([[1, np.inf]]), ValueError, "infinity"),
        (np.zeros((3, 2), int), ValueError, "no count above 0"),
        (np.zeros((0, 2), int), ValueError, "no count above 0"),
        (np.ones(3, int), ValueError, "two dimensions"),
        ("no_such_file.txt", FileNotFoundError, "no_such_file"),
    ],
)
def test_bad_documents_are_named(X, error, message):
    with pytest.raises(error, match=message):
        LatentDirichletAllocation(2).fit(X)


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"n_components": 0}, ValueError, "n_components must be at least 1"),
        ({"n_components": 2**16 + 1}, ValueError, "n_components must be at most 65536"),
        ({"n_components": 2.0}, TypeError, "n_components must be an integer"),
        ({"alpha": 0}, ValueError, "alpha must be more than 0"),
        ({"alpha": "auto"}, TypeError, "alpha must be a number"),
        ({"alpha": [0.1, 0.1, 0.1]}, ValueError, "alpha has 3 numbers, but n_components is 2"),
        ({"alpha": [0.1, -1]}, ValueError, r"alpha\[1\] must be at least 0"),
        ({"eta": 0.0}, ValueError, "eta must be more than 0"),
        ({"eta": float("nan")}, ValueError, "eta must be finite"),
        ({"method": "em"}, ValueError, "method must be one of 'auto', 'gibbs'"),
        ({"epochs": 0}, ValueError, "epochs must be at least 1"),
        ({"max_df": 1.5}, ValueError, "max_df must be at most 1"),
        ({"max_df": 0.1}, ValueError, "raise max_df"),
        ({"optimize_interval": -1}, ValueError, "optimize_interval must be at least 0"),
        ({"learning_decay": 2}, ValueError, "learning_decay must be at most 1"),
        ({"workers": 0}, ValueError, "workers must be at least 1"),
        ({"callbacks": print}, TypeError, "callbacks must be a list"),
        ({"checkpoint": 3}, TypeError, "checkpoint must be a path"),
    ],
)
def test_bad_parameters_are_named(params, error, message):
    with pytest.raises(error, match=message):
        LatentDirichletAllocation(**{"n_components": 2, **params}).fit(FRUIT)


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda model: model.transform(np.ones((1, 3))), ValueError, "X has 3 columns, fitted were 4"),
        (lambda model: model.transform(np.full((1, 4), np.nan)), ValueError, "NaN"),
        (lambda model: model.perplexity([["nobody"], ["apple"]]), ValueError, "two known words"),
        (lambda model: model.coherence(FRUIT, "c_v"), ValueError, "measure must be one of"),
        (lambda model: model.coherence(FRUIT, n=5), ValueError, "n must be at most 4"),
        (lambda model: model.top_words(0), ValueError, "n must be at least 1"),
    ],
)
def test_bad_questions_are_named(ask, error, message):
    with pytest.raises(error, match=message):
        ask(LatentDirichletAllocation(2, epochs=1).fit(FRUIT))


def test_words_that_float32_cannot_count_are_refused(monkeypatch):
    monkeypatch.setattr(lda_training, "MOST_COUNTED", 25)
    with pytest.raises(ValueError, match="metropolis"):
        LatentDirichletAllocation(2).fit(FRUIT)
    LatentDirichletAllocation(2, method="metropolis", epochs=1).fit(FRUIT)
