import numpy as np

from kernels.conv_direct import panels_of, room

# (B, C, O, (H, W), kernel, padding, border, stride, with a way around, relu)
GEOMETRIES = {
    "pixels": (2, 3, 20, (9, 11), (7, 7), 3, 3, 2, False, True),
    "inner layer": (2, 16, 32, (8, 15), (3, 3), 1, 1, 1, True, True),
    "half a panel": (1, 32, 48, (5, 7), (3, 3), 1, 1, 1, False, False),
    "stride": (1, 16, 32, (9, 30), (3, 3), 1, 1, 2, False, True),
    "a place each": (3, 48, 16, (5, 9), (1, 1), 0, 1, 2, True, False),
    "narrow": (1, 16, 16, (3, 2), (3, 3), 1, 1, 1, True, True),
    "one place": (1, 16, 16, (1, 1), (3, 3), 1, 1, 2, False, True),
    "no picture": (0, 16, 16, (4, 4), (3, 3), 1, 1, 1, False, True),
}


def forward(B, C, O, size, kernel, padding, border, stride, residual, relu):
    def make():
        rng = np.random.default_rng(7)
        x = room(B, *size, C, border)
        x[:, border:-border, border:-border] = rng.normal(size=(B, *size, C))
        made = [(n + 2 * padding - k) // stride + 1 for n, k in zip(size, kernel, strict=True)]
        y, width = np.zeros((B, made[0] + 2, made[1] + 2, -(-O // 16) * 16), "f"), -(-O // 16) * 16
        around = rng.normal(size=y.shape).astype("f") if residual else np.empty((0, 0, 0, 0), "f")
        panels, bias = panels_of(rng.normal(size=(*kernel, C, O)), rng.normal(size=O), C)
        assert y.shape[3] == width
        return x, panels, bias, around, border - padding, stride, relu, y

    return make


CASES = {"IMPLEMENTATIONS": {name: forward(*GEOMETRIES[name]) for name in GEOMETRIES}}
TOLERANCES = {"IMPLEMENTATIONS": {"rtol": 1e-5, "atol": 1e-4}}
