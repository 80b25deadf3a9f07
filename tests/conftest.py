"""Options that every test shares."""

import importlib.util

import matplotlib
import pytest
from hypothesis import settings

# Compilation makes first examples slow; the same examples every time make a failure repeatable.
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")

# Pictures are drawn, never shown.
matplotlib.use("Agg")


def pytest_addoption(parser):
    parser.addoption(
        "--require-peers",
        action="store_true",
        help='fail, instead of skipping, where a library named by "peer" is missing',
    )


def pytest_runtest_setup(item):
    for marker in item.iter_markers("peer"):
        for name in marker.args:
            if importlib.util.find_spec(name) is None:
                message = f"peer {name} is not installed (make parity installs it)"
                if item.config.getoption("--require-peers"):
                    pytest.fail(message)
                pytest.skip(message)
