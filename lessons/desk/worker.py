"""The process in which a student's code runs: limits first, then the code, then one line of JSON for each call.

The right answers never enter this process: it returns what the functions gave, and the checker compares. The limits
stop mistakes and mischief, not a determined attacker; who grades strangers' code runs the grader in a container.
"""

import json
import os
import sys

import numpy  # noqa: F401  loaded before the limits: students use it

from lessons.desk.calls import Outcome, call, describe
from lessons.desk.values import decode

FILE = "<your file>"

FORBIDDEN = {
    "ctypes.dlopen",
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.kill",
    "os.killpg",
    "os.posix_spawn",
    "os.spawn",
    "os.startfile",
    "os.system",
    "pty.spawn",
    "socket.__new__",
    "subprocess.Popen",
}
# Events about a path; all but reading needs the process's own folder.
READS = {"open", "os.listdir", "os.scandir"}
WRITES = {
    "os.chmod",
    "os.chown",
    "os.link",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.symlink",
    "os.truncate",
    "os.utime",
    "shutil.rmtree",
}


def main():
    """Read the task from standard input, run it, write results to the descriptor that the first argument names."""
    results = os.fdopen(int(sys.argv[1]), "w", encoding="utf-8")
    task = json.loads(sys.stdin.read())
    sys.stdin = open(os.devnull)
    limit_resources(task["memory"])
    watch_files(os.getcwd(), task["readable"])

    def tell(**fields):
        results.write(json.dumps(fields) + "\n")
        results.flush()

    tell(ready=True)
    namespace, notes = load(task["cells"])
    tell(loaded=notes)
    references = {"__name__": "reference"}
    exec(compile(task["references"], "<reference>", "exec"), references)
    names = task["functions"]
    own = {name: namespace.get(name) for name in names}
    for number, item in enumerate(task["calls"]):
        tell(begin=number)
        name = item["function"]
        # The other functions are the right ones: a mistake in one costs that one alone.
        namespace.update({other: references[other] for other in names if other != name})
        namespace[name] = own[name]
        if not callable(own[name]):
            outcome = Outcome("error", message=f"there is no function {name} in your file", error="Missing")
        else:
            outcome = call(own[name], tuple(decode(item["arguments"])), FILE)
        results.write(f'{{"done": {number}, "outcome": {outcome.to_json()}}}\n')
        results.flush()
    tell(finished=True)


def load(cells):
    """Run the cells of a file, statement by statement.

    Returns
    -------
    namespace : dict
    notes : list of str
        What went wrong on the way; the rest was run all the same.
    """
    import ast

    namespace, notes = {"__name__": "exercise"}, []
    for line, source in cells:
        try:
            tree = ast.parse(source, FILE)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            at = line + (getattr(error, "lineno", None) or 1) - 1
            text = (getattr(error, "text", None) or "").strip()[:200]
            notes.append(f"line {at} is not Python ({getattr(error, 'msg', error)}): {text}")
            continue
        ast.increment_lineno(tree, line - 1)
        for node in tree.body:
            try:
                exec(compile(ast.Module([node], []), FILE, "exec"), namespace)
            except BaseException as error:  # whatever it is, the functions after it can still be checked
                notes.append(f"line {node.lineno}: {type(error).__name__}: {describe(error, None)}")
    return namespace, notes


def limit_resources(memory):
    """At most `memory` MB of address space beyond what is in use, no large files, no core dumps."""
    try:
        import resource
    except ImportError:  # Windows has time limits alone
        return
    with open("/proc/self/statm") if os.path.exists("/proc/self/statm") else open(os.devnull) as file:
        pages = int((file.read() or "0").split()[0])
    limits = {
        "RLIMIT_AS": pages * resource.getpagesize() + memory * 2**20,
        "RLIMIT_FSIZE": 10 * 2**20,
        "RLIMIT_CORE": 0,
    }
    for name, limit in limits.items():
        try:
            resource.setrlimit(getattr(resource, name), (limit, limit))
        except (AttributeError, ValueError, OSError):
            pass  # this system knows no such limit; the time limit remains


def watch_files(own, readable):
    """Refuse every file outside the folder `own`, but for reading beneath `readable`; refuse processes and networks."""
    own = os.path.realpath(own) + os.sep
    readable = (own, *(os.path.realpath(path) + os.sep for path in readable))
    devices = ("/dev/null", "/dev/urandom", "/dev/random")

    def hook(event, arguments):
        if event in FORBIDDEN:
            raise PermissionError(f"an exercise may not start programs or use the network ({event})")
        if event in READS or event in WRITES:
            path = arguments[0]
            if path is None:
                path = "."
            if not isinstance(path, str | bytes | os.PathLike):
                return  # an open descriptor
            path = os.path.realpath(os.fsdecode(path))
            writes = event in WRITES or (event == "open" and is_writing(*arguments[1:3]))
            if not (path + os.sep).startswith(own if writes else readable) and path not in devices:
                raise PermissionError(f"an exercise may not {'change' if writes else 'read'} files ({path})")

    sys.addaudithook(hook)


def is_writing(mode, flags):
    """Whether `open` was asked for more than reading."""
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return bool((flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC))


if __name__ == "__main__":
    main()
