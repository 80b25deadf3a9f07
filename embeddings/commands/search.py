"""Rank the text files of a folder by their TF-IDF similarity to a query.

Every readable text file beneath FOLDER is a document, whatever its extension; hidden files and folders are left out,
binary and unreadable files are skipped and counted. A word weighs more the fewer files hold it, so the rare words of
the query decide. Chinese needs no spaces: every ideograph is a word, and neighbouring ideographs are counted together.

examples:
  python -m embeddings search ~/notes "how to prune apple trees"
  python -m embeddings search ~/notes 火腿三明治 --top 3
  python -m embeddings search src "parse date" --json | jq .results[0].path
"""

import argparse
import json
import os
import sys
from pathlib import Path

import numpy as np

from embeddings.checks import check_integer
from embeddings.progress import progress

# A NUL byte among the first this many marks a file as binary, as git and grep have it.
SNIFFED_BYTES = 8192
SNIPPET_WIDTH = 100


def add_arguments(parser):
    """The arguments of ``search``."""
    parser.add_argument("folder", type=Path, help="folder whose text files are searched, with everything beneath it")
    parser.add_argument("query", help="words to look for")
    parser.add_argument("--top", type=_positive, default=10, metavar="N", help="show at most N files (default 10)")
    parser.add_argument("--json", action="store_true", help="write one JSON object instead of text")


def run(arguments):
    """Search and print. Returns 0 when a file matches, 1 when none does (as grep does)."""
    texts, skipped = read_folder(arguments.folder)
    if not texts:
        raise ValueError(f"{arguments.folder} holds no readable text file ({len(skipped)} skipped)")
    results = rank(texts, arguments.query, arguments.top)
    if arguments.json:
        output = {"query": arguments.query, "files": len(texts), "skipped": len(skipped), "results": results}
        print(json.dumps(output, ensure_ascii=False, indent=2))
    else:
        _print_results(results, arguments.query, len(texts), len(skipped))
    return 0 if results else 1


def read_folder(folder):
    """The text files beneath `folder`.

    Parameters
    ----------
    folder : path-like

    Returns
    -------
    texts : dict of str to str
        Path, relative to `folder`, to content; in alphabetical order.
    skipped : list of str
        Binary and unreadable files.

    Raises
    ------
    NotADirectoryError
        If `folder` is not a folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is not a folder")
    paths = []
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths += [Path(root) / name for name in files if not name.startswith(".")]
    texts, skipped = {}, []
    for path in progress(sorted(paths), desc="reading", unit="file"):
        name = path.relative_to(folder).as_posix()
        try:
            # Reading a pipe or a device would wait for ever.
            content = path.read_bytes() if path.is_file() else None
            if content is None or b"\0" in content[:SNIFFED_BYTES]:
                skipped.append(name)
            else:
                texts[name] = content.decode("utf-8-sig")
        except (OSError, UnicodeDecodeError):
            skipped.append(name)
    return texts, skipped


def rank(texts, query, top):
    """The `top` texts nearest to `query` by the cosine of TF-IDF vectors.

    Parameters
    ----------
    texts : dict of str to str
        Name to content.
    query : str
    top : int

    Returns
    -------
    list of dict
        Best first, only texts that share a word with the query: ``path``, ``score``, ``words`` (what they share,
        heaviest first), ``line`` (its number, from 1) and ``snippet`` of the line that matches best.

    Examples
    --------
    >>> notes = {"pets.txt": "A cat.\\nThe cat chases the mouse.", "lunch.txt": "I like ham sandwiches."}
    >>> rank(notes, "mouse", top=3)[0]["snippet"]
    'The cat chases the mouse.'
    """
    from embeddings.text import TfidfVectorizer, tokenize

    if not tokenize(query):
        raise ValueError(f"the query {query!r} holds no word")
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    vectors = vectorizer.fit_transform(texts.values())  # (n_texts, n_terms), rows of length 1
    query_vector = vectorizer.transform([query])  # (1, n_terms)
    scores = (vectors @ query_vector.T).toarray().ravel()  # (n_texts,)
    terms = vectorizer.get_feature_names_out()
    names = list(texts)
    results = []
    for i in np.argsort(-scores, kind="stable")[:top]:
        if scores[i] <= 0:
            break
        shared = vectors[i].multiply(query_vector).tocsr()
        shared_terms = [str(terms[j]) for j in shared.indices[np.argsort(-shared.data, kind="stable")]]
        words = [term for term in shared_terms if len(tokenize(term)) == 1]
        line, snippet = _best_line(texts[names[i]], set(words))
        results.append(
            {"path": names[i], "score": round(float(scores[i]), 4), "words": words, "line": line, "snippet": snippet}
        )
    return results


def _positive(text):
    try:
        return check_integer("--top", int(text), minimum=1)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _best_line(text, words):
    """Number and content of the first line that holds the most different `words`, cut around the first of them."""
    from embeddings.text import tokenize

    best, number, line = 0, 1, ""
    for i, candidate in enumerate(text.splitlines(), start=1):
        found = len(words.intersection(tokenize(candidate)))
        if found > best:
            best, number, line = found, i, candidate.strip()
    if len(line) > SNIPPET_WIDTH:
        lowered = line.lower()
        at = min((lowered.find(word) for word in words if word in lowered), default=0)
        start = max(0, min(at - SNIPPET_WIDTH // 4, len(line) - SNIPPET_WIDTH))
        cut = line[start : start + SNIPPET_WIDTH]
        line = ("…" if start else "") + cut + ("…" if start + SNIPPET_WIDTH < len(line) else "")
    return number, line


def _print_results(results, query, n_files, n_skipped):
    skipped = f", {n_skipped} binary or unreadable skipped" if n_skipped else ""
    print(f"{n_files} text files searched{skipped}", file=sys.stderr)
    if not results:
        print(f"no file shares a word with {query!r}", file=sys.stderr)
    for result in results:
        print(f"{result['score']:.3f}  {result['path']}:{result['line']}   [{', '.join(result['words'])}]")
        print(f"       {result['snippet']}")
