"""SIFT beside scikit-image's and OpenCV's: seconds for 512 × 512, and how well keypoints survive known changes."""

import numpy as np

from benchmarks.harness import interleave, report

SCIKIT_IMAGE, OPENCV, QUALITY = 10, 0.8, 0.97
PICTURES = ("camera", "astronaut", "coffee", "coins", "page", "brick", "rocket", "moon")


def run(data, threads):
    """Both sides on one thread."""
    speed()
    quality()


def opencv(picture):
    """Keypoints and descriptors of OpenCV's SIFT, in our form."""
    import cv2

    from embeddings.image import Keypoints

    found, descriptors = cv2.SIFT_create().detectAndCompute(as_bytes(picture), None)
    numbers = [(k.pt[1], k.pt[0], k.size / 2, np.deg2rad(k.angle), k.response) for k in found]
    return Keypoints(*np.array(numbers).reshape(-1, 5).T), np.asarray(descriptors if len(found) else np.zeros((0, 128)))


def as_bytes(picture):
    """OpenCV's SIFT takes bytes alone."""
    from embeddings.image.checks import check_picture, grey

    return np.rint(grey(check_picture(picture)) * 255).astype(np.uint8)


def speed():
    import cv2
    from skimage import data as pictures
    from skimage.feature import SIFT as TheirSIFT

    from embeddings.image import SIFT

    cv2.setNumThreads(1)
    picture, counts = pictures.camera(), {}
    model, other = SIFT(), cv2.SIFT_create()

    def ours():
        counts["embeddings"] = len(model.detect_and_compute(picture)[0])

    def theirs():
        found = TheirSIFT()
        found.detect_and_extract(picture)
        counts["scikit-image"] = len(found.keypoints)

    def cv():
        counts["OpenCV"] = len(other.detectAndCompute(picture, None)[0])

    medians = interleave({"embeddings": ours, "scikit-image": theirs, "OpenCV": cv}, repeats=9, threads=1)
    print(f"\nkeypoints with descriptors: {', '.join(f'{name} {n}' for name, n in counts.items())}")
    assert min(counts.values()) > 0.75 * max(counts.values())
    for name, bar in (("scikit-image", SCIKIT_IMAGE), ("OpenCV", OPENCV)):
        both = {"embeddings": medians["embeddings"], name: medians[name]}
        report(f"camera, grey, 512 × 512, beside {name}", both, 1, "pictures", bar)


def quality():
    from embeddings.datasets import images
    from embeddings.image import SIFT
    from embeddings.image.repeatability import survey

    chosen = images()
    found = survey([chosen[name] for name in PICTURES], {"embeddings": SIFT().detect_and_compute, "OpenCV": opencv})
    print_survey(found, "embeddings", "OpenCV", QUALITY)


def print_survey(found, ours, theirs, bar):
    """A table of how well keypoints survive, with ratios; each of the two promised ones must reach the bar."""
    print("\nas many keypoints on both sides: found again, share of matches that are right, right ones per keypoint")
    for kind, by in found.items():
        for name, numbers in by.items():
            print(f"  {kind:<10}{name:<14}" + "".join(f"{number:8.3f}" for number in numbers))
        ratios = [a / b for a, b in zip(by[ours], by[theirs], strict=True)]
        reached = "reached" if min(ratios[:2]) >= bar else "NOT reached"
        print(f"  {kind:<10}{'ratio':<14}" + "".join(f"{r:8.3f}" for r in ratios) + f"   (bar {bar:g}: {reached})")
