"""Documents with tags: the tags are taken off while the words are read."""

import array
import numbers
import os

import numpy as np


class TaggedDocuments:
    """The tags of documents, numbered in the order in which they come.

    Parameters
    ----------
    X : path, iterable of documents, or iterable of pairs of a document and its tags
        A document is a text or a list of words; tags are one text or whole number, or a list of them. A pair is a tuple
        of two, or anything with the attributes ``words`` and ``tags``, such as gensim's ``TaggedDocument``. The
        documents of a file, and those that come without tags, are called "0", "1" ….

    Examples
    --------
    >>> documents = TaggedDocuments([(["a", "cat"], "pets"), (["a", "dog"], ["pets", 7])])
    >>> list(documents.sentences())
    [['a', 'cat'], ['a', 'dog']]
    >>> documents.finish(2)
    >>> documents.names, documents.rows.tolist(), documents.offsets.tolist()
    (['pets', '7'], [0, 0, 1], [0, 1, 3])
    """

    def __init__(self, X):
        self._documents = X
        self._numbers, self._rows, self._counts, self._tagged = {}, array.array("i"), array.array("i"), False

    def sentences(self):
        """The documents without their tags, or the path, to be read once."""
        return self._documents if isinstance(self._documents, str | os.PathLike) else self._untagged()

    def _untagged(self):
        for i, document in enumerate(self._documents):
            pair = _pair(document)
            if i == 0:
                self._tagged = pair is not None
            if self._tagged != (pair is not None):
                what = "no tags, those before have some" if self._tagged else "tags, those before have none"
                raise TypeError(f"document {i} has {what}; either all documents have tags or none has")
            if pair is None:
                yield document
            else:
                words, tags = pair
                self._note(i, tags)
                yield words

    def _note(self, i, tags):
        tags = list(tags) if isinstance(tags, list | tuple | set | frozenset | np.ndarray) else [tags]
        if not tags:
            raise ValueError(f"document {i} has an empty list of tags; each needs one at least")
        for tag in tags:
            if isinstance(tag, bool) or not isinstance(tag, str | numbers.Integral):
                kind = type(tag).__name__
                raise TypeError(f"document {i} has the tag {tag!r}, a {kind}; texts and whole numbers are accepted")
        # A tag counts once for a document.
        different = dict.fromkeys(tag if isinstance(tag, str) else str(int(tag)) for tag in tags)
        self._rows.extend(self._numbers.setdefault(tag, len(self._numbers)) for tag in different)
        self._counts.append(len(different))

    def finish(self, n):
        """Set ``names``, ``rows`` and ``offsets``, when all `n` documents are read."""
        if self._tagged:
            self.names, self.rows = list(self._numbers), np.array(self._rows, np.int32)
            self.offsets = np.concatenate([[0], np.cumsum(self._counts, dtype=np.int64)])
        else:
            self.names = [str(i) for i in range(n)]
            self.rows, self.offsets = np.arange(n, dtype=np.int32), np.arange(n + 1)


def _pair(document):
    """Words and tags, or None if the document has none."""
    if hasattr(document, "words") and hasattr(document, "tags"):
        return document.words, document.tags
    if isinstance(document, tuple) and len(document) == 2 and isinstance(document[0], str | list | tuple):
        return document
    return None
