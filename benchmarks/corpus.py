"""Reading a text file: vocabulary and numbers beside gensim's build_vocab, and the memory of training from it."""

import tempfile
from pathlib import Path

from benchmarks.harness import imdb_reviews, interleave, peak_memory, report

MIN_COUNT = 5


def run(data, threads):
    """Write all IMDb reviews, or the documentation corpus, to a file of one text a line, and read it with both."""
    from gensim.models import Word2Vec as GensimWord2Vec
    from gensim.models.word2vec import LineSentence

    from embeddings.datasets import documentation
    from embeddings.text import tokenize
    from embeddings.text.corpus import Corpus

    texts = imdb_reviews(data) or documentation()
    with tempfile.TemporaryDirectory(prefix="corpus-") as folder:
        path = Path(folder) / "corpus.txt"
        path.write_text("\n".join(" ".join(tokenize(text.replace("<br />", " "))) for text in texts), encoding="utf-8")
        megabytes = path.stat().st_size / 1e6
        del texts
        found = {}

        def ours():
            found["embeddings"] = set(Corpus.encode(path, MIN_COUNT).words)

        def theirs(**corpus):
            model = GensimWord2Vec(min_count=MIN_COUNT)
            model.build_vocab(**corpus)
            found["gensim"] = set(model.wv.key_to_index)

        medians = interleave(
            {
                "embeddings: words and numbers": ours,
                "gensim: build_vocab(corpus_file=…)": lambda: theirs(corpus_file=str(path)),
                "gensim: build_vocab(LineSentence)": lambda: theirs(corpus_iterable=LineSentence(str(path))),
            },
            repeats=3,
            threads=threads,
        )
        # gensim cuts texts of more than 10,000 words, which no word is lost by here.
        assert found["embeddings"] == found["gensim"]
        report(f"\nvocabulary and encoding of a text file of {megabytes:.0f} MB", medians, megabytes, "MB", 5)
        small = Path(folder) / "small.txt"
        small.write_text("the cat chases the mouse\n" * 100, encoding="utf-8")
        for name in ("Word2Vec", "GloVe", "FastText"):
            peak, growth = peak_memory(fit, name, path, threads, warm_up=(name, small, threads))
            reached = "reached" if peak < 600 else "NOT reached"
            print(
                f"  {name} from that path: peak memory {peak:.0f} MB, {growth:.0f} MB of it after loading the library"
            )
            print(f"    (bar 600 MB: {reached})", flush=True)


def fit(name, path, threads):
    """What a process does whose memory is measured: one epoch."""
    import embeddings.text

    getattr(embeddings.text, name)(min_count=MIN_COUNT, epochs=1, workers=threads).fit(path)
