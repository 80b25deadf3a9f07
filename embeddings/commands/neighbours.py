"""Show the words whose vectors lie nearest to a word's.

FILE holds word vectors: a model written by "train", word2vec's text or binary form, GloVe's, fastText's .vec or
.bin, safetensors; which one is told by its content. With a .bin of fastText's, words that it has never seen are looked
up by their n-grams. Nearness is the cosine.

examples:
  python -m embeddings neighbours reviews.safetensors good 猫
  python -m embeddings neighbours glove.6B.100d.txt kitten --top 5 --limit 100000
"""

from embeddings.vectors import KeyedVectors


def add_arguments(parser):
    """The arguments of ``neighbours``."""
    parser.add_argument("file", metavar="FILE", help="word vectors")
    parser.add_argument("words", nargs="+", metavar="WORD", help="words to look up")
    add_vector_options(parser)


def add_vector_options(parser):
    """``--top`` and ``--limit``, for every command that looks words up."""
    parser.add_argument("--top", type=int, default=10, metavar="N", help="show that many words (default 10)")
    parser.add_argument("--limit", type=int, metavar="N", help="read the first N words of the file alone")


def run(arguments):
    """Look up and print. Returns 1 if a word is unknown."""
    keyed = KeyedVectors.load(arguments.file, limit=arguments.limit)
    unknown = without_vector(arguments.words, keyed)
    for word in arguments.words:
        if word not in unknown:
            print(word)
            print_found(keyed.most_similar(word, topn=arguments.top))
    if unknown:
        raise ValueError(f"not among the {len(keyed):,} words of {arguments.file}: {', '.join(unknown)}")


def without_vector(words, keyed):
    """Those of some words that have no vector, not even a composed one."""
    unknown = []
    for word in words:
        try:
            keyed.get_vector(word)
        except KeyError:
            unknown.append(word)
    return unknown


def print_found(found):
    """A line for each word and its score."""
    for word, score in found:
        print(f"  {score:6.3f}  {word}")
