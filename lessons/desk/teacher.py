"""What a teacher does with exercises: release them, grade a folder of submissions."""

import concurrent.futures
import csv
import hashlib
import os
from pathlib import Path

from embeddings.checks import check_integer, check_number
from embeddings.files import atomic_write
from embeddings.progress import progress
from lessons.desk.exercise import all_exercises, find_exercise
from lessons.desk.grading import check_file, unanswered
from lessons.desk.pages import write_page
from lessons.desk.sandbox import Limits

COLUMNS = ["student", "exercise", "file", "points", "max_points", "failed", "notes", "seconds", "fingerprint"]
SUFFIXES = (".py", ".ipynb")


def add_arguments(subparsers):
    """The commands ``release`` and ``grade``."""
    parser = subparsers.add_parser(
        "release",
        help="write the exercises to hand out",
        description="Write OUT/NN_name/NN_name.py and .ipynb for every exercise, without the answers. Notebooks carry "
        "nbgrader's metadata: OUT can be a course's release/ folder, or, with --solutions, its source/ folder.",
    )
    parser.add_argument("out", metavar="OUT", type=Path)
    parser.add_argument("--exercise", metavar="NN", help="this one alone")
    parser.add_argument("--solutions", action="store_true", help="with the answers between their markers")
    parser.set_defaults(run=release)

    parser = subparsers.add_parser(
        "grade",
        help="grade a folder of submissions",
        description="Grade SUBMISSIONS, which holds a file or a folder for each student. A file belongs to the "
        "exercise that its name contains (03_tfidf, or 03), or to the one of --exercise. What stands in the table "
        "already and has not changed is not graded again.",
    )
    parser.add_argument("submissions", metavar="SUBMISSIONS", type=Path)
    parser.add_argument("--out", metavar="CSV", type=Path, default=Path("grades.csv"), help="default: grades.csv")
    parser.add_argument("--html", metavar="FOLDER", type=Path, help="write a page of feedback for each student")
    parser.add_argument("--exercise", metavar="NN", help="grade this exercise alone")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="submissions at a time (default: all cores)")
    parser.add_argument("--seconds", type=float, default=Limits.seconds, help="for one call of a function (default 5)")
    parser.add_argument("--memory", type=int, default=Limits.memory, help="MB for one submission (default 1024)")
    parser.set_defaults(run=grade)


def release(arguments):
    """Write student notebooks and scripts."""
    import nbformat

    chosen = [find_exercise(arguments.exercise)] if arguments.exercise else all_exercises()
    for exercise in chosen:
        folder = arguments.out / exercise.name
        folder.mkdir(parents=True, exist_ok=True)
        notebook = nbformat.writes(exercise.learners_notebook(arguments.solutions))
        files = {".ipynb": notebook} if arguments.solutions else {".ipynb": notebook, ".py": exercise.learners_text()}
        for suffix, text in files.items():
            path = folder / f"{exercise.name}{suffix}"
            with atomic_write(path, "w", encoding="utf-8") as file:
                file.write(text)
            print(f"wrote {path}  ({sum(exercise.functions.values()):g} points)")
    return 0


def grade(arguments):
    """Grade every submission that is not in the table yet, and write the table."""
    limits = Limits(
        seconds=check_number("--seconds", arguments.seconds, minimum=0.1),
        memory=check_integer("--memory", arguments.memory, minimum=64),
    )
    jobs = check_integer("--jobs", arguments.jobs, minimum=1)
    if not arguments.submissions.is_dir():
        raise NotADirectoryError(f"{arguments.submissions} is not a folder of submissions")
    exercises = [find_exercise(arguments.exercise)] if arguments.exercise else all_exercises()
    found = find_submissions(arguments.submissions, exercises, alone=bool(arguments.exercise))
    if not found:
        raise ValueError(f"{arguments.submissions} holds no submission: a file or folder for each student")
    if arguments.html:
        arguments.html.mkdir(parents=True, exist_ok=True)
    handed_in = [exercise for exercise in exercises if any(exercise is e for _, e, _ in found)]
    columns = COLUMNS + [f"{exercise.number}.{name}" for exercise in handed_in for name in exercise.functions]
    known = read_table(arguments.out)
    rows, waiting = {}, []
    for student, exercise, path in found:
        key = (spreadsheet_safe(student), exercise.name if exercise else "")
        mark = fingerprint(exercise, path, limits)
        row = known.get(key)
        page_is_there = not arguments.html or page_path(arguments.html, student, exercise).exists()
        if row and row.get("fingerprint") == mark and page_is_there:
            rows[key] = row
        else:
            waiting.append((key, student, exercise, path, mark))
    if len(found) > len(waiting):
        print(f"{len(found) - len(waiting)} of {len(found)} are graded already and unchanged")

    def work(item):
        key, student, exercise, path, mark = item
        return key, grade_one(student, exercise, path, mark, limits, arguments.html)

    pool = concurrent.futures.ThreadPoolExecutor(jobs)
    try:
        with pool, progress(total=len(waiting), desc="grading", unit=" submission") as bar:
            futures = [pool.submit(work, item) for item in waiting]
            for number, future in enumerate(concurrent.futures.as_completed(futures), 1):
                key, row = future.result()
                rows[key] = row
                bar.update()
                if number % 20 == 0:
                    write_table(arguments.out, columns, rows)
    finally:
        # After Ctrl-C, too: a second run goes on from here.
        pool.shutdown(cancel_futures=True)
        write_table(arguments.out, columns, rows)
    failed = sum(float(row["points"]) < float(row["max_points"]) for row in rows.values())
    print(f"{len(rows)} submissions, {len(rows) - failed} with all points; wrote {arguments.out}", end="")
    print(f" and {arguments.html}/" if arguments.html else "")
    return 0


