"""Doc2Vec: it learns what documents are about, the same bits every time, goes on after a stop, and refuses nonsense."""

import collections
import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from embeddings.text import Doc2Vec
from kernels.doc2vec_inference import LAID_OUT
from kernels.tiles import CHUNK
from tests.text.test_word2vec import share_of_kin
from tests.text.test_word2vec import world as sentences_of_world

SETTINGS = {"vector_size": 24, "window": 2, "min_count": 1, "sample": 0, "epochs": 20, "alpha": 0.1}
FORMS = {
    "PV-DM": {"dm": True, "dm_mean": True},
    "PV-DM, sums": {"dm": True, "dm_mean": False, "alpha": 0.04},
    "PV-DM, concatenated": {"dm": True, "dm_concat": True, "window": 1},
    "PV-DBOW": {"dm": False},
    "PV-DBOW with words": {"dm": False, "dbow_words": True, "alpha": 0.025},
}
KINDS = {"pets": ["cat", "dog", "hunts", "sleeps"], "meals": ["ham", "soup", "eaten", "served"]}


def world(n=120, seed=0):
    """Documents of some words that are all about pets or all about meals, tagged with the kind and a number."""
    rng = np.random.default_rng(seed)
    documents = []
    for i in range(n):
        kind = ("pets", "meals")[i % 2]
        words = rng.choice([*KINDS[kind], "the", "today"], rng.integers(8, 25)).tolist()
        documents.append((words, [f"{kind}-{i}"]))
    return documents


