"""The models that keep the contract: one line each, a small model and what it is fitted on."""

import numpy as np

from embeddings.image import HOG, VLAD, Autoencoder, BagOfVisualWords
from embeddings.text import (
    BERT,
    AverageEncoder,
    Doc2Vec,
    LatentDirichletAllocation,
    NGramVectorizer,
    OneHotEncoder,
    RecurrentEncoder,
    TextCNN,
    TfidfVectorizer,
    TransformerEncoder,
)
from embeddings.vectors import KeyedVectors
from embeddings.video import UnifiedEncoder, VideoAutoencoder, VisionTransformer
from tests.image.test_pretrained import NarrowVGG16


def sentences():
    """Four sentences, two of them alike."""
    return ["The cat chases the mouse", "The kitten hunts rodents", "I like ham sandwiches", "猫追老鼠, 小猫捕鼠"]


def word_vectors():
    """Vectors of words of :func:`sentences`."""
    words = ["the", "cat", "kitten", "hunts", "ham", "like", "猫", "鼠"]
    return KeyedVectors(words, np.random.default_rng(1).normal(size=(len(words), 5)))


def pictures():
    """Four pictures of noise."""
    return list(np.random.default_rng(2).integers(0, 256, (4, 32, 40), np.uint8))


def clips():
    """Four clips of noise."""
    return np.random.default_rng(3).integers(0, 256, (4, 2, 8, 8, 3)).astype(np.uint8)


class TwoClasses(VisionTransformer):
    """Told the classes by itself: the contract gives no labels."""

    def fit(self, X, y=None):
        return super().fit(X, np.arange(len(X)) % 2)


class Flat(VideoAutoencoder):
    """Its grid of latents in one row."""

    def transform(self, X):
        return super().transform(X).reshape(len(X), -1)


class Captioned(UnifiedEncoder):
    """Texts, each with a clip."""

    def fit(self, X, y=None):
        return super().fit(X, clip=clips()[: len(X)])


MODELS = [
    # (name of the test, function that makes the model, function that makes its input)
    ("OneHotEncoder", lambda: OneHotEncoder(stop_words=["the"]), sentences),
    ("NGramVectorizer", lambda: NGramVectorizer(ngram_range=(1, 2), max_df=0.9), sentences),
    ("NGramVectorizer-char", lambda: NGramVectorizer(analyzer="char", ngram_range=(2, 3)), sentences),
    ("NGramVectorizer-hashed", lambda: NGramVectorizer(n_features=50), sentences),
    (
        "AverageEncoder",
        lambda: AverageEncoder(word_vectors(), weighting="sif", remove_components=1),
        sentences,
    ),
    ("BERT", lambda: BERT(8, 1, 2, vocab_size=50, max_length=20, epochs=1), sentences),
    ("BagOfVisualWords", lambda: BagOfVisualWords(n_words=5, n_keypoints=20), pictures),
    ("VLAD", lambda: VLAD(n_words=3, n_keypoints=20), pictures),
    ("HOG", lambda: HOG(orientations=4, block_norm="L1"), pictures),
    ("Autoencoder", lambda: Autoencoder("conv", 3, hidden=8, epochs=1, variational=True), pictures),
    ("VGG16, narrow", lambda: NarrowVGG16(size=32), pictures),
    ("VisionTransformer", lambda: TwoClasses((2, 4, 4), width=8, n_layers=1, n_heads=2, epochs=1), clips),
    ("VideoAutoencoder", lambda: Flat((2, 4, 4), 2, width=8, n_blocks=1, epochs=1, variational=True), clips),
    ("UnifiedEncoder", lambda: Captioned(8, 1, 2, clip_patch=(2, 4, 4), epochs=1), sentences),
    ("TextCNN", lambda: TextCNN((2, 3), vector_size=6, n_filters=4, epochs=2), sentences),
    ("Doc2Vec", lambda: Doc2Vec(5, dm=False, min_count=1, epochs=2), sentences),
    ("LatentDirichletAllocation", lambda: LatentDirichletAllocation(3, min_count=1, epochs=5), sentences),
    ("RecurrentEncoder", lambda: RecurrentEncoder("gru", vector_size=4, hidden=3, epochs=1), sentences),
    ("TransformerEncoder", lambda: TransformerEncoder(1, 2, 8, epochs=1), sentences),
    ("TfidfVectorizer", lambda: TfidfVectorizer(sublinear_tf=True, norm="l1"), sentences),
]
