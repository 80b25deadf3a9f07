"""Rank the text files of a folder by how near they are to a query.

Every readable text file beneath FOLDER is a document, whatever its extension; hidden files and folders are left out,
binary and unreadable files are skipped and counted. Chinese needs no spaces: every ideograph is a word.

--model says what "near" is:
  tfidf    Words that both share; a word weighs more the fewer files hold it. Best for finding a text whose words you
           remember. (Neighbouring words are counted together, too.)
  average  Meaning: a file is the mean of its words' vectors, so that words that are used alike count as alike. The
           vectors are trained there and then, by FastText on the folder and on the documentation of Python and its
           libraries that this machine holds: a small folder alone is too little to learn from.
  doc2vec  A file has a vector that predicts its words (PV-DBOW), learned from the files of the folder and the same
           documentation; the query gets one in the same way. It wants a query of several words.
  FILE     The same with vectors that you have: any file of word vectors, or a model that "train" or save() wrote. For
           a large folder, or many searches, train once and pass the file.
  FOLDER   A BERT as Hugging Face or sentence-transformers lay it out (all-MiniLM-L6-v2), or the file that save() wrote
           of a BERT, a RecurrentEncoder, a TextCNN or a TransformerEncoder: every line gets a vector from all its words
           together, and a file is as near as its nearest line.

examples:
  python -m embeddings search ~/notes "how to prune apple trees"
  python -m embeddings search ~/notes 火腿三明治 --top 3
  python -m embeddings search ~/notes "caring for young cats" --model average
  python -m embeddings search ~/notes "caring for young cats" --model glove.6B.100d.txt
  python -m embeddings search ~/notes "caring for young cats" --model all-MiniLM-L6-v2/
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
    parser.add_argument(
        "--model",
        default="tfidf",
        metavar="MODEL",
        help=f"{', '.join(['tfidf', *ENCODERS])}, a file of vectors, or a folder of a BERT (default tfidf)",
    )
    parser.add_argument("--top", type=_positive, default=10, metavar="N", help="show at most N files (default 10)")
    parser.add_argument("--json", action="store_true", help="write one JSON object instead of text")


def run(arguments):
    """Search and print. Returns 0 when a file matches, 1 when none does (as grep does)."""
    is_file = arguments.model != "tfidf" and arguments.model not in ENCODERS
    if is_file and not Path(arguments.model).exists():
        known = ", ".join(["tfidf", *ENCODERS])
        raise ValueError(f"--model must be one of {known}, or a file of vectors; there is no file {arguments.model!r}")
    texts, skipped = read_folder(arguments.folder)
    if not texts:
        raise ValueError(f"{arguments.folder} holds no readable text file ({len(skipped)} skipped)")
    if arguments.model == "tfidf":
        results = rank(texts, arguments.query, arguments.top)
    else:
        encoder = load_encoder(arguments.model, texts) if is_file else ENCODERS[arguments.model](texts)
        of_lines = type(encoder).__name__ in SENTENCE_MODELS
        results = (rank_by_lines if of_lines else rank_by_meaning)(texts, arguments.query, arguments.top, encoder)
    if arguments.json:
        counts = {"files": len(texts), "skipped": len(skipped)}
        output = {"query": arguments.query, "model": arguments.model, **counts, "results": results}
        print(json.dumps(output, ensure_ascii=False, indent=2))
    else:
        _print_results(results, arguments.query, len(texts), len(skipped), arguments.model)
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

    _check_query(query)
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
        results.append(_result(names[i], scores[i], words, line, snippet))
    return results


def rank_by_meaning(texts, query, top, encoder):
    """The `top` texts whose vectors have the largest cosine with that of `query`.

    Parameters
    ----------
    texts : dict of str to str
        Name to content.
    query : str
    top : int
    encoder : model
        Its ``transform`` takes texts and gives a vector for each; zeros for one that it knows nothing of.

    Returns
    -------
    list of dict
        As from :func:`rank`, of texts with a cosine above 0; ``line`` is the one nearest to the query, and ``words``
        what the text shares with it, if anything.

    Raises
    ------
    ValueError
        If the query holds no word, or none that the encoder knows.

    Examples
    --------
    >>> import numpy as np
    >>> from embeddings.text import AverageEncoder
    >>> from embeddings.vectors import KeyedVectors
    >>> vectors = KeyedVectors(["cat", "kitten", "ham"], np.array([[1.0, 0.1], [0.9, 0.2], [-0.1, 1.0]]))
    >>> notes = {"pets.txt": "ham?\\nThe kitten sleeps.", "lunch.txt": "I like ham sandwiches."}
    >>> found = rank_by_meaning(notes, "cat", 3, AverageEncoder(vectors).fit(notes.values()))
    >>> [(result["path"], result["snippet"]) for result in found]
    [('pets.txt', 'The kitten sleeps.')]
    """
    from embeddings.similarity import cosine_similarity
    from embeddings.text import tokenize

    _check_query(query)
    query_vector = encoder.transform([query])  # (1, d)
    if cosine_similarity(query_vector)[0, 0] == 0:
        raise ValueError(f"the model knows no word of the query {query!r}")
    scores = cosine_similarity(encoder.transform(list(texts.values())), query_vector).ravel()  # (n_texts,)
    asked = dict.fromkeys(tokenize(query))
    names = list(texts)
    results = []
    for i in np.argsort(-scores, kind="stable")[:top]:
        if scores[i] <= 0:
            break
        lines = texts[names[i]].splitlines()
        nearness = cosine_similarity(encoder.transform(lines), query_vector).ravel()  # (n_lines,)
        best = int(np.argmax(nearness))
        found = set(tokenize(texts[names[i]]))
        words = [word for word in asked if word in found]
        snippet = _cut(lines[best].strip(), words)
        results.append(_result(names[i], scores[i], words, best + 1, snippet))
    return results


def rank_by_lines(texts, query, top, encoder):
    """The `top` texts with a line whose vector is nearest to that of `query`; for models that read sentences.

    Parameters, results and errors are those of :func:`rank_by_meaning`; of all lines, a block at a time is in memory.
    """
    from embeddings.similarity import cosine_similarity
    from embeddings.text import tokenize

    _check_query(query)
    nothing, query_vector = encoder.transform(["", query])[:, None]  # (1, d)
    if np.allclose(query_vector, nothing):
        raise ValueError(f"the model knows no word of the query {query!r}")
    lines = [
        (name, i, line) for name, text in texts.items() for i, line in enumerate(text.splitlines()) if line.strip()
    ]
    scores = [np.zeros(0)]
    for vectors in encoder.stream(line for _, _, line in lines):
        known = ~np.isclose(vectors, nothing).all(axis=1)
        scores.append(cosine_similarity(vectors, query_vector).ravel() * known)
    scores = np.concatenate(scores)
    asked = dict.fromkeys(tokenize(query))
    results = {}
    for place in np.argsort(-scores, kind="stable"):
        name, i, line = lines[place]
        if scores[place] <= 0 or len(results) == top:
            break
        if name not in results:
            found = set(tokenize(texts[name]))
            words = [word for word in asked if word in found]
            results[name] = _result(name, scores[place], words, i + 1, _cut(line.strip(), words))
    return list(results.values())


def train_average(texts):
    """An encoder by meaning for a folder that may be small.

    FastText, because a query may hold words that no file does; trained on the folder's lines and the documentation
    corpus, because a folder of some hundred notes is too little: of sentences taken out of 274 film reviews, twice as
    many then lead back to their review as with vectors of the reviews alone. SIF learns its weights from both.
    """
    from embeddings.text import FastText

    lines = _lines_and_documentation(texts)
    return _average(FastText(min_count=2).fit(lines), lines)


def train_doc2vec(texts):
    """An encoder that infers a vector for each text; it learns from whole files and the documentation corpus.

    Of sentences taken out of 274 film reviews, one in five then finds its review among the first ten; trained on lines,
    with the words that all texts share not thinned out, it is one in twenty.
    """
    from embeddings.datasets import documentation
    from embeddings.text import Doc2Vec

    model = Doc2Vec(dm=False, min_count=1, sample=1e-4, alpha=0.05, epochs=40)
    return model.fit([*texts.values(), *documentation()])


# What --model may name beside tfidf: a function from the folder's texts to a fitted encoder.
ENCODERS = {"average": train_average, "doc2vec": train_doc2vec}


def load_encoder(path, texts):
    """An encoder from a file: a saved model of documents, or else of word vectors, of which means are taken; from a
    folder, a BERT.

    Parameters
    ----------
    path : path
    texts : dict of str to str
        What SIF's weights are learned from, with the documentation corpus.

    Raises
    ------
    ValueError
        If the file is damaged or holds neither.
    """
    from embeddings import text
    from embeddings.files import saved_model
    from embeddings.vectors import KeyedVectors

    if Path(path).is_dir():
        return text.BERT.from_pretrained(path)
    name = saved_model(path)
    if name in (*DOCUMENT_MODELS, *SENTENCE_MODELS):
        return getattr(text, name).load(path)
    vectors = text.FastText.load(path) if name == "FastText" else KeyedVectors.load(path)
    return _average(vectors, _lines_and_documentation(texts))


# Saved models that give documents vectors by themselves.
DOCUMENT_MODELS = ("AverageEncoder", "Doc2Vec", "TfidfVectorizer")

# Those that read a sentence at a time.
SENTENCE_MODELS = ("BERT", "RecurrentEncoder", "TextCNN", "TransformerEncoder")


def _lines_and_documentation(texts):
    from embeddings.datasets import documentation

    return [line for text in texts.values() for line in text.splitlines()] + documentation()


def _average(vectors, lines):
    from embeddings.text import AverageEncoder

    return AverageEncoder(vectors, weighting="sif").fit(lines)


def _result(path, score, words, line, snippet):
    return {"path": path, "score": round(float(score), 4), "words": words, "line": line, "snippet": snippet}


def _check_query(query):
    from embeddings.text import tokenize

    if not tokenize(query):
        raise ValueError(f"the query {query!r} holds no word")


def _positive(text):
    try:
        return check_integer("--top", int(text), minimum=1)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _best_line(text, words):
    """Number and content of the first line that holds the most different `words`."""
    from embeddings.text import tokenize

    best, number, line = 0, 1, ""
    for i, candidate in enumerate(text.splitlines(), start=1):
        found = len(words.intersection(tokenize(candidate)))
        if found > best:
            best, number, line = found, i, candidate.strip()
    return number, _cut(line, words)


def _cut(line, words):
    """A line, if it is long cut around the first of `words` in it."""
    if len(line) > SNIPPET_WIDTH:
        lowered = line.lower()
        at = min((lowered.find(word) for word in words if word in lowered), default=0)
        start = max(0, min(at - SNIPPET_WIDTH // 4, len(line) - SNIPPET_WIDTH))
        cut = line[start : start + SNIPPET_WIDTH]
        line = ("…" if start else "") + cut + ("…" if start + SNIPPET_WIDTH < len(line) else "")
    return line


def _print_results(results, query, n_files, n_skipped, model):
    skipped = f", {n_skipped} binary or unreadable skipped" if n_skipped else ""
    print(f"{n_files} text files searched{skipped}", file=sys.stderr)
    if not results:
        what = "shares a word with" if model == "tfidf" else "is near"
        print(f"no file {what} {query!r}", file=sys.stderr)
    for result in results:
        print(f"{result['score']:.3f}  {result['path']}:{result['line']}   [{', '.join(result['words'])}]")
        print(f"       {result['snippet']}")
