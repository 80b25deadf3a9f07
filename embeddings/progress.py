"""Progress bars on long work, and none on short."""

import sys

from tqdm import tqdm


def progress(iterable=None, *, total=None, desc=None, unit="it", **options):
    """A tqdm bar on standard error that shows itself after one second, and only to people.

    It stays silent where standard error is neither a terminal nor a notebook. All arguments are tqdm's.

    Examples
    --------
    >>> sum(progress([1, 2, 3], desc="adding"))
    6
    """
    watched = sys.stderr.isatty() or "ipykernel" in sys.modules
    return tqdm(
        iterable, total=total, desc=desc, unit=unit, delay=1, disable=not watched, dynamic_ncols=True, **options
    )
