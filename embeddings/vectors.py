"""Keyed vectors: words with their vectors, and the questions that people ask them, in gensim's vocabulary."""

import csv
import os

import numpy as np

from embeddings.checks import check_integer
from embeddings.similarity import QuantisedRows, nearest
from embeddings.vector_files import holds_fasttext, read_vectors, write_vectors

# With fewer vectors, a look at all of them is as fast as one at their bytes.
QUANTISED_FROM = 20_000


class KeyedVectors:
    """Vectors by key.

    Parameters
    ----------
    keys : list of str
    vectors : array, shape (V, d)
        Kept, not copied.
    counts : array, shape (V,), int, optional
        How often each word was seen.

    Attributes
    ----------
    index_to_key : list of str
    key_to_index : dict of str to int
    vectors : array, shape (V, d), float32
    counts : array or None

    Raises
    ------
    ValueError
        If there are not as many keys as vectors, or a key comes twice.

    Examples
    --------
    >>> keyed = KeyedVectors(["cat", "kitten", "ham"], np.array([[1.0, 0.1], [0.9, 0.2], [0.0, 1.0]]))
    >>> keyed.most_similar("cat", topn=1)[0][0]
    'kitten'
    >>> keyed.doesnt_match(["cat", "kitten", "ham"])
    'ham'
    """

    def __init__(self, keys, vectors, counts=None):
        keys = list(keys)
        vectors = np.asarray(vectors)
        if vectors.dtype != np.float32:
            vectors = vectors.astype(np.float32)
        if vectors.ndim != 2 or len(keys) != len(vectors):
            raise ValueError(f"{len(keys)} keys need a matrix with as many rows, got the shape {vectors.shape}")
        self.index_to_key, self.vectors, self.counts = keys, vectors, counts
        self.key_to_index = {key: i for i, key in enumerate(keys)}
        if len(self.key_to_index) != len(keys):
            twice = next(key for i, key in enumerate(keys) if self.key_to_index[key] != i)
            raise ValueError(f"the key {twice!r} comes twice")
        self._lengths = self._quantised = None

    @classmethod
    def load(cls, path, limit=None):
        """Read vectors: word2vec's text or binary form, GloVe's, fastText's ``.vec`` and ``.bin``, safetensors.

        It does what gensim's ``load_word2vec_format`` and ``load_facebook_vectors`` do; there is nothing to tell it.

        Parameters
        ----------
        path : path
            Which form it has is told by its content; any may be gzipped.
        limit : int, optional
            Read the first that many words alone.

        Returns
        -------
        KeyedVectors
            From fastText's ``.bin``, :class:`~embeddings.subwords.SubwordVectors`, which know unseen words, too.

        Raises
        ------
        FileNotFoundError, ValueError
            See :func:`~embeddings.vector_files.read_vectors`.
        """
        if holds_fasttext(path):
            # A subclass of this class.
            from embeddings.subwords import SubwordVectors

            return SubwordVectors.load(path, limit)
        return cls(*read_vectors(path, limit))

    def save(self, path, format=None):
        """Write the vectors; see :func:`~embeddings.vector_files.write_vectors`.

        Parameters
        ----------
        path : path
        format : {"word2vec", "word2vec-binary", "glove", "safetensors", "projector"}, optional
            By default what the end of the name says.
        """
        write_vectors(path, self.index_to_key, self.vectors, self.counts, format)

    @property
    def vector_size(self):
        """Numbers in a vector."""
        return self.vectors.shape[1]

    def __len__(self):
        return len(self.index_to_key)

    def __contains__(self, key):
        return key in self.key_to_index

    def __getitem__(self, key):
        """The vector of a key, shape (d,); of a list of keys, shape (n, d)."""
        if isinstance(key, str):
            return self.get_vector(key)
        return np.stack([self.get_vector(k) for k in key]) if len(key) else self.vectors[:0]

    def __repr__(self):
        return f"KeyedVectors({len(self):,} keys, {self.vector_size} numbers each)"

    def get_index(self, key):
        """The row of a key; KeyError if there is none."""
        try:
            return self.key_to_index[key]
        except KeyError:
            raise KeyError(f"the key {key!r} is not among the {len(self):,} known ones") from None

    def get_vector(self, key, norm=False):
        """The vector of a key; with `norm`, divided by its length."""
        vector = self.vectors[self.get_index(key)]
        return vector / (np.linalg.norm(vector) or 1) if norm else vector

    def get_normed_vectors(self):
        """All vectors divided by their lengths; zeros stay zeros."""
        return self.vectors / np.where(self._norms() > 0, self._norms(), 1)[:, None]

    # Questions -------------------------------------------------------------------------------------------------------

    def most_similar(self, positive=(), negative=(), topn=10, restrict_vocab=None):
        """The keys nearest by cosine to the sum of some vectors minus others, those themselves left out.

        Parameters
        ----------
        positive, negative : str, vector, or list of them
            Each vector counts with length 1. *king* - *man* + *woman*: ``positive=["king", "woman"], negative="man"``.
        topn : int, default 10
        restrict_vocab : int, optional
            Look among the first that many keys alone.

        Returns
        -------
        list of (str, float)
            Best first.

        Raises
        ------
        KeyError
            For an unknown key.
        ValueError
            If nothing is asked for.
        """
        check_integer("topn", topn, minimum=1)
        query, asked = self._mean(positive, negative)
        n = len(range(len(self))[:restrict_vocab])
        k = min(topn + len(asked), n)
        rows = self._candidates(query, k, n)
        scores = self._cosines(query, rows)
        # Equals come in the order of their rows.
        best = np.argsort(-scores, kind="stable")[:k]
        found = zip(rows[best].tolist(), scores[best].tolist(), strict=True)
        return [(self.index_to_key[i], score) for i, score in found if i not in asked][:topn]

    def similar_by_vector(self, vector, topn=10):
        """:meth:`most_similar` of a vector."""
        return self.most_similar([np.asarray(vector)], topn=topn)

    def most_similar_cosmul(self, positive=(), negative=(), topn=10):
        """As :meth:`most_similar`, by the product of the positive cosines over that of the negative ones.

        Levy & Goldberg, "Linguistic Regularities in Sparse and Explicit Word Representations", 2014, equation 4, with
        cosines moved to [0, 1] and ε = 0.001.
        """
        check_integer("topn", topn, minimum=1)
        positive, negative = self._many(positive), self._many(negative)
        if not positive:
            raise ValueError("most_similar_cosmul needs at least one positive key")
        cosines = [[(1 + self._cosines(self._vector(k))) / 2 for k in keys] for keys in (positive, negative)]
        scores = np.prod(cosines[0], axis=0) / (np.prod(cosines[1], axis=0) + 1e-3 if negative else 1)
        asked = {self.key_to_index[k] for k in positive + negative if isinstance(k, str)}
        best = np.argsort(-scores, kind="stable")[: topn + len(asked)]
        return [(self.index_to_key[i], float(scores[i])) for i in best if i not in asked][:topn]

    def similarity(self, a, b):
        """The cosine of two keys' vectors."""
        return float(self.get_vector(a, norm=True).astype(np.float64) @ self.get_vector(b, norm=True))

    def n_similarity(self, a, b):
        """The cosine of the means of two lists of keys' vectors, as long as they are."""
        if not len(a) or not len(b):
            raise ValueError("n_similarity needs two lists of keys, got an empty one")
        a, b = (self[keys].mean(axis=0, dtype=np.float64) for keys in (list(a), list(b)))
        return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b) or 1))

    def distances(self, key, others=None):
        """1 - cosine of a key (or vector) to other keys, by default all, in order; shape (n,)."""
        rows = slice(None) if others is None else [self.get_index(other) for other in others]
        return 1 - self._cosines(self._vector(key), rows)

    def distance(self, a, b):
        """1 - cosine of two keys."""
        return 1 - self.similarity(a, b)

    def rank(self, a, b):
        """Which neighbour of `a` is `b`: 1 for the nearest."""
        cosines = self._cosines(self.get_vector(a))
        cosines[self.get_index(a)] = -np.inf
        return int((cosines > cosines[self.get_index(b)]).sum()) + 1

    def doesnt_match(self, keys):
        """The key whose vector is farthest from the mean of all."""
        known = [key for key in keys if key in self]
        if not known:
            raise ValueError(f"none of {list(keys)!r} is known")
        vectors = np.stack([self.get_vector(key, norm=True) for key in known])
        return known[int(np.argmin(vectors @ vectors.mean(axis=0)))]

    # Evaluation ------------------------------------------------------------------------------------------------------

    def evaluate_word_pairs(self, pairs, restrict_vocab=300_000, case_insensitive=True):
        """How well cosines follow people's judgement.

        Parameters
        ----------
        pairs : path, or list of (str, str, float)
            A file has a pair and its judgement in each line, split by commas, tabs or spaces.
        restrict_vocab : int, default 300000
            Rarer words count as unknown.
        case_insensitive : bool, default True

        Returns
        -------
        pearson, spearman : float
            Correlations of cosine and judgement over the pairs whose words are both known.
        unknown : float
            The share of pairs left out, in per cent.
        """
        from scipy import stats

        index = self._index(restrict_vocab, case_insensitive)
        pairs = _read_rows(pairs, 3)
        known, judged = [], []
        for a, b, judgement in pairs:
            a, b = (str(w).lower() if case_insensitive else str(w) for w in (a, b))
            if a in index and b in index:
                known.append((index[a], index[b]))
                judged.append(float(judgement))
        if len(known) < 2:
            raise ValueError(f"of {len(pairs)} pairs fewer than two have known words; nothing to correlate")
        a, b = np.array(known).T
        lengths = self._norms()
        dots = np.einsum("nd,nd->n", self.vectors[a], self.vectors[b], dtype=np.float64)
        cosines = dots / np.maximum(lengths[a] * lengths[b], 1e-30)
        pearson, spearman = stats.pearsonr(cosines, judged)[0], stats.spearmanr(cosines, judged)[0]
        return float(pearson), float(spearman), 100 * (1 - len(known) / len(pairs))

    def evaluate_word_analogies(self, analogies, restrict_vocab=300_000, case_insensitive=True):
        """How often a - b + … leads to the right word: *a* is to *b* as *c* is to ?

        Parameters
        ----------
        analogies : path, or list of (section, a, b, c, target)
            A file is a table with these columns, or has Google's form: ``: section`` lines, then four words in each.
        restrict_vocab, case_insensitive
            As for :meth:`evaluate_word_pairs`; questions with an unknown word are left out.

        Returns
        -------
        accuracy : float
            Over all questions that were asked.
        sections : dict of str to (int, int)
            Right answers and questions of each section.
        """
        index = self._index(restrict_vocab, case_insensitive)
        rows = _read_analogies(analogies)
        asked, names = [], []
        for section, *words in rows:
            words = [str(w).lower() if case_insensitive else str(w) for w in words]
            if all(word in index for word in words):
                asked.append([index[word] for word in words])
                names.append(section)
        sections = {section: [0, 0] for section, *_ in rows}
        if asked:
            a, b, c, target = np.array(asked).T
            items = self.get_normed_vectors()[:restrict_vocab]
            queries = items[b] - items[a] + items[c]
            found, _ = nearest(queries, items, min(4, len(items)))
            own = (found[:, :, None] == np.stack([a, b, c], axis=1)[:, None]).any(axis=2)
            best = found[np.arange(len(found)), np.argmin(own, axis=1)]
            for section, right in zip(names, best == target, strict=True):
                sections[section][0] += int(right)
                sections[section][1] += 1
        right, total = np.sum(list(sections.values()), axis=0) if sections else (0, 0)
        return (right / total if total else 0.0), {name: tuple(counts) for name, counts in sections.items()}

    # Within ----------------------------------------------------------------------------------------------------------

    def _norms(self):
        if self._lengths is None:
            self._lengths = np.sqrt(np.einsum("nd,nd->n", self.vectors, self.vectors))
        return self._lengths

    def _candidates(self, query, k, n):
        """Rows among the first n that can be among the k nearest to a query, in order."""
        if n < QUANTISED_FROM or k == n or not query.any():
            return np.arange(n)
        if self._quantised is None:
            self._quantised = QuantisedRows(self.vectors)
        return self._quantised.candidates(query, k, n)

    def _cosines(self, vector, rows=slice(None)):
        lengths = self._norms()[rows] * np.linalg.norm(vector)
        return np.divide(self.vectors[rows] @ vector, lengths, out=np.zeros_like(lengths), where=lengths > 0)

    def _vector(self, key):
        return self.get_vector(key) if isinstance(key, str) else np.asarray(key, dtype=np.float32)

    @staticmethod
    def _many(keys):
        return [keys] if isinstance(keys, str) or (isinstance(keys, np.ndarray) and keys.ndim == 1) else list(keys)

    def _mean(self, positive, negative):
        positive, negative = self._many(positive), self._many(negative)
        if not positive and not negative:
            raise ValueError("nothing to look for: pass at least one positive or negative key")
        total, asked = np.zeros(self.vector_size, np.float64), set()
        for sign, keys in ((1, positive), (-1, negative)):
            for key in keys:
                vector = self._vector(key).astype(np.float64)
                total += sign * vector / (np.linalg.norm(vector) or 1)
                if isinstance(key, str) and key in self.key_to_index:
                    asked.add(self.key_to_index[key])
        return (total / (len(positive) + len(negative))).astype(np.float32), asked

    def _index(self, restrict_vocab, case_insensitive):
        """Rows by key, of equal lower-cased keys the more frequent."""
        index = {}
        for i, key in enumerate(self.index_to_key[:restrict_vocab]):
            index.setdefault(key.lower() if case_insensitive else key, i)
        return index


