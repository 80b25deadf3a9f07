"""WordPiece: words cut into pieces of a fixed vocabulary, the way BERT reads."""

import heapq
import json
import os
import re
import unicodedata
from collections import Counter, defaultdict
from pathlib import Path

from embeddings.checks import check_integer
from embeddings.files import atomic_write
from embeddings.progress import progress

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PREFIX = "##"

# Words whose pieces are remembered.
REMEMBERED = 100_000

# What BERT takes for Chinese characters: the blocks of ideographs as they were in 2018.
_CHINESE = [
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B81F),
    (0x2B920, 0x2CEAF),
    (0x2F800, 0x2FA1F),
]

# Marks, punctuation and format characters that came after version 8 of Unicode, whose tables the ``tokenizers`` package
# has: it takes them for letters.
_LATER = [
    [int(end, 16) for end in (run.split("-") * 2)[:2]]
    for run in (
        "61d 7fd 890-8e2 9fd-9fe a76 afa-aff b55 c04-c3c c77 c84 d00 d3b-d3c d81 eba 180f-1886 1abf-1ace 1b7d-1b7e "
        "1df6-1dfb 2e43-2e5d a82c a8c5 a8ff a9bd 10d24-10f89 11070-11074 110c2-110cd 111cf 1123e 1133b 11438-1145e "
        "11660-1166c 116b9 1182f-11fff 12ff1-13438 16e97-16f4f 16fe2-16fe4 1cf00-1cf46 1e000-1e2ef 1e944-1e95f"
    ).split()
]
_LATER_CHARACTER = re.compile(f"([{''.join(f'{chr(a)}-{chr(b)}' for a, b in _LATER)}])")

# Capital letters that are younger than Python 3.11, and the small ones that belong to them.
_YOUNG_LETTERS = {
    **dict(zip([0x1C89, 0xA7CB, 0xA7CC, 0xA7CE, 0xA7D2], [0x1C8A, 0x264, 0xA7CD, 0xA7CF, 0xA7D3], strict=True)),
    **dict(zip([0xA7D4, 0xA7DA, 0xA7DC], [0xA7D5, 0xA7DB, 0x19B], strict=True)),
    **{c: c + 0x20 for c in range(0x10D50, 0x10D66)},
    **{c: c + 0x1B for c in range(0x16EA0, 0x16EB9)},
}


def _category(character):
    """Unicode's category as version 8 has it; "Lo" for what came later. Two characters changed theirs since."""
    if character == "\u1734":
        return "Mn"
    if character in "\u166d\U000111c9":
        return "Po"
    return "Lo" if _LATER_CHARACTER.match(character) else unicodedata.category(character)


class _Table(dict):
    """A table for ``str.translate`` that works out a character's line when it is first asked for."""

    def __init__(self, rule):
        super().__init__()
        self._rule = rule

    def __missing__(self, code):
        self[code] = line = self._rule(chr(code))
        return line


