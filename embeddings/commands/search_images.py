"""Rank the pictures of a folder by how near they are to another one.

Every picture beneath FOLDER is compared; hidden files and folders are left out, and files that are damaged, too large
or no pictures at all are skipped and named.

--model says what "near" is:
  hog          The same edges at the same places. For copies and series of one size; nothing may be turned or cut off.
  sift         The same details: matches of keypoints, anywhere, turned and scaled. Best for finding the picture that a
               crop or a photograph of it comes from; slow in large folders.
  bovw         The same kinds of details: visual words, learned from the folder, weighted by how rare they are.
  autoencoder  A small network, trained on the folder there and then, that squeezes each picture into 32 numbers.
  FILE         A model of pictures that save() wrote, or weights of a ResNet or VGG16 (safetensors, with torchvision's
               names or timm's).

examples:
  python -m embeddings search-images ~/photos detail.jpg
  python -m embeddings search-images ~/photos cat.jpg --model resnet18.safetensors --top 5 --figure found.png
  python -m embeddings search-images ~/scans page.png --model hog --metric euclidean --json
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from embeddings.checks import check_integer

# Pictures are shrunk to this many pixels on the longer side before they are compared.
LONGEST = 512

# What HOG and the autoencoder bring all pictures to.
HOG_SIZE, NETWORK_SIZE = (128, 128), (32, 32)

# Words of bovw, if the folder has enough keypoints.
WORDS = 1000

MODELS = ("hog", "sift", "bovw", "autoencoder")


def add_arguments(parser):
    """The arguments of ``search-images``."""
    parser.add_argument("folder", type=Path, help="folder whose pictures are searched, with everything beneath it")
    parser.add_argument("query", type=Path, help="picture to look for")
    parser.add_argument(
        "--model", default="sift", metavar="MODEL", help=f"{', '.join(MODELS)}, or a file (default sift)"
    )
    parser.add_argument(
        "--metric",
        default="cosine",
        choices=("cosine", "euclidean"),
        help="how vectors are compared; sift counts matches instead (default cosine)",
    )
    parser.add_argument("--top", type=_positive, default=10, metavar="N", help="show at most N pictures (default 10)")
    parser.add_argument("--figure", type=Path, metavar="PNG", help="also draw the query and what was found")
    parser.add_argument("--json", action="store_true", help="write one JSON object instead of text")


def run(arguments):
    """Search and print. Returns 0 when a picture is near, 1 when none is."""
    from embeddings.image.io import read_picture, read_pictures, shrink

    if arguments.model not in MODELS and not Path(arguments.model).is_file():
        known = ", ".join(MODELS)
        raise ValueError(f"--model must be one of {known}, or a file; there is no file {arguments.model!r}")
    query = shrink(read_picture(arguments.query), LONGEST)
    pictures, skipped = read_pictures(arguments.folder, LONGEST)
    results = rank(pictures, query, arguments.model, arguments.top, arguments.metric)
    if arguments.figure:
        _draw(arguments, query, pictures, results)
    for name, reason in skipped.items():
        print(f"skipped {name}: {reason}", file=sys.stderr)
    if arguments.json:
        counts = {"pictures": len(pictures), "skipped": skipped}
        asked = {"query": str(arguments.query), "model": arguments.model, "metric": _metric(arguments)}
        print(json.dumps({**asked, **counts, "results": results}, ensure_ascii=False, indent=2))
    else:
        print(f"{len(pictures)} pictures searched, {len(skipped)} skipped", file=sys.stderr)
        if not results:
            print(f"no picture is near {str(arguments.query)!r}", file=sys.stderr)
        for result in results:
            print(f"{result['score']:10.3f}  {result['path']}")
    return 0 if results else 1


def rank(pictures, query, model, top, metric="cosine"):
    """The `top` pictures nearest to `query`.

    Parameters
    ----------
    pictures : dict of str to array
    query : array
    model : str
        One of ``MODELS``, or a file.
    top : int
    metric : {"cosine", "euclidean"}, default "cosine"

    Returns
    -------
    list of dict
        Best first: ``path`` and ``score``, the number of matches, the cosine, or the distance.

    Examples
    --------
    >>> from skimage import data
    >>> pictures = {"camera": data.camera()[::2, ::2], "coins": data.coins()[::2, ::2]}
    >>> [result["path"] for result in rank(pictures, data.coins()[20:200, 30:250:][::2, ::2], "hog", 2)]
    ['coins', 'camera']
    """
    names = list(pictures)
    if model == "sift":
        scores = _matches(list(pictures.values()), query)
        order = [i for i in np.argsort(-scores, kind="stable") if scores[i] > 0]
        return [{"path": names[i], "score": int(scores[i])} for i in order[:top]]
    from embeddings.similarity import nearest

    vectors, asked = _vectors(list(pictures.values()), query, model)
    indices, scores = nearest(asked[None], vectors, k=top, metric=metric)
    found = zip(indices[0], scores[0], strict=True)
    # A picture of which the model knows nothing has zeros for a vector, and the cosine 0.
    return [
        {"path": names[i], "score": round(float(score), 4)}
        for i, score in found
        if metric == "euclidean" or abs(score) > 1e-12
    ]


def _matches(pictures, query):
    """How many keypoints of the query each picture has."""
    from embeddings.image import SIFT, votes
    from embeddings.progress import progress

    detector = SIFT(n_keypoints=1000, contrast=0.02, root=True)
    _, wanted = detector.detect_and_compute(query)
    bar = progress(pictures, desc="matching", unit="picture")
    return votes(wanted, (detector.detect_and_compute(picture)[1] for picture in bar))


def _vectors(pictures, query, model):
    """A vector for each picture, and one for the query."""
    from embeddings.image import HOG, Autoencoder, BagOfVisualWords

    if model == "hog":
        fitted = HOG(size=HOG_SIZE).fit(pictures)
    elif model == "bovw":
        fitted = BagOfVisualWords()
        described = fitted._describe(pictures)
        fitted.set_params(n_words=max(1, min(WORDS, sum(map(len, described)) // 4)))
        fitted._learn(described)
        return fitted._embed(described), fitted.transform([query])[0]
    elif model == "autoencoder":
        fitted = Autoencoder().fit(_fitting(pictures, (1, *NETWORK_SIZE)))
    else:
        fitted = load_model(model)
    shape = getattr(fitted, "shape_", None)
    if shape is not None and len(shape) == 3:
        pictures, query = _fitting(pictures, shape), _fitting([query], shape)[0]
    vectors = fitted.transform([*pictures, query])
    return vectors[:-1], vectors[-1]


def _fitting(pictures, shape):
    """Pictures as grey or colour and in the size that a network was built for."""
    from embeddings.image.checks import grey, unit_range
    from embeddings.image.preprocess import resize

    channels, height, width = shape
    result = []
    for picture in pictures:
        picture = grey(picture) if channels == 1 else unit_range(picture)
        if channels == 3 and picture.ndim == 2:
            picture = np.repeat(picture[..., None], 3, axis=2)
        result.append(np.clip(resize(picture, height, width), 0, 1))
    return result


def load_model(path):
    """A model of pictures from a file: one that ``save`` wrote, or a ResNet's or VGG16's weights.

    Raises
    ------
    ValueError
        If the file holds neither.
    """
    from safetensors import SafetensorError, safe_open

    from embeddings import image
    from embeddings.files import saved_model

    name = saved_model(path)
    if name is not None:
        if name not in image.__all__ or not hasattr(getattr(image, name), "load"):
            raise ValueError(f"{str(path)!r} holds a {name}, which is no model of pictures")
        return getattr(image, name).load(path)
    try:
        with safe_open(path, framework="numpy") as file:
            is_vgg = any(tensor.startswith("features.") for tensor in file.keys())
    except SafetensorError as error:
        raise ValueError(f"{str(path)!r} is no safetensors file: {error}") from error
    return (image.VGG16 if is_vgg else image.ResNet).from_pretrained(path)


def _draw(arguments, query, pictures, results):
    from embeddings import visualise

    labels = [f"{result['score']:g}  {Path(result['path']).name[-24:]}" for result in results]
    shown = [query, *(pictures[result["path"]] for result in results)]
    ax = visualise.contact_sheet(shown, ["query", *labels], title=f"{arguments.model}: nearest first")
    visualise.save_figure(ax, arguments.figure.name.removesuffix(".png"), arguments.figure.parent)


def _metric(arguments):
    return "matches" if arguments.model == "sift" else arguments.metric


def _positive(text):
    try:
        return check_integer("--top", int(text), minimum=1)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
