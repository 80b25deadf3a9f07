"""What a learner does with an exercise: start, check, watch, hint, solution, progress."""

import contextlib
import json
import os
import shutil
import sys
import textwrap
import time
from pathlib import Path

from embeddings.files import atomic_write
from lessons.catalogue import ROOT
from lessons.desk.exercise import all_exercises, find_exercise
from lessons.desk.grading import check_file

# Where learners' copies lie; another folder by EMBEDDINGS_EXERCISES.
DESK = Path(os.environ.get("EMBEDDINGS_EXERCISES", ROOT / "my_exercises"))
MARKS = {"right": "✓", "wrong": "✗", "not written": "·"}


def add_arguments(subparsers):
    """The commands ``start``, ``check``, ``watch``, ``hint``, ``solution`` and ``progress``."""
    number = {"metavar": "NN", "help": "the exercise's number, such as 03"}
    file = {"metavar": "FILE", "nargs": "?", "type": Path, "help": "your .py or .ipynb (default: in my_exercises/)"}

    parser = subparsers.add_parser(
        "start",
        help="get your own copy of an exercise",
        description="Write my_exercises/NN_name.py with the functions left for you. What is there already stays.",
    )
    parser.add_argument("exercise", **number)
    parser.add_argument("--notebook", action="store_true", help="write a Jupyter notebook instead of a script")
    parser.set_defaults(run=start)

    parser = subparsers.add_parser(
        "check",
        help="see what is right, what is wrong, and what that usually means",
        description="Check an exercise. The exit status is 0 when everything is right.",
    )
    parser.add_argument("exercise", **number)
    parser.add_argument("file", **file)
    parser.set_defaults(run=check)

    parser = subparsers.add_parser("watch", help="check again every time you save; Ctrl-C ends it")
    parser.add_argument("exercise", **number)
    parser.add_argument("file", **file)
    parser.set_defaults(run=watch)

    parser = subparsers.add_parser("hint", help="one more step towards the solution")
    parser.add_argument("exercise", **number)
    parser.add_argument("function", nargs="?", help="which function (default: the first that is not right yet)")
    parser.set_defaults(run=hint)

    parser = subparsers.add_parser("solution", help="show the solution, once you are sure that you want to see it")
    parser.add_argument("exercise", **number)
    parser.add_argument("function", nargs="?", help="which function (default: all)")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.set_defaults(run=solution)

    parser = subparsers.add_parser("progress", help="where you stand, exercise by exercise")
    parser.set_defaults(run=progress)


def start(arguments):
    """Write the learner's copy, unless there is one."""
    exercise = find_exercise(arguments.exercise)
    path = DESK / f"{exercise.name}{'.ipynb' if arguments.notebook else '.py'}"
    DESK.mkdir(exist_ok=True)
    if path.exists():
        print(f"{relative(path)} is there already and stays as it is; move it away to begin anew")
        return 1
    if arguments.notebook:
        import nbformat

        text = nbformat.writes(exercise.learners_notebook())
    else:
        text = exercise.learners_text()
    with atomic_write(path, "w", encoding="utf-8") as file:
        file.write(text)
    print(f"wrote {relative(path)}: {exercise.title}")
    print(f"{len(exercise.functions)} functions to write: {', '.join(exercise.functions)}")
    print(f"then: python -m lessons check {exercise.number}")
    return 0


def check(arguments):
    """Check once. Returns 0 when everything is right."""
    exercise = find_exercise(arguments.exercise)
    path = learners_file(exercise, arguments.file)
    report = check_file(exercise, path)
    print(describe_report(report, exercise))
    remember(exercise, report)
    return 0 if report.points == report.max_points else 1


def watch(arguments):
    """Check whenever the file has changed."""
    exercise = find_exercise(arguments.exercise)
    path = learners_file(exercise, arguments.file)
    print(f"watching {relative(path)}; Ctrl-C ends it", flush=True)
    seen = None
    while True:
        with contextlib.suppress(FileNotFoundError):  # some editors replace a file when they save
            now = (path.stat().st_mtime_ns, path.stat().st_size)
            if now != seen:
                seen = now
                print(f"\n{time.strftime('%H:%M:%S')}", flush=True)
                try:
                    check(arguments)
                except ValueError as error:
                    print(error)
                sys.stdout.flush()
        time.sleep(0.3)


def hint(arguments):
    """Show the hints so far and one more."""
    exercise = find_exercise(arguments.exercise)
    memory = recall()
    mine = memory.setdefault(exercise.name, {})
    function = arguments.function or next(
        (name for name in exercise.functions if mine.get("status", {}).get(name) != "right"), None
    )
    if function is None:
        print("everything is right already")
        return 0
    check_function(exercise, function)
    hints = exercise.hints[function]
    shown = min(mine.setdefault("hints", {}).get(function, 0) + 1, len(hints))
    mine["hints"][function] = shown
    save(memory)
    print(f"{function}, hint {shown} of {len(hints)}")
    for number, text in enumerate(hints[:shown], 1):
        print(textwrap.fill(text, 90, initial_indent=f"  {number}. ", subsequent_indent="     "))
    if shown == len(hints):
        print(f"That was the last one. The solution: python -m lessons solution {exercise.number} {function}")
    return 0


