import numpy as np


def of(data, d, rows=4):
    return np.frombuffer(data, np.uint8).copy(), np.zeros((rows, d), np.float32), np.zeros((rows, 2), np.int64)


def numbers(form, n=200, d=7):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(n, d)) * 10.0 ** rng.integers(-40, 30, (n, d))
    lines = [f"w{i} " + " ".join(form % v for v in row) + "\n" for i, row in enumerate(values)]
    return of("".join(lines).encode(), d, n)


def floats(*values):
    return np.array(values, "<f4").tobytes()


CASES = {
    "TEXT_IMPLEMENTATIONS": {
        "two lines and a piece": lambda: of(b"cat 0.5 -1\nham +2. .25\nmou", 2),
        "spaces in words": lambda: of(". . . 1 2\na b 3 4\n猫 鼠 5 6\n".encode(), 2),
        "more lines than rows": lambda: of(b"a 1\nb 2\nc 3\n", 1, rows=2),
        "tabs, carriage returns, blank lines": lambda: of(b"a\t1\t2 \r\n\r\nb 3 4\t\n", 2),
        "as %.9g": lambda: numbers("%.9g"),
        "as %e": lambda: numbers("%.17e"),
        "as %f": lambda: numbers("%.40f"),
        "long digits": lambda: of(b"a 0.00000000000000000000000000000000123456789012345678901234567890\n", 1),
        "zeros": lambda: of(b"a 0 -0 0e9999 0.0e-9999\n", 4),
        "too few": lambda: of(b"a 1 2\nb 1\n", 2),
        "not a number": lambda: of(b"a 1 2\nb 1 2x\n", 2),
        "nan": lambda: of(b"a nan\n", 1),
        "inf": lambda: of(b"a 1e39\n", 1),
        "no digits": lambda: of(b"a .\n", 1),
        "no exponent": lambda: of(b"a 1e\n", 1),
        "sign alone": lambda: of(b"a -\n", 1),
        "nothing": lambda: of(b"", 3),
        "no line end": lambda: of(b"a 1 2 3", 3),
    },
    "BINARY_IMPLEMENTATIONS": {
        "two": lambda: of(b"cat " + floats(1, 2) + b"ham " + floats(3, 4), 2),
        "line ends": lambda: of(b"cat " + floats(1, 2) + b"\nham " + floats(3, 4) + b"\n", 2),
        "cut off": lambda: of(b"cat " + floats(1, 2) + b"ham " + floats(3), 2),
        "more than rows": lambda: of(b"a " + floats(1) + b"b " + floats(2) + b"c " + floats(3), 1, rows=2),
        "nan": lambda: of(b"a " + floats(1) + b"b " + floats(np.nan), 1),
        "no space": lambda: of(b"aaaa", 1),
        "nothing": lambda: of(b"", 1),
    },
}
TOLERANCES = {name: {"rtol": 2e-7, "atol": 0} for name in CASES}
