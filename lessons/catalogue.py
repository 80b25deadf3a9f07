"""Which lessons there are, read from their own first cell."""

import dataclasses
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIGURES = ROOT / "figures"

_TITLE = re.compile(r"^# # (?P<number>\d+) · (?P<title>.+)$", re.MULTILINE)
_KNOW = re.compile(r"^# \*\*You will know\*\* (?P<know>.+?)\n#\n", re.MULTILINE | re.DOTALL)
_TIME = re.compile(r"^# \*\*Time\*\* (?P<time>.+)$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Lesson:
    """One lesson.

    Attributes
    ----------
    number : str
        Two digits.
    path : pathlib.Path
        The percent script.
    title, know, time : str
        What it is called, what you will know, how long it takes.
    """

    number: str
    path: Path
    title: str
    know: str
    time: str


def read_lesson(path):
    """The lesson in a percent script.

    Raises
    ------
    ValueError
        If its first cell lacks the title, what you will know, or the time.
    """
    source = path.read_text(encoding="utf-8")
    found = [pattern.search(source) for pattern in (_TITLE, _KNOW, _TIME)]
    if not all(found):
        raise ValueError(f"{path.name} must begin with '# # N · Title', '**You will know** …' and '**Time** …'")
    title, know, time = found
    number = path.name.split("_")[0]
    if int(number) != int(title["number"]):
        raise ValueError(f"{path.name} calls itself lesson {title['number']}")
    know = " ".join(line.removeprefix("#").strip() for line in know["know"].splitlines())
    return Lesson(number, path, title["title"].strip(), know, time["time"].strip())


def all_lessons():
    """Every lesson, in order."""
    return [read_lesson(path) for path in sorted((ROOT / "lessons").glob("[0-9][0-9]_*.py"))]


def find_lessons(name):
    """The lesson with this number (``"3"``, ``"03"``) or file name, or all of them for ``"all"``.

    Raises
    ------
    ValueError
        If there is no such lesson, naming those there are.
    """
    lessons = all_lessons()
    if name == "all":
        return lessons
    wanted = name.zfill(2) if name.isdigit() else Path(name).stem
    chosen = [lesson for lesson in lessons if wanted in (lesson.number, lesson.path.stem)]
    if not chosen:
        raise ValueError(f"there is no lesson {name!r}; there are {', '.join(lesson.path.stem for lesson in lessons)}")
    return chosen
