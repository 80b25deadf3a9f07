"""Files of word vectors, and questions to them, beside gensim's: 400,000 vectors of 300 numbers."""

import tempfile
from pathlib import Path

import numpy as np

from benchmarks.harness import interleave, report

V, D = 400_000, 300
QUESTIONS = 20


def run(data, threads):
    """Write random vectors to a temporary folder, and read them with both."""
    from gensim.models import KeyedVectors as GensimKeyedVectors

    from embeddings.vectors import KeyedVectors

    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory(prefix="vectors-") as folder:
        text, binary = Path(folder) / "v.txt", Path(folder) / "v.bin"
        keyed = KeyedVectors([f"word{i}" for i in range(V)], rng.standard_normal((V, D), np.float32))
        keyed.save(text)
        keyed.save(binary)
        print(f"  {V:,} x {D}; text {text.stat().st_size / 1e6:,.0f} MB, binary {binary.stat().st_size / 1e6:,.0f} MB")
        del keyed
        for name, path, bar in (("text", text, 3), ("binary", binary, 1.5)):
            contestants = {
                "embeddings": lambda path=path: KeyedVectors.load(path),
                "gensim": lambda path=path: GensimKeyedVectors.load_word2vec_format(path, binary=path.suffix == ".bin"),
            }
            medians = interleave(contestants, repeats=1, threads=threads, warm_up=path is binary)
            report(f"\nload {name}", medians, path.stat().st_size / 1e6, "MB", bar)
        ours, theirs = KeyedVectors.load(binary), GensimKeyedVectors.load_word2vec_format(binary, binary=True)
        words = [f"word{i}" for i in rng.integers(0, V, QUESTIONS)]
        for word in words:
            assert [w for w, _ in ours.most_similar(word)] == [w for w, _ in theirs.most_similar(word)]
        contestants = {
            "embeddings": lambda: [ours.most_similar(word) for word in words],
            "gensim": lambda: [theirs.most_similar(word) for word in words],
        }
        report("\nmost_similar", interleave(contestants, threads=threads), QUESTIONS, "questions", 2)
