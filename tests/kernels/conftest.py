"""Every test here that simulates CUDA uses the mended simulator."""

from tests.simulator import mend_simulator

mend_simulator()
