"""Every implementation of every kernel against its reference.

Every dictionary in ``kernels/`` whose name ends in ``IMPLEMENTATIONS`` is found here by itself. Its inputs stand in
``tests/kernels/cases/FILE.py``: a dictionary ``CASES`` from the dictionary's name to ``{case name: function}``, each
function returning the tuple of arguments afresh. An optional ``TOLERANCES`` maps a dictionary's name to the keyword
arguments of :func:`numpy.testing.assert_allclose`.
"""

import copy
import importlib
import pkgutil

import numpy as np
import pytest

import kernels
from kernels.device import cuda_is_available

DEFAULT_TOLERANCE = {"rtol": 1e-5, "atol": 1e-6}


def kernel_dictionaries():
    """(module name, dictionary name, dictionary) of every kernel."""
    for info in pkgutil.iter_modules(kernels.__path__):
        module = importlib.import_module(f"kernels.{info.name}")
        for name, value in vars(module).items():
            if name.endswith("IMPLEMENTATIONS") and isinstance(value, dict):
                yield info.name, name, value


def parameters():
    for module, name, versions in kernel_dictionaries():
        cases = importlib.import_module(f"tests.kernels.cases.{module}")
        for case in cases.CASES[name]:
            for version in versions:
                if version != "numpy":
                    yield pytest.param(module, name, case, version, id=f"{module}-{name}-{case}-{version}")


def to_device(arguments):
    from numba import cuda

    return tuple(cuda.to_device(a) if isinstance(a, np.ndarray) else a for a in arguments)


def to_host(value):
    if isinstance(value, tuple | list):
        return tuple(to_host(v) for v in value)
    return value.copy_to_host() if hasattr(value, "copy_to_host") else value


@pytest.mark.parametrize(("module", "name", "case", "version"), list(parameters()))
def test_implementation_equals_reference(module, name, case, version):
    if version == "cuda" and not cuda_is_available():
        pytest.skip("no GPU, and NUMBA_ENABLE_CUDASIM is not set")
    cases = importlib.import_module(f"tests.kernels.cases.{module}")
    versions = getattr(importlib.import_module(f"kernels.{module}"), name)
    ref_arguments = cases.CASES[name][case]()
    comp_arguments = copy.deepcopy(ref_arguments)
    ref = versions["numpy"](*ref_arguments)
    if version == "cuda":
        comp_arguments = to_device(comp_arguments)
    comp = to_host(versions[version](*comp_arguments))
    comp_arguments = to_host(comp_arguments)

    tolerance = getattr(cases, "TOLERANCES", {}).get(name, DEFAULT_TOLERANCE)
    assert_same(ref, comp, tolerance, "result")
    for i, (ref_argument, comp_argument) in enumerate(zip(ref_arguments, comp_arguments, strict=True)):
        if isinstance(ref_argument, np.ndarray):
            assert_same(ref_argument, comp_argument, tolerance, f"argument {i} after the call")


def assert_same(ref, comp, tolerance, what):
    if isinstance(ref, tuple):
        assert len(ref) == len(comp), what
        for i, (r, c) in enumerate(zip(ref, comp, strict=True)):
            assert_same(r, c, tolerance, f"{what}[{i}]")
    elif ref is None:
        assert comp is None, what
    else:
        ref, comp = np.asarray(ref), np.asarray(comp)
        assert ref.shape == comp.shape, what
        if ref.dtype.kind == "f":
            np.testing.assert_allclose(comp, ref, err_msg=what, **tolerance)
        else:
            np.testing.assert_array_equal(comp, ref, err_msg=what)


def test_every_kernel_has_a_reference_and_something_faster():
    for module, name, versions in kernel_dictionaries():
        assert "numpy" in versions and len(versions) > 1, f"{module}.{name}"
