"""Cutting a clip into patches and putting it together, beside einops and beside a plain copy of the clip."""

import numpy as np

from benchmarks.harness import interleave, report

SHAPE = (64, 256, 256, 3)
PATCHES = ((2, 16, 16), (4, 8, 8), (1, 32, 32))
# Of the bandwidth of a copy.
COPY_BAR = 0.8


def run(data, threads):
    """A clip of 64 × 256 × 256 × 3, as bytes and as float32; no data are needed, and one thread is used."""
    from einops import rearrange

    from embeddings.video import patchify, unpatchify

    rng = np.random.default_rng(0)
    for dtype in (np.uint8, np.float32):
        clip = rng.integers(0, 255, SHAPE).astype(dtype)
        for patch in PATCHES:
            t, h, w = patch
            ours = patchify(clip, patch)
            there, back = "(t a) (h b) (w c) d -> (t h w) (a b c d)", "(t h w) (a b c d) -> (t a) (h b) (w c) d"
            sizes = {"a": t, "b": h, "c": w}
            counts = {"t": SHAPE[0] // t, "h": SHAPE[1] // h, "w": SHAPE[2] // w}
            np.testing.assert_array_equal(ours, rearrange(clip, there, **sizes))
            np.testing.assert_array_equal(unpatchify(ours, SHAPE[:3], patch), clip)
            for what, call, peer in (
                (
                    "patchify",
                    lambda clip=clip, patch=patch: patchify(clip, patch),
                    lambda clip=clip, there=there, sizes=sizes: rearrange(clip, there, **sizes),
                ),
                (
                    "unpatchify",
                    lambda ours=ours, patch=patch: unpatchify(ours, SHAPE[:3], patch),
                    lambda ours=ours, back=back, sizes=sizes, counts=counts: rearrange(ours, back, **sizes, **counts),
                ),
            ):
                medians = interleave({"embeddings": call, "einops": peer, "copy": clip.copy}, repeats=31)
                copy = medians.pop("copy")
                title = f"{what}, {np.dtype(dtype).name}, patches of {t} × {h} × {w}"
                promised = what == "patchify"
                report(title, medians, amount=2 * clip.nbytes / 1e9, unit="GB", bar=1 if promised else None)
                share = copy / medians["embeddings"]
                reached = f"(bar {COPY_BAR}: {'reached' if share >= COPY_BAR else 'NOT reached'})" if promised else ""
                print(f"  {share:.2f} of the bandwidth of a copy   {reached}", flush=True)
