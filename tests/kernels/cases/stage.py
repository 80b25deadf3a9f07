import numpy as np


def case(H, W, C, O, k):
    def make():
        rng = np.random.default_rng(0)
        x = rng.normal(size=H * W * C).astype("f")
        offsets = np.array([(u * W + v) * C + c for u in range(k) for v in range(k) for c in range(C)])
        blocks, rows, columns = -(-O // 16), (H - k + 1) // 2, (W - k + 1) // 2
        w, bias = rng.normal(size=blocks * len(offsets) * 16).astype("f"), rng.normal(size=blocks * 16).astype("f")
        return x, C, W * C, offsets, w, bias, rows, columns, np.zeros(rows * columns * blocks * 16, "f")

    return make


CASES = {
    "IMPLEMENTATIONS": {
        "one window": case(2, 2, 1, 3, 1),
        "odd": case(10, 9, 1, 5, 3),
        "two sixteens": case(7, 8, 3, 20, 2),
    }
}
