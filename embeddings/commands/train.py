"""Train word vectors on a text file.

CORPUS has a sentence (or a document) in each line, and may be gzipped; words are told apart as everywhere here, Chinese
characters one by one. It is read once and kept on disk as numbers, so that it may be larger than memory. FILE's name
says how the vectors are written: .safetensors (the whole model), .txt or .vec (word2vec's text), .bin (word2vec's
binary form; of fasttext, fastText's own, n-grams included), .tsv (tables for the Embedding Projector), each gzipped
with .gz behind it. Ctrl-C stops the training and writes what was learned so far; with --checkpoint, calling the same
command again goes on instead.

examples:
  python -m embeddings train word2vec reviews.txt -o reviews.safetensors --workers 2
  python -m embeddings train word2vec wiki.txt.gz -o wiki.vec --vector-size 300 --checkpoint wiki.checkpoint
  python -m embeddings train word2vec reviews.txt -o cbow.bin --cbow --alpha 0.075
  python -m embeddings train glove reviews.txt -o glove.txt --x-max 10 --epochs 25
  python -m embeddings train fasttext zhwiki.txt.gz -o zh.bin --min-n 1 --max-n 3
"""

import importlib
import inspect
import sys
from pathlib import Path

MODELS = {
    "word2vec": ("Word2Vec", "skip-gram or CBOW with negative sampling"),
    "glove": ("GloVe", "from counts of words that stand together"),
    "fasttext": ("FastText", "skip-gram over pieces of words: unseen words have vectors, too"),
}

# Parameters of the models that take a number, and what they say for themselves.
NUMBERS = {
    "vector_size": "numbers in a vector",
    "window": "how far a word sees to both sides",
    "min_count": "rarer words are left out",
    "min_n": "characters of the shortest n-gram",
    "max_n": "characters of the longest n-gram",
    "bucket": "n-grams with the same hash modulo this share a vector",
    "sample": "words that are a larger share of the text are thinned out",
    "negative": "noise words for each pair",
    "x_max": "pairs of words that stand together less often count less",
    "alpha": "learning rate at the start",
    "epochs": "passes over the corpus",
    "workers": "threads; any number gives the same bits",
    "seed": "of all that is drawn by chance",
}


def _model(name):
    return getattr(importlib.import_module("embeddings.text"), MODELS[name][0])


def add_arguments(parser):
    """The arguments of ``train``, for each model its own."""
    models = parser.add_subparsers(dest="model", required=True, metavar="MODEL")
    for name, (_, what) in MODELS.items():
        one = models.add_parser(name, help=what, description=f"Train {MODELS[name][0]}: {what}.")
        one.add_argument("corpus", type=Path, metavar="CORPUS", help="text file, plain or gzipped")
        one.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="where the vectors go")
        parameters = inspect.signature(_model(name)).parameters
        for option in [option for option in NUMBERS if option in parameters]:
            default = parameters[option].default
            one.add_argument(
                "--" + option.replace("_", "-"),
                type=type(default),
                default=default,
                metavar="N",
                help=f"{NUMBERS[option]} (default {default})",
            )
        if name == "word2vec":
            one.add_argument(
                "--cbow",
                dest="sg",
                action="store_false",
                help="predict a word from its context; best with --alpha 0.075",
            )
            one.add_argument("--hs", action="store_true", help="hierarchical softmax in place of noise words")
        one.add_argument(
            "--device", choices=("cpu", "cuda"), default="cpu", help="what trains: threads, or an NVIDIA GPU"
        )
        one.add_argument("--checkpoint", type=Path, metavar="FILE", help="keep the state of the training here")


def run(arguments):
    """Train and write. Returns 130 after Ctrl-C, with what was learned so far written."""
    if not arguments.output.absolute().parent.is_dir():
        raise ValueError(f"there is no folder {str(arguments.output.absolute().parent)!r} to write to")
    Model = _model(arguments.model)
    names = inspect.signature(Model).parameters
    model = Model(**{name: value for name, value in vars(arguments).items() if name in names})
    status = 0
    try:
        model.fit(arguments.corpus)
    except KeyboardInterrupt:
        if not model.__sklearn_is_fitted__():
            raise
        print("stopped; writing what was learned so far", file=sys.stderr)
        status = 130
    form = arguments.output.name.lower().removesuffix(".gz").rpartition(".")[2]
    if form == "safetensors":
        model.save(arguments.output)
    elif form == "bin" and arguments.model == "fasttext":
        model.save_facebook_model(arguments.output)
    else:
        model.wv.save(arguments.output)
    loss = f", loss {model.loss_history_[-1]:.4f}" if model.loss_history_ else ""
    print(f"{arguments.output}: {len(model.wv):,} words, {model.vector_size} numbers each{loss}")
    return status
