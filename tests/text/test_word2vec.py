"""Word2Vec: it learns, the same bits every time, survives being killed, and refuses nonsense."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from embeddings.base import NotFittedError
from embeddings.text import Word2Vec
from kernels.hierarchical import huffman_cpu

SETTINGS = {"vector_size": 24, "window": 2, "min_count": 1, "sample": 0, "epochs": 4, "alpha": 0.05}
ANIMALS, FOODS = ["cat", "kitten", "dog", "puppy"], ["ham", "bread", "cheese", "soup"]
GROUPS = [(ANIMALS, ["chases", "hunts", "sleeps", "runs"]), (FOODS, ["eaten", "baked", "sliced", "served"])]


def world(n=3000, seed=0):
    """Sentences about animals, which do some things, and about food, to which others are done."""
    rng = np.random.default_rng(seed)
    sentences = []
    for _ in range(n):
        nouns, verbs = GROUPS[rng.integers(2)]
        sentences.append(["the", nouns[rng.integers(4)], verbs[rng.integers(4)], "today"])
    return sentences


def share_of_kin(model):
    """How many of the three nearest nouns are of a noun's own kind."""
    nouns = ANIMALS + FOODS
    found = 0
    for kind in (ANIMALS, FOODS):
        for noun in kind:
            near = sorted((n for n in nouns if n != noun), key=lambda n: -model.wv.similarity(noun, n))[:3]
            found += len(set(near) & set(kind))
    return found / 24


@pytest.mark.parametrize("options", [{"batch": "block"}, {"batch": "pair"}, {"hs": True}])
@pytest.mark.parametrize("sg", [True, False])
def test_learns_which_words_are_of_a_kind(sg, options):
    model = Word2Vec(**SETTINGS, sg=sg, **options).fit(world())
    untrained = Word2Vec(**{**SETTINGS, "alpha": 0, "min_alpha": 0}).fit(world())
    assert share_of_kin(model) == 1 > share_of_kin(untrained)
    assert len(model.loss_history_) == 4 and model.loss_history_[-1] < model.loss_history_[0]


@pytest.mark.parametrize("sg", [True, False])
def test_hierarchical_softmax_gives_probabilities(sg):
    model = Word2Vec(**SETTINGS, hs=True, sg=sg).fit(world())
    nodes, turns, offsets = huffman_cpu(model.counts_)
    scores = model.context_vectors_.astype(np.float64) @ model.wv["cat"]
    logs = -np.logaddexp(0, -turns * scores[nodes])
    probabilities = np.exp(np.add.reduceat(logs, offsets[:-1]))
    assert probabilities.sum() == pytest.approx(1)
    # The loss is the mean -log p of a word in a window; the text's own frequencies alone lose more.
    frequency = model.counts_ / model.counts_.sum()
    assert model.loss_history_[-1] < -(frequency * np.log(frequency)).sum()
    with pytest.raises(ValueError, match="hs=True cannot go on"):
        model.partial_fit(world(10))


def test_blocks_and_pairs_learn_the_same_space():
    cosines = []
    for batch in ("block", "pair"):
        unit = Word2Vec(**SETTINGS, batch=batch).fit(world()).wv.get_normed_vectors()
        cosines.append((unit @ unit.T)[np.triu_indices(len(unit), 1)])
    assert np.corrcoef(*cosines)[0, 1] > 0.9


@pytest.mark.parametrize("workers", [2, 3, 9])
@pytest.mark.parametrize("sg", [True, False])
def test_any_number_of_threads_gives_the_same_bits(sg, workers):
    settings = {**SETTINGS, "vector_size": 40, "sg": sg}
    alone, together = Word2Vec(**settings).fit(world(9000)), Word2Vec(**settings, workers=workers).fit(world(9000))
    assert together.loss_history_ == alone.loss_history_
    assert together.vectors_.tobytes() == alone.vectors_.tobytes()
    assert together.context_vectors_.tobytes() == alone.context_vectors_.tobytes()


def test_a_file_and_lists_give_the_same_bits(tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(" ".join(sentence) for sentence in world(500)))
    from_file, from_lists = Word2Vec(**SETTINGS).fit(path), Word2Vec(**SETTINGS).fit(world(500))
    assert from_file.index_to_key_ == from_lists.index_to_key_
    assert from_file.vectors_.tobytes() == from_lists.vectors_.tobytes()
    other = Word2Vec(**SETTINGS, seed=2).fit(path)
    assert other.vectors_.tobytes() != from_file.vectors_.tobytes()


def test_new_words_join_the_vocabulary():
    model = Word2Vec(**SETTINGS).fit(world(1000))
    old = list(model.index_to_key_)
    count = model.counts_[0]
    model.partial_fit([["the", "hamster", "hunts", "today"]] * 300)
    assert model.index_to_key_ == [*old, "hamster"]
    assert model.counts_[0] == count + 300 and model.counts_[-1] == 300
    assert model.wv.similarity("hamster", "cat") > model.wv.similarity("hamster", "soup")
    assert len(model.loss_history_) == 8


def test_save_and_load(tmp_path):
    model = Word2Vec(**SETTINGS).fit(world(300))
    model.save(tmp_path / "model.safetensors")
    loaded = Word2Vec.load(tmp_path / "model.safetensors")
    assert loaded.transform(["cat", "ham"]).tobytes() == model.transform(["cat", "ham"]).tobytes()
    loaded.partial_fit(world(100))
    with pytest.raises(KeyError, match="nobody"):
        loaded.transform(["nobody"])
    with pytest.raises(TypeError, match="single string"):
        loaded.transform("cat")
    assert loaded.transform([]).shape == (0, 24)