def find_submissions(folder, exercises, alone):
    """Every submission.

    Parameters
    ----------
    folder : pathlib.Path
    exercises : list of Exercise
    alone : bool
        The teacher named the exercise: files need not.

    Returns
    -------
    list of (str, Exercise or None, pathlib.Path or None)
        Student, exercise, file. A student in whose folder nothing fits has None for both.
    """
    found = []
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith((".", "__")) or (entry.is_file() and entry.suffix not in SUFFIXES):
            continue
        student = entry.name if entry.is_dir() else entry.stem
        files = [entry] if entry.is_file() else sorted(p for p in entry.rglob("*") if p.suffix in SUFFIXES)
        inside = entry.resolve() if entry.is_dir() else folder.resolve()
        # A link that leads out of the student's own folder is somebody else's work.
        files = [p for p in files if p.is_file() and p.resolve().is_relative_to(inside)]
        files = [p for p in files if not any(part.startswith(".") for part in p.relative_to(folder).parts)]
        mine = []
        for exercise in exercises:
            fitting = [p for p in files if exercise.name in p.stem] or [p for p in files if exercise.number in p.stem]
            fitting = fitting or (files if alone else [])
            if fitting:
                mine.append((student, exercise, max(fitting, key=lambda p: (p.stat().st_mtime_ns, p.name))))
        if entry.is_file():
            mine = [(without_exercise(student, exercise), exercise, path) for student, exercise, path in mine]
        found.extend(mine or [(student, exercises[0] if alone else None, None)])
    return found


def without_exercise(student, exercise):
    """``alice_03_tfidf`` is alice's."""
    for part in (exercise.name, exercise.number):
        rest = student.replace(part, "").strip(" _-.")
        if part in student and rest:
            return rest
    return student


def grade_one(student, exercise, path, mark, limits, html):
    """One row of the table, and the student's page."""
    if exercise is None or path is None:
        message = "no file whose name tells an exercise (such as 03_tfidf.py) was handed in"
        row = dict.fromkeys(COLUMNS, "") | {"points": 0, "max_points": 0, "notes": message}
        return row | {"student": spreadsheet_safe(student), "fingerprint": mark}
    try:
        report = check_file(exercise, path, limits)
    except (OSError, ValueError) as error:
        report = unanswered(exercise, str(error))
    if html:
        write_page(page_path(html, student, exercise), student, exercise, path.name, report)
    row = {
        "student": student,
        "exercise": exercise.name,
        "file": path.name,
        "points": f"{report.points:g}",
        "max_points": f"{report.max_points:g}",
        "failed": "; ".join(f"{f.name} ({f.status})" for f in report.functions if f.status != "right"),
        "notes": "; ".join(report.notes),
        "seconds": f"{report.seconds:.2f}",
        "fingerprint": mark,
    }
    row |= {f"{exercise.number}.{f.name}": f"{f.points:g}" for f in report.functions}
    return {name: spreadsheet_safe(value) for name, value in row.items()}


def spreadsheet_safe(text):
    """`text`, which a spreadsheet then does not take for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def fingerprint(exercise, path, limits):
    """Changes when the submission, the exercise or the limits do."""
    digest = hashlib.sha256(repr(limits).encode())
    if exercise is not None:
        digest.update(exercise.text.encode())
    if path is not None:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def page_path(html, student, exercise):
    """Where a student's page lies."""
    name = "".join(letter if letter.isalnum() or letter in " ._-" else "_" for letter in student)
    return html / f"{name}-{exercise.name if exercise else 'nothing'}.html"


def read_table(path):
    """The rows of a table that was written before, by student and exercise; none if there is no such table."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        return {}
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is not a table of grades ({error}); move it away") from None
    if rows and not set(COLUMNS) <= set(rows[0]):
        raise ValueError(f"{path} is not a table of grades; choose another --out")
    return {(row["student"], row["exercise"]): row for row in rows}


def write_table(path, columns, rows):
    """Write all rows, sorted by student; a mark at the beginning tells spreadsheets that it is UTF-8."""
    with atomic_write(path, "w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, columns, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows[key] for key in sorted(rows))
