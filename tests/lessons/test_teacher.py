"""Releasing and grading, with submissions of every kind."""

import csv
import json
import os
import shutil
import subprocess
import sys

import nbformat
import pytest

from lessons.__main__ import main
from lessons.desk import teacher
from lessons.desk.exercise import find_exercise


@pytest.fixture
def submissions(tmp_path):
    """Six students: all right, one mistake, hostile, not Python, nothing, and a thief."""
    exercise = find_exercise("03")
    folder = tmp_path / "submissions"
    for name in ("alice", "bob", "eve", "mallory <b>"):
        (folder / name).mkdir(parents=True)
    (folder / "alice" / "03_tfidf.py").write_text(exercise.source, encoding="utf-8")
    mistake = next(m for m in exercise.mistakes if "base 10" in m.explanation)
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(s) for s in (exercise.source, exercise.variant(mistake))]
    )
    nbformat.write(notebook, folder / "bob" / "03_tfidf.ipynb")
    steal = f"stolen = open({str(folder / 'alice' / '03_tfidf.py')!r}).read()\nexec(stolen)\n"
    (folder / "eve" / "my 03_tfidf.py").write_text(steal, encoding="utf-8")
    hostile = "import os, time\nprint('<script>')\ndef term_frequency(d, v):\n    while True: pass\n"
    hostile += "def search(q, v, k):\n    os._exit(0)\ndef tfidf(c, i):\n    return '<script>'\n"
    (folder / "mallory <b>" / "03.py").write_text(hostile, encoding="utf-8")
    (folder / "carol_03_tfidf.py").write_text("def (", encoding="utf-8")
    (folder / "dave").mkdir()
    (folder / "=cmd()").mkdir()
    os.symlink(folder / "alice" / "03_tfidf.py", folder / "=cmd()" / "03_tfidf.py")
    (folder / ".DS_Store").write_bytes(b"\0")
    return folder


def grade(submissions, *options):
    out = submissions.parent / "grades.csv"
    status = main(["grade", str(submissions), "--out", str(out), "--seconds", "1.5", *options])
    with open(out, newline="", encoding="utf-8-sig") as file:
        return status, {row["student"]: row for row in csv.DictReader(file)}


def test_grading_a_class(submissions, tmp_path, capsys):
    status, rows = grade(submissions, "--html", str(tmp_path / "pages"))
    assert status == 0
    assert {name: row["points"] for name, row in rows.items()} == {
        "alice": "10",
        "bob": "7",
        "carol": "0",
        "dave": "0",
        "eve": "0",
        "mallory <b>": "0",
        "'=cmd()": "0",
    }
    assert rows["bob"]["03.inverse_document_frequency"] == "0" and rows["bob"]["03.search"] == "2"
    assert rows["bob"]["failed"] == "inverse_document_frequency (wrong)"
    assert "PermissionError" in rows["eve"]["notes"]
    assert "is not Python" in rows["carol"]["notes"]
    assert "no file" in rows["dave"]["notes"]
    page = (tmp_path / "pages" / "bob-03_tfidf.html").read_text(encoding="utf-8")
    assert "7 of 10 points" in page and "base 10" in page
    (page,) = (tmp_path / "pages").glob("mallory*")
    text = page.read_text(encoding="utf-8")
    assert "&lt;script&gt;" in text and "<script>" not in text and "mallory &lt;b&gt;" in text
    assert "did not finish" in text and "ended the whole process" in text


def test_a_second_run_resumes(submissions, capsys, monkeypatch):
    grade(submissions)
    graded = []
    real = teacher.grade_one
    monkeypatch.setattr(teacher, "grade_one", lambda *a: graded.append(a[0]) or real(*a))
    _, rows = grade(submissions)
    assert not graded and "7 of 7 are graded already" in capsys.readouterr().out
    assert rows["alice"]["points"] == "10"
    source = find_exercise("03").source
    (submissions / "carol_03_tfidf.py").write_text(source, encoding="utf-8")
    _, rows = grade(submissions)
    assert graded == ["carol"] and rows["carol"]["points"] == "10"


