"""One exercise, read from its one source: what the learner gets, what the checker knows.

``lessons/exercises/README.md`` says how a source is written.
"""

import ast
import dataclasses
import functools
import re

import numpy as np

from lessons.catalogue import ROOT
from lessons.desk.calls import call

EXERCISES = ROOT / "lessons" / "exercises"

_BEGIN = re.compile(r"^(?P<indent>\s*)# BEGIN SOLUTION:?\s*(?P<task>.*)$")
_END = re.compile(r"^\s*# END SOLUTION\s*$")


@dataclasses.dataclass(frozen=True)
class Mistake:
    """A mistake that learners really make: the solution of `function` with `old` replaced by `new`.

    Attributes
    ----------
    function : str
    explanation : str
        What the learner is told, in the second person: the cause, and what to do.
    old, new : str
        `old` stands once between the solution's markers.
    """

    function: str
    explanation: str
    old: str
    new: str


@dataclasses.dataclass(frozen=True)
class Alternative:
    """Another right answer: the whole source of `function`, written in a different way."""

    function: str
    source: str


class Exercise:
    """An exercise.

    Attributes
    ----------
    name, number, title : str
        ``"03_tfidf"``, ``"03"``, and what its first line says.
    functions : dict of str to float
        The functions to write, in order, with their points.
    checks : dict of str to dict
        For each function, inputs by name: tuples of arguments.
    hints : dict of str to list of str
    mistakes : list of Mistake
    alternatives : list of Alternative
    """

    def __init__(self, path):
        import jupytext

        self.path, self.name = path, path.stem
        self.number = self.name.split("_")[0]
        self.text = path.read_text(encoding="utf-8")
        self.notebook = jupytext.reads(self.text, fmt="py:percent")
        self.title = self.notebook.cells[0].source.splitlines()[0].lstrip("# ")
        code = [cell for cell in self.notebook.cells if cell.cell_type == "code"]
        self.functions = {
            cell.metadata["function"]: float(cell.metadata["points"]) for cell in code if "check" in tags(cell)
        }
        self.source = "\n\n\n".join(cell.source for cell in code if not tags(cell))
        (teacher,) = (cell.source for cell in code if "teacher" in tags(cell))
        self.namespace = {"__name__": self.name}
        exec(compile(self.source, f"<{self.name}>", "exec"), self.namespace)
        desk = dict(self.namespace)
        exec(compile(teacher, f"<{self.name}, teacher>", "exec"), desk)
        self.checks = {name: inputs(desk["CHECKS"][name]) for name in self.functions}
        self.hints, self.mistakes, self.alternatives = desk["HINTS"], desk["MISTAKES"], desk["ALTERNATIVES"]

    def source_of(self, function):
        """The source of one solution, markers included."""
        for node in ast.parse(self.source).body:
            if isinstance(node, ast.FunctionDef) and node.name == function:
                return ast.get_source_segment(self.source, node)
        raise ValueError(f"{self.path.name} has points for {function}, but no such function")

    @functools.cached_property
    def expected(self):
        """For each function, the right outcome of every input."""
        return {
            name: {label: call(self.namespace[name], arguments) for label, arguments in self.checks[name].items()}
            for name in self.functions
        }

    @functools.cached_property
    def mistaken(self):
        """For each mistake, the outcome of every input of its function."""
        return [self._outcomes(m.function, self.variant(m)) for m in self.mistakes]

    def variant(self, mistake):
        """The source of the function with the mistake in it."""
        source = self.source_of(mistake.function)
        begin = source.index("\n", source.index("# BEGIN SOLUTION"))
        head, solution = source[:begin], source[begin:]
        if solution.count(mistake.old) != 1:
            raise ValueError(
                f"{mistake.old!r} stands {solution.count(mistake.old)} times in the solution of {mistake.function}, "
                "not once"
            )
        return head + solution.replace(mistake.old, mistake.new)

    def _outcomes(self, function, source):
        namespace = dict(self.namespace)
        exec(compile(source, f"<{function}>", "exec"), namespace)
        return {label: call(namespace[function], arguments) for label, arguments in self.checks[function].items()}

    def argument_names(self, function):
        """The names of a function's arguments."""
        code = self.namespace[function].__code__
        return code.co_varnames[: code.co_argcount]

    # What is handed out -----------------------------------------------------------------------------------------------

    def learners_text(self):
        """The percent script without the answers and without the teacher's cell."""
        return strip_solutions(without_teacher(self.text))

    def learners_notebook(self, solutions=False):
        """The notebook with nbgrader's metadata; with `solutions`, the one that nbgrader itself strips."""
        import jupytext

        text = without_teacher(self.text)
        notebook = jupytext.reads(text if solutions else strip_solutions(text), fmt="py:percent")
        notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
        notebook.metadata["language_info"] = {"name": "python"}
        notebook.metadata.pop("jupytext", None)
        for i, cell in enumerate(notebook.cells):
            cell["id"] = f"{self.name}-{i}"
            if cell.cell_type != "code":
                continue
            function = cell.metadata.get("function")
            grading = {"schema_version": 3, "task": False, "grade": False, "solution": False, "locked": False}
            if function:
                points = cell.metadata.pop("points")
                grading |= {"grade": True, "locked": True, "points": points, "grade_id": f"{self.name}-{function}"}
            else:
                defined = [name for name in self.functions if re.search(rf"^def {name}\(", cell.source, re.MULTILINE)]
                if not defined:
                    continue
                grading |= {"solution": True, "grade_id": f"{self.name}-{defined[0]}-answer"}
            cell.metadata["nbgrader"] = grading
        return notebook


