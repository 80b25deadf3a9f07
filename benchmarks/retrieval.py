"""The source of a crop, a turned or a re-lit copy among scikit-image's pictures: SIFT, visual words, VLAD, HOG."""

import time

import numpy as np

BAR = 0.95


def run(data, threads):
    """How often the right source comes first, and seconds per query."""
    from embeddings.datasets import images
    from embeddings.image import HOG, VLAD, BagOfVisualWords
    from embeddings.similarity import cosine_similarity

    pictures = {name: smaller(picture) for name, picture in images().items()}
    altered = [(i, kind, copy) for i, p in enumerate(pictures.values()) for kind, copy in copies(p, i)]
    print(f"\n{len(pictures)} pictures, {len(altered)} altered copies: share whose source comes first")
    found = {"SIFT, matches": by_matches(pictures, altered)}
    for name, model in (
        ("visual words", BagOfVisualWords()),
        ("VLAD", VLAD(n_words=32)),
        ("HOG, 128 × 128", HOG(size=(128, 128))),
    ):
        vectors = model.fit_transform(list(pictures.values()))
        start = time.perf_counter()
        scores = cosine_similarity(model.transform([copy for _, _, copy in altered]), vectors)
        found[name] = scores.argmax(axis=1), time.perf_counter() - start
    sources = np.array([i for i, _, _ in altered])
    kinds = np.array([kind for _, kind, _ in altered])
    for name, (first, seconds) in found.items():
        right = first == sources
        parts = "".join(f"  {kind} {right[kinds == kind].mean():.3f}" for kind in dict.fromkeys(kinds))
        promised = name in ("SIFT, matches", "visual words")
        bar = f"   (bar {BAR}: {'reached' if right.mean() >= BAR else 'NOT reached'})" if promised else ""
        print(f"  {name:<18}{right.mean():.3f} {parts}   {1e3 * seconds / len(sources):6.1f} ms a query{bar}")


def smaller(picture):
    """At most 512 pixels high and wide."""
    from embeddings.image.io import shrink

    return shrink(picture, 512)


def copies(picture, seed):
    """A crop, turned copies and copies in another light, without what lies outside the picture."""
    from embeddings.image.checks import grey
    from embeddings.image.repeatability import changed

    rng = np.random.default_rng(seed)
    height, width = picture.shape[:2]
    light = grey(picture)
    for _ in range(2):
        y, x = rng.integers(0, height // 3 + 1), rng.integers(0, width // 3 + 1)
        yield "crop", light[y : y + 2 * height // 3, x : x + 2 * width // 3]
        turn = rng.uniform(-np.pi, np.pi)
        yield "rotation", changed(light, np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]))[0]
        yield "light", np.clip(light ** rng.uniform(0.6, 1.6) * rng.uniform(0.5, 1) + rng.uniform(0, 0.2), 0, 1)


def by_matches(pictures, altered):
    """The picture that most keypoints of each copy belong to."""
    from embeddings.image import SIFT, votes

    detector = SIFT(n_keypoints=500, contrast=0.01, root=True)
    known = [detector.detect_and_compute(picture)[1] for picture in pictures.values()]
    start = time.perf_counter()
    first = []
    for _, _, copy in altered:
        descriptors = detector.detect_and_compute(copy)[1]
        first.append(int(np.argmax(votes(descriptors, known))))
    return np.array(first), time.perf_counter() - start
