"""Inputs for kernels/amx.py."""

import numpy as np


def inputs(M, K, N, turn_A=False, turn_B=False):
    def case():
        rng = np.random.default_rng(M + K + N)
        A, B = rng.normal(size=(M, K)).astype(np.float32), rng.normal(size=(K, N)).astype(np.float32)
        if turn_A:
            A = np.ascontiguousarray(A.T).T
        if turn_B:
            B = np.ascontiguousarray(B.T).T
        return A, B, rng.normal(size=N).astype(np.float32), np.full((M, N), 9, np.float32)

    return case


CASES = {
    "IMPLEMENTATIONS": {
        "one": inputs(1, 1, 1),
        "no rows": inputs(0, 3, 4),
        "no terms": inputs(2, 0, 4),
        "whole tiles": inputs(32, 64, 32),
        "edges": inputs(17, 35, 41),
        "columns of A follow each other": inputs(33, 290, 32, turn_A=True),
        "columns of B follow each other": inputs(18, 33, 50, turn_B=True),
        "both": inputs(20, 40, 37, True, True),
    }
}
TOLERANCES = {"IMPLEMENTATIONS": {"rtol": 1e-5, "atol": 3e-5}}
