"""Running a student's functions in a process of their own, with limits on time, memory and output."""

import contextlib
import dataclasses
import json
import os
import selectors
import signal
import site
import subprocess
import sys
import sysconfig
import tempfile
import time

from lessons.catalogue import ROOT
from lessons.desk.calls import LARGEST, Outcome
from lessons.desk.values import encode

# Seconds that Python and NumPy may take to start on a busy machine.
STARTING = 60


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a student's code may use.

    Attributes
    ----------
    seconds : float
        For one call, and for loading the file.
    memory : int
        MB beyond Python and NumPy.
    output : int
        Bytes printed.
    """

    seconds: float = 5.0
    memory: int = 1024
    output: int = 1_000_000


@dataclasses.dataclass
class Run:
    """What came of all calls.

    Attributes
    ----------
    outcomes : list of Outcome
        One for each call.
    notes : list of str
        What went wrong while the file was loaded.
    printed : str
        The beginning of what the code printed.
    """

    outcomes: list
    notes: list = dataclasses.field(default_factory=list)
    printed: str = ""


def run_calls(cells, calls, references, limits=None):
    """Load a student's cells and call functions of theirs.

    A call that is stopped ends its process; the calls of other functions go on in a new one.

    Parameters
    ----------
    cells : list of (int, str)
        First line and source of each cell.
    calls : list of (str, tuple)
        Function and arguments.
    references : str
        Source of the right functions: while one function is called, the others are these.
    limits : Limits, optional

    Returns
    -------
    Run
    """
    limits = limits or Limits()
    run = Run([None] * len(calls))
    waiting = list(range(len(calls)))
    functions = sorted({name for name, _ in calls})
    while waiting:
        stopped, why = _run_process(cells, [calls[i] for i in waiting], waiting, functions, references, limits, run)
        if stopped is None:  # the file did not load
            for i in waiting:
                if run.outcomes[i] is None:
                    run.outcomes[i] = Outcome("stopped", message=f"while your file was loaded, {why}")
        else:
            for i in waiting:
                if run.outcomes[i] is None and calls[i][0] == calls[stopped][0]:
                    run.outcomes[i] = Outcome("stopped", message=why)
        waiting = [i for i in waiting if run.outcomes[i] is None]
    return run


def _run_process(cells, calls, numbers, functions, references, limits, run):
    """One process, from its start to its end. Returns the call that it was stopped in, and why."""
    task = {
        "cells": cells,
        "calls": [{"function": name, "arguments": [encode(a) for a in arguments]} for name, arguments in calls],
        "functions": functions,
        "references": references,
        "memory": limits.memory,
        "readable": readable_folders(),
    }
    receiver, sender = os.pipe()
    with tempfile.TemporaryDirectory(prefix="exercise-") as folder, tempfile.TemporaryFile() as stdin:
        stdin.write(json.dumps(task).encode())
        stdin.seek(0)
        process = subprocess.Popen(
            [sys.executable, "-m", "lessons.desk.worker", str(sender)],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[sender],
            cwd=folder,
            env=environment(folder),
            start_new_session=True,
        )
        os.close(sender)
        try:
            return _listen(process, receiver, numbers, limits, run)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            process.stdout.close()
            os.close(receiver)


def _listen(process, receiver, numbers, limits, run):
    """Take results and output until the process ends or breaks a limit."""
    current, buffer, printed = None, b"", 0
    # Starting Python and NumPy is not the student's time; every message starts the clock anew.
    deadline = time.monotonic() + STARTING
    with selectors.DefaultSelector() as selector:
        selector.register(receiver, selectors.EVENT_READ)
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            events = selector.select(max(0, deadline - time.monotonic()))
            if not events and time.monotonic() >= deadline:
                return current, (
                    f"it did not finish within {limits.seconds:g} seconds: look for a loop that never ends"
                )
            ready = {key.fileobj for key, _ in events}
            if process.stdout in ready:
                chunk = os.read(process.stdout.fileno(), 1 << 16)
                printed += len(chunk)
                run.printed += chunk.decode("utf-8", "replace")[: max(0, 2000 - len(run.printed))]
                if printed > limits.output:
                    return current, f"it printed more than {limits.output:,} bytes: look for a print in an endless loop"
                if not chunk:
                    selector.unregister(process.stdout)
            if receiver not in ready:
                continue
            chunk = os.read(receiver, 1 << 20)
            if not chunk:
                return current, how_it_ended(process)
            buffer += chunk
            if len(buffer) > 2 * LARGEST:
                return current, "it wrote to the checker's own pipe"
            *lines, buffer = buffer.split(b"\n")
            for line in lines:
                try:
                    message = json.loads(line)
                    if "loaded" in message:
                        run.notes = [str(note) for note in message["loaded"]]
                    elif "begin" in message:
                        current = numbers[message["begin"]]
                    elif "done" in message:
                        run.outcomes[numbers[message["done"]]] = Outcome.from_json(message["outcome"])
                    elif "finished" in message and all(run.outcomes[i] is not None for i in numbers):
                        return current, ""
                except (ValueError, TypeError, KeyError, IndexError, RecursionError):
                    return current, "it wrote to the checker's own pipe"
                deadline = time.monotonic() + limits.seconds


def how_it_ended(process):
    """Why a process closed its end of the pipe."""
    try:
        status = process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        return "it closed the checker's own pipe"
    if status < 0:
        return f"it crashed the Python interpreter ({signal.Signals(-status).name})"
    return f"it ended the whole process (exit status {status}): use return, not exit"


def environment(folder):
    """Few variables, the same on every machine; one thread for linear algebra."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ}
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL", "NUMBA")}
    return {
        **kept,
        **threads,
        "HOME": folder,
        "LANG": "C.UTF-8",
        "MPLBACKEND": "Agg",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": str(ROOT),
        "PYTHONUTF8": "1",
        "TMPDIR": folder,
    }


def readable_folders():
    """Where Python, its packages and this project's library lie; not the exercises, which hold the answers."""
    paths = sysconfig.get_paths()
    folders = {
        sys.prefix,
        sys.base_prefix,
        paths["stdlib"],
        paths["purelib"],
        paths["platlib"],
        *site.getsitepackages(),
    }
    return sorted(folders | {str(ROOT / room) for room in ("embeddings", "kernels", "lessons/desk")})
