"""``python -m embeddings embed`` and ``search`` with a BERT."""

import io
import json

import numpy as np
import pytest

from embeddings.cli import main
from embeddings.commands import embed
from embeddings.text import BERT, AverageEncoder, TfidfVectorizer
from embeddings.vectors import KeyedVectors

LINES = ["the cat chases the mouse", "", "I like ham, 火腿"]


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "bert.safetensors"
    BERT(vector_size=8, n_layers=1, n_heads=2, vocab_size=60, epochs=1).fit(LINES).save(path)
    return path


@pytest.fixture
def sentences(tmp_path):
    path = tmp_path / "sentences.txt"
    path.write_text("\n".join(LINES) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", ["npy", "tsv", "jsonl"])
@pytest.mark.parametrize("together", [1, 1024])
def test_every_line_has_its_vector(kind, together, bert, sentences, tmp_path, monkeypatch):
    monkeypatch.setattr(embed, "LINES", together)
    out = tmp_path / f"vectors.{kind}"
    assert main(["embed", str(sentences), "--model", str(bert), "--output", str(out)]) == 0
    expected = BERT.load(bert).transform(LINES)
    if kind == "npy":
        found = np.load(out, mmap_mode="r")
        assert found.dtype == np.float32 and np.array_equal(found, expected)
    elif kind == "tsv":
        np.testing.assert_allclose(np.loadtxt(out, delimiter="\t"), expected, rtol=1e-6)
    else:
        rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
        assert [row["text"] for row in rows] == LINES
        np.testing.assert_allclose([row["vector"] for row in rows], expected, rtol=1e-6)


def test_standard_input_to_standard_output(bert, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("a cat\nham"))
    assert main(["embed", "-", "--model", str(bert), "--workers", "2"]) == 0
    assert [json.loads(line)["text"] for line in capsys.readouterr().out.splitlines()] == ["a cat", "ham"]


def test_other_models_and_no_lines(sentences, tmp_path):
    path, out = tmp_path / "average.safetensors", tmp_path / "v.npy"
    AverageEncoder(KeyedVectors(["cat"], np.ones((1, 3)))).fit(["cat"]).save(path)
    assert main(["embed", str(sentences), "--model", str(path), "--output", str(out)]) == 0
    assert np.load(out).tolist() == [[1, 1, 1], [0, 0, 0], [0, 0, 0]]
    sentences.write_text("")
    assert main(["embed", str(sentences), "--model", str(path), "--output", str(out)]) == 0
    assert np.load(out).size == 0


def test_what_is_wrong_is_said(bert, sentences, tmp_path, capsys):
    TfidfVectorizer().fit(LINES).save(tmp_path / "tfidf.safetensors")
    (tmp_path / "latin1.txt").write_bytes(b"caf\xe9\n")
    for arguments, message in (
        ([str(sentences), "--model", str(bert), "--output", "v.csv"], "--output must end in one of .npy"),
        ([str(sentences), "--model", "nothing"], "neither a folder nor a file 'nothing'"),
        ([str(sentences), "--model", str(tmp_path / "tfidf.safetensors")], "got TfidfVectorizer"),
        ([str(sentences), "--model", str(sentences)], "got a file that no save() wrote"),
        ([str(tmp_path / "latin1.txt"), "--model", str(bert)], "is not UTF-8"),
        ([str(sentences), "--model", str(tmp_path)], "holds no config.json"),
    ):
        assert main(["embed", *arguments]) == 1
        assert message in capsys.readouterr().err


def test_search_reads_line_by_line(bert, tmp_path, capsys):
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "pets.txt").write_text("Feed her.\n\nthe cat chases the mouse\n", encoding="utf-8")
    (notes / "lunch.txt").write_text("I like ham\n", encoding="utf-8")
    assert main(["search", str(notes), "the cat chases the mouse", "--model", str(bert), "--json"]) == 0
    first = json.loads(capsys.readouterr().out)["results"][0]
    assert (first["path"], first["line"], first["snippet"]) == ("pets.txt", 3, "the cat chases the mouse")
    assert first["score"] == 1 and first["words"] == ["the", "cat", "chases", "mouse"]
    assert main(["search", str(notes), "cat", "--model", str(notes)]) == 1
    assert "holds no config.json" in capsys.readouterr().err
