"""``python -m embeddings embed`` and ``search`` with networks that read sentences."""

import io
import json

import numpy as np
import pytest

from embeddings.cli import main
from embeddings.commands import embed
from embeddings.text import (
    BERT,
    AverageEncoder,
    RecurrentEncoder,
    TextCNN,
    TfidfVectorizer,
    TransformerEncoder,
    sentence_encoder,
)
from embeddings.vectors import KeyedVectors

LINES = ["the cat chases the mouse", "", "I like ham, 火腿"]


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "bert.safetensors"
    BERT(vector_size=8, n_layers=1, n_heads=2, vocab_size=60, epochs=1).fit(LINES).save(path)
    return path


ENCODERS = {
    "recurrent": lambda: RecurrentEncoder("gru", 8, 8, epochs=2).fit_pairs(LINES * 4, LINES * 4),
    "convolutions": lambda: TextCNN((2,), 8, 8, epochs=2).fit(LINES * 4, ["pet", "none", "food"] * 4),
    "attention": lambda: TransformerEncoder(1, 2, 8, pooling="cls", epochs=2).fit(LINES * 4),
}


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    """A saved file of each sentence encoder, each fitted in another way."""
    folder = tmp_path_factory.mktemp("encoders")
    for name, make in ENCODERS.items():
        make().save(folder / name)
    return folder


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


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("workers", ["1", "2"])
def test_sentence_encoders_embed(name, workers, encoders, sentences, tmp_path, monkeypatch):
    monkeypatch.setattr(embed, "LINES", 2)
    path, out = encoders / name, tmp_path / "v.npy"
    assert main(["embed", str(sentences), "--model", str(path), "--output", str(out), "--workers", workers]) == 0
    model = embed.load_model(path)
    np.testing.assert_allclose(np.load(out), model.transform(LINES), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ENCODERS)
def test_search_with_sentence_encoders(name, encoders, tmp_path, capsys):
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "pets.txt").write_text("Feed her.\n\nthe cat chases the mouse\n", encoding="utf-8")
    (notes / "lunch.txt").write_text("I like ham\n", encoding="utf-8")
    (notes / "strange.txt").write_text("zebra, zebra\n", encoding="utf-8")
    search = ["search", str(notes), "the cat chases the mouse", "--model", str(encoders / name), "--json"]
    assert main(search) == 0
    results = json.loads(capsys.readouterr().out)["results"]
    assert (results[0]["path"], results[0]["line"], results[0]["score"]) == ("pets.txt", 3, 1)
    assert "strange.txt" not in [result["path"] for result in results]
    assert main([*search[:2], "zebra", *search[3:]]) == 1
    assert "the model knows no word of the query 'zebra'" in capsys.readouterr().err


@pytest.mark.parametrize("name", ENCODERS)
def test_long_lines_are_read_few_at_a_time(name, encoders, monkeypatch):
    texts = [" ".join(LINES[0].split()[i % 5] for i in range(n)) for n in (40, 3, 0, 17, 40, 1, 8)]
    model = embed.load_model(encoders / name)
    expected, read = model.transform(texts), []
    encode = model.network_.encode

    def watched(x, lengths):
        read.append(x.size)
        return encode(x, lengths)

    monkeypatch.setattr(sentence_encoder, "READ_WORDS", 50)
    monkeypatch.setattr(model.network_, "encode", watched)
    np.testing.assert_allclose(np.concatenate(list(model.stream(texts))), expected, rtol=1e-5, atol=1e-6)
    assert max(read) <= 50 and len(read) > 2


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