def share_of_alike(vectors):
    """How many of a document's five nearest are about the same."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = unit @ unit.T - 2 * np.eye(len(unit))
    nearest = np.argsort(-cosines, axis=1)[:, :5]
    return float(np.mean(nearest % 2 == np.arange(len(unit))[:, None] % 2))


@pytest.mark.parametrize("options", FORMS.values(), ids=FORMS)
def test_learns_which_documents_are_alike(options):
    settings = {**SETTINGS, **options}
    model = Doc2Vec(**settings).fit(world())
    untrained = Doc2Vec(**{**settings, "alpha": 0, "min_alpha": 0}).fit(world())
    assert share_of_alike(model.dv.vectors) > 0.95 > 0.7 > share_of_alike(untrained.dv.vectors)
    assert len(model.loss_history_) == 20 and model.loss_history_[-1] < 0.9 * model.loss_history_[0]
    unseen = world(60, seed=1)
    inferred = model.transform([words for words, _ in unseen])
    assert share_of_alike(inferred) > 0.95
    # An unseen document lies among the seen ones that are about the same.
    near = [model.dv.most_similar(vector, topn=1)[0][0].split("-")[0] for vector in inferred]
    assert np.mean([tag == name.split("-")[0] for tag, (_, [name]) in zip(near, unseen, strict=True)]) > 0.9


def test_one_word_and_one_document_by_hand():
    # σ(0) = 1/2: the output vector moves by α/2 · d and the document, whose word was 0, not at all. There is no noise
    # but the word itself, which is none.
    model = Doc2Vec(vector_size=4, dm=False, min_count=1, sample=0, epochs=1, alpha=0.5, min_alpha=0.5).fit([["cat"]])
    start = Doc2Vec(vector_size=4, dm=False, min_count=1, sample=0, epochs=1, alpha=0, min_alpha=0).fit([["cat"]])
    np.testing.assert_array_equal(model.document_vectors_, start.document_vectors_)
    np.testing.assert_allclose(model.context_vectors_, 0.25 * start.document_vectors_, rtol=1e-5)
    assert model.loss_history_ == pytest.approx([np.log(2)], rel=1e-5)


@pytest.mark.parametrize("workers", [2, 3])
@pytest.mark.parametrize("options", FORMS.values(), ids=FORMS)
def test_any_number_of_threads_gives_the_same_bits(options, workers):
    settings = {**SETTINGS, "epochs": 3, "vector_size": 40, **options}
    alone, together = (Doc2Vec(**settings, workers=n).fit(world(600)) for n in (1, workers))
    assert together.loss_history_ == alone.loss_history_
    for name in ("document_vectors_", "vectors_", "context_vectors_", "null_vector_"):
        assert getattr(together, name).tobytes() == getattr(alone, name).tobytes()
    texts = [words for words, _ in world(50, seed=3)]
    assert together.transform(texts).tobytes() == alone.transform(texts).tobytes()


@pytest.mark.parametrize("options", FORMS.values(), ids=FORMS)
def test_inference_knows_nothing_of_other_documents(options):
    model = Doc2Vec(**{**SETTINGS, **options, "sample": 0.05}).fit(world())
    state = [a.copy() for a in (model.vectors_, model.context_vectors_, model.document_vectors_)]
    texts = [words for words, _ in world(9, seed=5)]
    together = model.transform(texts)
    for i in (0, 4, 8):
        assert model.infer_vector(texts[i]).tobytes() == together[i].tobytes()
    assert model.transform(iter(texts)).tobytes() == together.tobytes()
    assert model.set_params(seed=2).transform(texts).tobytes() != together.tobytes()
    for before, after in zip(state, (model.vectors_, model.context_vectors_, model.document_vectors_), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("options", [{}, {"dm_concat": True}], ids=["PV-DM", "PV-DM, concatenated"])
def test_a_document_longer_than_the_noise_that_is_laid_out(options):
    model = Doc2Vec(**{**SETTINGS, **options, "epochs": 2}).fit(world())
    words = [word for words, _ in world(300, seed=6) for word in words]
    assert len(words) > CHUNK * (LAID_OUT + 2)
    texts = [words, words[:40], words[7:]]
    fast = model.transform(texts)
    np.testing.assert_allclose(fast, model.set_params(device="numpy").transform(texts), rtol=1e-3, atol=1e-4)
    assert model.set_params(device="cpu").infer_vector(words).tobytes() == fast[0].tobytes()


def test_more_epochs_of_inference_lower_the_distance_to_the_learned_vector():
    model = Doc2Vec(**SETTINGS, dm=False).fit(world())
    words, [tag] = world()[0]
    few, many = (model.infer_vector(words, epochs=n) for n in (1, 40))
    assert np.linalg.norm(many - model.dv[tag]) < np.linalg.norm(few - model.dv[tag])


@pytest.mark.parametrize("dm", [True, False])
def test_tags_are_shared_and_may_be_several(dm):
    documents = [(words, [tag, tag.split("-")[0]]) for words, [tag] in world()]
    model = Doc2Vec(**SETTINGS, dm=dm).fit(documents)
    assert len(model.tags_) == 122 and model.tags_[:2] == ["pets-0", "pets"]
    pets, meals = (model.dv.similarity(kind, "pets-0") for kind in ("pets", "meals"))
    assert pets > meals
    # A tag used twice is one vector: that of all its documents together.
    twice = Doc2Vec(**SETTINGS, dm=dm).fit([(["a", "cat"], "x"), (["a", "dog"], "y"), (["a", "cow"], "x")])
    assert twice.tags_ == ["x", "y"] and len(twice.dv) == 2


def test_concatenation_takes_several_tags():
    documents = [(words, [tag, "all"]) for words, [tag] in world(40)]
    settings = {**SETTINGS, "dm_concat": True, "window": 1, "epochs": 2}
    model = Doc2Vec(**settings, dm_tag_count=2).fit(documents)
    assert model.context_vectors_.shape == (len(model.index_to_key_), 4 * 24)
    with pytest.raises(ValueError, match="document 0 has 2 tags, but dm_concat takes dm_tag_count=1"):
        Doc2Vec(**settings).fit(documents)
    with pytest.raises(ValueError, match="dm_tag_count=2"):
        model.transform([["cat"]])


def test_documents_come_in_many_forms(tmp_path):
    Tagged = collections.namedtuple("Tagged", "words tags")
    texts = [" ".join(words) for words, _ in world(30)]
    path = tmp_path / "documents.txt"
    path.write_text("\n".join(texts))
    settings = {**SETTINGS, "epochs": 2}
    expected = Doc2Vec(**settings).fit(texts)
    assert expected.tags_ == [str(i) for i in range(30)]
    for X in (path, [text.split() for text in texts], [Tagged(t.split(), [i]) for i, t in enumerate(texts)],
              ((text, i) for i, text in enumerate(texts))):  # fmt: skip
        other = Doc2Vec(**settings).fit(X)
        assert other.tags_ == expected.tags_
        assert other.document_vectors_.tobytes() == expected.document_vectors_.tobytes()
    assert expected.transform(path).tobytes() == expected.transform(texts).tobytes()


def test_word_vectors_are_learned_where_they_are_said_to_be():
    documents = sentences_of_world(2000)
    settings = {**SETTINGS, "alpha": 0.05, "epochs": 4}
    assert share_of_kin(Doc2Vec(**settings, dm=False, dbow_words=True).fit(documents)) > 0.9
    model = Doc2Vec(**settings, dm=False).fit(documents)
    assert model.vectors_.shape == (0, 24)
    with pytest.raises(ValueError, match="dbow_words=True"):
        model.wv  # noqa: B018


@pytest.mark.parametrize("options", FORMS.values(), ids=FORMS)
def test_save_and_load(tmp_path, options):
    model = Doc2Vec(**{**SETTINGS, **options, "epochs": 2}).fit(world(40))
    model.save(tmp_path / "model.safetensors")
    loaded = Doc2Vec.load(tmp_path / "model.safetensors")
    assert loaded.infer_vector(["cat", "dog"]).tobytes() == model.infer_vector(["cat", "dog"]).tobytes()
    assert loaded.dv["pets-0"].tobytes() == model.dv["pets-0"].tobytes()
    loaded.document_vectors_ = loaded.document_vectors_[1:]
    loaded.save(tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="document_vectors_ has the shape"):
        Doc2Vec.load(tmp_path / "model.safetensors")


KILLED = """
    import sys, time
    from embeddings.text import Doc2Vec
    from tests.text.test_doc2vec import SETTINGS, world
    def wait(model):
        print(len(model.loss_history_), flush=True)
        if len(model.loss_history_) == 2:
            time.sleep(600)
    Doc2Vec(**{**SETTINGS, "epochs": 4}, callbacks=[wait], checkpoint=sys.argv[1]).fit(world())
