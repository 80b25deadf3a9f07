"""A team of threads in one compiled loop: they wait for each other between its stages without going back to Python.

``run_team`` gives each of them the same compiled function, and its own number. Where all must have finished
a stage before any begins the next one, the loop calls ``wait``: it counts arrivals and looks until all are there, now
and then letting other threads have the core, and after a long while between short sleeps.
"""

import concurrent.futures
import functools
import os
import threading

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.extending import intrinsic

from kernels.compile import compiled

# A thread that waits lets others have its core after so many looks, and again, and then sleeps for a moment: the others
# may need that core.
LOOKS, TURNS = 200, 500

_WINDOWS = os.name == "nt"
_MOMENT = 1 if _WINDOWS else 20
_let_others_run = types.ExternalFunction("SwitchToThread" if _WINDOWS else "sched_yield", types.int32())
_sleep = types.ExternalFunction("Sleep" if _WINDOWS else "usleep", types.int32(types.uint32))


@intrinsic
def _arrive(typing_context, arrivals):
    """Add one to ``arrivals[0]``, as if no other thread did at the same time."""

    def generate(context, builder, signature, arguments):
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        builder.atomic_rmw("add", data, ir.Constant(ir.IntType(64), 1), "seq_cst")
        return context.get_dummy_value()

    return types.void(arrivals), generate


@intrinsic
def _look(typing_context, arrivals):
    """``arrivals[0]``, as it is in memory at this moment."""

    def generate(context, builder, signature, arguments):
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.load_atomic(data, "seq_cst", 8)

    return types.int64(arrivals), generate


@compiled
def wait(arrivals, workers, stage):
    """Until all workers have come here. Returns the next stage; the first is 0."""
    if workers > 1:
        _arrive(arrivals)
        looks = 0
        while _look(arrivals) < workers * (stage + 1):
            looks += 1
            if looks > LOOKS * TURNS:
                _sleep(np.uint32(_MOMENT))
            elif looks % LOOKS == 0:
                _let_others_run()
    return stage + 1


def run_team(workers, function, *arguments):
    """Call ``function(worker, workers, arrivals, *arguments)`` on so many threads, until the last one is done.

    One of them is the caller's own; the others wait for the next team afterwards, because to start a thread takes as
    long as some training. Teams of one size work one after the other.

    Parameters
    ----------
    workers : int
    function : compiled function
        It calls ``wait(arrivals, workers, stage)`` as often on one thread as on every other.
    *arguments
        Shared by all. Interpreted (``NUMBA_DISABLE_JIT=1``), one thread does the work of all.
    """
    arrivals = np.zeros(8, np.int64)
    if workers == 1 or config.DISABLE_JIT:
        function(0, 1, arrivals, *arguments)
        return
    lock, pool = _threads(workers - 1)
    with lock:
        others = []
        try:
            for worker in range(1, workers):
                others.append(pool.submit(function, worker, workers, arrivals, *arguments))
            function(0, workers, arrivals, *arguments)
        except BaseException:
            # A thread could not be started: the others must not wait for it.
            arrivals[0] = np.iinfo(np.int64).max // 2
            _threads.cache_clear()
            raise
        finally:
            concurrent.futures.wait(others)
    for future in others:
        future.result()


@functools.cache
def _threads(n):
    return threading.Lock(), concurrent.futures.ThreadPoolExecutor(n, "team")


if hasattr(os, "register_at_fork"):
    # Threads do not live on in a forked process.
    os.register_at_fork(after_in_child=_threads.cache_clear)
