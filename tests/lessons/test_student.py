"""The learner's commands, typed as a learner types them."""

import io
import json
import os
import subprocess
import sys
import time

import pytest

from lessons.__main__ import main
from lessons.catalogue import ROOT
from lessons.desk import student
from lessons.desk.exercise import find_exercise


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.setattr(student, "DESK", tmp_path / "my_exercises")
    return tmp_path / "my_exercises"


def solve(path, *functions):
    """Put the solutions of some functions into the learner's copy."""
    exercise = find_exercise("03")
    sources = "\n\n\n".join(exercise.source_of(name) for name in functions)
    path.write_text(path.read_text(encoding="utf-8") + "\n\n# %%\n" + sources, encoding="utf-8")


def test_from_start_to_progress(desk, capsys):
    assert main(["start", "3"]) == 0
    path = desk / "03_tfidf.py"
    assert "term_frequency, inverse_document_frequency" in capsys.readouterr().out
    assert main(["check", "03"]) == 1
    out = capsys.readouterr().out
    assert "0 of 10 points" in out and "still to write: fill an (N, V) array" in out
    solve(path, "term_frequency", "search")
    assert main(["check", "03"]) == 1
    out = capsys.readouterr().out
    assert "✓ search" in out and "4 of 10 points" in out
    assert main(["progress"]) == 0
    assert "03_tfidf 4 of 10 2 of 4" in " ".join(capsys.readouterr().out.split())
    solve(path, "inverse_document_frequency", "tfidf")
    assert main(["check", "03"]) == 0
    assert main(["hint", "03"]) == 0
    assert "everything is right already" in capsys.readouterr().out


def test_start_never_overwrites(desk, capsys):
    main(["start", "01"])
    (desk / "01_one_hot.py").write_text("my work", encoding="utf-8")
    assert main(["start", "01"]) == 1
    assert "stays as it is" in capsys.readouterr().out
    assert (desk / "01_one_hot.py").read_text(encoding="utf-8") == "my work"


def test_a_notebook_is_checked_like_a_script(desk, capsys):
    assert main(["start", "03", "--notebook"]) == 0
    path = desk / "03_tfidf.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if "def search" in "".join(cell["source"]):
            cell["source"] = "%matplotlib inline\n!ls\n" + find_exercise("03").source_of("search")
    path.write_text(json.dumps(notebook), encoding="utf-8")
    assert main(["check", "03"]) == 1
    out = capsys.readouterr().out
    assert "✓ search" in out and "2 of 10 points" in out and "!" not in out
    assert main(["check", "03", str(path)]) == 1


def test_hints_come_one_at_a_time(desk, capsys):
    main(["hint", "03"])
    assert "term_frequency, hint 1 of 3" in capsys.readouterr().out
    main(["hint", "03"])
    out = capsys.readouterr().out
    assert "hint 2 of 3" in out and "1. " in out and "2. " in out
    main(["hint", "03", "search"])
    assert "search, hint 1 of 3" in capsys.readouterr().out
    assert main(["hint", "03", "nothing"]) == 1
    assert "it has term_frequency" in capsys.readouterr().err


def test_the_solution_is_shown_after_a_yes(desk, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("no\n"))
    assert main(["solution", "03"]) == 1
    assert "np.argsort" not in capsys.readouterr().out
    monkeypatch.setattr(sys, "stdin", io.StringIO("yes\n"))
    assert main(["solution", "03", "search"]) == 0
    assert "np.argsort(-scores" in capsys.readouterr().out
    main(["progress"])
    assert "03_tfidf 0 of 10 0 of 4 0 1" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.ipynb", b"{", "not a notebook"),
        ("x.ipynb", b"[]", "not a notebook"),
        ("x.ipynb", b"[" * 100_000, "not a notebook"),
        ("x.py", b"\xff\xfe\x00", "not UTF-8 text"),
        ("x.py", b"#" * 6_000_000, "6,000,000 bytes"),
    ],
)
def test_files_that_cannot_be_read(desk, tmp_path, capsys, name, content, message):
    (tmp_path / name).write_bytes(content)
    assert main(["check", "03", str(tmp_path / name)]) == 1
    assert message in capsys.readouterr().err


def test_nothing_to_check(desk, capsys):
    assert main(["check", "03"]) == 1
    assert "python -m lessons start 03" in capsys.readouterr().err
    assert main(["check", "77"]) == 1
    assert "there is no exercise '77'; there are 01_one_hot" in capsys.readouterr().err


def test_a_damaged_memory_is_forgotten(desk, capsys):
    desk.mkdir()
    (desk / "progress.json").write_text("{", encoding="utf-8")
    assert main(["progress"]) == 0
    assert "not started" in capsys.readouterr().out


def test_watch_checks_on_every_save(tmp_path):
    path = tmp_path / "03_tfidf.py"
    path.write_text(find_exercise("03").learners_text(), encoding="utf-8")
    command = [sys.executable, "-u", "-m", "lessons", "watch", "03", str(path)]
    environment = {**os.environ, "EMBEDDINGS_EXERCISES": str(tmp_path)}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert read_until(process, "0 of 10 points")
        solve(path, "search")
        assert read_until(process, "2 of 10 points")
    finally:
        process.terminate()
        process.communicate()


def read_until(process, text, seconds=60):
    """Whether a line of the process's output holds `text` before time is up."""
    end = time.monotonic() + seconds
    for line in process.stdout:
        if text in line:
            return True
        if time.monotonic() > end:
            break
    return False
