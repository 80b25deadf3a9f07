import numpy as np

from kernels.attention import attention_numpy


def tokens(spans, n_heads, d, causal=False, masks=0, gap=0, scale=1.0):
    """Sequences one after the other, padding behind each, and rows of results that nobody is to write to."""
    rng = np.random.default_rng(len(spans) + d)
    ends = np.cumsum([0, *[size + gap for size in spans]])
    R, T = int(ends[-1]), max(spans, default=0)
    spans = np.array([[begin, begin + size] for begin, size in zip(ends[:-1], spans, strict=True)], np.int64)
    QKV = rng.normal(scale=scale, size=(R, 3 * d)).astype("f")
    mask = rng.random((masks, T, T)) < 0.6
    return QKV, spans.reshape(-1, 2), n_heads, causal, mask, np.full((R, d), 9, "f"), np.full((R, n_heads), 9, "f")


def grads(*arguments, **options):
    QKV, spans, n_heads, causal, mask, O, L = tokens(*arguments, **options)
    with np.errstate(all="ignore"):
        attention_numpy(QKV, spans, n_heads, causal, mask, O, L)
    dO = np.random.default_rng(1).normal(size=O.shape).astype("f")
    return dO, QKV, spans, n_heads, causal, mask, O, L, np.full_like(QKV, 9)


INPUTS = {
    "some sequences": (([3, 5, 1, 0], 2, 6), {}),
    "one token": (([1], 1, 1), {}),
    "no sequences": (([], 2, 4), {}),
    "causal, padded": (([4, 7], 2, 8), {"causal": True, "gap": 2}),
    "a mask": (([6, 5], 3, 9), {"masks": 1}),
    "masks of their own, causal": (([6, 3], 1, 5), {"masks": 2, "causal": True}),
    "several tiles": (([150], 1, 4), {}),
    "several tiles, causal, large scores": (([140], 1, 3), {"causal": True, "scale": 3.0}),
}
CASES = {
    "IMPLEMENTATIONS": {name: lambda a=a, o=o: tokens(*a, **o) for name, (a, o) in INPUTS.items()},
    "BACKWARD_IMPLEMENTATIONS": {name: lambda a=a, o=o: grads(*a, **o) for name, (a, o) in INPUTS.items()},
}
TOLERANCES = {name: {"rtol": 1e-4, "atol": 2e-5} for name in CASES}
