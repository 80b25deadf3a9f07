"""The one way this project compiles a loop.

``compiled`` wraps :func:`numba.njit` with the options that every kernel shares: no GIL (our own threads run kernels
side by side), the compiled code cached on disk, NumPy's rules for division by zero, and one set of fast-math flags.
"""

import ctypes
import functools
from pathlib import Path

import numba
from llvmlite import binding

# Kernels of several files call what these define.
_NAMES = "compile simd tiles activation amx dense_tiles skipgram cbow doc2vec running_sums team"
SHARED = [Path(__file__).with_name(f"{name}.py") for name in _NAMES.split()]

# Everything that lets LLVM vectorise sums and use reciprocals, but neither "nnan" nor "ninf": a NaN or an infinity in
# the input must still be one in the output.
FAST_MATH = {"contract", "reassoc", "nsz", "arcp", "afn"}

# For loops that make no arrays, but views of some in every turn: Numba then does not count who holds them, which costs
# as much as some hundred products for each.
UNCOUNTED = {"_nrt": False}


@functools.cache
def has_matrix_unit():
    """Whether the processor has Intel's AMX, code is compiled for it, and the system lets this process use it."""
    config = numba.config
    if config.DISABLE_JIT or config.CPU_NAME or config.CPU_FEATURES:
        return False
    features = binding.get_host_cpu_features()
    if not (features.get("amx-tile") and features.get("amx-bf16") and features.get("avx512f")):
        return False
    try:
        # Linux saves the tiles of threads of those processes alone that asked: arch_prctl(ARCH_REQ_XCOMP_PERM, tiles).
        return ctypes.CDLL(None).syscall(158, 0x1023, 18) == 0
    except (OSError, AttributeError):
        return False


def compiled(function=None, *, fastmath=FAST_MATH, **options):
    """Compile `function` on its first call.

    Parameters
    ----------
    function : callable
        The loop. Used as a plain decorator, ``@compiled``, or with options, ``@compiled(fastmath=False)``.
    fastmath : set of str or bool, default ``FAST_MATH``
        ``False`` where the result must equal NumPy's to the last bit.
    **options
        Passed to :func:`numba.njit` (``inline="always"`` for helpers).

    Examples
    --------
    >>> import numpy as np
    >>> @compiled
    ... def total(x):
    ...     s = 0.0
    ...     for i in range(len(x)):
    ...         s += x[i]
    ...     return s
    >>> total(np.array([1.0, 2.0]))
    3.0
    """
    if function is None:
        return lambda f: compiled(f, fastmath=fastmath, **options)
    if numba.config.DISABLE_JIT:
        # Interpreted, for a look at one kernel.
        return function
    options = {"nogil": True, "error_model": "numpy", "fastmath": fastmath, **options}
    try:
        dispatcher = numba.njit(function, cache=True, **options)
        # Numba looks at the function's own file to see whether its cache is current; look at the shared ones, and at
        # what was compiled for, too.
        file = dispatcher._cache._cache_file
        shared = ((p.stat().st_mtime_ns, p.stat().st_size) for p in SHARED)
        file._source_stamp = (file._source_stamp, has_matrix_unit(), *shared)
        return dispatcher
    except RuntimeError:
        # Numba found no folder that it may write its cache to: compile anew in every process.
        return numba.njit(function, cache=False, **options)
