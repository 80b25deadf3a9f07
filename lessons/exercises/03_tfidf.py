# %% [markdown]
# # Exercise 3 · TF-IDF: rare words say more
#
# You write a small search engine: count words, weigh them by how rare they are, make every document's vector one
# long, and rank documents for a question. `python -m lessons check 03` tells what is right, what is wrong and why.
#
# N is the number of documents, V the number of words in the vocabulary.

# %%
import numpy as np

# %% [markdown]
# ## 1. Term frequency


# %%
def term_frequency(documents, vocabulary):
    """How often each word of the vocabulary occurs in each document.

    Parameters
    ----------
    documents : list of list of str
        N documents, each a list of words.
    vocabulary : list of str
        V different words, in the order of the columns. Other words are left out.

    Returns
    -------
    array, shape (N, V)

    Examples
    --------
    >>> term_frequency([["the", "cat", "the"], ["ham"]], ["cat", "the"]).tolist()
    [[1.0, 2.0], [0.0, 0.0]]
    """
    # BEGIN SOLUTION: fill an (N, V) array with the number of times that each word occurs in each document
    counts = np.zeros((len(documents), len(vocabulary)))
    for d, tokens in enumerate(documents):
        for t, word in enumerate(vocabulary):
            counts[d, t] = tokens.count(word)
    return counts
    # END SOLUTION


# %% tags=["check"] function="term_frequency" points=2
assert np.array_equal(term_frequency([["the", "cat", "the"], ["ham"]], ["cat", "the"]), [[1, 2], [0, 0]])

# %% [markdown]
# ## 2. Inverse document frequency


# %%
def inverse_document_frequency(counts):
    """How rare each word is: idf(t) = ln((1 + N) / (1 + df(t))) + 1.

    df(t) is the number of documents in which the word t occurs, once or more. The logarithm is the natural one.

    Parameters
    ----------
    counts : array, shape (N, V)
        As :func:`term_frequency` gives them.

    Returns
    -------
    array, shape (V,)

    Examples
    --------
    >>> inverse_document_frequency(np.array([[1.0, 2.0], [0.0, 1.0], [0.0, 1.0]])).round(4).tolist()
    [1.6931, 1.0]
    """
    # BEGIN SOLUTION: count the documents that hold each word, then apply the formula
    N = counts.shape[0]
    df = (counts > 0).sum(axis=0)
    return np.log((1 + N) / (1 + df)) + 1
    # END SOLUTION


# %% tags=["check"] function="inverse_document_frequency" points=3
assert np.allclose(inverse_document_frequency(np.array([[1.0, 2.0], [0.0, 1.0], [0.0, 1.0]])), [1 + np.log(2), 1])

# %% [markdown]
# ## 3. The vectors


# %%
def tfidf(counts, idf):
    """TF-IDF vectors of length 1: every count times its word's idf, then every row divided by its Euclidean length.

    A document without any word of the vocabulary stays a row of zeros.

    Parameters
    ----------
    counts : array, shape (N, V)
        Left as it is.
    idf : array, shape (V,)

    Returns
    -------
    array, shape (N, V)

    Examples
    --------
    >>> tfidf(np.array([[3.0, 2.0], [0.0, 0.0]]), np.array([1.0, 2.0])).tolist()
    [[0.6, 0.8], [0.0, 0.0]]
    """
    # BEGIN SOLUTION: multiply the columns by idf, compute each row's length, divide where it is not 0
    weighed = counts * idf
    lengths = np.sqrt((weighed**2).sum(axis=1, keepdims=True))
    return weighed / np.where(lengths > 0, lengths, 1)
    # END SOLUTION


# %% tags=["check"] function="tfidf" points=3
assert np.allclose(tfidf(np.array([[3.0, 2.0], [0.0, 0.0]]), np.array([1.0, 2.0])), [[0.6, 0.8], [0, 0]])

