"""``python -m lessons COMMAND``: read, run and do the lessons."""

import argparse
import importlib
import sys

from embeddings.cli import run_command

# Each has add_arguments(subparsers).
COMMANDS = ("lessons.runner", "lessons.desk.student", "lessons.desk.teacher")


def main(argv=None):
    """Run one command. Returns the exit status: 0 fine, 1 something failed and was explained, 130 stopped by Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="python -m lessons",
        description="From one-hot vectors to spacetime patches, one lesson at a time.",
        epilog='Begin with "python -m lessons list", then "python -m lessons run 01".',
    )
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        importlib.import_module(name).add_arguments(subparsers)
    return run_command("python -m lessons", parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
