"""Words of every kind for the subword kernel."""

import numpy as np

from embeddings.files import pack_strings


def words(*texts, min_n=3, max_n=6, bucket=2_000_000, n_words=7):
    def case():
        utf8, offsets = pack_strings(texts)
        return utf8, offsets, min_n, max_n, bucket, n_words

    return case


def bytes_that_are_not_utf8():
    utf8 = np.array([0x80, 0xFF, 0xC3, 0x28, 0xA0], dtype=np.uint8)
    return utf8, np.array([0, 2, 5], dtype=np.int64), 1, 4, 101, 0


CASES = {
    "IMPLEMENTATIONS": {
        "english": words("cat", "kitten", "where", "a"),
        "chinese_and_accents": words("小猫", "三明治", "café", "naïveté", "😀x"),
        "single_characters_too": words("a", "猫", "ab", min_n=1, max_n=3, bucket=17),
        "empty_word": words("", "x", "", min_n=1, max_n=2),
        "no_words": words(),
        "no_ngrams": words("a", "b", min_n=5, max_n=6),
        "not_utf8": bytes_that_are_not_utf8,
    }
}