# %% [markdown]
# ## 4. Search


# %%
def search(query, vectors, k):
    """The k documents that are most similar to a query.

    All vectors have length 1 (or 0), so the dot product is the cosine.

    Parameters
    ----------
    query : array, shape (V,)
    vectors : array, shape (N, V)
    k : int
        From 1 to N.

    Returns
    -------
    array, shape (k,)
        Rows of `vectors`, the most similar first; of equals, the lower row first.

    Examples
    --------
    >>> search(np.array([1.0, 0.0]), np.array([[0.0, 1.0], [1.0, 0.0], [0.6, 0.8]]), 2).tolist()
    [1, 2]
    """
    # BEGIN SOLUTION: multiply the vectors with the query, sort from large to small, keep k
    scores = vectors @ query
    return np.argsort(-scores, kind="stable")[:k]
    # END SOLUTION


# %% tags=["check"] function="search" points=2
assert np.array_equal(search(np.array([1.0, 0.0]), np.array([[0.0, 1.0], [1.0, 0.0], [0.6, 0.8]]), 2), [1, 2])

# %% [markdown]
# ## Now use it
#
# Once all four are right, this ranks three sentences for a question.

# %%
if __name__ == "__main__":
    sentences = ["the cat chases the mouse", "the kitten hunts rodents", "the ham is in the sandwich"]
    documents = [sentence.split() for sentence in sentences]
    vocabulary = sorted({word for tokens in documents for word in tokens})
    counts = term_frequency(documents, vocabulary)
    idf = inverse_document_frequency(counts)
    question = tfidf(term_frequency([["where", "is", "the", "ham"]], vocabulary), idf)[0]
    for row in search(question, tfidf(counts, idf), 3):
        print(sentences[row])


# %% tags=["teacher"]
from lessons.desk.exercise import Alternative, Mistake


def random_documents(rng, n):
    return [[str(w) for w in rng.choice(["the", "cat", "ham", "mouse", "dog"], size)] for size in rng.integers(1, 9, n)]


def random_counts(rng, N, V):
    return rng.poisson(0.8, (N, V)).astype(float)


def unit_rows(X):
    return X / np.sqrt((X**2).sum(axis=1, keepdims=True))


CHECKS = {
    "term_frequency": {
        "two small documents": lambda rng: ([["the", "cat", "the"], ["ham"]], ["cat", "the"]),
        "an empty document": lambda rng: ([[], ["a", "b"], ["b", "b"]], ["b", "a"]),
        "more words than documents": lambda rng: ([["cat"]], ["a", "cat", "the"]),
        "random words": lambda rng: (random_documents(rng, 6), ["cat", "the", "mouse", "zebra"]),
    },
    "inverse_document_frequency": {
        "three small documents": lambda rng: (np.array([[1.0, 2.0], [0.0, 1.0], [0.0, 1.0]]),),
        "a word that never occurs": lambda rng: (np.array([[1.0, 0.0], [3.0, 0.0]]),),
        "one document": lambda rng: (np.array([[2.0, 0.0, 1.0]]),),
        "random counts": lambda rng: (random_counts(rng, 12, 5),),
    },
    "tfidf": {
        "a row and a row of zeros": lambda rng: (np.array([[3.0, 2.0], [0.0, 0.0]]), np.array([1.0, 2.0])),
        "as many documents as words": lambda rng: (random_counts(rng, 4, 4) + np.eye(4), rng.uniform(1, 3, 4)),
        "random counts": lambda rng: (random_counts(rng, 6, 3), rng.uniform(1, 3, 3)),
    },
    "search": {
        "three documents": lambda rng: (np.array([1.0, 0.0]), np.array([[0.0, 1.0], [1.0, 0.0], [0.6, 0.8]]), 2),
        "equals": lambda rng: (np.array([0.0, 1.0]), np.array([[0.8, 0.6], [0.0, 1.0], [0.8, 0.6], [0.0, 1.0]]), 3),
        "the best alone": lambda rng: (np.array([0.6, 0.8]), np.array([[1.0, 0.0], [0.0, 1.0]]), 1),
        "random vectors": lambda rng: (unit_rows(rng.normal(size=(1, 5)))[0], unit_rows(rng.normal(size=(30, 5))), 30),
    },
}

