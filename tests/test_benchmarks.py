"""The harness measures what it says, and the command finds its benchmarks."""

import time

import numpy as np
import pytest

from benchmarks import harness
from benchmarks.__main__ import main


def allocate(megabytes):
    np.ones(megabytes * 2**17).sum()


def test_interleave_calls_in_turn_and_takes_medians():
    calls = []

    def sleepy(name, seconds):
        def call():
            calls.append(name)
            time.sleep(seconds)

        return call

    medians = harness.interleave({"a": sleepy("a", 0.001), "b": sleepy("b", 0.02)}, repeats=3)
    assert calls == ["a", "b"] * 4
    assert medians["b"] > medians["a"]


def test_on_several_threads_the_first_run_of_a_turn_does_not_count():
    last = {"ours": 0.0, "theirs": 0.0}

    def wakes_up(name):
        def call():
            # As threads do: slow after a break.
            time.sleep(0.002 if time.perf_counter() - last[name] < 0.1 else 0.15)
            last[name] = time.perf_counter()

        return call

    medians = harness.interleave({name: wakes_up(name) for name in last}, repeats=2, threads=2)
    assert max(medians.values()) < 0.1


def test_report_compares_with_the_best_other(capsys):
    ratio = harness.report("title", {"ours": 1.0, "slow": 30.0, "quick": 12.0}, amount=24, unit="MB", bar=10)
    assert ratio == 12.0
    out = capsys.readouterr().out
    assert "12.00 times as fast" in out and "reached" in out and "NOT" not in out
    harness.report("title", {"ours": 1.0, "quick": 2.0}, bar=10)
    assert "NOT reached" in capsys.readouterr().out


def test_peak_memory_sees_what_a_call_allocates():
    small, _ = harness.peak_memory(allocate, 1)
    large, growth = harness.peak_memory(allocate, 200, warm_up=(1,))
    assert 150 < large - small < 300
    assert 150 < growth < 300


def test_unknown_benchmark_is_named(capsys):
    with pytest.raises(SystemExit):
        main(["no_such_benchmark"])
    assert "no_such_benchmark" in capsys.readouterr().err


def test_data_that_is_not_there(tmp_path, capsys):
    assert harness.imdb_reviews(tmp_path) is None
    assert "skipped" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["--data", str(tmp_path / "nowhere")])
