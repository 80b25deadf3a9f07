"""What a student's code may do to the checker: nothing."""

import re

import numpy as np
import pytest

from lessons.desk.exercise import find_exercise
from lessons.desk.grading import check_cells, read_cells
from lessons.desk.sandbox import Limits, run_calls

QUICK = Limits(seconds=1.5, memory=300, output=100_000)

REFERENCES = "def f(x):\n    return x + 1\n\ndef g(x):\n    return 2 * f(x)\n"


def outcome(body, limits=QUICK, name="f"):
    """What comes of f(1) with this body, and of g(1), which is right."""
    source = f"def f(x):\n{body}\n\ndef g(x):\n    return 2 * f(x)\n"
    run = run_calls([(1, source)], [("f", (1,)), ("f", (2,)), ("g", (1,))], REFERENCES, limits)
    assert run.outcomes[2].value == 4, "the other function was not checked"
    return run.outcomes[0], run


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        ("    while True: pass", "stopped", "did not finish within 1.5 seconds"),
        ("    import time; time.sleep(60)", "stopped", "did not finish"),
        ("    return f(x)", "error", "calls itself without end"),
        ("    import sys; sys.exit(0)", "error", "use return"),
        ("    exit()", "error", "use return|is not defined"),
        ("    import os; os._exit(0)", "stopped", r"ended the whole process \(exit status 0\)"),
        ("    while True: print('x' * 1000)", "stopped", "printed more than 100,000 bytes"),
        ("    import os; os.abort()", "stopped", "crashed the Python interpreter .SIGABRT"),
        ("    return bytearray(3 * 10**9)", "error", "more memory"),
        ("    return [0] * 10**9", "error", "more memory"),
        ("    raise KeyboardInterrupt", "error", ""),
        ("    import subprocess; subprocess.run(['ls'])", "error", "may not start programs"),
        ("    import os; os.system('ls')", "error", "may not start programs"),
        ("    import os; os.fork()", "error", "may not start programs"),
        ("    import socket; socket.socket()", "error", "network"),
        ("    return open('/etc/passwd').read()", "error", "may not read files"),
        ("    import os; return os.listdir('/')", "error", "may not read files"),
        ("    import pathlib; pathlib.Path('/tmp/x.txt').write_text('x')", "error", "may not change files"),
        ("    return 1 // 0", "error", r"line 2"),
        ("    raise NotImplementedError('later')", "not written", "later"),
        (
            "    import os\n    for i in range(3, 50):\n        try: os.close(i)\n        except OSError: pass",
            "stopped",
            "",
        ),
        (
            "    import os\n    for i in range(3, 50):\n        try: os.write(i, b'{\"done\": 0}\\n[[[\\n')\n"
            "        except OSError: pass",
            "stopped",
            "checker's own pipe",
        ),
    ],
)
def test_what_students_do(body, kind, message):
    found, _ = outcome(body)
    assert found.kind == kind, found
    assert re.search(message, found.message), found.message


def test_the_function_that_hangs_is_asked_once():
    found, run = outcome("    while True: pass")
    assert run.outcomes[1].kind == "stopped" and run.outcomes[1].message == found.message


def test_what_is_printed_is_kept_and_cut():
    found, run = outcome("    print('hello'); print('y' * 40000); return x + 1")
    assert found.value == 2 and run.printed.startswith("hello") and len(run.printed) <= 2000


def test_the_answers_are_not_in_reach():
    path = find_exercise("03").path
    found, _ = outcome(f"    return open({str(path)!r}).read()")
    assert found.error == "PermissionError"
    found, _ = outcome("    import lessons.desk.exercise as e; return e.find_exercise('03').source")
    assert found.kind == "error"


def test_a_changed_argument_is_noticed_and_does_not_spread():
    source = "def f(x):\n    x.append(1)\n    return len(x)\n"
    run = run_calls([(1, source)], [("f", ([],)), ("f", (["a"],))], "def f(x):\n    return 1\n", QUICK)
    assert [o.changed for o in run.outcomes] == [(0,), (0,)]
    assert [o.value for o in run.outcomes] == [1, 2]


def test_values_that_do_not_travel_are_named():
    found, _ = outcome("    return lambda: 1")
    assert found.value.kind == "function"
    found, _ = outcome("    class A:\n        def __repr__(self): 1 / 0\n    return A()")
    assert "raises ZeroDivisionError" in repr(found.value)
    found, _ = outcome("    import numpy as np; return np.zeros(3 * 10**6)")
    assert found.error == "TooLarge"
    found, _ = outcome("    import numpy as np; return np.array([{}], dtype=object)")
    assert found.value.kind == "ndarray"


def test_a_file_that_never_finishes_loading():
    exercise = find_exercise("03")
    report = check_cells(exercise, [(1, "while True:\n    pass")], QUICK)
    assert report.points == 0
    assert all("while your file was loaded" in f.message for f in report.functions)


def test_a_line_that_fails_costs_only_itself():
    exercise = find_exercise("03")
    text = f"# %%\nprint(undefined)\n# %%\ndef broken(:\n# %%\n{exercise.source}\n# %%\nraise SystemExit"
    report = check_cells(exercise, read_cells(text, False, "x.py"))
    assert report.points == report.max_points
    assert [note.split(":")[0] for note in report.notes] == [
        "line 2",
        "line 4 is not Python (invalid syntax)",
        report.notes[2].split(":")[0],
    ]


def test_a_missing_function_is_named():
    exercise = find_exercise("03")
    report = check_cells(exercise, [(1, "import numpy as np")])
    assert all(f"there is no function {f.name} in your file" in f.message for f in report.functions)


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        ("pass", "without a return"),
        ("return reference(counts, idf).T", "transposed"),
        ("return 3 * reference(counts, idf)", "Every number is 3 times the right one"),
        ("return reference(counts, idf) + 0.5", r"off by \+0.5"),
        ("answer = 2 * reference(counts, idf); counts += 1; return answer", "2 times the right one: .* Work on a copy"),
        ("return reference(counts, idf).tolist()[:-1]", ""),
        ("return 'text'", "it is a string, expected an array"),
        ("return reference(counts, idf).ravel()", "see the shape in the docstring"),
    ],
)
def test_general_patterns_are_explained(answer, meaning):
    exercise = find_exercise("03")
    source = exercise.source.replace("def tfidf", "def reference") + f"\n\ndef tfidf(counts, idf):\n    {answer}\n"
    report = check_cells(exercise, [(1, source)])
    function = next(f for f in report.functions if f.name == "tfidf")
    assert function.status == "wrong"
    assert re.search(meaning, function.message), function.message


def test_right_in_float32_is_right():
    exercise = find_exercise("03")
    source = (
        exercise.source + "\n\nold = tfidf\ndef tfidf(counts, idf):\n    return old(counts, idf).astype(np.float32)"
    )
    assert check_cells(exercise, [(1, source)]).points == 10


def test_a_chance_free_exercise():
    a, b = find_exercise("03").checks["tfidf"], type(find_exercise("03"))(find_exercise("03").path).checks["tfidf"]
    for label in a:
        for x, y in zip(a[label], b[label], strict=True):
            np.testing.assert_array_equal(x, y)