HINTS = {
    "term_frequency": [
        "np.zeros((len(documents), len(vocabulary))) is the table to fill.",
        "enumerate gives you the row with each document, and the column with each word.",
        "tokens.count(word) counts how often a word stands in a list.",
    ],
    "inverse_document_frequency": [
        "counts > 0 is True where a word occurs; a sum of it counts documents.",
        "Sum over the documents, which are axis 0, so that one number per word is left.",
        "np.log is the natural logarithm. Mind the three ones of the formula.",
    ],
    "tfidf": [
        "counts * idf multiplies each column with its word's idf, by broadcasting.",
        "The length of each row: the square root of the sum of squares over axis 1; keepdims=True keeps it a column.",
        "Where the length is 0, divide by 1 instead: np.where(lengths > 0, lengths, 1).",
    ],
    "search": [
        "vectors @ query gives all N scores at once.",
        "np.argsort sorts from small to large; sort -scores instead.",
        'kind="stable" keeps equals in their order. Keep the first k.',
    ],
}

MISTAKES = [
    Mistake(
        "term_frequency",
        "You mark words with 1 however often they occur. Term frequency counts them.",
        "tokens.count(word)",
        "float(word in tokens)",
    ),
    Mistake(
        "term_frequency",
        "You divide by the document's length. Plain counts are asked for; lengths are evened out in step 3.",
        "tokens.count(word)",
        "tokens.count(word) / max(len(tokens), 1)",
    ),
    Mistake(
        "term_frequency",
        "Your table is (V, N): documents are the rows, words the columns.",
        "return counts",
        "return counts.T",
    ),
    Mistake(
        "term_frequency",
        "The columns stand in alphabetical order. They must follow the vocabulary that was passed.",
        "enumerate(vocabulary)",
        "enumerate(sorted(vocabulary))",
    ),
    Mistake(
        "inverse_document_frequency",
        "You sum the counts: that is how often a word occurs. df is in how many documents it does: (counts > 0).",
        "(counts > 0).sum(axis=0)",
        "counts.sum(axis=0)",
    ),
    Mistake(
        "inverse_document_frequency",
        "The smoothing is missing: the formula has 1 + N above the line and 1 + df below it.",
        "np.log((1 + N) / (1 + df))",
        "np.log(N / np.maximum(df, 1e-300))",
    ),
    Mistake(
        "inverse_document_frequency",
        "Only df is smoothed. The formula adds 1 to N as well.",
        "(1 + N) /",
        "N /",
    ),
    Mistake(
        "inverse_document_frequency",
        "The + 1 behind the logarithm is missing; without it, words that are everywhere vanish.",
        "(1 + df)) + 1",
        "(1 + df))",
    ),
    Mistake(
        "inverse_document_frequency",
        "You take the logarithm to base 10. The natural one is asked for: np.log, not np.log10.",
        "np.log(",
        "np.log10(",
    ),
    Mistake(
        "inverse_document_frequency",
        "You take the logarithm to base 2. The natural one is asked for: np.log, not np.log2.",
        "np.log(",
        "np.log2(",
    ),
    Mistake(
        "inverse_document_frequency",
        "You sum along the wrong axis, over the words of a document. Sum over the documents: axis=0.",
        "sum(axis=0)",
        "sum(axis=1)",
    ),
    Mistake(
        "inverse_document_frequency",
        "Your fraction is upside down: rare words become light. N stands above the line, df below it.",
        "(1 + N) / (1 + df)",
        "(1 + df) / (1 + N)",
    ),
    Mistake(
        "tfidf",
        "The rows are not divided by their lengths, so long documents shout.",
        "return weighed / np.where(lengths > 0, lengths, 1)",
        "return weighed",
    ),
    Mistake(
        "tfidf",
        "You divide by the sum of each row. The Euclidean length is the square root of the sum of squares.",
        "np.sqrt((weighed**2).sum(axis=1, keepdims=True))",
        "weighed.sum(axis=1, keepdims=True)",
    ),
    Mistake(
        "tfidf",
        "You divide by the squared length: the square root is missing.",
        "np.sqrt((weighed**2).sum(axis=1, keepdims=True))",
        "(weighed**2).sum(axis=1, keepdims=True)",
    ),
    Mistake(
        "tfidf",
        "You divide every column by its length; a document is a row: sum the squares over axis=1.",
        "sum(axis=1, keepdims=True)",
        "sum(axis=0, keepdims=True)",
    ),
    Mistake(
        "tfidf",
        "A document without words has the length 0, and 0 / 0 is NaN. Divide by 1 there.",
        "np.where(lengths > 0, lengths, 1)",
        "np.where(lengths > 0, lengths, np.nan)",
    ),
    Mistake(
        "tfidf",
        "You change the counts that were passed to you (*= works in place). Make a new array: counts * idf.",
        "weighed = counts * idf",
        "weighed = counts\n    weighed *= idf",
    ),
    Mistake(
        "tfidf",
        "The idf is missing: multiply the counts by it before you divide by the lengths.",
        "weighed = counts * idf",
        "weighed = counts",
    ),
    Mistake(
        "search",
        "You sort from small to large, so the least similar come first. Sort -scores.",
        "argsort(-scores",
        "argsort(scores",
    ),
    Mistake(
        "search",
        "Of documents with equal scores the higher row comes first. Reversing a sorted list turns equals around, too; "
        'use np.argsort(-scores, kind="stable").',
        'np.argsort(-scores, kind="stable")[:k]',
        'np.argsort(scores, kind="stable")[::-1][:k]',
    ),
    Mistake(
        "search",
        "You return the scores. The rows are asked for: argsort gives places, sort gives values.",
        'np.argsort(-scores, kind="stable")[:k]',
        "np.sort(scores)[::-1][:k]",
    ),
    Mistake(
        "search",
        "One document is missing at the end: [:k] already ends before k.",
        "[:k]",
        "[: k - 1]",
    ),
    Mistake(
        "search",
        "You return all documents. Keep the first k: [:k].",
        '"stable")[:k]',
        '"stable")',
    ),
]

