"""A layer's work on several threads: as many as BLAS may use at that moment (``threadpoolctl.threadpool_limits``)."""

import concurrent.futures
import functools
import os

from threadpoolctl import ThreadpoolController


def in_parts(n, function, step=1):
    """Call ``function(begin, end)`` for parts of 0 to n, each on a thread of its own, and wait for all.

    Parameters
    ----------
    n : int
    function : callable
        Must make the same of every place, whatever part it is in.
    step : int, default 1
        Parts begin at multiples of it.

    Examples
    --------
    >>> squares = [0] * 5
    >>> def fill(begin, end):
    ...     squares[begin:end] = [i * i for i in range(begin, end)]
    >>> in_parts(5, fill)
    >>> squares
    [0, 1, 4, 9, 16]
    """
    steps = -(-n // step)
    parts = min(n_threads(), steps)
    if parts <= 1:
        function(0, n)
        return
    bounds = [min(n, steps * i // parts * step) for i in range(parts + 1)]
    others = [_pool(parts).submit(function, *bounds[i : i + 2]) for i in range(1, parts)]
    try:
        function(*bounds[:2])
    finally:
        concurrent.futures.wait(others)
    for future in others:
        future.result()


def n_threads():
    """How many threads BLAS may use now."""
    return min((library.num_threads for library in _blas().lib_controllers), default=1)


@functools.cache
def _blas():
    return ThreadpoolController().select(user_api="blas")


@functools.cache
def _pool(size):
    return concurrent.futures.ThreadPoolExecutor(size - 1, "layer")


if hasattr(os, "register_at_fork"):
    # Threads do not live on in a forked process.
    os.register_at_fork(after_in_child=_pool.cache_clear)