def test_an_interrupted_run_keeps_what_was_graded(submissions, monkeypatch, capsys):
    real = teacher.grade_one

    def interrupted(student, *rest):
        if student == "mallory <b>":
            raise KeyboardInterrupt
        return real(student, *rest)

    monkeypatch.setattr(teacher, "grade_one", interrupted)
    status, rows = grade(submissions, "--jobs", "1")
    assert status == 130 and "alice" in rows and "mallory <b>" not in rows


def test_one_file_for_each_student_of_a_named_exercise(tmp_path):
    folder = tmp_path / "submissions"
    folder.mkdir()
    for name in ("ann", "ben"):
        (folder / f"{name}.py").write_text(find_exercise("01").source, encoding="utf-8")
    _, rows = grade(folder, "--exercise", "1")
    assert {name: row["points"] for name, row in rows.items()} == {"ann": "10", "ben": "10"}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda f: None, "is not a folder"),
        (lambda f: f.mkdir(), "holds no submission"),
        (lambda f: (f.mkdir(), (f.parent / "grades.csv").write_text("a,b\n1,2\n")), "not a table of grades|holds no"),
    ],
)
def test_what_teachers_get_wrong(tmp_path, capsys, make, message):
    make(tmp_path / "s")
    assert main(["grade", str(tmp_path / "s"), "--out", str(tmp_path / "grades.csv")]) == 1
    import re

    assert re.search(message, capsys.readouterr().err)


def test_another_table_is_not_overwritten(submissions, capsys):
    out = submissions.parent / "grades.csv"
    out.write_text("a,b\n1,2\n", encoding="utf-8")
    assert main(["grade", str(submissions), "--out", str(out)]) == 1
    assert "not a table of grades" in capsys.readouterr().err
    assert out.read_text(encoding="utf-8") == "a,b\n1,2\n"


def test_release(tmp_path, capsys):
    assert main(["release", str(tmp_path / "out")]) == 0
    for name in ("01_one_hot", "02_ngram", "03_tfidf"):
        notebook = nbformat.read(tmp_path / "out" / name / f"{name}.ipynb", as_version=4)
        nbformat.validate(notebook)
        graded = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade")]
        assert sum(c.metadata["nbgrader"]["points"] for c in graded) == 10
        text = json.dumps(notebook)
        assert "SOLUTION" not in text and "MISTAKES" not in text and "NotImplementedError" in text
        compile((tmp_path / "out" / name / f"{name}.py").read_text(encoding="utf-8"), name, "exec")
    assert main(["release", str(tmp_path / "source"), "--solutions", "--exercise", "03"]) == 0
    assert "BEGIN SOLUTION" in (tmp_path / "source" / "03_tfidf" / "03_tfidf.ipynb").read_text(encoding="utf-8")


@pytest.mark.peer("nbgrader")
def test_nbgrader_takes_the_assignments(tmp_path):
    """nbgrader strips the source itself, collects a submission, and gives the points of its own run."""
    course = tmp_path / "course"
    main(["release", str(course / "source"), "--solutions", "--exercise", "03"])
    (course / "nbgrader_config.py").write_text(
        f"c = get_config()\nc.CourseDirectory.root = {str(course)!r}\nc.CourseDirectory.course_id = 'course'\n",
        encoding="utf-8",
    )

    def nbgrader(*arguments):
        command = [sys.executable, "-m", "nbgrader", *arguments]
        # nbgrader starts alembic by its bare name.
        path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
        done = subprocess.run(
            command, cwd=course, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    nbgrader("generate_assignment", "03_tfidf", "--create")
    released = (course / "release" / "03_tfidf" / "03_tfidf.ipynb").read_text(encoding="utf-8")
    assert "SOLUTION" not in released and "NotImplementedError" in released
    main(["release", str(course / "ours"), "--exercise", "03"])
    for student, folder in (("alice", "source"), ("bob", "ours")):
        target = course / "submitted" / student / "03_tfidf"
        target.mkdir(parents=True)
        shutil.copy(course / folder / "03_tfidf" / "03_tfidf.ipynb", target)
    nbgrader("autograde", "03_tfidf", "--create")
    nbgrader("export", "--to", "grades.csv")
    with open(course / "grades.csv", newline="", encoding="utf-8") as file:
        scores = {row["student_id"]: (float(row["score"]), float(row["max_score"])) for row in csv.DictReader(file)}
    assert scores == {"alice": (10, 10), "bob": (0, 10)}
