"""Well-known datasets, and a model, from where they are published, checked against their hashes."""

import os
import sys
from pathlib import Path

from embeddings.datasets.corpus import cache_folder

_MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist"
_FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"

_MINILM = "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/resolve/main"

# name: [(address, MD5 as published by the loaders that people use)], or [(address, "sha256:…", where in the folder)]
DATASETS = {
    "mnist": [
        (f"{_MNIST}/train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        (f"{_MNIST}/train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
        (f"{_MNIST}/t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
        (f"{_MNIST}/t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
    ],
    "fashion-mnist": [
        (f"{_FASHION}/train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        (f"{_FASHION}/train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
        (f"{_FASHION}/t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
        (f"{_FASHION}/t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
    ],
    "imdb": [
        ("https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz", "7c2ac02c03563afcf9b574c7e56c153a"),
    ],
    "text8": [
        (
            "https://github.com/RaRe-Technologies/gensim-data/releases/download/text8/text8.gz",
            "68799af40b6bda07dfa47a32612e5364",
        ),
    ],
    "all-MiniLM-L6-v2": [
        (f"{_MINILM}/{file}", f"sha256:{digest}", file)
        for file, digest in {
            "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
            "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
            "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
            "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
            "1_Pooling/config.json": "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
            "sentence_bert_config.json": "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
            "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        }.items()
    ],
    "glove-6b": [("http://nlp.stanford.edu/data/glove.6B.zip", "056ea991adb4740ac6bf1b6d9b50408b")],
}


def download(name, folder=None, mirror=None):
    """Fetch a dataset's files, unless they are there already, and check their hashes.

    Parameters
    ----------
    name : str
        One of ``"mnist"``, ``"fashion-mnist"``, ``"imdb"``, ``"text8"`` and ``"glove-6b"``; or of
        ``"all-MiniLM-L6-v2"``, whose folder ``BERT.from_pretrained`` reads.
    folder : path-like, optional
        Where the files go; by default ``NAME`` in the cache folder (see the environment variable
        ``EMBEDDINGS_CACHE``).
    mirror : str, optional
        Address under which the files lie as ``NAME/FILE``, instead of where they are published; by default the
        environment variable ``EMBEDDINGS_MIRROR``.

    Returns
    -------
    list of pathlib.Path
        The files.

    Raises
    ------
    ValueError
        For a name that is not known.
    ImportError
        If the ``download`` extra is not installed and a file is missing.
    OSError
        If a file cannot be fetched, or is not the one that was published; the message says which file to put where
        by hand. No damaged file stays behind.
    """
    if name not in DATASETS:
        raise ValueError(f"there is no dataset {name!r}; there are {', '.join(DATASETS)}")
    folder = cache_folder() / name if folder is None else Path(folder)
    mirror = mirror or os.environ.get("EMBEDDINGS_MIRROR")
    paths = []
    for published, known_hash, *place in DATASETS[name]:
        file = place[0] if place else published.rsplit("/", 1)[1]
        address = f"{mirror.rstrip('/')}/{name}/{file}" if mirror else published
        paths.append(_fetch(address, known_hash if ":" in known_hash else f"md5:{known_hash}", folder, file))
    return paths


def _fetch(address, known_hash, folder, file):
    try:
        import pooch
        import requests
    except ImportError:
        raise ImportError(
            'downloads need the "download" extra: pip install "embeddings-from-scratch[download]"', name="pooch"
        ) from None
    by_hand = f"Fetch {address} by hand and put it at {folder / file}, then call this again."
    logger = pooch.get_logger()
    level = logger.level
    # Its log names hashes and paths that our own messages tell better.
    logger.setLevel("WARNING")
    try:
        return Path(
            pooch.retrieve(
                address,
                known_hash=known_hash,
                fname=Path(file).name,
                path=(folder / file).parent,
                progressbar=sys.stderr.isatty() or "ipykernel" in sys.modules,
            )
        )
    except requests.exceptions.RequestException as error:
        raise OSError(f"{file} could not be fetched ({type(error).__name__}: {error}). {by_hand}") from error
    except ValueError as error:
        raise OSError(f"{file} came with other contents than were published: {error}. {by_hand}") from error
    finally:
        logger.setLevel(level)
