"""A team of threads in one compiled loop: they wait for each other between its stages without going back to Python.

``run_team`` starts the threads; each calls the same compiled function with its own number. Where all must have finished
a stage before any begins the next one, the loop calls ``wait``: it counts arrivals and looks until all are there, now
and then letting other threads have the core, and after a long while between short sleeps.
"""

import concurrent.futures
import os

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
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        try:
            futures = [pool.submit(function, worker, workers, arrivals, *arguments) for worker in range(workers)]
        except BaseException:
            # A thread could not be started: the others must not wait for it.
            arrivals[0] = np.iinfo(np.int64).max // 2
            raise
        for future in futures:
            future.result()
