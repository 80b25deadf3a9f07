"""Numba's CUDA simulator, made fit for many tests: quicker, and without a race of its own."""

import os
import sys
import threading

import numpy as np


def mend_simulator():
    """Mend the simulator in this process, if ``NUMBA_ENABLE_CUDASIM=1`` chose it.

    It polls one Python thread for each CUDA thread, which wait 5 ms for each other: let them take turns after 0.1 ms.
    And two threads that ask for a shared array at the same time may each get one of their own; a lock prevents it.
    """
    if os.environ.get("NUMBA_ENABLE_CUDASIM") != "1":
        return
    from numba import types
    from numba.cuda.simulator.kernelapi import FakeCUDAShared
    from numba.np.numpy_support import as_dtype

    lock = threading.Lock()

    def array(self, shape, dtype):
        if isinstance(dtype, types.Type):
            dtype = as_dtype(dtype)
        if shape == 0:
            return np.frombuffer(self._dynshared.data, dtype, self._dynshared_size // np.dtype(dtype).itemsize)
        caller = sys._getframe(1)
        place = caller.f_code.co_filename, caller.f_lineno
        with lock:
            if place not in self._allocations:
                self._allocations[place] = np.empty(shape, dtype)
        return self._allocations[place]

    FakeCUDAShared.array = array
    sys.setswitchinterval(1e-4)
