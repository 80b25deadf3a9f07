"""A vocabulary: which words there are, how often each occurs, and its number."""

import collections
import numbers

import numpy as np

from embeddings.base import Embedder
from embeddings.checks import check_integer, check_number
from embeddings.progress import progress


class Vocabulary(Embedder):
    """Number the words of token lists: special tokens first, then the most frequent word, equals alphabetically.

    Parameters
    ----------
    min_count : int, default 1
        Drop words that occur fewer times.
    max_size : int, optional
        Keep that many of the most frequent words (special tokens not counted).
    min_df, max_df : int or float, default 1 and 1.0
        Drop words that occur in fewer, or in more, sentences: an int is a number, a float a share.
    special_tokens : sequence of str, default ()
        Such as ``("[PAD]", "[UNK]")``; they have the first numbers and are never dropped.
    unknown_token : str, optional
        The special token that stands for every unknown word. Without it, :meth:`encode` leaves such words out.

    Attributes
    ----------
    tokens_ : list of str
        The words by number.
    counts_ : array, shape (V,), int64
        How often each occurs.
    document_frequency_ : array, shape (V,), int64
        In how many sentences it occurs.

    Examples
    --------
    >>> vocabulary = Vocabulary(special_tokens=("[UNK]",), unknown_token="[UNK]")
    >>> vocabulary.fit([["the", "cat"], ["the", "ham"]]).tokens_
    ['[UNK]', 'the', 'cat', 'ham']
    >>> vocabulary.encode(["the", "mouse"])
    array([1, 0], dtype=int32)
    >>> vocabulary.decode([2, 1])
    ['cat', 'the']
    >>> vocabulary["ham"], "mouse" in vocabulary, len(vocabulary)
    (3, False, 4)
    """

    def __init__(self, min_count=1, max_size=None, min_df=1, max_df=1.0, special_tokens=(), unknown_token=None):
        self.min_count = min_count
        self.max_size = max_size
        self.min_df = min_df
        self.max_df = max_df
        self.special_tokens = special_tokens
        self.unknown_token = unknown_token

    def fit(self, sentences, y=None):
        """Count words and number them.

        Parameters
        ----------
        sentences : iterable of lists of str

        Raises
        ------
        TypeError
            If a sentence is a str (tokenize it first) or holds something else than strings.
        ValueError
            If no word is left, or for bad parameters.
        """
        self._check_parameters()
        counts, document_frequency = collections.Counter(), collections.Counter()
        n = 0
        for sentence in progress(sentences, desc="counting words", unit=" sentences"):
            sentence = _check_sentence(sentence, n)
            counts.update(sentence)
            document_frequency.update(set(sentence))
            n += 1
        if n == 0:
            raise ValueError("there is no sentence to learn from: sentences is empty")
        least = self.min_df if isinstance(self.min_df, numbers.Integral) else self.min_df * n
        most = self.max_df if isinstance(self.max_df, numbers.Integral) else self.max_df * n
        if least > most:
            raise ValueError(
                f"min_df={self.min_df!r} asks for at least {least:g} sentences and max_df={self.max_df!r} for at most "
                f"{most:g} of {n}: no word can have both"
            )
        special = set(self.special_tokens)
        kept = [
            word
            for word, count in counts.items()
            if count >= self.min_count and least <= document_frequency[word] <= most and word not in special
        ]
        if not kept:
            raise ValueError(
                f"no word remains of {len(counts)} different ones in {n} sentences: "
                "lower min_count or min_df, or raise max_df"
            )
        kept.sort(key=lambda word: (-counts[word], word))
        self.tokens_ = [*self.special_tokens, *kept[: self.max_size]]
        self.counts_ = np.array([counts[word] for word in self.tokens_], dtype=np.int64)
        self.document_frequency_ = np.array([document_frequency[word] for word in self.tokens_], dtype=np.int64)
        self._number()
        return self

    def encode(self, tokens):
        """Numbers of the words.

        Parameters
        ----------
        tokens : list of str

        Returns
        -------
        array, shape (n,), int32
            Shorter than `tokens` if some are unknown and there is no `unknown_token`.
        """
        self._check_is_fitted()
        tokens = _check_sentence(tokens, 0)
        if self.unknown_token is None:
            found = [self._ids[token] for token in tokens if token in self._ids]
        else:
            unknown = self._ids[self.unknown_token]
            found = [self._ids.get(token, unknown) for token in tokens]
        return np.array(found, dtype=np.int32)

    def decode(self, ids):
        """Words of the numbers.

        Raises
        ------
        IndexError
            For a number that no word has.
        """
        self._check_is_fitted()
        for i in ids:
            if not 0 <= i < len(self.tokens_):
                raise IndexError(f"no word has the number {i}; they go from 0 to {len(self.tokens_) - 1}")
        return [self.tokens_[i] for i in ids]

    def transform(self, sentences):
        """:meth:`encode` of every sentence, a list of arrays."""
        return [self.encode(sentence) for sentence in sentences]

    def __len__(self):
        return len(getattr(self, "tokens_", ()))

    def __bool__(self):
        return True

    def __contains__(self, token):
        self._check_is_fitted()
        return token in self._ids

    def __getitem__(self, token):
        self._check_is_fitted()
        try:
            return self._ids[token]
        except KeyError:
            raise KeyError(f"{token!r} is not in the vocabulary") from None

    def _number(self):
        self._ids = {token: number for number, token in enumerate(self.tokens_)}

    def _set_state(self, state):
        super()._set_state(state)
        self._check_parameters()
        self._number()
        V = len(self.tokens_)
        if len(self._ids) != V or self.counts_.shape != (V,) or self.document_frequency_.shape != (V,):
            raise ValueError(f"{V} tokens, {len(self._ids)} of them different, do not fit the counts")
        if self.unknown_token is not None and self.unknown_token not in self._ids:
            raise ValueError(f"unknown_token {self.unknown_token!r} is not among the tokens")

    def _check_parameters(self):
        check_integer("min_count", self.min_count, minimum=1)
        if self.max_size is not None:
            check_integer("max_size", self.max_size, minimum=1)
        for name, value in (("min_df", self.min_df), ("max_df", self.max_df)):
            if isinstance(value, numbers.Integral):
                check_integer(name, value, minimum=1)
            else:
                check_number(name, value, minimum=0, maximum=1)
        if isinstance(self.special_tokens, str) or not all(isinstance(token, str) for token in self.special_tokens):
            raise TypeError(f"special_tokens must be a sequence of strings, got {self.special_tokens!r}")
        if len(set(self.special_tokens)) != len(self.special_tokens):
            raise ValueError(f"special_tokens must be different, got {self.special_tokens!r}")
        if self.unknown_token is not None and self.unknown_token not in self.special_tokens:
            raise ValueError(
                f"unknown_token {self.unknown_token!r} must be one of special_tokens {self.special_tokens!r}"
            )


def _check_sentence(sentence, position):
    if isinstance(sentence, str | bytes):
        raise TypeError(
            f"sentence {position} is the {type(sentence).__name__} {sentence[:30]!r}; "
            "a list of words is wanted: tokenize(text) makes one"
        )
    sentence = list(sentence)
    for word in sentence:
        if not isinstance(word, str):
            raise TypeError(f"sentence {position} holds {word!r}, a {type(word).__name__}; words must be strings")
    return sentence
