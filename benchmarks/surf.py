"""SURF beside our SIFT: seconds for 512 × 512, and how well keypoints survive turning and scaling."""

from benchmarks.harness import interleave, report
from benchmarks.sift import PICTURES, print_survey

SPEED, QUALITY = 2, 0.9


def run(data, threads):
    """Both on one thread."""
    from skimage import data as pictures

    from embeddings.datasets import images
    from embeddings.image import SIFT, SURF

    picture, counts = pictures.camera(), {}

    def surf():
        counts["SURF"] = len(SURF().detect_and_compute(picture)[0])

    def sift():
        counts["SIFT"] = len(SIFT().detect_and_compute(picture)[0])

    medians = interleave({"SURF": surf, "SIFT": sift}, repeats=9, threads=1)
    print(f"\nkeypoints with descriptors: {', '.join(f'{name} {n}' for name, n in counts.items())}")
    report("camera, grey, 512 × 512, with descriptors", medians, 1, "pictures", SPEED)
    chosen = images()
    detectors = {"SURF": SURF().detect_and_compute, "SIFT": SIFT().detect_and_compute}
    found = survey_of(chosen, detectors)
    print_survey(found, "SURF", "SIFT", QUALITY)


def survey_of(chosen, detectors):
    """How keypoints of some pictures survive turning and scaling."""
    from embeddings.image.repeatability import survey

    return survey([chosen[name] for name in PICTURES], detectors, ("rotation", "scale"))
