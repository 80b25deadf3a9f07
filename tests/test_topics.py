"""``python -m embeddings topics`` on a folder of texts."""

import json

import numpy as np
import pytest

from embeddings.cli import main
from embeddings.text import LatentDirichletAllocation

KINDS = {
    "music": "drum flute violin piano guitar song".split(),
    "food": "ham soup bread cheese tea salt".split(),
    "动物": list("猫狗鼠鸟鱼马"),
}


@pytest.fixture
def folder(tmp_path):
    """Nine files, three of each kind, with "the" in all of them; a picture."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "texts"
    for kind, words in KINDS.items():
        (folder / kind).mkdir(parents=True)
        for i in range(3):
            text = " ".join(f"the {word}" for word in rng.choice(words, 40))
            (folder / kind / f"{i}.txt").write_text(text, encoding="utf-8")
    (folder / "picture.bin").write_bytes(b"\x89PNG\0\0drum drum")
    return folder


def topics(capsys, *command):
    assert main(["topics", *map(str, command), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_every_kind_is_a_topic_with_its_files(folder, capsys):
    found = topics(capsys, folder, "-k", "3", "--words", "6")
    assert found["files"] == found["documents"] == 9 and found["skipped"] == ["picture.bin"]
    assert {frozenset(topic["words"]) for topic in found["topics"]} == set(map(frozenset, KINDS.values()))
    for topic in found["topics"]:
        assert len({name.split("/")[0] for name in topic["files"]}) == 1 and len(topic["files"]) == 3
    shares = [topic["share"] for topic in found["topics"]]
    assert shares == sorted(shares, reverse=True) and sum(shares) == pytest.approx(1, abs=1e-3)


def test_text_output(folder, capsys):
    assert main(["topics", str(folder), "-k", "3", "--words", "4"]) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert len(lines) == 6 and lines[0].split()[0].endswith("%") and len(lines[0].split()) == 5
    assert ".txt (" in lines[1] and "the" not in captured.out.split()
    assert "9 text files, 1 binary or unreadable skipped" in captured.err


def test_the_limit_on_common_words_can_be_lifted(folder, capsys):
    found = topics(capsys, folder, "-k", "1", "--words", "1", "--max-df", "1")
    assert list(found["topics"][0]["words"]) == ["the"]


def test_paragraphs_are_documents(tmp_path, capsys):
    rng = np.random.default_rng(0)
    pieces = [" ".join(rng.choice(words, 20)) for _ in range(20) for words in KINDS.values()]
    (tmp_path / "book.txt").write_text("\n\n".join(pieces), encoding="utf-8")
    (tmp_path / "empty.txt").write_text("")
    found = topics(capsys, tmp_path, "-k", "3", "--words", "6", "--paragraphs")
    assert found["documents"] == 61 and found["files"] == 2
    assert {frozenset(topic["words"]) for topic in found["topics"]} == set(map(frozenset, KINDS.values()))


def test_the_model_is_written(folder, tmp_path, capsys):
    path = tmp_path / "model.safetensors"
    found = topics(capsys, folder, "-k", "3", "-o", path, "--epochs", "20")
    model = LatentDirichletAllocation.load(path)
    assert model.n_components == 3
    words = [[word for word, _ in topic] for topic in model.top_words(10)]
    assert sorted(words) == sorted(list(topic["words"]) for topic in found["topics"])


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["{f}", "-k", "0"], "n_components must be at least 1"),
        (["{f}", "--words", "0"], "--words must be at least 1"),
        (["{f}", "--max-df", "2"], "max_df must be at most 1"),
        (["{f}", "--max-df", "0.01"], "raise max_df"),
        (["{f}", "--min-count", "999"], "lower min_count"),
        (["{f}", "-o", "{f}/no/x"], "there is no folder"),
        (["{f}/gone"], "is not a folder"),
        (["{f}/nothing"], "holds no readable text file"),
    ],
)
def test_mistakes_are_explained(folder, capsys, command, message):
    (folder / "nothing").mkdir()
    assert main(["topics", *(part.format(f=folder) for part in command)]) == 1
    assert message in capsys.readouterr().err


def test_ctrl_c_shows_the_topics_so_far(folder, capsys, monkeypatch):
    def fit(self, X):
        original(self.set_params(epochs=1), X)
        raise KeyboardInterrupt

    original = LatentDirichletAllocation.fit
    monkeypatch.setattr(LatentDirichletAllocation, "fit", fit)
    assert main(["topics", str(folder), "-k", "3"]) == 130
    captured = capsys.readouterr()
    assert "stopped; these are the topics so far" in captured.err and len(captured.out.splitlines()) == 6


def test_help_has_examples(capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["topics", "--help"])
    assert exit_.value.code == 0 and "topics ~/notes -k 20" in capsys.readouterr().out
