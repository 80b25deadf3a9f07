"""``python -m embeddings COMMAND``: embeddings for people who would rather not write Python."""

import argparse
import importlib
import os
import pkgutil
import sys

from embeddings import __version__, commands


def build_parser():
    """The argument parser, with one sub-command for every file in ``embeddings/commands/``."""
    parser = argparse.ArgumentParser(
        prog="python -m embeddings",
        description="Embeddings from scratch: search, train and explore vectors of text, image and video.",
        epilog='Every command explains itself: "python -m embeddings COMMAND --help".',
    )
    parser.add_argument("--version", action="version", version=__version__)
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for module in sorted(pkgutil.iter_modules(commands.__path__), key=lambda m: m.name):
        command = importlib.import_module(f"{commands.__name__}.{module.name}")
        summary, _, details = command.__doc__.partition("\n")
        subparser = subparsers.add_parser(
            module.name.replace("_", "-"),
            help=summary.rstrip("."),
            description=summary,
            epilog=details.strip(),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run)
    return parser


def main(argv=None):
    """Run one command; returns its exit status, as :func:`run_command` does."""
    return run_command("python -m embeddings", build_parser().parse_args(argv))


def run_command(program, arguments):
    """Call ``arguments.run(arguments)``, with errors told in a line instead of a traceback.

    Returns
    -------
    int
        The exit status: 0 done, 1 an error that was explained, 130 stopped by Ctrl-C.
    """
    try:
        status = arguments.run(arguments) or 0
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # The reader of a pipe, such as head, had enough; keep Python's own last flush quiet.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        print(f"{program} {arguments.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
