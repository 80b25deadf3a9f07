import numpy as np

from kernels.tokenize import ASCII_WORDS, IDEOGRAPH, TILE, WORD

LETTERS = "abcxyzABC019_éßñΣж"
IDEOGRAPHS = "猫鼠𠀀"


def classes():
    table = np.zeros(0x110000, np.uint8)
    table[ASCII_WORDS] = WORD
    for character in LETTERS:
        table[ord(character)] = WORD
    for character in IDEOGRAPHS:
        table[ord(character)] = IDEOGRAPH
    return table


def pack(documents):
    encoded = [document.encode("utf-8", "surrogatepass") + b"\n" for document in documents]
    offsets = np.concatenate([[0], np.cumsum([len(e) for e in encoded])]).astype(np.int64)
    return np.frombuffer(b"".join(encoded), np.uint8), offsets


def case(documents, min_length=1, known=(), grow=True):
    utf8, offsets = pack(documents)
    words = [word.encode() for word in known]
    word_offsets = np.concatenate([[0], np.cumsum([len(w) for w in words])]).astype(np.int64)
    return utf8, offsets, classes(), min_length, np.frombuffer(b"".join(words), np.uint8), word_offsets, grow


def random_documents(seed, N, longest):
    rng = np.random.default_rng(seed)
    characters = np.array(list(LETTERS + IDEOGRAPHS + "  .-—\n\0\ud800🙂"))
    return ["".join(rng.choice(characters, rng.integers(0, longest))) for _ in range(N)]


def boundary(end):
    """Documents in which `end` falls on, or one byte around, the end of a tile."""
    return [" " * (TILE - 4) + "ab" + " " * shift + end + "xyz " + end for shift in range(6)]


def words_case(words, known=(), grow=True):
    encoded = [word.encode("utf-8", "surrogatepass") for word in known]
    offsets = np.concatenate([[0], np.cumsum([len(w) for w in encoded])]).astype(np.int64)
    utf8 = b"".join(word.encode("utf-8", "surrogatepass") + b"\0" for word in words)
    return np.frombuffer(utf8, np.uint8), np.frombuffer(b"".join(encoded), np.uint8), offsets, grow


CASES = {
    "NUMBER_IMPLEMENTATIONS": {
        "several": lambda: words_case(["the", "cat.", "the", "", "猫 x", "", "\ud800", "a" * 16, "a" * 17, "a" * 17]),
        "some known": lambda: words_case(["a", "b", "", "b" * 20, "c"], known=["b", "b" * 20], grow=False),
        "more than two tiles": lambda: words_case([f"word {i % 5000}" * (1 + i % 3) for i in range(9500)], known=["x"]),
        "no word": lambda: words_case([]),
        "no word, some known": lambda: words_case([], known=["x"]),
    },
    "IMPLEMENTATIONS": {
        "several": lambda: case(["abc xyz abc", "", "猫鼠 a猫b", "ABC"]),
        "random": lambda: case(random_documents(1, 40, 300)),
        "random, over many tiles": lambda: case(random_documents(2, 3, 20_000)),
        "random, three characters at least": lambda: case(random_documents(3, 40, 300), min_length=3),
        "long words": lambda: case(["abcxyzABC019_abcxyz" * k + " " + "é" * k for k in range(1, 9)] * 2),
        "a word longer than two tiles": lambda: case(["x" * (2 * TILE + 5) + " y", "x" * (2 * TILE + 6)]),
        "some known": lambda: case(["abc xyz 猫 abcabcabcabcabcabca a"], known=["xyz", "猫", "a" * 20], grow=False),
        "known and growing": lambda: case(random_documents(4, 9, 90), known=["abc", "猫", "ß"]),
        "many words": lambda: case([" ".join(f"{a}x{b}" for a in range(300) for b in range(190, 300))]),
        **{f"{end!r} at a tile's end": lambda end=end: case(boundary(end)) for end in ("é", "猫", "𠀀", "b", "\ud800")},
        "no document": lambda: case([]),
        "empty documents": lambda: case(["", ""]),
    },
}
