"""Files that hold models: safetensors with JSON metadata, written whole or not at all. Nothing is ever pickled."""

import contextlib
import gzip
import json
import os
import tempfile
import zlib
from pathlib import Path

import numpy as np

from embeddings.progress import progress

# The one key of the safetensors metadata under which our JSON lies.
_METADATA_KEY = "embeddings"


@contextlib.contextmanager
def atomic_write(path, mode="wb", **options):
    """Open a temporary neighbour of `path` for writing and move it into place once all of it is on disk.

    A full disk, a crash or Ctrl-C leaves the old file as it was. `mode` and `options` are those of :func:`open`.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "note.txt"
    >>> with atomic_write(path, "w", encoding="utf-8") as file:
    ...     _ = file.write("whole")
    >>> path.read_text()
    'whole'
    """
    path = Path(path)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with open(descriptor, mode, **options) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes private files; give this one what open() would have given.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


@contextlib.contextmanager
def atomic_write_zipped(path):
    """:func:`atomic_write`, gzipped where the name ends in ``.gz``; the same content gives the same bytes."""
    with atomic_write(path) as file:
        if Path(path).suffix.lower() != ".gz":
            yield file
            return
        with gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=6, mtime=0) as zipped:
            yield zipped


def is_gzipped(path):
    """Whether a file's content, whatever its name, is gzipped."""
    with open(path, "rb") as file:
        return file.read(2) == b"\x1f\x8b"


def read_start(path, size):
    """The first bytes of a file's content, unzipped if it is gzipped."""
    with damaged_gzip_named(path), (gzip.open if is_gzipped(path) else open)(path, "rb") as file:
        return file.read(size)


@contextlib.contextmanager
def unzipped(path):
    """The path of a file, or of a temporary copy, if its content is gzipped. What was mapped of a copy outlives it.

    Raises
    ------
    ValueError
        If the file is damaged.
    """
    if not is_gzipped(path):
        yield Path(path)
        return
    with tempfile.NamedTemporaryFile(prefix="unzipped-") as copy:
        with damaged_gzip_named(path), gzip.open(path) as file:
            with progress(desc="unzipping", unit="B", unit_scale=True) as bar:
                while block := file.read(1 << 20):
                    copy.write(block)
                    bar.update(len(block))
        copy.flush()
        yield Path(copy.name)


@contextlib.contextmanager
def damaged_gzip_named(path):
    """What goes wrong within, where a gzipped file is read, becomes a ValueError that names the file."""
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{os.fspath(path)!r} is a damaged gzip file: {error}") from error


def pack_strings(strings):
    """Strings as two arrays: UTF-8 bytes (uint8) and the offsets of each string in them (int64, one more than strings).

    Examples
    --------
    >>> pack_strings(["a", "bc"])
    (array([97, 98, 99], dtype=uint8), array([0, 1, 3]))
    """
    encoded = [string.encode("utf-8", "surrogatepass") for string in strings]
    offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
    np.cumsum([len(e) for e in encoded], out=offsets[1:])
    return np.frombuffer(b"".join(encoded), dtype=np.uint8), offsets


def unpack_strings(utf8, offsets):
    """The inverse of :func:`pack_strings`.

    Raises
    ------
    ValueError
        If the offsets do not fit the bytes, or the bytes are not UTF-8.

    Examples
    --------
    >>> unpack_strings(*pack_strings(["a", "猫"]))
    ['a', '猫']
    """
    if len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != len(utf8) or np.any(np.diff(offsets) < 0):
        raise ValueError("string offsets do not fit the string bytes")
    data = utf8.tobytes()
    return [data[a:b].decode("utf-8", "surrogatepass") for a, b in zip(offsets[:-1], offsets[1:], strict=True)]


def write_tensors(path, tensors, metadata):
    """Write named arrays, and metadata that JSON can hold, to a safetensors file, gzipped if its name ends in ``.gz``.

    Parameters
    ----------
    path : path-like
    tensors : dict of str to ndarray
    metadata : dict
        Anything that :mod:`json` writes.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "x.safetensors"
    >>> write_tensors(path, {"x": np.arange(3)}, {"made": "here"})
    >>> read_tensors(path)
    ({'x': array([0, 1, 2])}, {'made': 'here'})
    """
    from safetensors.numpy import save

    tensors = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    data = save(tensors, metadata={_METADATA_KEY: json.dumps(metadata, ensure_ascii=True, sort_keys=True)})
    with atomic_write_zipped(path) as file:
        file.write(data)


def read_tensors(path):
    """The arrays and the metadata of a safetensors file, gzipped or not.

    Returns
    -------
    tensors : dict of str to ndarray
    metadata : dict
        Empty for a file that was not written by this project.

    Raises
    ------
    ValueError
        If `path` is not a whole safetensors file. Nothing is allocated on the word of its header.
    """
    from safetensors import SafetensorError, safe_open

    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {os.fspath(path)!r}")
    try:
        with unzipped(path) as plain, safe_open(plain, framework="numpy") as file:
            metadata = json.loads((file.metadata() or {}).get(_METADATA_KEY, "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{os.fspath(path)!r} is not a whole safetensors file: {error}") from error
    if not isinstance(metadata, dict):
        raise ValueError(f"{os.fspath(path)!r}: its metadata is not a JSON object")
    return tensors, metadata


def saved_model(path):
    """The name of the model that ``save`` wrote to a file; None for any other file.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "x.safetensors"
    >>> write_tensors(path, {"x": np.arange(3)}, {"model": "Word2Vec"})
    >>> saved_model(path)
    'Word2Vec'
    """
    from safetensors import SafetensorError, safe_open

    opener = gzip.open if is_gzipped(path) else open
    try:
        # Behind the length of its header, a safetensors file has JSON; a large file of another kind is left zipped.
        with damaged_gzip_named(path), opener(path, "rb") as file:
            if file.read(9)[8:] != b"{":
                return None
        with unzipped(path) as plain, safe_open(plain, framework="numpy") as file:
            metadata = json.loads((file.metadata() or {}).get(_METADATA_KEY, "{}"))
    except (SafetensorError, ValueError):
        return None
    return metadata.get("model") if isinstance(metadata, dict) else None
