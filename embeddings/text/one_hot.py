"""One-hot vectors: a 1 for every word that occurs, 0 for all others."""

import numpy as np

from embeddings.text.ngram import NGramVectorizer


class OneHotEncoder(NGramVectorizer):
    """Say for each word of the vocabulary whether a text holds it.

    A single word becomes its one-hot vector, a sentence the union of its words' vectors: a bag of words.

    Parameters
    ----------
    lowercase, tokenizer, min_length, stop_words, min_df, max_df, max_features
        As in :class:`~embeddings.text.NGramVectorizer`.
    dtype : numpy type, default numpy.float64

    Attributes
    ----------
    words_utf8_, word_offsets_, grams_
        As in :class:`~embeddings.text.NGramVectorizer`.

    Examples
    --------
    >>> encoder = OneHotEncoder().fit(["the cat", "the ham"])
    >>> encoder.get_feature_names_out().tolist()
    ['cat', 'ham', 'the']
    >>> encoder.transform(["cat", "ham and the ham"]).toarray().tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]]
    >>> [words.tolist() for words in encoder.inverse_transform([[1, 0, 1]])]
    [['cat', 'the']]
    """

    ngram_range = (1, 1)
    analyzer = "word"
    binary = True
    n_features = None

    def __init__(
        self,
        lowercase=True,
        tokenizer=None,
        min_length=1,
        stop_words=None,
        min_df=1,
        max_df=1.0,
        max_features=None,
        dtype=np.float64,
    ):
        self.lowercase = lowercase
        self.tokenizer = tokenizer
        self.min_length = min_length
        self.stop_words = stop_words
        self.min_df = min_df
        self.max_df = max_df
        self.max_features = max_features
        self.dtype = dtype
