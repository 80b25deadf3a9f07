# %% [markdown]
# # 14 · HOG: a picture as directions
#
# **You will know** what a gradient of a picture is, how cells vote for directions and blocks take the light out of the
# votes, and why that was the best way to find people in pictures for ten years.
#
# **Time** 25 minutes
#
# ## A question worth asking
#
# Switch on a lamp, and every number of a picture changes. Yet you see the same cup. What about it did *not* change?
#
# ## By hand
#
# Nine pixels that get brighter to the right and downwards:

# %%
import numpy as np

from embeddings.image import HOG

tiny = np.array([[0, 1, 2], [1, 2, 3], [2, 3, 4]], np.uint8)
# At the centre: 3 - 1 = 2 to the right, 3 - 1 = 2 downwards, so 45° and a size of √8.
cells = HOG(orientations=4, pixels_per_cell=(3, 3)).cells(tiny)
print("votes for 0°, 45°, 90°, 135°:", (9 * cells[0, 0]).round(2))
assert np.allclose(9 * cells[0, 0], [4, np.sqrt(8), 4, 0])

# %% [markdown]
# The pixels above and below the centre see only the rise to the right (0°), those beside it only the one downwards
# (90°). At the edges of the picture there is no neighbour, and no gradient.
#
# ## The formula
#
# $$g_x = I(y, x+1) - I(y, x-1), \qquad g_y = I(y+1, x) - I(y-1, x)$$
#
# $$h_k = \frac{1}{N} \sum_{\text{angle in bin } k} |g|, \quad v \leftarrow v / \sqrt{\sum v^2 + \epsilon^2}$$
#
# The angle is taken modulo 180°: a dark cup on a bright table has the same edges as a bright one on a dark table. The
# reference:

# %%
import inspect

from kernels import gradients

print(inspect.getsource(gradients.histograms_numpy).split('"""')[2])

# %% [markdown]
# ## The fast kernel, and what it bought
#
# An arc tangent for each pixel is slow. A polynomial is quick and nearly right; only where it lands at the boundary of
# a bin does the kernel look again, with a product, at which side the gradient lies:

# %%
import time

from skimage import data
from skimage.feature import hog as theirs

picture = data.camera()
model = HOG()
model.describe(picture)  # compile
seconds = {}
for name, call in (
    ("kernel", lambda: model.describe(picture)),
    ("reference", lambda: HOG(device="numpy").describe(picture)),
    ("scikit-image", lambda: theirs(picture)),
):
    start = time.perf_counter()
    found = call()
    seconds[name] = time.perf_counter() - start
    print(f"  {name:<14}{1e3 * seconds[name]:7.1f} ms   {len(found):,} numbers")
assert np.abs(model.describe(picture) - theirs(picture)).max() < 1e-6
assert seconds["scikit-image"] > 3 * seconds["kernel"]

# %% [markdown]
# ## A picture
#
# Each cell's strokes lie *along* the edges it saw, so that the drawing looks like what it describes:

# %%
from embeddings import visualise

rocket = data.astronaut()[:320, 60:380]
ax = visualise.hog_glyphs(HOG().cells(rocket), rocket, title="What HOG sees")
visualise.save_figure(ax, "14_hog_glyphs")

# %% [markdown]
# ## Light
#
# The same face, in half the light and in fog, beside another picture. How far apart are they, by pixels and by HOG?

# %%
face = data.astronaut()[:256, 96:352] / 255
scenes = {"in full light": face, "dim": face * 0.4, "fog": face * 0.3 + 0.6, "a cat": data.cat()[:256, 60:316] / 255}
vectors = HOG().fit_transform(list(scenes.values()))
pixels = np.stack([scene.ravel() for scene in scenes.values()])
apart = {"pixels": pixels, "HOG": vectors}
distances = {name: np.linalg.norm(X - X[0], axis=1) for name, X in apart.items()}
for name, distance in distances.items():
    print(f"  {name:<8}", "   ".join(f"{scene} {d:6.1f}" for scene, d in zip(scenes, distance, strict=True)))
assert distances["pixels"][2] > 0.8 * distances["pixels"][3]
ratio = distances["HOG"][1:3].max() / distances["HOG"][3]

# %%
blocks = {norm: HOG(block_norm=norm).fit_transform([face, face * 0.4]) for norm in ("L1", "L1-sqrt", "L2", "L2-Hys")}
raw = np.stack([HOG().cells(scene).ravel() for scene in (face, face * 0.4)])
change = {name: np.linalg.norm(a - b) / np.linalg.norm(a) for name, (a, b) in {"cells alone": raw, **blocks}.items()}
ax = visualise.neighbour_bars(list(change.items()), title="How much a dimmer lamp changes the vector")
ax.set_xlabel("change, beside the length of the vector")
visualise.save_figure(ax, "14_hog_light")
assert change["cells alone"] > 0.5 > 0.1 > change["L2-Hys"]

# %% [markdown]
# ## What it cannot do
#
# HOG knows *where* each edge was. Move the picture by half a cell, or turn it, and the vector is another one. Lesson 15
# looks for places that bring their own position and direction along.

# %%
moved, turned = HOG().fit_transform([np.roll(face, 4, axis=1), np.ascontiguousarray(np.rot90(face))])
for name, other in (("moved by 4 pixels", moved), ("turned", turned)):
    print(f"  {name:<18} {np.linalg.norm(vectors[0] - other):6.1f}")

# %% [markdown]
# ## What you know now
#
# The claim, checked: **dim light and fog change a picture's HOG less than a twentieth as much as another picture
# does.**

# %%
assert ratio < 0.05
print(f"changed by light: {ratio:.3f} of the distance to a cat")

# %% [markdown]
# ## Your turn
#
# `python -m lessons start 14`, then `python -m lessons check 14`: write gradients, angles, votes and blocks yourself.
