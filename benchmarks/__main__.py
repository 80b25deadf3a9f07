"""``python -m benchmarks [NAME ...] [--data FOLDER] [--threads N]``: run benchmarks by name, or all of them."""

import argparse
import importlib
import os
import pkgutil
import sys
from pathlib import Path

import benchmarks

NOT_BENCHMARKS = {"__main__", "harness"}


def main(argv=None):
    """Run the named benchmarks one after the other."""
    names = sorted(m.name for m in pkgutil.iter_modules(benchmarks.__path__) if m.name not in NOT_BENCHMARKS)
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Us beside what a user would pick instead, interleaved in one run.",
        epilog=f"benchmarks: {', '.join(names)}",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="which to run; none means all")
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("EMBEDDINGS_BENCH_DATA"),
        help="folder with real data (imdb/reviews.tsv.xz …); default: $EMBEDDINGS_BENCH_DATA. "
        "Without it, benchmarks use what lies on every machine, and skip what cannot",
    )
    parser.add_argument("--threads", type=int, default=1, help="threads for both sides (default 1)")
    arguments = parser.parse_args(argv)
    unknown = sorted(set(arguments.names) - set(names))
    if unknown:
        parser.error(f"no benchmark is named {unknown[0]!r}; there are {', '.join(names)}")
    if arguments.data is not None and not Path(arguments.data).is_dir():
        parser.error(f"--data {arguments.data}: there is no such folder")
    data = None if arguments.data is None else Path(arguments.data)
    for name in arguments.names or names:
        module = importlib.import_module(f"benchmarks.{name}")
        print(f"\n== {name}: {module.__doc__.splitlines()[0]}", flush=True)
        module.run(data=data, threads=arguments.threads)
    return 0


if __name__ == "__main__":
    sys.exit(main())
