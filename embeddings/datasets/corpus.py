"""Real English without a download: the documentation strings of Python and of the libraries that we stand on."""

import ast
import hashlib
import importlib.metadata
import importlib.util
import os
import platform
import re
import sys
import sysconfig
from pathlib import Path

from embeddings.files import atomic_write
from embeddings.progress import progress

PACKAGES = ("numpy", "scipy", "matplotlib", "skimage", "numba")
DISTRIBUTIONS = {"skimage": "scikit-image"}

# Raised whenever the same files would give other sentences.
_VERSION = 1

_SKIPPED_FOLDERS = {"site-packages", "dist-packages", "test", "tests", "testing", "idlelib", "lib2to3", "__pycache__"}
_MARKUP = [
    (re.compile(r":[\w:+-]+:`~?([^`<]+)(?: <[^`]*>)?`"), r"\1"),  # :func:`name`
    (re.compile(r"`([^`<]+) <[^`]*>`_+"), r"\1"),  # `text <link>`_
    (re.compile(r"`+([^`]*)`+_*"), r"\1"),
    (re.compile(r"\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*"), r"\1\2"),
    (re.compile(r"\[\w+\]_"), ""),
    (re.compile(r"\s+"), " "),
]
_PARAMETER = re.compile(r"^\*{0,2}[\w.]+(, \*{0,2}[\w.]+)* ?: |^:\w+[^:]*:|^@\w+")
_NOT_PROSE = re.compile(r"^(>>>|\.\.|\||[+=~^#-]{2,}|%|\$|@)|\S {3,}\S|[{}]|\w\(.*=.*\)|^\w+ = ")
_BULLET = re.compile(r"^([-*•]|\(?\d+[.)])\s+")
_SENTENCE_END = re.compile(
    r"(?<=[.!?])(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bcf\.)(?<!\bvs\.)(?<!\betc\.)(?<!\bFig\.)\s+(?=[\"'(]?[A-Z])"
)
_CODE = re.compile(r"://|::|>>>")
_WORD = re.compile(r"[^\W\d_]{2,}")


def documentation():
    """Sentences from the documentation strings on this machine.

    They come from the Python standard library, its language reference (``pydoc_data.topics``), NumPy, SciPy,
    Matplotlib, scikit-image and Numba, whose files are parsed and never imported. The first call takes some seconds,
    later ones read the result from a cache: the folder in the environment variable ``EMBEDDINGS_CACHE``, else the
    user's cache folder.

    Returns
    -------
    list of str
        About 80,000 different sentences of a million words; which ones depends on the versions that are installed.

    Examples
    --------
    >>> sentences = documentation()
    >>> len(sentences) == len(set(sentences)) > 50_000
    True
    """
    path = cache_folder() / f"documentation-{_key()}.txt"
    sentences = _read_cache(path)
    if sentences is None:
        sentences = _read_sources()
        _write_cache(path, sentences)
    return sentences


def cache_folder():
    """Where files are kept that can be made again.

    Returns
    -------
    pathlib.Path
        ``EMBEDDINGS_CACHE``, else a folder of ours in the platform's folder for caches. It need not exist.
    """
    if os.environ.get("EMBEDDINGS_CACHE"):
        return Path(os.environ["EMBEDDINGS_CACHE"])
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "embeddings-from-scratch"


def prose_sentences(docstring):
    """The sentences of a documentation string, without code, tables, headings and markup.

    Examples
    --------
    >>> prose_sentences("Return the cat.\\n\\n    >>> cat()\\n    1\\n\\nx : int\\n    How *often* it is fed.")
    ['Return the cat.', 'How often it is fed.']
    """
    paragraphs, paragraph = [], []
    code_indent = None
    in_example = False

    def finish():
        if paragraph:
            paragraphs.append(" ".join(paragraph))
            paragraph.clear()

    for line in docstring.splitlines():
        stripped = line.strip()
        indent = len(line) - len(line.lstrip())
        if not stripped:
            finish()
            in_example = False
            continue
        if code_indent is not None:
            if indent > code_indent:
                continue
            code_indent = None
        if stripped.startswith(">>>"):
            in_example = True
        if in_example:
            continue
        if stripped.startswith("..") and stripped.rstrip(":") != stripped:
            finish()
            code_indent = indent
            continue
        if _PARAMETER.search(stripped) or _NOT_PROSE.search(stripped):
            finish()
            continue
        if _BULLET.match(stripped):
            finish()
            stripped = _BULLET.sub("", stripped)
        if stripped.endswith("::"):
            code_indent = indent
            stripped = stripped[:-1]
        paragraph.append(stripped)
    finish()
    sentences = []
    for text in paragraphs:
        for pattern, replacement in _MARKUP:
            text = pattern.sub(replacement, text)
        candidates = [sentence.strip() for sentence in _SENTENCE_END.split(text)]
        sentences += [sentence for sentence in candidates if _is_prose(sentence)]
    return sentences


def _is_prose(sentence):
    words = _WORD.findall(sentence)
    return len(words) >= 3 and sum(map(len, words)) > 0.6 * len(sentence) and not _CODE.search(sentence)


def _read_sources():
    files = [(name, path) for name, folder in _folders() for path in _python_files(folder)]
    sentences = {}
    for name, path in progress(files, desc="reading documentation", unit=" files"):
        try:
            source = path.read_text(encoding="utf-8")
            tree = ast.parse(source) if '"""' in source or "'''" in source or name == "topics" else None
        except (OSError, SyntaxError, ValueError, RecursionError):
            continue
        if tree is None:
            continue
        for docstring in _topics(tree) if name == "topics" else _docstrings(tree):
            sentences.update(dict.fromkeys(prose_sentences(docstring)))
    return list(sentences)


def _folders():
    """(name, folder or file) of every source, in a fixed order."""
    library = Path(sysconfig.get_paths()["stdlib"])
    yield "python", library
    yield "topics", library / "pydoc_data" / "topics.py"
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin:
            yield package, Path(spec.origin).parent


def _python_files(folder):
    if folder.is_file():
        return [folder]
    found = []
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - _SKIPPED_FOLDERS)
        found += [Path(here, name) for name in sorted(names) if name.endswith(".py") and name != "topics.py"]
    return found


def _docstrings(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node)
            if docstring:
                yield docstring


def _topics(tree):
    """The texts of the language reference: the values of one big dictionary."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            for value in node.values:
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    yield value.value


def _key():
    versions = [f"{_VERSION}", platform.python_version()]
    for package in PACKAGES:
        try:
            versions.append(f"{package} {importlib.metadata.version(DISTRIBUTIONS.get(package, package))}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"no {package}")
    return hashlib.sha256("\n".join(versions).encode()).hexdigest()[:16]


def _read_cache(path):
    """The sentences in the cache; None if there are none, or the file is not whole."""
    try:
        digest, _, text = path.read_text(encoding="utf-8").partition("\n")
    except (OSError, UnicodeDecodeError):
        return None
    return text.split("\n") if digest == hashlib.sha256(text.encode()).hexdigest() else None


def _write_cache(path, sentences):
    text = "\n".join(sentences)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path, "w", encoding="utf-8", newline="\n") as file:
            file.write(hashlib.sha256(text.encode()).hexdigest() + "\n" + text)
    except OSError as error:
        print(f"the documentation corpus could not be cached in {path.parent}: {error}", file=sys.stderr)
