"""Find what the text files of a folder are about: topics, each with its words and its files.

Every readable text file beneath FOLDER is a document, as for "search"; with --paragraphs, every paragraph is one, which
suits a few long files. A document is a mixture of topics, a topic a mixture of words (latent Dirichlet allocation).
Words in more than half of the documents say little and are left out; --max-df moves that limit. The topics are ordered
by their share of the folder. Ctrl-C stops the training and shows what was learned so far.

examples:
  python -m embeddings topics ~/notes -k 20
  python -m embeddings topics ~/books -k 30 --paragraphs --words 15
  python -m embeddings topics ~/mail -k 50 --max-df 0.2 --workers 2 -o mail.safetensors
  python -m embeddings topics ~/notes -k 20 --json | jq .topics[0].words
"""

import json
import re
import sys
from pathlib import Path

import numpy as np

from embeddings.commands.search import read_folder

# Files shown with each topic.
FILES = 3

_PARAGRAPH = re.compile(r"\n\s*\n")


def add_arguments(parser):
    """The arguments of ``topics``."""
    parser.add_argument("folder", type=Path, help="folder whose text files are read, with everything beneath it")
    parser.add_argument("-k", "--topics", type=int, default=20, metavar="K", help="how many topics (default 20)")
    parser.add_argument("--words", type=int, default=10, metavar="N", help="words shown of each topic (default 10)")
    parser.add_argument("--paragraphs", action="store_true", help="every paragraph is a document, not every file")
    parser.add_argument("--min-count", type=int, default=5, metavar="N", help="leave out rarer words (default 5)")
    parser.add_argument(
        "--max-df",
        type=float,
        default=0.5,
        metavar="SHARE",
        help="leave out words in a greater share of the documents (default 0.5)",
    )
    parser.add_argument(
        "--method",
        choices=("auto", "gibbs", "metropolis", "variational"),
        default="auto",
        help="how the topics are found (default auto: gibbs, or metropolis for more than 512 topics)",
    )
    parser.add_argument("--epochs", type=int, default=200, metavar="N", help="passes over the folder (default 200)")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="threads; the topics stay the same")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of all that is drawn by chance (default 1)")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the model here, as .safetensors")
    parser.add_argument("--json", action="store_true", help="write one JSON object instead of text")


def run(arguments):
    """Find topics and print them. Returns 130 after Ctrl-C, with those found so far."""
    from embeddings.text import LatentDirichletAllocation

    if arguments.output is not None and not arguments.output.absolute().parent.is_dir():
        raise ValueError(f"there is no folder {str(arguments.output.absolute().parent)!r} to write to")
    if arguments.words < 1:
        raise ValueError(f"--words must be at least 1, got {arguments.words}")
    texts, skipped = read_folder(arguments.folder)
    if not texts:
        raise ValueError(f"{arguments.folder} holds no readable text file ({len(skipped)} skipped)")
    names, documents = list(texts), list(texts.values())
    file_of_document = np.arange(len(names))
    if arguments.paragraphs:
        pieces = [_PARAGRAPH.split(text) for text in documents]
        file_of_document = np.repeat(file_of_document, [len(piece) for piece in pieces])
        documents = [paragraph for piece in pieces for paragraph in piece]
    model = LatentDirichletAllocation(
        arguments.topics,
        method=arguments.method,
        epochs=arguments.epochs,
        min_count=arguments.min_count,
        max_df=arguments.max_df,
        # Some topics are of everything, others of a few files.
        optimize_interval=10,
        workers=arguments.workers,
        seed=arguments.seed,
    )
    status = 0
    try:
        model.fit(documents)
    except KeyboardInterrupt:
        if not hasattr(model, "components_"):
            raise
        print("stopped; these are the topics so far", file=sys.stderr)
        status = 130
    if arguments.output is not None:
        model.save(arguments.output)
    topics = describe(model, documents, file_of_document, names, arguments.words)
    if arguments.json:
        output = {"files": len(names), "skipped": skipped, "documents": len(documents), "topics": topics}
        print(json.dumps(output, ensure_ascii=False, indent=2))
    else:
        _print_topics(topics, len(names), len(documents), len(skipped))
    return status


def describe(model, documents, file_of_document, names, n_words):
    """Topics, the largest first.

    Parameters
    ----------
    model : LatentDirichletAllocation
        Fitted.
    documents : list of str
    file_of_document : array, shape (n_documents,)
    names : list of str
        Of the files.
    n_words : int

    Returns
    -------
    list of dict
        ``share`` of all documents, ``words`` and ``files`` (those that are most about it), each with their shares.
    """
    mixtures = model.transform(documents)  # (n_documents, K)
    sizes = np.bincount(file_of_document, minlength=len(names))
    files = np.stack([np.bincount(file_of_document, column, len(names)) for column in mixtures.T])  # (K, n_files)
    files /= np.maximum(sizes, 1)
    shares, words = mixtures.mean(axis=0), model.top_words(n_words)
    return [
        {
            "share": round(float(shares[k]), 4),
            "words": {word: round(share, 4) for word, share in words[k]},
            "files": {names[i]: round(float(files[k, i]), 4) for i in np.argsort(-files[k], kind="stable")[:FILES]},
        }
        for k in np.argsort(-shares, kind="stable")
    ]


def _print_topics(topics, n_files, n_documents, n_skipped):
    skipped = f", {n_skipped} binary or unreadable skipped" if n_skipped else ""
    pieces = f" in {n_documents:,} paragraphs" if n_documents != n_files else ""
    print(f"{n_files:,} text files{pieces}{skipped}", file=sys.stderr)
    for topic in topics:
        print(f"{topic['share']:6.1%}  {' '.join(topic['words'])}")
        files = ", ".join(f"{name} ({share:.0%})" for name, share in topic["files"].items())
        print(f"        {files}")
