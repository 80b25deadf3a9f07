import numpy as np

from tests.kernels.cases.count import matrix


def weighing(sublinear, norm):
    indptr, indices, counts, _ = matrix(6, 11, 19, 40, 0.0)
    counts[:3] = [63, 64, 1000]
    return indptr, indices, counts, np.random.default_rng(0).random(19) + 1, sublinear, norm


CASES = {
    "IMPLEMENTATIONS": {
        **{f"{s} {n}": lambda s=s, n=n: weighing(s, n) for s in (False, True) for n in (0, 1, 2)},
        "a row of zeros": lambda: (np.array([0, 2]), *(np.zeros(2, np.int32),) * 2, np.ones(1), False, 2),
        "nothing": lambda: (np.zeros(1, np.int64), *(np.empty(0, np.int32),) * 2, np.empty(0), True, 2),
    }
}
TOLERANCES = {"IMPLEMENTATIONS": {"rtol": 1e-14, "atol": 0}}