class WordPiece:
    """Cuts a text into the pieces that a BERT knows; the same ids as Hugging Face's BERT tokenizer gives.

    A text is cleaned (control characters go, every white space becomes a blank), each Chinese character and each
    punctuation mark becomes a word of its own, letters lose case and accents where the vocabulary asks for it. Of each
    word, the longest piece of the vocabulary that it begins with is taken, then the longest one that goes on from
    there, written with ``##``; a word that cannot be cut to its end is ``[UNK]``.

    Parameters
    ----------
    vocabulary : list of str
        A piece's place is its id. Has ``[UNK]``, ``[CLS]`` and ``[SEP]``.
    lowercase : bool, default True
    strip_accents : bool, optional
        By default as `lowercase`.
    chinese : bool, default True
        Whether each Chinese character is a word.
    clean : bool, default True
    unknown : str, default "[UNK]"
    max_characters : int, default 100
        Longer words are unknown.

    Examples
    --------
    >>> pieces = WordPiece(["[UNK]", "[CLS]", "[SEP]", "the", "cat", "##s", "猫"])
    >>> pieces.tokenize("The cats, 猫猫")
    ['the', 'cat', '##s', '[UNK]', '猫', '猫']
    >>> pieces.encode("The cats")
    [1, 3, 4, 5, 2]
    >>> pieces.decode([1, 3, 4, 5, 2])
    'the cats'
    """

    def __init__(
        self,
        vocabulary,
        *,
        lowercase=True,
        strip_accents=None,
        chinese=True,
        clean=True,
        unknown="[UNK]",
        max_characters=100,
    ):
        self.vocabulary = list(vocabulary)
        self.lowercase, self.strip_accents, self.chinese, self.clean = lowercase, strip_accents, chinese, clean
        self.unknown, self.max_characters = unknown, check_integer("max_characters", max_characters, minimum=1)
        for piece in self.vocabulary:
            if not isinstance(piece, str):
                raise TypeError(f"vocabulary must hold strings, got {piece!r}")
        # A piece that comes twice has its last id, as Hugging Face reads a file.
        self.ids = {piece: i for i, piece in enumerate(self.vocabulary)}
        for piece in (unknown, "[CLS]", "[SEP]"):
            if piece not in self.ids:
                raise ValueError(f"vocabulary must hold {piece!r}, got {len(self.vocabulary)} pieces without it")
        special = [piece for piece in dict.fromkeys((*SPECIAL, unknown)) if piece in self.ids]
        self._special = re.compile(f"({'|'.join(map(re.escape, special))})")
        self._first, self._second = _Table(self._clean_character), _Table(self._plain_character)
        self._ascii = _Table(lambda c: "".join(part.translate(self._second) for part in c.translate(self._first)))
        self._words = {}
        self._longest = max(map(len, self.vocabulary))

    def __len__(self):
        return len(self.vocabulary)

    # Text to words ----------------------------------------------------------------------------------------------------

    def _clean_character(self, c):
        if self.clean and (c in "\0\ufffd" or (c not in "\t\n\r" and _category(c)[0] == "C" and _is_assigned(c))):
            return ""
        if self.clean and _is_white(c):
            return " "
        if self.chinese and any(low <= ord(c) <= high for low, high in _CHINESE):
            return f" {c} "
        return c

    def _plain_character(self, c):
        if self._strips and _category(c) == "Mn":
            return ""
        if self.lowercase:
            c = chr(_YOUNG_LETTERS[ord(c)]) if ord(c) in _YOUNG_LETTERS else c.lower()
        return "".join(" " if _is_white(x) else f" {x} " if _is_punctuation(x) else x for x in c)

    @property
    def _strips(self):
        return self.lowercase if self.strip_accents is None else self.strip_accents

    def words(self, text):
        """The words of a text that holds no special piece, before they are cut.

        Examples
        --------
        >>> WordPiece(SPECIAL).words("Crème brûlée!")
        ['creme', 'brulee', '!']
        """
        if text.isascii():
            text = text.translate(self._ascii)
        else:
            text = text.translate(self._first)
            if self._strips:
                # Letters with their accents behind them; what the tables do not know stays as it is.
                parts = _LATER_CHARACTER.split(text)
                text = "".join(p if i % 2 else unicodedata.normalize("NFD", p) for i, p in enumerate(parts))
            text = text.translate(self._second)
        return [word for word in text.split(" ") if word]

    # Words to pieces --------------------------------------------------------------------------------------------------

    def _pieces_of(self, word):
        """Ids of a word's pieces."""
        found = self._words.get(word)
        if found is None:
            if len(self._words) >= REMEMBERED:
                self._words.clear()
            found = self._words[word] = self._cut(word)
        return found

    def _cut(self, word):
        unknown = (self.ids[self.unknown],)
        if len(word) > self.max_characters:
            return unknown
        pieces, start = [], 0
        while start < len(word):
            prefix = PREFIX if start else ""
            for end in range(min(len(word), start + self._longest), start, -1):
                piece = self.ids.get(prefix + word[start:end])
                if piece is not None:
                    break
            else:
                return unknown
            pieces.append(piece)
            start = end
        return tuple(pieces)

    def encode(self, text, max_length=None, special=True):
        """The ids of a text's pieces.

        Parameters
        ----------
        text : str
            Special pieces in it, such as ``[MASK]``, are themselves.
        max_length : int, optional
            What is longer is cut at its end, ``[CLS]`` and ``[SEP]`` counted.
        special : bool, default True
            Whether to put ``[CLS]`` before and ``[SEP]`` behind.

        Returns
        -------
        list of int
        """
        if not isinstance(text, str):
            raise TypeError(f"text must be a str, got a {type(text).__name__}")
        if max_length is not None:
            check_integer("max_length", max_length, minimum=2 if special else 0)
        ids = []
        for i, part in enumerate(self._special.split(text) if "[" in text or self.unknown in text else (text,)):
            if i % 2:
                ids.append(self.ids[part])
            else:
                for word in self.words(part):
                    ids += self._pieces_of(word)
        if not special:
            return ids[:max_length]
        if max_length is not None:
            ids = ids[: max_length - 2]
        return [self.ids["[CLS]"], *ids, self.ids["[SEP]"]]

    def tokenize(self, text):
        """The pieces of a text, without ``[CLS]`` and ``[SEP]``."""
        return [self.vocabulary[i] for i in self.encode(text, special=False)]

    def decode(self, ids):
        """A text of pieces: those with ``##`` joined to what stands before; special ones but ``[UNK]`` left out."""
        pieces = [self.vocabulary[i] for i in ids]
        skipped = {piece for piece in SPECIAL if piece != self.unknown}
        return " ".join(piece for piece in pieces if piece not in skipped).replace(f" {PREFIX}", "")

    # Training ---------------------------------------------------------------------------------------------------------

    @classmethod
    def train(cls, texts, vocab_size=8000, min_count=2, **options):
        """A vocabulary learned from texts: from single characters, the most frequent pair of pieces is joined until
        there are enough (Sennrich, Haddow & Birch 2016, algorithm 1).

        Parameters
        ----------
        texts : iterable of str
        vocab_size : int, default 8000
            Pieces at most, special ones counted; all characters are in it if they fit, the frequent ones first.
        min_count : int, default 2
            Rarer pairs are not joined, rarer characters are left out.
        **options
            As for :class:`WordPiece`.

        Returns
        -------
        WordPiece

        Examples
        --------
        >>> WordPiece.train(["hug hugs hug", "hugs!"], vocab_size=30, min_count=2).tokenize("Hugs hug")
        ['hugs', 'hug']
        """
        if isinstance(texts, str):
            raise TypeError("texts must be an iterable of strings, got a single str")
        check_integer("vocab_size", vocab_size, minimum=len(SPECIAL) + 1)
        check_integer("min_count", min_count, minimum=1)
        reader, counts = cls(SPECIAL, **options), Counter()
        for text in progress(texts, desc="counting words", unit="text"):
            counts.update(reader.words(text))
        words = sorted((word for word in counts if len(word) <= reader.max_characters), key=lambda w: (-counts[w], w))
        characters = Counter()
        for word in words:
            for i, c in enumerate(word):
                characters[PREFIX + c if i else c] += counts[word]
        frequent = sorted((c for c in characters if characters[c] >= min_count), key=lambda c: (-characters[c], c))
        vocabulary = [*SPECIAL, *sorted(frequent[: vocab_size - len(SPECIAL)])]
        kept = set(vocabulary)
        split = [[PREFIX + c if i else c for i, c in enumerate(word)] for word in words]
        usable = [i for i, pieces in enumerate(split) if kept.issuperset(pieces)]
        _join([split[i] for i in usable], [counts[words[i]] for i in usable], vocabulary, vocab_size, min_count)
        return cls(vocabulary, **options)

    # Files ------------------------------------------------------------------------------------------------------------

    def save(self, path):
        """Write ``vocab.txt``, a piece a line, or, for a name that ends in ``.json``, a ``tokenizer.json``.

        The first holds the pieces alone; the second, which Hugging Face's ``tokenizers`` reads, all settings, too.
        """
        if Path(path).suffix.lower() != ".json":
            with atomic_write(path, "w", encoding="utf-8", newline="\n") as file:
                file.writelines(piece + "\n" for piece in self.vocabulary)
            return
        added = [{"id": self.ids[p], "content": p, "special": True} for p in SPECIAL if p in self.ids]
        flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
        ends = [{"SpecialToken": {"id": piece, "type_id": 0}} for piece in ("[CLS]", "[SEP]")]
        single = [ends[0], {"Sequence": {"id": "A", "type_id": 0}}, ends[1]]
        content = {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [token | flags for token in added],
            "normalizer": {
                "type": "BertNormalizer",
                "clean_text": self.clean,
                "handle_chinese_chars": self.chinese,
                "strip_accents": self.strip_accents,
                "lowercase": self.lowercase,
            },
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": {
                "type": "TemplateProcessing",
                "single": single,
                "pair": [
                    *single,
                    {"Sequence": {"id": "B", "type_id": 1}},
                    {"SpecialToken": {"id": "[SEP]", "type_id": 1}},
                ],
                "special_tokens": {
                    piece: {"id": piece, "ids": [self.ids[piece]], "tokens": [piece]} for piece in ("[CLS]", "[SEP]")
                },
            },
            "decoder": {"type": "WordPiece", "prefix": PREFIX, "cleanup": True},
            "model": {
                "type": "WordPiece",
                "unk_token": self.unknown,
                "continuing_subword_prefix": PREFIX,
                "max_input_chars_per_word": self.max_characters,
                "vocab": self.ids,
            },
        }
        with atomic_write(path, "w", encoding="utf-8") as file:
            json.dump(content, file, ensure_ascii=False)

    @classmethod
    def load(cls, path, **options):
        """Read ``vocab.txt`` or ``tokenizer.json``, or the one that a folder holds.

        Parameters
        ----------
        path : path-like
            In a folder, ``tokenizer.json`` is taken if it is there; else ``vocab.txt`` with what
            ``tokenizer_config.json`` says of case and accents.
        **options
            As for :class:`WordPiece`; for a ``vocab.txt``, which says nothing of case.

        Raises
        ------
        FileNotFoundError, ValueError
            If there is no such file, or it holds no WordPiece vocabulary.
        """
        path = Path(path)
        if path.is_dir():
            if (path / "tokenizer.json").is_file():
                return cls.load(path / "tokenizer.json", **options)
            if not (path / "vocab.txt").is_file():
                raise FileNotFoundError(f"{os.fspath(path)!r} holds neither tokenizer.json nor vocab.txt")
            config = read_json(path / "tokenizer_config.json") if (path / "tokenizer_config.json").is_file() else {}
            names = {
                "lowercase": "do_lower_case",
                "strip_accents": "strip_accents",
                "chinese": "tokenize_chinese_chars",
            }
            found = {ours: config[theirs] for ours, theirs in names.items() if theirs in config}
            return cls.load(path / "vocab.txt", **{**found, **options})
        if not path.is_file():
            raise FileNotFoundError(f"there is no file {os.fspath(path)!r}")
        if path.suffix.lower() == ".json":
            return cls(**{**_read_tokenizer(path), **options})
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"{os.fspath(path)!r} is not a vocabulary in UTF-8: {error}") from error
        lines = text.split("\n")
        return cls([line.rstrip("\r") for line in (lines[:-1] if lines[-1] == "" else lines)], **options)


