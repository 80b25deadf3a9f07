"""Compare word vectors with what people say: similar words, or analogies.

PAIRS.csv has a word, another word and a score in each line: Spearman's rank correlation of the cosines with the scores
is shown. With four words in each line (a, b, c, d: a is to b as c is to d), it is analogies, and the share that the
vectors solve is shown for each section. Pairs and analogies with an unknown word are left out and counted.

examples:
  python -m embeddings evaluate reviews.safetensors wordsim353.csv
  python -m embeddings evaluate glove.6B.100d.txt google-analogies.csv --limit 100000
"""

import csv
from pathlib import Path

from embeddings.vectors import KeyedVectors


def add_arguments(parser):
    """The arguments of ``evaluate``."""
    parser.add_argument("file", metavar="FILE", help="word vectors, in any form that is known")
    parser.add_argument("pairs", type=Path, metavar="PAIRS.csv", help="pairs with scores, or analogies")
    parser.add_argument("--limit", type=int, metavar="N", help="read the first N words of the file alone")


def run(arguments):
    """Evaluate and print."""
    keyed = KeyedVectors.load(arguments.file, limit=arguments.limit)
    if _are_analogies(arguments.pairs):
        accuracy, sections = keyed.evaluate_word_analogies(arguments.pairs)
        for name, (right, n) in sections.items():
            if n:
                print(f"{right / n:6.3f}  {name} ({right:,} of {n:,})")
        print(f"{accuracy:6.3f}  all")
        return
    pearson, spearman, unknown = keyed.evaluate_word_pairs(arguments.pairs)
    print(f"Spearman {spearman:.3f}, Pearson {pearson:.3f}; {unknown:.1f} % of the pairs hold an unknown word")


def _are_analogies(path):
    """Whether the second line, the first one may be a heading, ends in a word and not in a score."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = [row for _, row in zip(range(2), csv.reader(file), strict=False)]
    try:
        float(rows[-1][-1])
    except (IndexError, ValueError):
        return bool(rows)
    return False
