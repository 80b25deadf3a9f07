# %% [markdown]
# # 15 · SIFT and SURF: places that are found again
#
# **You will know** why blurring a picture finds things of every size, how a keypoint gets its direction and its
# descriptor, what SURF replaces by boxes, and how two photographs of one thing are laid over each other.
#
# **Time** 35 minutes
#
# ## A question worth asking
#
# Two photographs of one house, one of them turned and from further away. Which point of one is which point of the
# other? No pixel is the same.
#
# ## By hand
#
# In one dimension: a bump of height 1 and width σ, blurred by $t$, has the height $\sigma / \sqrt{\sigma^2 + t^2}$.
# Take the difference of two blurs, by $t$ and by $kt$. At which $t$ is it largest in the middle?

# %%
import numpy as np

sigma, k = 4.0, 2 ** (1 / 3)
t = np.linspace(0.5, 16, 2000)
difference = sigma / np.sqrt(sigma**2 + t**2) - sigma / np.sqrt(sigma**2 + (k * t) ** 2)
print(f"largest at t = {t[difference.argmax()]:.2f} for a bump of {sigma}")
assert abs(t[difference.argmax()] * np.sqrt(k) / (np.sqrt(2) * sigma) - 1) < 0.05

# %% [markdown]
# The blur that answers most tells the size of the thing. Twice the bump, twice the blur: that is all there is to
# *scale-invariant*.
#
# ## The formula
#
# $$L(\sigma) = G_\sigma * I, \qquad D(\sigma) = L(k\sigma) - L(\sigma)$$
#
# A keypoint is where $D$ is larger, or smaller, than at all 26 neighbours in place and scale. The reference:

# %%
import inspect

from kernels import sift

print(inspect.getsource(sift.extrema_numpy).split('"""')[2])

# %%
from skimage import data

from embeddings import visualise
from embeddings.image import SIFT, SURF

picture = data.camera()
octaves = SIFT(double=False)._octaves(picture)
ax = visualise.pyramid(octaves[:2], title="Blurred more and more, and the differences")
visualise.save_figure(ax, "15_sift_pyramid")

# %% [markdown]
# ## Keypoints
#
# Each is turned to where its surroundings get brighter. Then the gradients around it, seen from its own direction, in
# 4 × 4 fields and 8 directions, are its 128 numbers: lesson 14 once more, in a small turned window.

# %%
points, descriptors = SIFT().detect_and_compute(picture)
print(f"{len(points)} keypoints, {descriptors.shape[1]} numbers each, of length {np.linalg.norm(descriptors[0]):.3f}")
largest = points[np.argsort(-points.response)[:150]]
ax = visualise.keypoints(picture, largest, title="The 150 strongest: place, size, direction")
visualise.save_figure(ax, "15_sift_keypoints")

# %% [markdown]
# ## What SURF does instead
#
# Sums over boxes come from four numbers of an *integral image*, whatever their size. SURF builds its second derivatives
# from boxes, and its descriptor from sums of rises:

# %%
from kernels.surf import filter_sizes, integral_numpy, responses_numpy

nine = np.empty((4, 4), np.int64)
integral_numpy(np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]]), nine)
print("sum of the lower right 2 × 2:", nine[3, 3] - nine[1, 3] - nine[3, 1] + nine[1, 1])
assert nine[3, 3] - nine[1, 3] - nine[3, 1] + nine[1, 1] == 5 + 6 + 8 + 9

# %% [markdown]
# One box is a poor bell. Two in a row are a better one, and sums of sums give those as cheaply. Here are both, along a
# line, beside the bell of the same width:

# %%
box = np.ones(9)
two = np.convolve(np.ones(6), np.ones(7))
for name, filter_ in (("one box", box), ("two boxes", two)):
    x = np.arange(len(filter_)) - (len(filter_) - 1) / 2
    share = filter_ / filter_.sum()
    width = np.sqrt((share * x**2).sum())
    bell = np.exp(-(x**2) / (2 * width**2)) / (width * np.sqrt(2 * np.pi))
    print(f"  {name}: {np.abs(share - bell).max() / bell.max():.2f} of the bell's height away from it")