def _is_white(c):
    """Whether Unicode takes it for white space (Python takes some separators of data for it, too)."""
    return c.isspace() and c not in "\x1c\x1d\x1e\x1f"


def _is_assigned(c):
    return unicodedata.category(c) != "Cn"


def _is_punctuation(c):
    return (c.isascii() and c.isprintable() and not c.isalnum() and c != " ") or _category(c)[0] == "P"


def _join(words, counts, vocabulary, vocab_size, min_count):
    """Add the most frequent pairs of neighbours to the vocabulary, one by one, joining them in all words."""
    pairs, places = Counter(), defaultdict(set)
    for w, pieces in enumerate(words):
        for pair in zip(pieces, pieces[1:], strict=False):
            pairs[pair] += counts[w]
            places[pair].add(w)
    heap = [(-count, pair) for pair, count in pairs.items()]
    heapq.heapify(heap)
    known = set(vocabulary)
    with progress(total=vocab_size - len(vocabulary), desc="joining pieces", unit="piece") as bar:
        while heap and len(vocabulary) < vocab_size:
            count, pair = heapq.heappop(heap)
            if -count != pairs[pair]:
                # Its words were joined otherwise since.
                if pairs[pair] > 0:
                    heapq.heappush(heap, (-pairs[pair], pair))
                continue
            if -count < min_count:
                break
            joined = pair[0] + pair[1].removeprefix(PREFIX)
            if joined not in known:
                known.add(joined)
                vocabulary.append(joined)
                bar.update()
            changed = set()
            for w in sorted(places.pop(pair)):
                old, new, i = words[w], [], 0
                while i < len(old):
                    if i + 1 < len(old) and (old[i], old[i + 1]) == pair:
                        new.append(joined)
                        i += 2
                    else:
                        new.append(old[i])
                        i += 1
                for before in zip(old, old[1:], strict=False):
                    pairs[before] -= counts[w]
                for after in zip(new, new[1:], strict=False):
                    pairs[after] += counts[w]
                    places[after].add(w)
                    changed.add(after)
                words[w] = new
            for after in sorted(changed):
                heapq.heappush(heap, (-pairs[after], after))


