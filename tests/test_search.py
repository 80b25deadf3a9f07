"""``python -m embeddings search`` on a folder of notes."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from embeddings.cli import main
from embeddings.commands.search import rank, read_folder
from embeddings.datasets import toy_world
from embeddings.text import AverageEncoder, Doc2Vec, FastText, TfidfVectorizer
from embeddings.vectors import KeyedVectors


@pytest.fixture
def notes(tmp_path):
    folder = tmp_path / "notes"
    (folder / "pets").mkdir(parents=True)
    (folder / ".git").mkdir()
    (folder / "pets" / "cat.txt").write_text("Feed her.\nThe cat chases the mouse.\n", encoding="utf-8")
    (folder / "lunch.md").write_text("I like ham sandwiches, the best of the lot.\n", encoding="utf-8")
    (folder / "中文.txt").write_text("我喜欢火腿三明治\n猫追老鼠\n", encoding="utf-8")
    (folder / "empty.txt").write_text("")
    (folder / "picture.bin").write_bytes(b"\x89PNG\0\0cat mouse")
    (folder / "latin1.txt").write_bytes(b"caf\xe9 mouse")
    (folder / ".git" / "config").write_text("mouse mouse mouse")
    return folder


def test_the_file_that_shares_the_rare_word_wins(notes, capsys):
    assert main(["search", str(notes), "the mouse"]) == 0
    captured = capsys.readouterr()
    first = captured.out.splitlines()[:2]
    assert "pets/cat.txt:2" in first[0] and "mouse" in first[0]
    assert "The cat chases the mouse." in first[1]
    assert "4 text files searched, 2 binary or unreadable skipped" in captured.err


def test_chinese_is_found(notes, capsys):
    assert main(["search", str(notes), "火腿", "--json"]) == 0
    output = json.loads(capsys.readouterr().out)
    assert output["results"][0]["path"] == "中文.txt"
    assert output["results"][0]["words"] == ["火", "腿"] or set(output["results"][0]["words"]) == {"火", "腿"}
    assert output["results"][0]["snippet"] == "我喜欢火腿三明治"
    assert output["files"] == 4 and output["skipped"] == 2


def test_top_limits(notes, capsys):
    main(["search", str(notes), "the mouse", "--top", "1", "--json"])
    assert len(json.loads(capsys.readouterr().out)["results"]) == 1


def test_no_match_is_status_one_and_says_so(notes, capsys):
    assert main(["search", str(notes), "zebra"]) == 1
    assert "no file shares a word with 'zebra'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["search", "{}/lunch.md", "x"], "is not a folder"),
        (["search", "{}/nowhere", "x"], "is not a folder"),
        (["search", "{}", "?!"], "holds no word"),
        (["search", "{}/.git/..empty", "x"], "is not a folder"),
    ],
)
def test_errors_are_explained(notes, capsys, arguments, message):
    assert main([argument.format(notes) for argument in arguments]) == 1
    assert message in capsys.readouterr().err


def test_a_folder_without_text(tmp_path, capsys):
    (tmp_path / "x").write_bytes(b"\0")
    assert main(["search", str(tmp_path), "x"]) == 1
    assert "no readable text file (1 skipped)" in capsys.readouterr().err


def test_bad_top_is_refused(notes, capsys):
    with pytest.raises(SystemExit):
        main(["search", str(notes), "cat", "--top", "0"])
    assert "at least 1" in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_pipes_are_not_waited_for(notes):
    os.mkfifo(notes / "pipe")
    texts, skipped = read_folder(notes)
    assert "pipe" in skipped and len(texts) == 4


def test_long_lines_are_cut_around_the_match():
    (result,) = rank({"a": "word " * 100 + "needle" + " word" * 100}, "needle", top=5)
    assert "needle" in result["snippet"] and len(result["snippet"]) <= 102


@pytest.mark.parametrize("flags", ["", "-u"])
def test_as_a_process_into_a_closed_pipe(notes, flags):
    command = f"{sys.executable} {flags} -m embeddings search {notes} mouse | head -c 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=120)
    assert "Traceback" not in done.stderr and "Broken" not in done.stderr


def test_help_teaches(capsys):
    with pytest.raises(SystemExit):
        main(["search", "--help"])
    assert "python -m embeddings search ~/notes" in capsys.readouterr().out


# By meaning ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def vectors(tmp_path):
    words = ["cat", "kitten", "mouse", "ham", "sandwiches", "火", "腿", "the", "chases"]
    numbers = [[3, 1, 0], [3, 0, 1], [2, 0, 0], [0, 3, 1], [0, 3, 0], [0, 2, 1], [0, 2, 2], [0, 0, 1], [1, 0, 0]]
    KeyedVectors(words, np.array(numbers, np.float32)).save(tmp_path / "words.vec")
    return tmp_path / "words.vec"


@pytest.fixture
def little_documentation(monkeypatch):
    """A corpus of a thousand sentences in place of the real one, which takes a while."""
    sentences = toy_world(1000, language="en", seed=1).sentences
    monkeypatch.setattr("embeddings.datasets.documentation", lambda: sentences)


def found_paths(capsys):
    output = json.loads(capsys.readouterr().out)
    return [result["path"] for result in output["results"]], output


def test_a_file_of_vectors_finds_what_shares_no_word(notes, vectors, little_documentation, capsys):
    assert main(["search", str(notes), "kitten", "--json"]) == 1
    assert found_paths(capsys)[0] == []
    assert main(["search", str(notes), "kitten", "--model", str(vectors), "--json"]) == 0
    paths, output = found_paths(capsys)
    assert paths[0] == "pets/cat.txt" and output["model"] == str(vectors)
    assert output["results"][0]["snippet"] == "The cat chases the mouse." and output["results"][0]["line"] == 2
    assert output["results"][0]["words"] == [] and 0.5 < output["results"][0]["score"] <= 1
    assert "empty.txt" not in paths
    assert main(["search", str(notes), "火腿", "--model", str(vectors), "--top", "1"]) == 0
    assert "[]" not in capsys.readouterr().out.splitlines()[0]


@pytest.mark.parametrize("model", ["fasttext", "average", "doc2vec", "tfidf"])
def test_saved_models_are_told_apart(notes, vectors, little_documentation, tmp_path, capsys, model):
    path = tmp_path / "model.safetensors"
    query = "cat"
    if model == "fasttext":
        FastText(vector_size=16, min_count=1).fit(["the cat chases the mouse", "I like ham sandwiches"] * 50).save(path)
        query = "catty"  # no word of its own, but pieces
    elif model == "doc2vec":
        texts = ["the cat chases the mouse", "I like ham sandwiches"] * 50
        Doc2Vec(vector_size=16, dm=False, min_count=1, sample=0, alpha=0.1).fit(texts).save(path)
    elif model == "average":
        AverageEncoder(KeyedVectors.load(vectors)).fit(["the cat"]).save(path)
    else:
        TfidfVectorizer().fit(["the cat", "ham"]).save(path)
    assert main(["search", str(notes), query, "--model", str(path), "--json"]) == 0
    assert found_paths(capsys)[0][0] == "pets/cat.txt"


def test_average_is_trained_on_the_folder_and_the_documentation(tmp_path, little_documentation, capsys):
    (tmp_path / "pets.txt").write_text("The cat chases the mouse.\nA puppy sleeps in the barn.", encoding="utf-8")
    (tmp_path / "lunch.txt").write_text("I like cheese sandwiches for dinner.", encoding="utf-8")
    assert main(["search", str(tmp_path), "kitten hunts rodents", "--model", "average", "--json"]) == 0
    assert found_paths(capsys)[0][0] == "pets.txt"


def test_doc2vec_is_trained_on_the_folder_and_the_documentation(tmp_path, little_documentation, capsys):
    (tmp_path / "pets.txt").write_text("The cat chases the mouse. A puppy sleeps in the barn.", encoding="utf-8")
    (tmp_path / "lunch.txt").write_text("I like cheese sandwiches for dinner.", encoding="utf-8")
    # A little corpus teaches little; but the same words give the same vector.
    query = "the cat chases the mouse, a puppy sleeps in the barn"
    assert main(["search", str(tmp_path), query, "--model", "doc2vec", "--json"]) == 0
    paths, output = found_paths(capsys)
    assert paths[0] == "pets.txt" and output["results"][0]["score"] == 1
    assert main(["search", str(tmp_path), "qqq", "--model", "doc2vec"]) == 1
    assert "the model knows no word of the query" in capsys.readouterr().err


def test_a_folder_of_one_file(tmp_path, vectors, little_documentation, capsys):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "one.txt").write_text("cat", encoding="utf-8")
    assert main(["search", str(tmp_path / "folder"), "mouse", "--model", str(vectors)]) == 0
    assert "one.txt:1   []" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("query", "model", "message"),
    [
        ("cat", "averages", "--model must be one of tfidf, average"),
        ("cat", "{}/lunch.md", "lunch.md"),
        ("zebra", "{}/../words.vec", "the model knows no word of the query 'zebra'"),
        ("?!", "{}/../words.vec", "holds no word"),
    ],
)
def test_errors_of_models_are_explained(notes, vectors, little_documentation, capsys, query, model, message):
    assert main(["search", str(notes), query, "--model", model.format(notes)]) == 1
    assert message in capsys.readouterr().err


def test_nothing_near_is_status_one_and_says_so(tmp_path, vectors, little_documentation, capsys):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "one.txt").write_text("zebra", encoding="utf-8")
    assert main(["search", str(tmp_path / "folder"), "cat", "--model", str(vectors)]) == 1
    assert "no file is near 'cat'" in capsys.readouterr().err
