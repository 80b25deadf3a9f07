"""Train word vectors on a text file.

CORPUS has a sentence (or a document) in each line, and may be gzipped; words are told apart as everywhere here, Chinese
characters one by one. It is read once and kept on disk as numbers, so that it may be larger than memory. FILE's name
says how the vectors are written: .safetensors (the whole model), .txt or .vec (word2vec's text), .bin (word2vec's
binary form), .tsv (tables for the Embedding Projector). Ctrl-C stops the training and writes what was learned so far;
with --checkpoint, calling the same command again goes on instead.

examples:
  python -m embeddings train word2vec reviews.txt -o reviews.safetensors --workers 2
  python -m embeddings train word2vec wiki.txt.gz -o wiki.vec --vector-size 300 --checkpoint wiki.checkpoint
  python -m embeddings train word2vec reviews.txt -o cbow.bin --cbow --alpha 0.075
"""

import inspect
import sys
from pathlib import Path

MODELS = ("word2vec",)

# Options of Word2Vec that take a number, and what they say for themselves.
NUMBERS = {
    "vector_size": "numbers in a vector",
    "window": "how far a word sees to both sides",
    "min_count": "rarer words are left out",
    "sample": "words that are a larger share of the text are thinned out",
    "negative": "noise words for each pair",
    "alpha": "learning rate at the start",
    "epochs": "passes over the corpus",
    "workers": "threads; one gives the same bits every time",
    "seed": "of all that is drawn by chance",
}


def add_arguments(parser):
    """The arguments of ``train``."""
    from embeddings.text import Word2Vec

    parser.add_argument("model", choices=MODELS, help="which model")
    parser.add_argument("corpus", type=Path, help="text file, plain or gzipped")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="where the vectors go")
    defaults = {name: p.default for name, p in inspect.signature(Word2Vec).parameters.items()}
    for name, meaning in NUMBERS.items():
        default = defaults[name]
        parser.add_argument(
            "--" + name.replace("_", "-"),
            type=type(default),
            default=default,
            metavar="N",
            help=f"{meaning} (default {default:g})",
        )
    parser.add_argument("--cbow", action="store_true", help="predict a word from its context; best with --alpha 0.075")
    parser.add_argument("--checkpoint", type=Path, metavar="FILE", help="keep the state of the training here")


def run(arguments):
    """Train and write. Returns 130 after Ctrl-C, with what was learned so far written."""
    from embeddings.text import Word2Vec

    if not arguments.output.absolute().parent.is_dir():
        raise ValueError(f"there is no folder {str(arguments.output.absolute().parent)!r} to write to")
    options = {name: getattr(arguments, name) for name in NUMBERS}
    model = Word2Vec(**options, sg=not arguments.cbow, checkpoint=arguments.checkpoint)
    status = 0
    try:
        model.fit(arguments.corpus)
    except KeyboardInterrupt:
        if not model.__sklearn_is_fitted__():
            raise
        print("stopped; writing what was learned so far", file=sys.stderr)
        status = 130
    if arguments.output.suffix == ".safetensors":
        model.save(arguments.output)
    else:
        model.wv.save(arguments.output)
    loss = f", loss {model.loss_history_[-1]:.4f}" if model.loss_history_ else ""
    print(f"{arguments.output}: {len(model.wv):,} words, {model.vector_size} numbers each{loss}")
    return status
