"""Turn every line of a file into a vector.

FILE holds a sentence a line, in UTF-8; "-" reads standard input. Lines are read, and vectors written, some at a time,
so that a file of any length takes little memory. An empty line has a vector, too: line i and vector i belong together.

--model is a BERT's folder, as Hugging Face or sentence-transformers lay it out, or a file that save() wrote: a BERT, a
RecurrentEncoder, a TextCNN, a TransformerEncoder, an AverageEncoder or a Doc2Vec.

--output says by its ending what is written; without it, JSON lines go to standard output:
  .npy     a matrix of float32, which NumPy maps into memory without reading it
  .tsv     numbers between tabs, a vector a line, for spreadsheets and the Embedding Projector
  .jsonl   a line {"text": …, "vector": […]} for each, for everything that reads streams

examples:
  python -m embeddings embed sentences.txt --model all-MiniLM-L6-v2/ --output vectors.npy
  cat sentences.txt | python -m embeddings embed - --model bert.safetensors | head -3
  python -m embeddings embed reviews.txt --model textcnn.safetensors --output reviews.tsv
"""

import io
import itertools
import json
import sys
from pathlib import Path

import numpy as np

from embeddings.files import atomic_write
from embeddings.progress import progress

# Lines that are turned into vectors together.
LINES = 1024

MODELS = ("AverageEncoder", "BERT", "Doc2Vec", "RecurrentEncoder", "TextCNN", "TransformerEncoder")
FORMATS = (".npy", ".tsv", ".jsonl")


def add_arguments(parser):
    """The arguments of ``embed``."""
    parser.add_argument("file", metavar="FILE", help='sentences, one a line; "-" for standard input')
    parser.add_argument("--model", required=True, type=Path, metavar="MODEL", help="folder of a BERT, or a saved model")
    parser.add_argument("--output", type=Path, metavar="OUT", help=f"file that ends in {', '.join(FORMATS)}")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="threads of a network (default 1)")


def run(arguments):
    """Read, turn into vectors, and write."""
    kind = ".jsonl" if arguments.output is None else arguments.output.suffix.lower()
    if kind not in FORMATS:
        raise ValueError(f"--output must end in one of {', '.join(FORMATS)}, got {str(arguments.output)!r}")
    model = load_model(arguments.model, arguments.workers)
    if arguments.file == "-":
        n = _write(model, sys.stdin, arguments.output, kind)
    else:
        # Read as bytes and told where, should they not be UTF-8.
        with open(arguments.file, encoding="utf-8-sig", errors="strict") as lines:
            try:
                n = _write(model, lines, arguments.output, kind)
            except UnicodeDecodeError as error:
                raise ValueError(f"{arguments.file!r} is not UTF-8: {error}") from error
    if arguments.output is not None:
        print(f"{n:,} vectors written to {arguments.output}", file=sys.stderr)


def load_model(path, workers=1):
    """A model that gives sentences vectors, from a BERT's folder or the file that ``save`` wrote.

    Raises
    ------
    FileNotFoundError, ValueError
        If nothing is there, or it holds no such model.
    """
    from embeddings import text
    from embeddings.files import saved_model

    if path.is_dir():
        return text.BERT.from_pretrained(path, workers=workers)
    if not path.is_file():
        raise FileNotFoundError(f"--model: there is neither a folder nor a file {str(path)!r}")
    name = saved_model(path)
    if name not in MODELS:
        found = "a file that no save() wrote" if name is None else name
        raise ValueError(
            f"--model: {str(path)!r} must hold one of {', '.join(MODELS)}, or be a BERT's folder; got {found}"
        )
    model = getattr(text, name).load(path)
    return model.set_params(workers=workers) if "workers" in model.get_params() else model


def _write(model, lines, output, kind):
    """Write the vectors of all lines. Returns how many."""
    if output is None:
        return _write_text(model, lines, sys.stdout, kind)
    if kind == ".npy":
        with atomic_write(output) as file:
            return _write_matrix(model, lines, file)
    with atomic_write(output, "w", encoding="utf-8", newline="\n") as file:
        return _write_text(model, lines, file, kind)


def _blocks(model, lines):
    """Sentences and their vectors, some at a time."""
    lines = (line.rstrip("\r\n") for line in lines)
    with progress(desc="embedding", unit="line") as bar:
        while block := list(itertools.islice(lines, LINES)):
            yield block, np.asarray(model.transform(block), np.float32)
            bar.update(len(block))


def _write_text(model, lines, file, kind):
    n = 0
    for block, vectors in _blocks(model, lines):
        for line, vector in zip(block, vectors.tolist(), strict=True):
            if kind == ".tsv":
                file.write("\t".join(f"{x:.8g}" for x in vector) + "\n")
            else:
                numbers = [float(f"{x:.8g}") for x in vector]
                file.write(json.dumps({"text": line, "vector": numbers}, ensure_ascii=False) + "\n")
        n += len(block)
    return n


def _write_matrix(model, lines, file):
    """NumPy's own format, whose beginning names the number of rows: it is written again at the end, equally long."""
    n, d = 0, 0
    file.write(_header(0, 0))
    for block, vectors in _blocks(model, lines):
        file.write(np.ascontiguousarray(vectors, "<f4").tobytes())
        n, d = n + len(block), vectors.shape[1]
    file.seek(0)
    file.write(_header(n, d))
    file.seek(0, io.SEEK_END)
    return n


def _header(n, d):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (n, d)})
    return header.getvalue()
