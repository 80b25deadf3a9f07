"""Text models, from counting words to Transformers. Each loads on first use."""

import importlib

_HOMES = {
    "AverageEncoder": "average",
    "BERT": "bert",
    "Doc2Vec": "doc2vec",
    "FastText": "fasttext",
    "GloVe": "glove",
    "LSA": "lsa",
    "LatentDirichletAllocation": "lda",
    "NGramVectorizer": "ngram",
    "OneHotEncoder": "one_hot",
    "PPMI": "ppmi",
    "RecurrentEncoder": "recurrent_encoder",
    "TextCNN": "text_cnn",
    "TfidfVectorizer": "tfidf",
    "TransformerEncoder": "transformer_encoder",
    "Vocabulary": "vocabulary",
    "Word2Vec": "word2vec",
    "WordPiece": "wordpiece",
    "tokenize": "tokenizer",
}

__all__ = sorted(_HOMES)


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return __all__
