"""Bags of visual words and VLAD: counted by hand, weighted as the text chapter weighs, and pictures found again."""

import numpy as np
import pytest

from embeddings.datasets import images
from embeddings.image.repeatability import changed
from embeddings.image.sift import SIFT
from embeddings.image.visual_words import VLAD, BagOfVisualWords
from embeddings.similarity import cosine_similarity
from embeddings.text import TfidfVectorizer

NAMES = ("camera", "astronaut", "coffee", "coins", "cat", "page", "brick", "rocket")


@pytest.fixture(scope="module")
def pictures():
    return [picture for name, picture in images().items() if name in NAMES]


def altered(picture, seed):
    """Two thirds of the height and width, turned a little and in another light."""
    rng = np.random.default_rng(seed)
    height, width = picture.shape[:2]
    turn = np.deg2rad(rng.uniform(-30, 30))
    after, _ = changed(
        picture[height // 6 : height * 5 // 6, width // 6 : width * 5 // 6],
        np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]),
    )
    return np.clip(after * rng.uniform(0.6, 1) + rng.uniform(0, 0.1), 0, 1)


@pytest.mark.parametrize("model", [BagOfVisualWords(), VLAD(n_words=16)])
def test_the_right_source_comes_first(model, pictures):
    vectors = model.fit_transform(pictures)
    found = cosine_similarity(model.transform([altered(p, i) for i, p in enumerate(pictures)]), vectors)
    assert (found.argmax(axis=1) == np.arange(len(pictures))).mean() >= 0.95


def test_words_are_counted_and_weighted_as_texts_are(pictures):
    model = BagOfVisualWords(n_words=30, detector="sift", n_keypoints=40).fit(pictures)
    counts = np.zeros((len(pictures), 30), int)
    for row, picture in zip(counts, pictures, strict=True):
        descriptors = SIFT(n_keypoints=40, contrast=0.01).detect_and_compute(picture)[1]
        for descriptor in descriptors:
            row[np.argmin(((model.words_ - descriptor) ** 2).sum(axis=1))] += 1
    np.testing.assert_array_equal(model.counts(pictures), counts)
    texts = [" ".join(f"w{word:02}" for word, n in enumerate(row) for _ in range(n)) for row in counts]
    ref = TfidfVectorizer(sublinear_tf=True).fit_transform(texts).toarray()
    used = np.flatnonzero(counts.any(axis=0))
    np.testing.assert_allclose(model.transform(pictures)[:, used], ref, atol=1e-6)


def test_vlad_by_hand(pictures):
    model = VLAD(n_words=2, detector="sift", n_keypoints=20).fit(pictures)
    descriptors = SIFT(n_keypoints=20, contrast=0.01).detect_and_compute(pictures[0])[1]
    words = ((descriptors[:, None] - model.words_) ** 2).sum(axis=2).argmin(axis=1)
    sums = [(descriptors[words == k] - model.words_[k]).sum(axis=0) for k in range(2)]
    ref = np.concatenate([s / max(np.linalg.norm(s), 1e-12) for s in sums])
    np.testing.assert_allclose(model.transform(pictures[:1])[0], ref / np.linalg.norm(ref), atol=1e-5)


def test_a_picture_without_keypoints_is_zeros(pictures):
    for model in (BagOfVisualWords(n_words=20, n_keypoints=50), VLAD(n_words=4, n_keypoints=50)):
        vectors = model.fit(pictures).transform([np.zeros((40, 40)), pictures[0], np.zeros((1, 1))])
        assert not vectors[[0, 2]].any() and vectors[1].any()
        assert model.transform([]).shape == (0, vectors.shape[1])


@pytest.mark.parametrize(
    ("model", "X", "message"),
    [
        (BagOfVisualWords(), [], "X is empty"),
        (BagOfVisualWords(), [np.zeros((64, 64))], "n_words=1000 needs as many keypoints, but the 1 pictures have 0"),
        (VLAD(n_words=0), [np.zeros((64, 64))], "n_words must be at least 1"),
        (VLAD(detector="orb"), [np.zeros((64, 64))], "detector must be one of 'sift'"),
        (VLAD(n_keypoints=0), [np.zeros((64, 64))], "n_keypoints must be at least 1"),
        (VLAD(), np.zeros((64, 64)), "one picture"),
        (VLAD(), [np.full((64, 64), np.nan)], "NaN"),
    ],
)
def test_bad_input_is_explained(model, X, message):
    with pytest.raises(ValueError, match=message):
        model.fit(X)


def test_a_file_that_does_not_hold_together(pictures, tmp_path):
    for model in (BagOfVisualWords(n_words=10, n_keypoints=30), VLAD(n_words=10, n_keypoints=30)):
        model.fit(pictures)
        model.words_ = model.words_[1:]
        model.save(tmp_path / "words.safetensors")
        with pytest.raises(ValueError, match="words_ must be 10 × 128"):
            type(model).load(tmp_path / "words.safetensors")
