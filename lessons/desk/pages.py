"""A page of feedback for one student."""

import html

from embeddings.files import atomic_write

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; color: #222; }}
h1 {{ font-size: 1.4rem; }}
section {{ border-left: 0.4rem solid; padding: 0.2rem 1rem; margin: 1rem 0; background: #f7f7f7; }}
.right {{ border-color: #0072b2; }}
.wrong {{ border-color: #d55e00; }}
.not-written {{ border-color: #999; }}
h2 {{ font-size: 1.05rem; margin: 0.3rem 0; }}
pre {{ white-space: pre-wrap; overflow-wrap: anywhere; margin: 0.3rem 0; }}
</style>
</head>
<body>
<h1>{student}: {exercise}</h1>
<p><strong>{points:g} of {max_points:g} points</strong> for {file}</p>
{sections}
{notes}
</body>
</html>
"""

_WORDS = {"right": "✓ right", "wrong": "✗ not right yet", "not written": "· still to write"}


def write_page(path, student, exercise, file, report):
    """Write a student's page.

    Parameters
    ----------
    path : pathlib.Path
    student : str
    exercise : Exercise
    file : str
        The submission's name.
    report : Report
    """
    sections = "\n".join(
        f'<section class="{function.status.replace(" ", "-")}">'
        f"<h2><code>{html.escape(function.name)}</code>: {_WORDS[function.status]}, "
        f"{function.points:g} of {function.max_points:g}</h2>"
        + (f"<pre>{html.escape(function.message)}</pre>" if function.message else "")
        + "</section>"
        for function in report.functions
    )
    notes = "".join(f"<p>While the file was loaded: {html.escape(note)}</p>" for note in report.notes)
    page = _PAGE.format(
        title=html.escape(f"{student}: {exercise.name}"),
        student=html.escape(student),
        exercise=html.escape(exercise.title),
        file=html.escape(file),
        points=report.points,
        max_points=report.max_points,
        sections=sections,
        notes=notes,
    )
    with atomic_write(path, "w", encoding="utf-8") as out:
        out.write(page)