ALTERNATIVES = [
    Alternative(
        "term_frequency",
        """
def term_frequency(documents, vocabulary):
    columns = {word: i for i, word in enumerate(vocabulary)}
    table = np.zeros((len(documents), len(vocabulary)), dtype=np.float32)
    for row, tokens in zip(table, documents):
        for token in tokens:
            if token in columns:
                row[columns[token]] += 1
    return table
""",
    ),
    Alternative(
        "inverse_document_frequency",
        """
import math

def inverse_document_frequency(counts):
    N, V = counts.shape
    result = []
    for t in range(V):
        df = 0
        for d in range(N):
            if counts[d, t] > 0:
                df += 1
        result.append(math.log(1 + N) - math.log(1 + df) + 1)
    return result
""",
    ),
    Alternative(
        "tfidf",
        """
def tfidf(counts, idf):
    rows = []
    for row in counts:
        row = row * idf
        length = np.linalg.norm(row)
        rows.append(row / length if length else row)
    return np.array(rows, dtype=np.float32)
""",
    ),
    Alternative(
        "search",
        """
def search(query, vectors, k):
    scores = [float(sum(q * x for q, x in zip(query, vector))) for vector in vectors]
    return sorted(range(len(scores)), key=lambda d: -scores[d])[:k]
""",
    ),
]
