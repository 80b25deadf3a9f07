"""HOG beside scikit-image: seconds for a picture of 512 × 512, and the same numbers."""

import numpy as np

from benchmarks.harness import interleave, report

BAR = 15


def run(data, threads):
    """Both sides on one thread: neither uses more for one picture."""
    from skimage import data as pictures
    from skimage.feature import hog

    from embeddings.image import HOG

    for title, picture, axis, bar in (
        ("grey, 512 × 512", pictures.camera(), None, BAR),
        ("colour, 512 × 512", pictures.astronaut(), -1, None),
    ):
        model, results = HOG(), {}

        def ours(model=model, picture=picture, results=results):
            results["embeddings"] = model.describe(picture)

        def theirs(picture=picture, axis=axis, results=results):
            results["scikit-image"] = hog(picture, channel_axis=axis)

        medians = interleave({"embeddings": ours, "scikit-image": theirs}, repeats=9, threads=1)
        difference = np.abs(results["embeddings"] - results["scikit-image"]).max()
        assert difference <= 1e-6, difference
        report(f"\n{title}, largest difference {difference:.1e}", medians, 1, "pictures", bar)
