"""How benchmarks measure: interleaved runs, medians, ratios, and peak memory in a fresh process."""

import csv
import lzma
import multiprocessing
import resource
import statistics
import sys
import time
from pathlib import Path

from threadpoolctl import threadpool_limits

# Seconds of a turn on several threads.
TURN = 0.3


def interleave(contestants, repeats=5, threads=1, warm_up=True):
    """Time functions in turn, round after round, so that a slow spell of the machine hits them all alike.

    On several threads a short one runs again and again in its turn, as training does, and the median counts: the first
    runs share cores with the threads of the one before, which still wait for work, and with each other.

    Parameters
    ----------
    contestants : dict of str to callable
        Called without arguments; the first one is what the others' ratios refer to.
    repeats : int, default 5
        Rounds that count.
    threads : int, default 1
        Limit on BLAS and OpenMP threads in every contestant.
    warm_up : bool, default True
        Call each once before, so that compilation is not timed.

    Returns
    -------
    dict of str to float
        Median seconds.
    """
    seconds = {name: [] for name in contestants}
    with threadpool_limits(limits=threads):
        if warm_up:
            for function in contestants.values():
                function()
        for _ in range(repeats):
            for name, function in contestants.items():
                seconds[name].append(_turn(function, TURN if threads > 1 else 0))
    return {name: statistics.median(values) for name, values in seconds.items()}


def _turn(function, at_least):
    """Median seconds of as many runs as fit into a turn, of one at least."""
    seconds, begin = [], time.perf_counter()
    while not seconds or time.perf_counter() - begin < at_least:
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def report(title, medians, amount=None, unit="", bar=None):
    """Print a table of medians and of how many times faster the first contestant is.

    Parameters
    ----------
    title : str
    medians : dict of str to float
        As :func:`interleave` returns them.
    amount : float, optional
        What one run works through, for a rate; `unit` is its unit.
    bar : float, optional
        The ratio that was promised; printed beside the measured one.

    Returns
    -------
    float
        Seconds of the best other contestant over seconds of the first.
    """
    (us, ours), *others = medians.items()
    print(f"{title}")
    for name, seconds in medians.items():
        rate = "" if amount is None else f"{amount / seconds:14,.1f} {unit}/s"
        print(f"  {name:<34}{seconds:10.3f} s{rate}")
    if not others:
        return float("nan")
    ratio = min(seconds for _, seconds in others) / ours
    promised = "" if bar is None else f"   (bar {bar:g}: {'reached' if ratio >= bar else 'NOT reached'})"
    print(f"  {us} is {ratio:.2f} times as fast{promised}", flush=True)
    return ratio


def peak_memory(function, *arguments, warm_up=None):
    """Peak resident memory of a fresh process that calls `function`, on one thread.

    `function` must be importable (defined at the top of a module); what it imports counts, as it does for a user.

    Parameters
    ----------
    function : callable
    *arguments
        Of the call that is measured.
    warm_up : tuple, optional
        Arguments of a smaller call before it, after which libraries are loaded and code is compiled.

    Returns
    -------
    peak : float
        MB of the whole process.
    growth : float
        The part of it that came after the warm-up: what the data need, without what the libraries do.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(sender, function, arguments, warm_up))
    process.start()
    sender.close()
    try:
        return receiver.recv()
    except EOFError:
        raise RuntimeError(f"{function.__name__} died while its memory was measured") from None
    finally:
        process.join()


def _measure(sender, function, arguments, warm_up):
    with threadpool_limits(limits=1):
        if warm_up is not None:
            function(*warm_up)
        before = _memory("VmRSS")
        function(*arguments)
    peak = _memory("VmHWM")
    sender.send((peak, peak - before))


def _memory(field):
    """Resident memory in MB: ``VmRSS`` now, ``VmHWM`` at its highest; the highest in both cases outside Linux."""
    try:
        # Linux hands the starting process's own peak on to ru_maxrss, but not to these lines.
        status = Path("/proc/self/status").read_text()
        return int(status.split(f"{field}:")[1].split()[0]) / 1024
    except (OSError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)


def imdb_reviews(data, label=None, limit=None):
    """Texts of the IMDb reviews in ``data/imdb/reviews.tsv.xz``.

    Parameters
    ----------
    data : Path or None
    label : {"pos", "neg", "unsup"}, optional
        Only these.
    limit : int, optional
        Only the first that many.

    Returns
    -------
    list of str or None
        None, and a line that says so, where the file is not there.
    """
    path = None if data is None else Path(data) / "imdb" / "reviews.tsv.xz"
    if path is None or not path.is_file():
        print("  (no imdb/reviews.tsv.xz: pass --data FOLDER or set EMBEDDINGS_BENCH_DATA; skipped)")
        return None
    texts = []
    with lzma.open(path, "rt", encoding="utf-8", newline="\n") as file:
        for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            if label is None or row[0] == label:
                texts.append(row[2])
                if len(texts) == limit:
                    break
    return texts
