"""Imports point one way. The first one that points back fails here."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# What each room may import of this project's own packages; the first prefix that fits a file is its room.
ROOMS = {
    "kernels/": ("kernels",),
    "embeddings/nn/": (
        *("kernels", "embeddings.nn"),
        *("embeddings.checks", "embeddings.checkpoint", "embeddings.files", "embeddings.progress"),
    ),
    "embeddings/text/": ("kernels", "embeddings"),
    "embeddings/image/": ("kernels", "embeddings"),
    "embeddings/video/": ("kernels", "embeddings"),
    "embeddings/commands/": ("kernels", "embeddings"),
    "embeddings/": ("kernels", "embeddings"),
    "lessons/": ("kernels", "embeddings", "lessons"),
    "benchmarks/": ("kernels", "embeddings", "lessons", "benchmarks"),
}
OWN = {"kernels", "embeddings", "lessons", "benchmarks", "tests", "figures"}
# Plain modules are below the models: only the command line and the package's own front door know them.
MODELS = ("embeddings.text", "embeddings.image", "embeddings.video", "embeddings.nn")
MAY_SEE_MODELS = (
    "embeddings/text/",
    "embeddings/image/",
    "embeddings/video/",
    "embeddings/nn/",
    "embeddings/commands/",
)
# llvmlite is what Numba is made of; kernels/simd.py speaks to it.
KERNELS_MAY_IMPORT = {
    *("numpy", "numba", "llvmlite", "kernels"),
    *(
        "concurrent",
        "ctypes",
        "functools",
        "heapq",
        "importlib",
        "itertools",
        "math",
        "operator",
        "os",
        "pathlib",
        "threading",
    ),
}
MAY_PLOT = ("embeddings/visualise/", "lessons/")

FILES = sorted(
    path.relative_to(ROOT).as_posix() for room in OWN - {"tests", "figures"} for path in (ROOT / room).rglob("*.py")
)


def imported_modules(source, package):
    """Dotted names of everything that `source`, a module of `package`, imports, inside functions too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            yield from (f"{module}.{alias.name}" for alias in node.names)


def faults(file, source):
    """The imports of `file` that the architecture forbids."""
    allowed = next(allowed for prefix, allowed in ROOMS.items() if file.startswith(prefix))
    package = ".".join(Path(file).parent.parts)
    for module in imported_modules(source, package):
        top = module.split(".")[0]
        if top in OWN and not any(module == a or module.startswith(a + ".") for a in allowed):
            yield f"{file} imports {module}"
        if file.startswith("embeddings/") and not file.startswith(MAY_SEE_MODELS) and module.startswith(MODELS):
            yield f"{file} imports the model {module}"
        if file.startswith("kernels/") and top not in KERNELS_MAY_IMPORT:
            yield f"{file} imports {module}: kernels know numpy and numba alone"
        if top == "matplotlib" and not file.startswith(MAY_PLOT):
            yield f"{file} imports {module}: only visualise and the lessons plot"


@pytest.mark.parametrize("file", FILES)
def test_imports_point_one_way(file):
    assert not list(faults(file, (ROOT / file).read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("kernels/x.py", "from embeddings import base"),
        ("kernels/x.py", "import scipy"),
        ("embeddings/nn/x.py", "from ..base import Embedder"),
        ("embeddings/base.py", "def f():\n    from embeddings.text import Word2Vec"),
        ("embeddings/text/x.py", "import matplotlib.pyplot as plt"),
        ("embeddings/text/x.py", "import lessons"),
        ("lessons/x.py", "import benchmarks.harness"),
    ],
)
def test_a_forbidden_import_is_found(file, source):
    assert list(faults(file, source))
