"""CUDA twins whose work is shared out among several thread blocks; the simulator takes them in order."""

import importlib

import numpy as np
import pytest

from kernels import cooccurrence, glove, runs
from kernels.device import cuda_is_available
from tests.kernels.cases import cooccurrence as cooccurrence_cases
from tests.kernels.cases import glove as glove_cases
from tests.kernels.test_implementations import assert_same, to_device, to_host

pytestmark = pytest.mark.skipif(not cuda_is_available(), reason="no GPU, and NUMBA_ENABLE_CUDASIM is not set")
TOLERANCE = {"rtol": 1e-4, "atol": 1e-5}


@pytest.mark.parametrize(
    ("module", "name", "case"),
    [
        ("skipgram", "PAIR_IMPLEMENTATIONS", "few different words"),
        ("cbow", "WORD_IMPLEMENTATIONS", "some words alone"),
    ],
)
def test_several_cuda_runs_in_order_equal_the_reference(monkeypatch, module, name, case):
    versions = getattr(importlib.import_module(f"kernels.{module}"), name)
    cases = importlib.import_module(f"tests.kernels.cases.{module}").CASES[name]
    ref_arguments, comp_arguments = cases[case](), to_device(cases[case]())
    monkeypatch.setattr(runs, "RUN_TOKENS", 7)
    assert_same(versions["numpy"](*ref_arguments), versions["cuda"](*comp_arguments), TOLERANCE, "loss")
    assert_same(ref_arguments[:2], to_host(comp_arguments[:2]), TOLERANCE, "W_in and W_out")


def test_cuda_tiles_at_once_equal_one_after_the_other():
    W, C, rows, columns, *numbers = glove_cases.tile(40, R=8, columns=6)
    # Two tiles without a common row or column, and an empty one between them.
    rows[:25], columns[:25] = rows[:25] % 4, columns[:25] % 3
    rows[25:], columns[25:] = 4 + rows[25:] % 4, 3 + columns[25:] % 3
    on_device = to_device((W, C, rows, columns, *numbers))
    ref = glove.tile_numpy(W, C, rows, columns, *numbers)
    comp = glove.tile_cuda(*on_device, *to_device([np.array([0, 25, 25, 40])]))
    assert_same(ref, comp, TOLERANCE, "loss")
    assert_same((W, C), to_host(on_device[:2]), TOLERANCE, "W and C")


def test_cuda_blocks_count_one_row_after_the_other(monkeypatch):
    arguments = cooccurrence_cases.rows(90, 11, 2)
    monkeypatch.setattr(cooccurrence, "ROOM", 3 * 11)
    comp = to_host(cooccurrence.rows_cuda(*to_device(arguments)))
    assert_same(cooccurrence.rows_numpy(*arguments), comp, TOLERANCE, "rows")