def read_json(path, kind=dict):
    """The JSON object, or a list, in a file.

    Raises
    ------
    ValueError
        If there is none.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {os.fspath(path)!r}")
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{os.fspath(path)!r} is not JSON: {error}") from error
    if not isinstance(content, kind):
        raise ValueError(f"{os.fspath(path)!r} must hold a JSON {kind.__name__}, got a {type(content).__name__}")
    return content


def _read_tokenizer(path):
    """The constructor's arguments from a ``tokenizer.json``."""
    content, where = read_json(path), repr(os.fspath(path))
    try:
        model, normalizer = content["model"], content.get("normalizer") or {}
        kinds = {
            "model": (model.get("type", "WordPiece"), "WordPiece"),
            "normalizer": (normalizer.get("type"), "BertNormalizer"),
            "pre_tokenizer": ((content.get("pre_tokenizer") or {}).get("type"), "BertPreTokenizer"),
            "continuing_subword_prefix": (model.get("continuing_subword_prefix", PREFIX), PREFIX),
        }
        for part, (found, wanted) in kinds.items():
            if found != wanted:
                raise ValueError(f"{where}: {part} must be {wanted!r}, got {found!r}")
        pieces = sorted(model["vocab"].items(), key=lambda item: item[1])
        if [i for _, i in pieces] != list(range(len(pieces))):
            raise ValueError(f"{where}: the ids of {len(pieces)} pieces are not 0 to {len(pieces) - 1}")
        return {
            "vocabulary": [piece for piece, _ in pieces],
            "lowercase": normalizer.get("lowercase", True),
            "strip_accents": normalizer.get("strip_accents"),
            "chinese": normalizer.get("handle_chinese_chars", True),
            "clean": normalizer.get("clean_text", True),
            "unknown": model.get("unk_token", "[UNK]"),
            "max_characters": model.get("max_input_chars_per_word", 100),
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{where} is no tokenizer of word pieces: {type(error).__name__} {error}") from error
