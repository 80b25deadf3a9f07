from tests.kernels.cases.conv import backward, forward

GEOMETRIES = {
    "places": (17, 2, 5, (1, 3, 4), (1, 1, 1), (1, 1, 1), (0, 0, 0), (1, 1, 1)),
    "rows": (5, 2, 5, (1, 7, 9), (1, 3, 2), (1, 1, 1), (0, 1, 1), (1, 1, 1)),
    "long rows": (90, 3, 8, (1, 3, 12), (1, 2, 3), (1, 1, 1), (0, 0, 0), (1, 1, 1)),
    "strided": (18, 2, 3, (1, 8, 7), (1, 3, 3), (1, 2, 3), (0, 1, 0), (1, 1, 1)),
    "dilated": (3, 2, 1, (1, 7, 10), (1, 2, 3), (1, 2, 1), (0, 1, 2), (1, 2, 2)),
    "clip": (20, 2, 3, (4, 5, 3), (2, 3, 2), (2, 1, 1), (1, 1, 0), (1, 1, 1)),
}

CASES = {
    "IMPLEMENTATIONS": {n: forward(*GEOMETRIES[n]) for n in GEOMETRIES}
    | {"relu": forward(*GEOMETRIES["rows"], relu=True)},
    "BACKWARD_IMPLEMENTATIONS": {name: backward(*GEOMETRIES[name]) for name in GEOMETRIES},
}
TOLERANCES = {name: {"rtol": 1e-4, "atol": 1e-4} for name in CASES}
