"""Solve "a is to b as c is to …" with word vectors.

The answer is the word nearest to b - a + c, vectors of length 1, the three words themselves left out.

examples:
  python -m embeddings analogy glove.6B.100d.txt man king woman
  python -m embeddings analogy reviews.safetensors good better bad --top 3
"""

from embeddings.commands.neighbours import add_vector_options, print_found, without_vector
from embeddings.vectors import KeyedVectors


def add_arguments(parser):
    """The arguments of ``analogy``."""
    parser.add_argument("file", metavar="FILE", help="word vectors, in any form that is known")
    for name in "abc":
        parser.add_argument(name)
    add_vector_options(parser)


def run(arguments):
    """Solve and print."""
    keyed = KeyedVectors.load(arguments.file, limit=arguments.limit)
    a, b, c = arguments.a, arguments.b, arguments.c
    unknown = without_vector([a, b, c], keyed)
    if unknown:
        raise ValueError(f"not among the {len(keyed):,} words of {arguments.file}: {', '.join(unknown)}")
    print(f"{a} : {b} = {c} : …")
    print_found(keyed.most_similar(positive=[b, c], negative=[a], topn=arguments.top))
