"""Kernels run interpreted, too, for whoever wants to look into one: lanes are then NumPy arrays."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("kernel", ["skipgram", "cbow", "fasttext", "conv_direct"])
def test_interpreted(kernel):
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "tests/kernels/test_implementations.py",
        "-k",
        f"{kernel}- and cpu",
    ]
    run = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "NUMBA_DISABLE_JIT": "1"}, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stdout[-2000:]