"""


def test_goes_on_after_being_killed(tmp_path):
    checkpoint, settings = tmp_path / "training.checkpoint", {**SETTINGS, "epochs": 4}
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(checkpoint)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        lines = [process.stdout.readline().strip() for _ in range(2)]
        time.sleep(0.1)
        os.kill(process.pid, signal.SIGKILL)
    assert lines == ["1", "2"] and checkpoint.exists()
    with pytest.raises(ValueError, match="other parameters"):
        Doc2Vec(**{**settings, "dm": False}, checkpoint=checkpoint).fit(world())
    with pytest.raises(ValueError, match="another corpus"):
        Doc2Vec(**settings, checkpoint=checkpoint).fit([(words, "one") for words, _ in world()])
    resumed_epochs = []
    resumed = Doc2Vec(**settings, checkpoint=checkpoint, callbacks=[lambda m: resumed_epochs.append(1)]).fit(world())
    undisturbed = Doc2Vec(**settings).fit(world())
    assert len(resumed_epochs) == 2 and not checkpoint.exists()
    assert resumed.document_vectors_.tobytes() == undisturbed.document_vectors_.tobytes()
    assert resumed.vectors_.tobytes() == undisturbed.vectors_.tobytes()
    assert resumed.loss_history_ == undisturbed.loss_history_


def test_stopping_keeps_what_was_learned():
    def stop(model):
        raise KeyboardInterrupt

    model = Doc2Vec(**SETTINGS, callbacks=[stop])
    with pytest.raises(KeyboardInterrupt):
        model.fit(world())
    assert len(model.loss_history_) == 1 and model.context_vectors_.any()
    assert np.isfinite(model.infer_vector(["cat"])).all()


def test_documents_without_a_known_word_have_zeros():
    model = Doc2Vec(**{**SETTINGS, "min_count": 2}).fit([*world(), ([], "empty"), (["hapax"], "rare")])
    assert not model.dv["empty"].any() and not model.dv["rare"].any() and model.dv["pets-0"].any()
    vectors = model.transform([[], ["zebra"], ["cat", "zebra"]])
    assert not vectors[:2].any() and vectors[2].any()
    np.testing.assert_array_equal(vectors[2], model.infer_vector(["cat"]))
    assert model.transform([]).shape == (0, 24)
    np.testing.assert_array_equal(model.transform([["zebra"], []]), np.zeros((2, 24)))
    assert not model.infer_vector("zebra").any()


@pytest.mark.parametrize("options", FORMS.values(), ids=FORMS)
def test_one_document_and_one_kind_of_word(options):
    for documents in ([["same", "same", "same"]], [["cat", "dog"]], [["same"], ["same"]], ["word"]):
        model = Doc2Vec(**{**SETTINGS, **options}).fit(documents)
        assert np.isfinite(model.document_vectors_).all() and len(model.dv) == len(documents)
        assert np.isfinite(model.transform(documents)).all()


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"vector_size": 0}, ValueError, "vector_size must be at least 1"),
        ({"dm": 1}, ValueError, "dm must be one of True, False"),
        ({"dm_concat": "yes"}, ValueError, "dm_concat must be one of"),
        ({"dm_tag_count": 0}, ValueError, "dm_tag_count must be at least 1"),
        ({"window": 2.5}, TypeError, "window must be an integer"),
        ({"min_alpha": 1.0}, ValueError, "min_alpha must be at most"),
        ({"callbacks": print}, TypeError, "callbacks must be a list"),
        ({"min_count": 10**6}, ValueError, "lower min_count"),
        ({"device": "tpu"}, ValueError, "device must be one of"),
    ],
)
def test_bad_parameters_are_named(params, error, message):
    with pytest.raises(error, match=message):
        Doc2Vec(**{**SETTINGS, **params}).fit(world(10))


@pytest.mark.parametrize(
    ("documents", "error", "message"),
    [
        ([], ValueError, "is empty"),
        ([[]], ValueError, "no word to learn from"),
        ([(["a"], [])], ValueError, "document 0 has an empty list of tags"),
        ([(["a"], 1.5)], TypeError, "document 0 has the tag 1.5, a float"),
        ([(["a"], [True])], TypeError, "the tag True, a bool"),
        ([(["a"], "x"), ["b"]], TypeError, "document 1 has no tags"),
        ([["b"], (["a"], "x")], TypeError, "document 1 has tags, those before have none"),
        ([["a", 3]], TypeError, "words must be strings"),
        ("no/such/file.txt", FileNotFoundError, "no/such/file"),
    ],
)
def test_bad_documents_are_named(documents, error, message):
    with pytest.raises(error, match=message):
        Doc2Vec(**SETTINGS).fit(documents)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"epochs": 0}, ValueError, "epochs must be at least 1"),
        ({"alpha": -1}, ValueError, "alpha must be at least 0"),
        ({"min_alpha": 0.5}, ValueError, "min_alpha must be at most"),
    ],
)
def test_bad_inference_is_named(options, error, message):
    model = Doc2Vec(**{**SETTINGS, "epochs": 1}).fit(world(10))
    with pytest.raises(error, match=message):
        model.infer_vector(["cat"], **options)


@pytest.mark.peer("gensim")
@pytest.mark.parametrize("dm", [True, False])
def test_learns_what_gensim_learns(dm):
    from gensim.models.doc2vec import Doc2Vec as GensimDoc2Vec
    from gensim.models.doc2vec import TaggedDocument

    documents, held_out = world(300), [words for words, _ in world(60, seed=1)]
    theirs = GensimDoc2Vec([TaggedDocument(*d) for d in documents], **SETTINGS, dm=int(dm), workers=1, seed=1)
    ours = Doc2Vec(**SETTINGS, dm=dm).fit(documents)
    assert ours.tags_ == theirs.dv.index_to_key
    assert share_of_alike(ours.dv.vectors) >= share_of_alike(theirs.dv.vectors) - 0.02
    theirs_inferred = np.stack([theirs.infer_vector(words) for words in held_out])
    assert share_of_alike(ours.transform(held_out)) >= share_of_alike(theirs_inferred) - 0.02
    # As long as theirs, too: the same steps were taken.
    lengths = [np.linalg.norm(v, axis=1).mean() for v in (ours.dv.vectors, theirs.dv.vectors)]
    assert 0.5 < lengths[0] / lengths[1] < 2
