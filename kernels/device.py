"""Which implementation of a kernel runs, whether a GPU is there, and arrays on their way to it and back."""

import functools
import importlib.util
import os


@functools.cache
def cuda_is_available():
    """Whether Numba can reach a CUDA GPU, or its simulator (``NUMBA_ENABLE_CUDASIM=1``), in this process.

    Nothing of CUDA is imported before this function is called.
    """
    if os.environ.get("NUMBA_ENABLE_CUDASIM") == "1":
        return True
    if importlib.util.find_spec("numba_cuda") is None:
        return False
    from numba import cuda

    return bool(cuda.is_available())


def implementation(implementations, device="cpu"):
    """The version of a kernel for `device`.

    Parameters
    ----------
    implementations : dict
        A kernel's ``IMPLEMENTATIONS``.
    device : {"cpu", "numpy", "cuda"}, default "cpu"
        ``"numpy"`` is the reference.

    Returns
    -------
    callable

    Raises
    ------
    ValueError
        For a device that this kernel does not know.
    RuntimeError
        For ``"cuda"`` where no GPU can be used, naming what is missing.

    Examples
    --------
    >>> implementation({"numpy": sum, "cpu": max}, "cpu")
    <built-in function max>
    """
    if device not in implementations:
        raise ValueError(f"device must be one of {sorted(implementations)}, got {device!r}")
    if device == "cuda" and not cuda_is_available():
        raise RuntimeError(
            'device="cuda" needs an NVIDIA GPU, its driver and the "cuda" extra '
            '(pip install "embeddings-from-scratch[cuda]"); none was found. Use device="cpu".'
        )
    return implementations[device]


def to_device(array, device):
    """`array` where `device` reaches it: a copy on the GPU for ``"cuda"``, or itself."""
    if device != "cuda":
        return array
    from numba import cuda

    return cuda.to_device(array)


def to_host(array):
    """A copy of an array that is on the GPU; any other is returned itself."""
    return array.copy_to_host() if hasattr(array, "copy_to_host") else array
