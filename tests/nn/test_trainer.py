"""The trainer: it learns, stops early, goes on after a crash to the same bits, and survives Ctrl-C."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from embeddings import checkpoint as checkpoint_module
from embeddings import nn


def data(n=120):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(n, 4)).astype(np.float32)
    return x, (x.sum(axis=1) > 0).astype(int)


def trainer(path=None, seed=1, **options):
    rng = np.random.default_rng(0)
    layers = nn.Linear(4, 8, rng=rng), nn.Tanh(), nn.Dropout(0.2, rng=rng), nn.Linear(8, 2, rng=rng)
    model = nn.Sequential(*layers)
    optimiser = nn.Adam(model.parameters(), 0.01)
    options = {"epochs": 4, "batch_size": 16, "schedule": nn.WarmUpCosine(32, 4), "clip": 1.0, **options}
    return nn.Trainer(model, nn.CrossEntropy(), optimiser, seed=seed, checkpoint=path, **options)


def bits(trained):
    return {name: array.tobytes() for name, array in trained.model.state().items()}


def test_it_learns_and_tells_an_honest_loss():
    x, y = data()
    trained = trainer(epochs=40, batch_size=50, schedule=None).fit(x, y)
    accuracy = (trained.model.forward(x).argmax(axis=1) == y).mean()
    assert accuracy > 0.95 and trained.loss_history_[-1] < 0.3 < trained.loss_history_[0]
    assert not trained.model.training
    # The mean over examples, though the last batch is smaller.
    still = nn.Trainer(trained.model, nn.CrossEntropy(), nn.SGD(trained.model.parameters(), 0.0), batch_size=50)
    trained.model[2].p = 0.0
    still.fit(x, y)
    np.testing.assert_allclose(still.loss_history_[0], nn.CrossEntropy()(trained.model(x), y)[0], rtol=1e-5)


def test_same_seed_same_bits():
    x, y = data()
    one, two, other = (bits(trainer(seed=seed).fit(x, y)) for seed in (1, 1, 2))
    assert one == two != other


@pytest.mark.parametrize("steps", [3, 8, 20])
def test_it_goes_on_where_it_was_interrupted(tmp_path, monkeypatch, steps):
    x, y = data()
    whole = trainer().fit(x, y, validation=data(30))
    monkeypatch.setattr(checkpoint_module, "INTERVAL", 0)
    path = tmp_path / "training.safetensors"
    broken = trainer(path)
    step, taken = broken.optimiser.step, []

    def interrupted():
        if len(taken) == steps:
            raise KeyboardInterrupt
        taken.append(0)
        step()

    broken.optimiser.step = interrupted
    with pytest.raises(KeyboardInterrupt):
        broken.fit(x, y, validation=data(30))
    # What it has learned so far can be used.
    assert not broken.model.training and np.isfinite(broken.model(x)).all()
    resumed = trainer(path).fit(x, y, validation=data(30))
    assert bits(resumed) == bits(whole) and resumed.loss_history_ == whole.loss_history_
    assert resumed.validation_history_ == whole.validation_history_
    assert not path.exists()


def test_it_goes_on_after_it_was_killed(tmp_path):
    script = textwrap.dedent(
        """
        import sys, time
        from embeddings import checkpoint
        from tests.nn.test_trainer import data, trainer
        checkpoint.INTERVAL = 0
        trained = trainer(sys.argv[1])
        step = trained.optimiser.step
        def slow():
            step()
            time.sleep(0.05)
        trained.optimiser.step = slow
        trained.fit(*data())
        """
    )
    path = tmp_path / "training.safetensors"
    process = subprocess.Popen([sys.executable, "-c", script, str(path)], cwd=os.getcwd())
    deadline = time.monotonic() + 60
    while not path.exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert path.exists(), "killed before its first checkpoint, or after its end"
    x, y = data()
    assert bits(trainer(path).fit(x, y)) == bits(trainer().fit(x, y))


def test_another_training_is_refused(tmp_path, monkeypatch):
    x, y = data()
    path = tmp_path / "training.safetensors"
    with pytest.raises(ZeroDivisionError):
        trainer(path, callbacks=[lambda t: len(t.loss_history_) == 2 and 1 / 0]).fit(x, y)
    with pytest.raises(ValueError, match="belongs to a training with other parameters or another corpus"):
        trainer(path, seed=2).fit(x, y)
    with pytest.raises(ValueError, match="belongs to"):
        trainer(path).fit(x, 1 - y)


def test_it_stops_early_and_keeps_the_best():
    x, y = data(16)
    rng = np.random.default_rng(5)
    held_out = rng.normal(size=(50, 4)).astype(np.float32), rng.integers(0, 2, 50)
    stopped = trainer(epochs=200, patience=3, schedule=None).fit(x, y, validation=held_out)
    history = stopped.validation_history_
    assert len(history) < 200 and min(history) == history[-4]
    np.testing.assert_allclose(nn.CrossEntropy()(stopped.model(held_out[0]), held_out[1])[0], min(history), rtol=1e-5)


def test_callbacks_may_end_it():
    assert len(trainer(callbacks=[lambda t: len(t.loss_history_) == 2]).fit(*data()).loss_history_) == 2


def test_lengths_reach_the_layers():
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Recurrent("rnn", 1, 3, rng=rng), nn.MeanOverTime(), nn.Linear(3, 2, rng=rng))
    x, lengths = np.zeros((6, 3, 1), np.float32), np.array([1, 2, 3, 1, 2, 3])
    x[:, 2] = 1
    changed = np.where(np.arange(3)[None, :, None] < lengths[:, None, None], x, 77).astype(np.float32)
    states = []
    for values in (x, changed):
        before = {name: array.copy() for name, array in model.state().items()}
        training = nn.Trainer(model, nn.CrossEntropy(), nn.SGD(model.parameters(), 0.1), batch_size=4)
        training.fit(values, np.arange(6) % 2, lengths)
        states.append({name: array.copy() for name, array in model.state().items()})
        model.load_state(before)
    for name, array in states[0].items():
        np.testing.assert_array_equal(array, states[1][name])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: trainer(epochs=0), ValueError, "epochs must be at least 1, got 0"),
        (lambda: trainer(clip=-1), ValueError, "clip must be at least 0"),
        (lambda: trainer(patience=2).fit(*data()), ValueError, "patience=2 needs validation data"),
        (lambda: trainer().fit(data()[0], data()[1][:-1]), ValueError, "equally long"),
        (lambda: trainer().fit(data()[0][:0], data()[1][:0]), ValueError, "not empty"),
        (lambda: trainer().fit_batches(lambda rng: []), ValueError, "no batch"),
        (lambda: trainer().fit(data()[0] * np.nan, data()[1]), FloatingPointError, "the loss is nan after 0 steps"),
        (lambda: nn.Adam([nn.Parameter(np.ones(1))]), TypeError, "must be a dict, .* got list"),
        (lambda: nn.Adam({}, betas=(0.9, 1.0)), ValueError, "betas must be below 1"),
        (lambda: nn.Adam({}).load_state({}), ValueError, "not that of a Adam"),
        (lambda: nn.Dropout(1.0, rng=None), ValueError, "p must be below 1"),
        (lambda: nn.CrossEntropy()(np.zeros((2, 3)), np.array([0, 3])), ValueError, "target must lie in 0 to 2"),
        (lambda: nn.CrossEntropy()(np.zeros((2, 3)), np.array([0.0, 1])), TypeError, "class numbers"),
        (lambda: nn.CrossEntropy()(np.zeros((2, 3)), np.array([[0, 1]])), ValueError, r"the shape \(2,\)"),
        (lambda: nn.MSE()(np.zeros((2, 3)), np.zeros(2)), ValueError, "prediction's shape"),
        (lambda: nn.InfoNCE()(np.zeros((3, 2))), ValueError, "two halves"),
        (lambda: nn.InfoNCE(0), ValueError, "temperature must be above 0"),
        (lambda: nn.Activation("elu"), ValueError, "kind must be one of 'relu'"),
        (lambda: nn.WarmUpCosine(5, 6), ValueError, "warm_up must be at most 5"),
        (lambda: nn.Embedding(3, 2, rng=np.random.default_rng(0))(np.array([3])), ValueError, "3 rows, got .* 3 to 3"),
        (lambda: nn.Embedding(3, 2, rng=np.random.default_rng(0))(np.ones(3)), TypeError, "whole numbers"),
        (
            lambda: nn.Recurrent("lstm", 2, 3, rng=np.random.default_rng(0))(np.ones((1, 2, 2)), np.array([3])),
            ValueError,
            "lengths must lie in 0 to 2, got 3 to 3",
        ),
        (
            lambda: nn.Recurrent("lstm", 2, 3, rng=np.random.default_rng(0))(np.ones((1, 2, 3))),
            ValueError,
            r"lstm takes \(batch, steps, 2 numbers\)",
        ),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
