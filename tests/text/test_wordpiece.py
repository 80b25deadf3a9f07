"""Word pieces: the ids that Hugging Face's tokenizer gives on any text; training; files."""

import json
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings.text.wordpiece import SPECIAL, WordPiece

TEXTS = [
    "The cat chases the mouse.",
    "Crème brûlée à l'École; naïve façade — ÀÉÎÕÜ",
    "我喜欢火腿三明治 and 小猫🐈, 😀👩‍👩‍👧 ok",
    "tabs\tand\nlines\r\n\x0b\x0c\x1c\x85 \u3000\u200b\u00a0|\u2028x\ufeffy\x00z\ufffd",
    "hello[MASK]world [CLS] [SEP][UNK] [mask] [PAD]",
    "x" * 100 + " " + "x" * 101 + " " + "猫" * 5,
    "İstanbul ẞß ǅ Σίσυφος ΑΣ ﬁ ①",
    "한국어 조선말 日本語カタカナ がぎぐ ｶﾞ กำ हिन्दी עִבְרִית عَرَبِيّ",
    "don't stop-me now!? $5.00 #tag @you a_b ~x^y `q` <b>",
    "\u0e33\u1734\u166d\U000111c9\u0d00\u061d\U00011938\ua7cb\U00010d50\u302e\u0301 a\u0301\u0323\u302a",
    "",
    "   ",
]

pieces = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
likely = st.text(st.sampled_from("aAbéÉ猫 鼠\t\n\u3000.,!-'$İßσΣ\u0301\u200d🐈\ufffd\x00\x1f\x85[]MASK#"), max_size=40)


def vocabulary():
    """Pieces of all sorts: characters of the texts, alone and going on, and some words."""
    characters = sorted({c for text in TEXTS for x in (text, text.lower()) for c in x if not c.isspace()})
    words = ["the", "cat", "##s", "creme", "hello", "world", "##or", "##ld", "wo", "xx", "##xx"]
    return [*SPECIAL, *words, *(c for c in characters), *(f"##{c}" for c in characters if c.isalpha())]


def theirs(options):
    from tokenizers import BertWordPieceTokenizer

    return BertWordPieceTokenizer(
        {piece: i for i, piece in enumerate(dict.fromkeys(vocabulary()))},
        lowercase=options["lowercase"],
        strip_accents=options["strip_accents"],
        handle_chinese_chars=options.get("chinese", True),
        clean_text=options.get("clean", True),
    )


SETTINGS = [
    {"lowercase": True, "strip_accents": None},
    {"lowercase": False, "strip_accents": None},
    {"lowercase": False, "strip_accents": True},
    {"lowercase": True, "strip_accents": False, "chinese": False, "clean": False},
]
each_setting = pytest.mark.parametrize("options", SETTINGS, ids=["uncased", "cased", "accents", "plain"])


@pytest.mark.peer("tokenizers")
@each_setting
def test_ids_are_those_of_tokenizers(options):
    ours, ref = WordPiece(list(dict.fromkeys(vocabulary())), **options), theirs(options)
    for text in TEXTS:
        assert ours.encode(text) == ref.encode(text).ids, text
        assert ours.tokenize(text) == ref.encode(text, add_special_tokens=False).tokens

    @settings(max_examples=300)
    @given(pieces | likely)
    def check(text):
        assert ours.encode(text) == ref.encode(text).ids
        assert ours.words(text) == [
            w for w, _ in ref.pre_tokenizer.pre_tokenize_str(ref.normalizer.normalize_str(text))
        ]

    check()


@pytest.mark.peer("tokenizers")
@each_setting
def test_every_character_of_unicode_is_read_alike(options):
    ours, ref = WordPiece(list(dict.fromkeys(vocabulary())), **options), theirs(options)
    for first in range(0, sys.maxunicode + 1, 4096):
        codes = [c for c in range(first, first + 4096) if not 0xD800 <= c < 0xE000]
        if not codes:
            continue
        # A letter on both sides of each, and a bar that no rule joins with anything.
        text = "".join(f"|a{chr(c)}b" for c in codes)
        normal = ref.normalizer.normalize_str(text)
        assert ours.words(text) == [word for word, _ in ref.pre_tokenizer.pre_tokenize_str(normal)], hex(first)


