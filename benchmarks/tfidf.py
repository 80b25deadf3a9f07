"""TfidfVectorizer.fit_transform beside scikit-learn's: time, identical matrices, peak memory."""

import numpy as np

from benchmarks.harness import imdb_reviews, interleave, peak_memory, report

# Each side is imported where it is used, so that a process whose memory is measured holds one of them alone.

# (options, promised ratio)
SETTINGS = [({}, 10), ({"ngram_range": (1, 2), "min_df": 2}, 8)]
REVIEWS = 20_000


def run(data, threads):
    """Compare on the IMDb reviews, if they are there, and on the documentation corpus."""
    from sklearn.feature_extraction.text import TfidfVectorizer as SklearnTfidfVectorizer

    from embeddings.datasets import documentation
    from embeddings.text import TfidfVectorizer
    from embeddings.text.tokenizer import TOKEN_PATTERN

    corpora = {"documentation": documentation()}
    reviews = imdb_reviews(data, "unsup", REVIEWS)
    if reviews is not None:
        corpora = {f"the first {REVIEWS:,} unlabelled IMDb reviews": reviews, **corpora}
    for corpus, texts in corpora.items():
        megabytes = sum(len(text.encode()) for text in texts) / 1e6
        for options, bar in SETTINGS:
            results = {}

            def fit(name, model, results=results, texts=texts):
                results[name] = (model, model.fit_transform(texts))

            medians = interleave(
                {
                    "embeddings": lambda fit=fit, o=options: fit("ours", TfidfVectorizer(**o)),
                    "scikit-learn": lambda fit=fit, o=options: fit(
                        "theirs", SklearnTfidfVectorizer(token_pattern=TOKEN_PATTERN, **o)
                    ),
                },
                threads=threads,
            )
            assert_identical(*results["ours"], *results["theirs"])
            report(
                f"\nTF-IDF {options or 'of single words'}, {corpus}, {megabytes:.1f} MB", medians, megabytes, "MB", bar
            )
            if corpus != "documentation":
                theirs = {"token_pattern": TOKEN_PATTERN, **options}
                for name, function, opts in (("embeddings", fit_ours, options), ("scikit-learn", fit_theirs, theirs)):
                    peak, growth = peak_memory(function, data, opts, REVIEWS, warm_up=(data, opts, 100))
                    print(f"  {name}: peak memory {peak:.0f} MB, {growth:.0f} MB of it after loading the library")


def assert_identical(model, matrix, ref_model, ref_matrix):
    """The same terms in the same order, and the same numbers to 1e-12."""
    assert model.get_feature_names_out().tolist() == ref_model.get_feature_names_out().tolist()
    ref_matrix.sort_indices()
    np.testing.assert_array_equal(matrix.indptr, ref_matrix.indptr)
    np.testing.assert_array_equal(matrix.indices, ref_matrix.indices)
    np.testing.assert_allclose(matrix.data, ref_matrix.data, rtol=0, atol=1e-12)


def fit_ours(data, options, limit):
    """What a process does whose memory is measured."""
    from embeddings.text import TfidfVectorizer

    TfidfVectorizer(**options).fit_transform(imdb_reviews(data, "unsup", limit))


def fit_theirs(data, options, limit):
    """The same with scikit-learn."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    TfidfVectorizer(**options).fit_transform(imdb_reviews(data, "unsup", limit))