# %% [markdown]
# What that buys: a straight edge is no place that could be found again, so no filter should answer to it, whichever way
# it runs.

# %%
y, x = np.mgrid[:81, :81] - 40
blob = np.exp(-(y**2 + x**2) / (2 * 3**2))
strongest = {}
for name, shape in (("level edge", (y > 0) * 1.0), ("slanting edge", (x + y > 0) * 1.0), ("blob", blob)):
    integral, twice = np.empty((82, 82), np.int64), np.empty((83, 83), np.int64)
    integral_numpy(np.rint(shape * 65535).astype(np.int64), integral)
    integral_numpy(integral, twice)
    responses = np.empty((1, 81, 81), np.float32)
    responses_numpy(twice, filter_sizes([5]), 1, responses)
    strongest[name] = responses[0, 20:-20, 20:-20].max()
    print(f"  {name}: {strongest[name]:.5f}")
assert strongest["slanting edge"] < 0.02 * strongest["blob"]

# %%
import time

detectors = {"SIFT": SIFT(), "SURF": SURF()}
seconds = {}
for name, detector in detectors.items():
    detector.detect_and_compute(picture[:64, :64])  # compile
    times = []
    for _ in range(3):
        start = time.perf_counter()
        found = detector.detect_and_compute(picture)
        times.append(time.perf_counter() - start)
    seconds[name] = min(times)
    print(f"  {name}: {len(found[0])} keypoints of {found[1].shape[1]} numbers in {1e3 * seconds[name]:.0f} ms")
assert seconds["SURF"] < seconds["SIFT"]

# %% [markdown]
# ## Found again
#
# A match must be much nearer than the second nearest (Lowe's ratio), and each the other's nearest. We turn and shrink
# the picture by a map that we know, so that we can tell which matches are right:

# %%
from embeddings.image import homography
from embeddings.image.repeatability import changed, correct_matches, repeatability

turn = np.deg2rad(35)
linear = 0.7 * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
after, matrix = changed(picture, linear)
shares = {}
for name, detector in detectors.items():
    first, second = detector.detect_and_compute(picture), detector.detect_and_compute(after)
    pairs, right = correct_matches(first, second, matrix)
    shares[name] = right.mean()
    again = repeatability(first[0], second[0], matrix, after.shape)
    print(f"  {name}: {again:.2f} found again, {len(pairs)} matches, {shares[name]:.2f} of them right")
    if name == "SIFT":
        found, agree = homography(first[0], second[0], pairs)
        some = np.linspace(0, len(pairs) - 1, 80).astype(int)
        ax = visualise.matches(picture, after, first[0], second[0], pairs[some], right[some], title="Matches of SIFT")
        visualise.save_figure(ax, "15_sift_matches")

# %% [markdown]
# Four matches tell a map between planes, and RANSAC finds the one that most agree on, wrong ones or not:

# %%
corners = np.array([[0, 511, 0, 511], [0, 0, 511, 511], [1, 1, 1, 1]])
mapped = found @ corners
off = np.abs((mapped / mapped[2])[:2] - (matrix @ corners)[:2]).max()
print(f"{agree.mean():.2f} of the matches agree; the corners of the picture are off by {off:.2f} pixels")
assert off < 3

# %% [markdown]
# ## What you know now
#
# The claim, checked: **more than nine in ten matches of SIFT are right though the picture was turned by 35° and shrunk
# to 70 %; SURF is faster and nearly as sure.**

# %%
assert shares["SIFT"] > 0.9 and shares["SURF"] > 0.85
print({name: round(float(share), 3) for name, share in shares.items()})

# %% [markdown]
# ## Your turn
#
# `python -m lessons start 15`, then `python -m lessons check 15`: write extrema, orientation, boxes and the ratio test
# yourself.
