"""A quicker simulator."""

import sys

import pytest


@pytest.fixture(autouse=True)
def threads_that_take_turns_quickly():
    """Numba's simulator polls one Python thread for each CUDA thread: let them go on after 0.1 ms, not 5."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    yield
    sys.setswitchinterval(interval)
