"""A layer's work on several threads: as many as BLAS may use at that moment (``threadpoolctl.threadpool_limits``).

Starting a thread, or waking one, takes as long as a small layer. So a thread that has done its part looks for a while
whether there is another, and so does whoever waits for it; both let others have the core now and then.
"""

import functools
import os
import threading

import numpy as np
from numba import config
from threadpoolctl import ThreadpoolController

from kernels.compile import compiled
from kernels.team import LOOKS, _let_others_run, _look

# Times a thread lets others have its core before it goes to sleep.
PATIENCE = 500


@compiled
def _look_until(counter, number):
    """Whether ``counter[0]`` came to a number before patience ran out."""
    looks = 0
    while _look(counter) < number:
        looks += 1
        if looks == LOOKS * PATIENCE:
            return False
        if looks % LOOKS == 0:
            _let_others_run()
    return True


class _Hand(threading.Thread):
    """One thread of the crew."""

    def __init__(self):
        super().__init__(name="crew", daemon=True)
        # Jobs that were given and done; each counter has cache lines of its own.
        self.given, self.done = np.zeros(16, np.int64), np.zeros(16, np.int64)
        self.called, self.error = threading.Event(), None
        self.start()

    def give(self, parts):
        self.job = parts
        self.given[0] += 1
        self.called.set()

    def run(self):
        number = 1
        while True:
            while not _look_until(self.given, number):
                self.called.wait()
                self.called.clear()
            try:
                _do(self.job)
            except BaseException as error:
                self.error = error
            del self.job
            self.done[0] = number
            number += 1

    def finish(self):
        """Wait for the job; raises what it raised."""
        while not _look_until(self.done, self.given[0]):
            pass
        error, self.error = self.error, None
        if error is not None:
            raise error


def in_parts(n, function, step=1):
    """Call ``function(begin, end)`` for parts of 0 to n, each on a thread of its own, and wait for all.

    Parameters
    ----------
    n : int
    function : callable
        Must make the same of every place, whatever part it is in, and give way to other threads while it computes.
        While the threads are at work for another caller, this one does it all by itself.
    step : int, default 1
        Parts begin at multiples of it.

    Examples
    --------
    >>> from threadpoolctl import threadpool_limits
    >>> parts = []
    >>> with threadpool_limits(2):
    ...     in_parts(10, lambda begin, end: parts.append((begin, end)), step=4)
    >>> sorted(parts)
    [(0, 4), (4, 10)]
    """
    together((n, function, step))


def together(*jobs):
    """Several jobs, ``(n, function, step)`` as :func:`in_parts` takes them, without a wait between them."""
    workers = min(n_threads(), max(-(-n // step) for n, _, step in jobs))
    if workers > 1 and not config.DISABLE_JIT:
        lock, hands = _crew(workers - 1)
        if lock.acquire(blocking=False):
            try:
                _share(jobs, hands)
            finally:
                lock.release()
            return
    _do([(function, 0, n) for n, function, _ in jobs])


def _share(jobs, hands):
    """Everyone's part of each job."""
    workers, shares = len(hands) + 1, []
    for w in range(workers):
        share = []
        for n, function, step in jobs:
            steps = -(-n // step)
            begin, end = (min(n, steps * i // workers * step) for i in (w, w + 1))
            if begin < end:
                share.append((function, begin, end))
        shares.append(share)
    for hand, share in zip(hands, shares, strict=False):
        hand.give(share)
    try:
        _do(shares[-1])
    finally:
        for hand in hands:
            hand.finish()


def _do(parts):
    for function, begin, end in parts:
        function(begin, end)


def n_threads():
    """How many threads BLAS may use now."""
    return min((library.num_threads for library in _blas().lib_controllers), default=1)


@functools.cache
def _blas():
    return ThreadpoolController().select(user_api="blas")


@functools.cache
def _crew(size):
    return threading.Lock(), [_Hand() for _ in range(size)]


if hasattr(os, "register_at_fork"):
    # Threads do not live on in a forked process.
    os.register_at_fork(after_in_child=_crew.cache_clear)
