"""Every exercise is itself tested: its solution, its stripped copy, its mistakes, its alternatives."""

import ast

import pytest

from lessons.catalogue import all_lessons
from lessons.desk.exercise import all_exercises, strip_solutions
from lessons.desk.grading import check_cells, judge, read_cells

EXERCISES = all_exercises()
each_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=[e.name for e in EXERCISES])
each_mistake = pytest.mark.parametrize(
    ("exercise", "number"),
    [(e, i) for e in EXERCISES for i in range(len(e.mistakes))],
    ids=[f"{e.name}-{m.function}-{i}" for e in EXERCISES for i, m in enumerate(e.mistakes)],
)
each_alternative = pytest.mark.parametrize(
    ("exercise", "alternative"),
    [(e, a) for e in EXERCISES for a in e.alternatives],
    ids=[f"{e.name}-{a.function}-{i}" for e in EXERCISES for i, a in enumerate(e.alternatives)],
)


def test_every_lesson_has_its_exercise_and_points_to_it():
    assert [e.name for e in EXERCISES] == [lesson.path.stem for lesson in all_lessons()]
    for lesson in all_lessons():
        assert f"python -m lessons start {lesson.number}" in lesson.path.read_text(encoding="utf-8")


@each_exercise
def test_the_solution_passes(exercise):
    report = check_cells(exercise, [(1, exercise.source)])
    assert report.points == report.max_points > 0, report
    assert not report.notes


@each_exercise
def test_the_stripped_copy_is_not_written(exercise):
    report = check_cells(exercise, read_cells(exercise.learners_text(), False, exercise.name))
    assert {f.status for f in report.functions} == {"not written"}
    assert all(f.message for f in report.functions), "say what to write behind # BEGIN SOLUTION:"
    assert not report.notes and report.points == 0


@each_exercise
def test_the_stripped_copy_holds_no_line_of_a_solution(exercise):
    lines = {line.strip() for line in exercise.learners_text().splitlines()}
    cells = {line.strip() for cell in exercise.learners_notebook().cells for line in cell.source.splitlines()}
    inside = False
    solution = []
    for line in exercise.text.splitlines():
        if "# BEGIN SOLUTION" in line:
            inside = True
        elif "# END SOLUTION" in line:
            inside = False
        elif inside:
            solution.append(line.strip())
    assert solution
    assert not lines & set(solution) and not cells & set(solution)
    for secret in ("SOLUTION", "MISTAKES", "HINTS", "teacher"):
        assert secret not in exercise.learners_text()


@each_exercise
def test_the_example_of_every_docstring_is_checked(exercise):
    code = [cell for cell in exercise.notebook.cells if cell.metadata.get("function")]
    assert [cell.metadata["function"] for cell in code] == list(exercise.functions)
    for cell in code:
        assert any(isinstance(node, ast.Assert) for node in ast.parse(cell.source).body)
        exec(cell.source, dict(exercise.namespace))


@each_exercise
def test_every_function_has_hints_and_mistakes(exercise):
    assert set(exercise.hints) == set(exercise.checks) == set(exercise.functions)
    assert len(exercise.mistakes) >= 5
    for name in exercise.functions:
        assert exercise.hints[name]
        assert any(m.function == name for m in exercise.mistakes), f"no mistake for {name}"
        assert any(a.function == name for a in exercise.alternatives), f"no other right answer for {name}"


@each_mistake
def test_every_mistake_fails_and_is_named(exercise, number):
    mistake, outcomes = exercise.mistakes[number], exercise.mistaken[number]
    report = judge(exercise, mistake.function, 1.0, outcomes)
    assert report.status == "wrong"
    assert report.message.endswith(f"\n  {mistake.explanation}")


@each_exercise
def test_a_mistake_in_one_function_costs_that_one_alone(exercise):
    mistake = exercise.mistakes[0]
    report = check_cells(exercise, [(1, exercise.source), (500, exercise.variant(mistake))])
    assert {f.name for f in report.functions if f.status != "right"} == {mistake.function}
    assert mistake.explanation in next(f.message for f in report.functions if f.name == mistake.function)


@each_alternative
def test_right_but_different_answers_pass(exercise, alternative):
    report = check_cells(exercise, [(1, exercise.source), (500, alternative.source)])
    assert report.points == report.max_points, report


def test_markers_without_a_partner_are_named():
    with pytest.raises(ValueError, match="line 2: a solution ends"):
        strip_solutions("def f():\n    # END SOLUTION")
    with pytest.raises(ValueError, match="line 1 has no end"):
        strip_solutions("# BEGIN SOLUTION\nx = 1")
    with pytest.raises(ValueError, match="line 2: a solution begins"):
        strip_solutions("# BEGIN SOLUTION\n# BEGIN SOLUTION")
