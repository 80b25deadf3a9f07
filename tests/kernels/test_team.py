"""Teams of threads: all take part, none waits for ever."""

import concurrent.futures
import multiprocessing
import sys
import threading

import numpy as np
import pytest
from numba import config

from kernels.compile import compiled
from kernels.team import run_team, wait

ROUNDS = 50


@compiled
def relay(worker, workers, arrivals, numbers):
    """In every round each adds to its own number what the one before it had when the round began."""
    stage = 0
    for _ in range(ROUNDS):
        before = numbers[(worker - 1) % workers]
        stage = wait(arrivals, workers, stage)
        numbers[worker] += before
        stage = wait(arrivals, workers, stage)


def expected(workers):
    """What the relay leaves behind, without threads."""
    numbers = np.ones(workers, np.int64)
    for _ in range(ROUNDS):
        numbers += np.roll(numbers, 1)
    return numbers


def run(workers):
    """What it leaves behind with threads."""
    numbers = np.ones(workers, np.int64)
    run_team(workers, relay, numbers)
    return numbers


def run_in_child(workers, queue):
    """For a process of its own."""
    queue.put(run(workers).tolist())


pytestmark = pytest.mark.skipif(bool(config.DISABLE_JIT), reason="interpreted, one thread does the work of all")


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_every_thread_waits_for_the_others(workers):
    for _ in range(3):
        assert run(workers).tolist() == expected(workers).tolist()


def test_teams_at_the_same_time_do_not_hold_each_other_up():
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        results = list(pool.map(run, [3, 2, 3, 3, 2, 3]))
    for numbers in results:
        assert numbers.tolist() == expected(len(numbers)).tolist()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own():
    run(2)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    process = context.Process(target=run_in_child, args=(2, queue))
    process.start()
    assert queue.get(timeout=60) == expected(2).tolist()
    process.join(60)
    assert process.exitcode == 0


def test_where_no_thread_can_be_started_nobody_waits_for_it(monkeypatch):
    # Five at once: a size that no other test has threads for.
    started = []
    start = threading.Thread.start

    def start_two(thread):
        if len(started) == 2:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_two)
    with pytest.raises(RuntimeError, match="can't start"):
        run(5)
    monkeypatch.undo()
    assert run(5).tolist() == expected(5).tolist()
