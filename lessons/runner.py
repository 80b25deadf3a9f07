"""Listing lessons, running them, and turning them into notebooks."""

import os
import shutil
import subprocess
import sys
import textwrap
import time

from embeddings.files import atomic_write
from embeddings.progress import progress
from lessons.catalogue import FIGURES, ROOT, all_lessons, find_lessons


def add_arguments(subparsers):
    """The commands ``list``, ``run`` and ``notebook``."""
    parser = subparsers.add_parser("list", help="the lessons: number, title, what you will know, time")
    parser.set_defaults(run=list_lessons)

    parser = subparsers.add_parser(
        "run",
        help="run a lesson, or all of them, and write their figures",
        description="Run lessons as scripts. A lesson whose claim fails makes the exit status 1.",
    )
    parser.add_argument("lesson", metavar="NN", help='a lesson\'s number, such as 03, or "all"')
    parser.set_defaults(run=run_lessons)

    parser = subparsers.add_parser(
        "notebook",
        help="write a lesson as a Jupyter notebook",
        description="Write notebooks/NN_name.ipynb from a lesson. The script stays the source: change that one.",
    )
    parser.add_argument("lesson", metavar="NN", help='a lesson\'s number, such as 03, or "all"')
    parser.add_argument("--execute", action="store_true", help="run it, so that it holds its output and pictures")
    parser.add_argument("--open", action="store_true", help="open it in JupyterLab")
    parser.set_defaults(run=write_notebooks)


def list_lessons(arguments):
    """Print every lesson."""
    width = min(shutil.get_terminal_size().columns, 100)
    for lesson in all_lessons():
        print(f"{lesson.number}  {lesson.title}  ({lesson.time})")
        print(
            textwrap.fill(
                lesson.know[0].upper() + lesson.know[1:], width, initial_indent="    ", subsequent_indent="    "
            )
        )


def run_lessons(arguments):
    """Run one lesson with its output shown, or all of them with a line each."""
    lessons = find_lessons(arguments.lesson)
    if len(lessons) == 1:
        seconds, status, figures, _ = run_script(lessons[0], show=True)
        print(f"\n{lessons[0].path.name}: {seconds:.1f} s{figures_written(figures)}", flush=True)
        if status:
            print(f"{lessons[0].path.name} failed: exit status {status}", file=sys.stderr)
        return 1 if status else 0
    failed = []
    start = time.perf_counter()
    for i, lesson in enumerate(lessons, 1):
        print(f"[{i}/{len(lessons)}] {lesson.number} {lesson.title} … ", end="", flush=True)
        seconds, status, figures, output = run_script(lesson, show=False)
        print(
            f"{seconds:.1f} s{figures_written(figures)}" if not status else f"FAILED after {seconds:.1f} s", flush=True
        )
        if status:
            failed.append(lesson.number)
            print(textwrap.indent("\n".join(output.splitlines()[-25:]), "    "), file=sys.stderr, flush=True)
    print(f"{len(lessons) - len(failed)} of {len(lessons)} lessons hold, {time.perf_counter() - start:.1f} s")
    if failed:
        print(f"failed: {', '.join(failed)}; see one with: python -m lessons run {failed[0]}", file=sys.stderr)
    return 1 if failed else 0


def run_script(lesson, show):
    """Run a lesson in a process of its own.

    Returns
    -------
    seconds : float
    status : int
    figures : list of str
        Names of the pictures that it wrote.
    output : str
        What it printed, empty where it was shown at once.
    """
    before = figure_times()
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, lesson.path],
        cwd=ROOT,
        env=lesson_environment(),
        stdin=subprocess.DEVNULL,
        stdout=None if show else subprocess.PIPE,
        stderr=None if show else subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    seconds = time.perf_counter() - start
    figures = [name for name, written in figure_times().items() if before.get(name) != written]
    return seconds, done.returncode, figures, done.stdout or ""


def lesson_environment():
    """The environment of a lesson's process: this clone's packages, no windows, its pictures in figures/."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        "MPLBACKEND": "Agg",
        **os.environ,
        "EMBEDDINGS_FIGURES": str(FIGURES),
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONIOENCODING": "utf-8",
    }


def figure_times():
    """When each picture was last written."""
    return {path.name: path.stat().st_mtime_ns for path in sorted(FIGURES.glob("*.png"))}


def figures_written(figures):
    """The pictures, for the end of a line."""
    return f", wrote {', '.join(f'figures/{name}' for name in figures)}" if figures else ""


def write_notebooks(arguments):
    """Write lessons as notebooks, executed where that is asked for."""
    try:
        import jupytext
        import nbformat
    except ImportError as error:
        raise RuntimeError(
            f'notebooks need the "lessons" extra, {error.name} is missing: pip install -e ".[lessons]"'
        ) from None
    if arguments.open and not (arguments.lesson != "all" and shutil.which("jupyter")):
        raise RuntimeError("--open needs one lesson, and JupyterLab: pip install jupyterlab")
    folder = ROOT / "notebooks"
    folder.mkdir(exist_ok=True)
    lessons = find_lessons(arguments.lesson)
    for lesson in progress(lessons, desc="notebooks", unit=" notebook"):
        notebook = jupytext.read(lesson.path)
        kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
        notebook.metadata["kernelspec"] = kernel
        if arguments.execute:
            start = time.perf_counter()
            execute(notebook, lesson)
            print(f"{lesson.path.stem}: executed in {time.perf_counter() - start:.1f} s")
        path = folder / f"{lesson.path.stem}.ipynb"
        with atomic_write(path, "w", encoding="utf-8") as file:
            nbformat.write(notebook, file)
        print(f"wrote {path.relative_to(ROOT)}")
    if arguments.open:
        return subprocess.run(["jupyter", "lab", path], cwd=ROOT, env=lesson_environment()).returncode
    return 0


def execute(notebook, lesson):
    """Run every cell; a cell that fails ends it with the cell's own error."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    environment = {name: value for name, value in lesson_environment().items() if name != "MPLBACKEND"}
    client = NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}})
    try:
        client.execute(env=environment)
    except CellExecutionError as error:
        raise RuntimeError(f"{lesson.path.name} failed as a notebook:\n{error}") from None