def solution(arguments):
    """Show solutions after a question."""
    exercise = find_exercise(arguments.exercise)
    names = [arguments.function] if arguments.function else list(exercise.functions)
    for name in names:
        check_function(exercise, name)
    if not arguments.yes:
        print(f"Show the solution of {', '.join(names)}? Type yes: ", end="", flush=True)
        if sys.stdin.readline().strip().lower() not in ("yes", "y", "是"):
            print("not shown")
            return 1
    for name in names:
        print(f"\n{exercise.source_of(name)}")
    memory = recall()
    seen = memory.setdefault(exercise.name, {}).setdefault("solutions", [])
    seen.extend(name for name in names if name not in seen)
    save(memory)
    return 0


def progress(arguments):
    """A table of all exercises."""
    memory = recall()
    rows = [("", "exercise", "points", "right", "hints", "solutions", "last check")]
    for exercise in all_exercises():
        mine = memory.get(exercise.name, {})
        status = mine.get("status", {})
        right = [name for name in exercise.functions if status.get(name) == "right"]
        points, total = sum(exercise.functions[name] for name in right), sum(exercise.functions.values())
        started = any((DESK / f"{exercise.name}{suffix}").exists() for suffix in (".py", ".ipynb"))
        rows.append(
            (
                "✓" if len(right) == len(exercise.functions) else "…" if started or mine else " ",
                exercise.name,
                f"{points:g} of {total:g}",
                f"{len(right)} of {len(exercise.functions)}",
                str(sum(mine.get("hints", {}).values())),
                str(len(mine.get("solutions", []))),
                mine.get("checked", "never" if started else "not started"),
            )
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def describe_report(report, exercise):
    """A report as text for a terminal."""
    lines = [exercise.title]
    width = max(map(len, exercise.functions))
    for function in report.functions:
        points = f"{function.points:g} of {function.max_points:g}"
        first, _, rest = function.message.partition("\n")
        first = f"still to write: {first}" if function.status == "not written" else first
        lines.append(f"{MARKS[function.status]} {function.name.ljust(width)}  {points}  {first}".rstrip())
        lines.extend(wrap(line) for line in rest.split("\n") if rest)
    lines.extend(f"! {note}" for note in report.notes)
    if report.printed.strip():
        lines.append("your file printed:")
        lines.extend(f"    {line}" for line in report.printed.rstrip().splitlines()[:20])
    lines.append(f"{report.points:g} of {report.max_points:g} points")
    return "\n".join(lines)


def wrap(line):
    """A long line of a message, folded under its own beginning."""
    margin = line[: len(line) - len(line.lstrip())]
    width = min(shutil.get_terminal_size().columns, 110)
    return textwrap.fill(
        line.strip(), width, initial_indent=f"  {margin}", subsequent_indent=f"  {margin}", break_long_words=False
    )


def learners_file(exercise, path):
    """The file to check: the one that was named, or the newer of the two in my_exercises."""
    if path is not None:
        if not path.is_file():
            raise FileNotFoundError(f"there is no file {path}")
        return path
    found = [p for p in (DESK / f"{exercise.name}{suffix}" for suffix in (".py", ".ipynb")) if p.exists()]
    if not found:
        raise FileNotFoundError(f"nothing to check yet; begin with: python -m lessons start {exercise.number}")
    return max(found, key=lambda p: p.stat().st_mtime_ns)


def check_function(exercise, name):
    """ValueError unless the exercise has such a function."""
    if name not in exercise.functions:
        raise ValueError(f"exercise {exercise.number} has no function {name!r}; it has {', '.join(exercise.functions)}")


def remember(exercise, report):
    """Keep the result for ``hint`` and ``progress``."""
    memory = recall()
    mine = memory.setdefault(exercise.name, {})
    mine["status"] = {function.name: function.status for function in report.functions}
    mine["checked"] = time.strftime("%Y-%m-%d %H:%M")
    save(memory)


def recall():
    """What was kept; nothing if the file is damaged."""
    try:
        memory = json.loads((DESK / "progress.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return memory if isinstance(memory, dict) else {}


def save(memory):
    """Keep it."""
    DESK.mkdir(exist_ok=True)
    with atomic_write(DESK / "progress.json", "w", encoding="utf-8") as file:
        json.dump(memory, file, indent=1)


def relative(path):
    """A path as short as it can be said."""
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