def test_by_hand():
    cut = WordPiece([*SPECIAL, "un", "##aff", "##able", "##ab", "a"])
    assert cut.tokenize("unaffable") == ["un", "##aff", "##able"]
    assert cut.tokenize("unaffabled A") == ["[UNK]", "a"]  # not cut to its end: unknown as a whole
    assert cut.encode("unaffable", max_length=4) == [2, 5, 6, 3]
    assert cut.encode("a a a", max_length=2, special=False) == [9, 9]
    assert cut.decode(cut.encode("unaffable a")) == "unaffable a"


def test_training_joins_what_is_frequent():
    texts = ["low low low low low lower lower", "newest newest newest newest newest newest widest widest widest"]
    learned = WordPiece.train(texts, vocab_size=60)
    assert learned.tokenize("low newest lowest") == ["low", "newest", "low", "##est"]
    assert learned.vocabulary[:5] == list(SPECIAL)
    assert WordPiece.train(texts, vocab_size=60).vocabulary == learned.vocabulary
    # In what order pairs are joined: "##es" and "##est" first, 9 times each.
    joined = [piece for piece in learned.vocabulary if len(piece.removeprefix("##")) > 1 and piece not in SPECIAL]
    assert joined[:2] == ["##es", "##est"]
    assert len(WordPiece.train(texts, vocab_size=20)) == 20
    assert "[UNK]" not in learned.tokenize("wider") and learned.tokenize("z") == ["[UNK]"]


@pytest.mark.peer("tokenizers")
def test_files_are_read_by_us_and_by_them(tmp_path):
    from tokenizers import Tokenizer

    ours = WordPiece(list(dict.fromkeys(vocabulary())), lowercase=False, max_characters=30)
    ours.save(tmp_path / "tokenizer.json")
    ours.save(tmp_path / "vocab.txt")
    ref, again = Tokenizer.from_file(str(tmp_path / "tokenizer.json")), WordPiece.load(tmp_path)
    plain = WordPiece.load(tmp_path / "vocab.txt", lowercase=False, max_characters=30)
    for text in TEXTS:
        assert ours.encode(text) == again.encode(text) == plain.encode(text) == ref.encode(text).ids
    (tmp_path / "tokenizer.json").unlink()
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": false, "tokenize_chinese_chars": false}')
    cased = WordPiece.load(tmp_path)
    assert not cased.lowercase and not cased.chinese and cased.vocabulary == ours.vocabulary


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["model"].update(type="BPE"), "model must be 'WordPiece', got 'BPE'"),
        (lambda c: c.update(normalizer={"type": "NFC"}), "normalizer must be 'BertNormalizer', got 'NFC'"),
        (lambda c: c.update(pre_tokenizer=None), "pre_tokenizer must be 'BertPreTokenizer', got None"),
        (lambda c: c["model"]["vocab"].update(x=99), "ids of 6 pieces are not 0 to 5"),
        (lambda c: c.pop("model"), "no tokenizer of word pieces"),
        (lambda c: c["model"].update(vocab=[1]), "no tokenizer of word pieces"),
    ],
)
def test_other_tokenizers_are_refused(change, message, tmp_path):
    path = tmp_path / "tokenizer.json"
    WordPiece(SPECIAL).save(path)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=message):
        WordPiece.load(path)


def test_bad_input_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"must hold '\[UNK\]'"):
        WordPiece(["[CLS]", "[SEP]"])
    with pytest.raises(TypeError, match="vocabulary must hold strings, got 3"):
        WordPiece([3])
    with pytest.raises(TypeError, match="text must be a str, got a list"):
        WordPiece(SPECIAL).encode(["a"])
    with pytest.raises(ValueError, match="max_length must be at least 2, got 1"):
        WordPiece(SPECIAL).encode("a", max_length=1)
    with pytest.raises(TypeError, match="single str"):
        WordPiece.train("a text")
    with pytest.raises(FileNotFoundError, match="neither tokenizer.json nor vocab.txt"):
        WordPiece.load(tmp_path)
    (tmp_path / "vocab.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="not a vocabulary in UTF-8"):
        WordPiece.load(tmp_path / "vocab.txt")
    (tmp_path / "tokenizer.json").write_text("[")
    with pytest.raises(ValueError, match="is not JSON"):
        WordPiece.load(tmp_path)