def test_callbacks_see_every_epoch():
    seen = []
    Word2Vec(**SETTINGS, callbacks=[lambda model: seen.append(model.vectors_.copy())]).fit(world(300))
    assert len(seen) == 4 and not np.array_equal(seen[0], seen[1])


def test_stopping_keeps_what_was_learned(tmp_path):
    def stop(model):
        raise KeyboardInterrupt

    model = Word2Vec(**SETTINGS, callbacks=[stop])
    with pytest.raises(KeyboardInterrupt):
        model.fit(world(300))
    assert len(model.loss_history_) == 1 and model.context_vectors_.any()
    model.set_params(callbacks=()).save(tmp_path / "stopped.safetensors")
    assert "cat" in Word2Vec.load(tmp_path / "stopped.safetensors").wv


KILLED = """
    import os, sys, time
    from embeddings.text import Word2Vec
    from tests.text.test_word2vec import SETTINGS, world
    def wait(model):
        print(len(model.loss_history_), flush=True)
        if len(model.loss_history_) == 2:
            time.sleep(600)
    Word2Vec(**SETTINGS, callbacks=[wait], checkpoint=sys.argv[1]).fit(world())
"""


def test_goes_on_after_being_killed(tmp_path):
    checkpoint = tmp_path / "training.checkpoint"
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(checkpoint)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        lines = [process.stdout.readline().strip() for _ in range(2)]
        time.sleep(0.1)
        os.kill(process.pid, signal.SIGKILL)
    assert lines == ["1", "2"] and checkpoint.exists()
    with pytest.raises(ValueError, match="other parameters"):
        Word2Vec(**{**SETTINGS, "window": 3}, checkpoint=checkpoint).fit(world())
    resumed_epochs = []
    resumed = Word2Vec(**SETTINGS, checkpoint=checkpoint, callbacks=[lambda m: resumed_epochs.append(1)]).fit(world())
    undisturbed = Word2Vec(**SETTINGS).fit(world())
    assert len(resumed_epochs) == 2 and not checkpoint.exists()
    assert resumed.vectors_.tobytes() == undisturbed.vectors_.tobytes()
    assert resumed.loss_history_ == undisturbed.loss_history_


PRINTED = """
    import hashlib
    from embeddings.text import Word2Vec
    from tests.text.test_word2vec import SETTINGS, world
    model = Word2Vec(**SETTINGS).fit(world(500))
    print(hashlib.sha256(model.vectors_.tobytes()).hexdigest(), model.loss_history_)
"""


def test_code_from_the_cache_gives_the_bits_of_code_just_compiled(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONHASHSEED": "random"}
    command = [sys.executable, "-c", textwrap.dedent(PRINTED)]
    just_compiled, cached = (subprocess.check_output(command, env=environment, text=True) for _ in range(2))
    assert any(tmp_path.rglob("*.nbc")) and just_compiled == cached


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"vector_size": 0}, ValueError, "vector_size must be at least 1"),
        ({"window": 2.5}, TypeError, "window must be an integer"),
        ({"alpha": float("nan")}, ValueError, "alpha must be finite"),
        ({"min_alpha": 1.0}, ValueError, "min_alpha must be at most"),
        ({"sample": -1}, ValueError, "sample must be at least 0"),
        ({"batch": "sentence"}, ValueError, "batch must be one of"),
        ({"sg": 1}, ValueError, "sg must be one of"),
        ({"hs": "yes"}, ValueError, "hs must be one of"),
        ({"callbacks": print}, TypeError, "callbacks must be a list"),
        ({"checkpoint": 7}, TypeError, "checkpoint must be a path"),
        ({"min_count": 10**6}, ValueError, "lower min_count"),
    ],
)
def test_bad_parameters_are_named(params, error, message):
    with pytest.raises(error, match=message):
        Word2Vec(**{**SETTINGS, **params}).fit(world(50))


@pytest.mark.parametrize(
    ("sentences", "error", "message"),
    [
        ([], ValueError, "no sentence"),
        ([[]], ValueError, "no word to learn from"),
        ([["alone"]], ValueError, "no two words"),
        ([["one"], ["two"]], ValueError, "no two words"),
        ([["a", 3]], TypeError, "words must be strings"),
        ([["a", "b"], "text"], TypeError, "sentence 1"),
        ([["a", "b"], 3], TypeError, "sentence 1 is 3"),
        ("no/such/file.txt", FileNotFoundError, "no/such/file"),
    ],
)
def test_bad_sentences_are_named(sentences, error, message):
    with pytest.raises(error, match=message):
        Word2Vec(**SETTINGS).fit(sentences)


def test_not_fitted_says_so(tmp_path):
    for ask in (lambda m: m.transform(["cat"]), lambda m: m.wv, lambda m: m.save(tmp_path / "x")):
        with pytest.raises(NotFittedError, match="call fit first"):
            ask(Word2Vec())


def test_two_equal_words_are_fine():
    model = Word2Vec(**SETTINGS).fit([["same", "same"]])
    assert np.isfinite(model.vectors_).all()
