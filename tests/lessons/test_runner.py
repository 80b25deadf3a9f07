"""The runner, on small lessons made here: what it shows, what it writes, how it fails."""

import json

import pytest

from lessons import catalogue, runner
from lessons.__main__ import main

GOOD = """# %% [markdown]
# # 1 · A good one
#
# **You will know** that one
# and one are two.
#
# **Time** 1 minute

# %%
import os, pathlib
print("counting")
pathlib.Path(os.environ["EMBEDDINGS_FIGURES"], "01_good.png").write_bytes(b"picture")
assert 1 + 1 == 2
"""
BAD = GOOD.replace("# # 1 · A good", "# # 2 · A bad").replace("== 2", "== 3").replace("01_good", "02_bad")


@pytest.fixture
def clone(tmp_path, monkeypatch):
    (tmp_path / "lessons").mkdir()
    (tmp_path / "figures").mkdir()
    (tmp_path / "lessons" / "01_good.py").write_text(GOOD, encoding="utf-8")
    (tmp_path / "lessons" / "02_bad.py").write_text(BAD, encoding="utf-8")
    for module in (catalogue, runner):
        monkeypatch.setattr(module, "ROOT", tmp_path)
        monkeypatch.setattr(module, "FIGURES", tmp_path / "figures")
    return tmp_path


def test_list_tells_what_you_will_know(clone, capsys):
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    assert "01  A good one  (1 minute)" in out and "That one and one are two." in out


def test_one_lesson_is_shown_and_its_figures_named(clone, capfd):
    assert main(["run", "1"]) == 0
    out = capfd.readouterr().out
    assert "counting" in out and "wrote figures/01_good.png" in out
    assert (clone / "figures" / "01_good.png").read_bytes() == b"picture"


def test_a_claim_that_fails_fails_the_run(clone, capfd):
    assert main(["run", "02"]) == 1
    captured = capfd.readouterr()
    assert "AssertionError" in captured.err and "exit status 1" in captured.err


def test_all_goes_on_after_a_failure_and_says_which(clone, capfd):
    (clone / "lessons" / "03_late.py").write_text(GOOD.replace("# # 1 ·", "# # 3 ·"), encoding="utf-8")
    assert main(["run", "all"]) == 1
    captured = capfd.readouterr()
    assert "[3/3] 03" in captured.out and "2 of 3 lessons hold" in captured.out
    assert "assert 1 + 1 == 3" in captured.err and "failed: 02" in captured.err


def test_an_unknown_lesson_is_explained(clone, capsys):
    assert main(["run", "9"]) == 1
    assert "there is no lesson '9'; there are 01_good, 02_bad" in capsys.readouterr().err


@pytest.mark.parametrize(
    "source", [GOOD.replace("**Time**", "Time"), GOOD.replace("# # 1", "# # 4"), GOOD.replace("# # 1 ·", "# # One")]
)
def test_a_lesson_without_its_header_is_refused(clone, source, capsys):
    (clone / "lessons" / "01_good.py").write_text(source, encoding="utf-8")
    assert main(["list"]) == 1
    assert "01_good.py" in capsys.readouterr().err


def test_a_notebook_is_written_and_executed(clone, capsys):
    pytest.importorskip("jupytext")
    assert main(["notebook", "01", "--execute"]) == 0
    notebook = json.loads((clone / "notebooks" / "01_good.ipynb").read_text(encoding="utf-8"))
    assert [cell["cell_type"] for cell in notebook["cells"]] == ["markdown", "code"]
    assert "counting" in str(notebook["cells"][1]["outputs"])
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert main(["notebook", "02", "--execute"]) == 1
    assert "02_bad.py failed as a notebook" in capsys.readouterr().err


def test_the_real_lessons_have_their_headers():
    lessons = catalogue.all_lessons()
    assert [int(lesson.number) for lesson in lessons] == list(range(1, len(lessons) + 1))