def inputs(makers):
    """Input tuples by name; each maker gets a random generator of its own, so that no input depends on another."""
    return {label: maker(np.random.default_rng(i)) for i, (label, maker) in enumerate(makers.items())}


def tags(cell):
    """The tags of a notebook's cell."""
    return cell.metadata.get("tags", [])


def without_teacher(text):
    """The source without its teacher's cell, which is the last one."""
    found = re.search(r'^# %% tags=\["teacher"\]$', text, re.MULTILINE)
    if found is None:
        raise ValueError('an exercise ends with a cell that begins with # %% tags=["teacher"]')
    return text[: found.start()].rstrip() + "\n"


def strip_solutions(text):
    """`text` with every solution replaced by an error that says what to write.

    Raises
    ------
    ValueError
        If a marker has no partner.

    Examples
    --------
    >>> print(strip_solutions("def f(x):\\n    # BEGIN SOLUTION: double x\\n    return 2 * x\\n    # END SOLUTION"))
    def f(x):
        raise NotImplementedError("double x")
    """
    lines, inside = [], None
    for number, line in enumerate(text.split("\n"), 1):
        begin = _BEGIN.match(line)
        if begin:
            if inside is not None:
                raise ValueError(f"line {number}: a solution begins before the one of line {inside} has ended")
            inside = number
            task = begin["task"].replace("\\", "\\\\").replace('"', '\\"')
            lines.append(f'{begin["indent"]}raise NotImplementedError("{task}")')
        elif _END.match(line):
            if inside is None:
                raise ValueError(f"line {number}: a solution ends that did not begin")
            inside = None
        elif inside is None:
            lines.append(line)
    if inside is not None:
        raise ValueError(f"the solution of line {inside} has no end")
    return "\n".join(lines)


def all_exercises():
    """Every exercise, in order."""
    return [_read(path) for path in exercise_paths()]


def exercise_paths():
    """The sources, in order."""
    return sorted(EXERCISES.glob("[0-9][0-9]_*.py"))


def find_exercise(name):
    """The exercise with this number (``"3"``, ``"03"``) or name (``"03_tfidf"``).

    Raises
    ------
    ValueError
        If there is none, naming those there are.
    """
    wanted = name.zfill(2) if name.isdigit() else name
    for path in exercise_paths():
        if wanted in (path.stem, path.stem.split("_")[0]):
            return _read(path)
    known = ", ".join(path.stem for path in exercise_paths())
    raise ValueError(f"there is no exercise {name!r}; there are {known}")


@functools.cache
def _read(path):
    return Exercise(path)
