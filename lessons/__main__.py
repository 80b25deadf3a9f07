"""``python -m lessons COMMAND``: read, run and do the lessons."""

import argparse
import importlib
import os
import sys

# Each has add_arguments(subparsers).
COMMANDS = ("lessons.runner",)


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
    arguments = parser.parse_args(argv)
    try:
        return arguments.run(arguments) or 0
    except (OSError, ValueError, RuntimeError) as error:
        print(f"python -m lessons {arguments.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    finally:
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            # The reader of a pipe, such as head, had enough; keep Python's own last flush quiet.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