def _read_rows(rows, width):
    """Rows of a file, or of a list; a first row whose last column is no number is a header."""
    if not isinstance(rows, str | os.PathLike):
        return [tuple(row) for row in rows]
    with open(rows, encoding="utf-8", newline="") as file:
        lines = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    found = []
    numbered = bool(lines) and lines[0].startswith(",")  # the first column is a table's own numbers
    for number, line in enumerate(lines, 1):
        cells = next(csv.reader([line])) if "," in line else line.split("\t") if "\t" in line else line.split()
        cells = [cell.strip() for cell in cells][numbered : width + numbered]
        if not any(cells):
            continue  # a row of commas at a table's end
        if len(cells) < width:
            raise ValueError(f"{os.fspath(rows)}, line {number}: {width} columns are wanted, got {line!r}")
        try:
            float(cells[-1])
        except ValueError:
            if number > 1:
                raise ValueError(f"{os.fspath(rows)}, line {number}: {cells[-1]!r} is not a number") from None
            continue
        found.append(tuple(cells))
    return found


def _read_analogies(rows):
    """(section, a, b, c, target) of a file in either form, or of a list."""
    if not isinstance(rows, str | os.PathLike):
        return [tuple(row) for row in rows]
    found, section, numbered = [], "", False
    with open(rows, encoding="utf-8", newline="") as file:
        for number, line in enumerate(file, 1):
            if line.startswith(":"):
                section = line[1:].strip()
                continue
            cells = next(csv.reader([line.strip()])) if "," in line else line.split()
            if number == 1:
                numbered = cells[:1] == [""]
            if not cells or (number == 1 and cells[-1] == "target"):
                continue
            cells = cells[numbered:]
            if len(cells) not in (4, 5):
                raise ValueError(f"{os.fspath(rows)}, line {number}: four words are wanted, got {line.strip()!r}")
            found.append(tuple(cells) if len(cells) == 5 else (section, *cells))
    return found
