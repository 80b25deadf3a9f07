# %% [markdown]
# # 19 · Patches: what tokens are to a text
#
# **You will know** how pictures, sounds and clips become rows of patches and come back exactly, why a linear layer on
# patches is a convolution, and why a patch must be told where it lies.
#
# **Time** 30 minutes
#
# ## A question worth asking
#
# A Transformer reads a row of tokens. A sentence is a row of words already. A picture is 100,000 numbers side by side
# and one above the other, and a film adds time. What is the *word* of a picture?
#
# ## By hand
#
# A picture of 4 × 4, cut into patches of 2 × 2. They are read as a page is: row by row, and so is each of them:

# %%
import numpy as np

from embeddings.video import patchify, unpatchify

picture = np.arange(16).reshape(4, 4)
patches = patchify(picture, (2, 2), channels=None)
print(picture, "\n")
print(patches)
assert patches.tolist() == [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]
assert np.array_equal(unpatchify(patches, (4, 4), (2, 2), channels=None), picture)

# %% [markdown]
# Nothing is lost: put back in the same order, it is the same picture. Put back in another order, it is not. With a real
# one:

# %%
from embeddings import visualise
from embeddings.datasets import images

cat = images()["cat"][:288, 80:368]  # 288 × 288 × 3
visualise.save_figure(visualise.patch_grid(cat, (48, 48), title="A picture as 36 words"), "19_patches_grid")
patches = patchify(cat, (48, 48))
print(f"{cat.shape} became {patches.shape}: {len(patches)} patches of {patches.shape[1]:,} numbers")
assert np.array_equal(unpatchify(patches, (288, 288), (48, 48)), cat)

# %% [markdown]
# The mistake that everybody makes once: to flatten a patch in one order, and to put it back in another. All numbers are
# there, and the cat is not:

# %%
wrong = patches.reshape(-1, 3, 48, 48).transpose(0, 2, 3, 1).reshape(len(patches), -1)  # (c, y, x) taken for (y, x, c)
mixed = unpatchify(wrong, (288, 288), (48, 48))
swapped = unpatchify(patches.reshape(6, 6, -1).swapaxes(0, 1).reshape(36, -1), (288, 288), (48, 48))
print(f"wrong pixels with channels mixed up: {(mixed != cat).mean():.0%}")
print(f"wrong pixels with rows for columns:  {(swapped != cat).mean():.0%}")
assert np.array_equal(np.sort(mixed, axis=None), np.sort(cat, axis=None)) and (mixed != cat).mean() > 0.5

# %% [markdown]
# ## One rule for one, two and three axes
#
# A sound has one axis, a picture two, a clip three. Along an axis of size $A$, patches of $p$ numbers in steps of $s$
# are
#
# $$n = \left\lfloor \frac{A - p}{s} \right\rfloor + 1, \qquad P_{i, k} = x_{i s + k}$$
#
# Steps shorter than a patch make patches overlap. What is put back is then the mean of all that lie over a place; as
# they agree, it is exact again:

# %%
from embeddings.datasets import film, moving_shapes
from embeddings.video import patch_grid

world = moving_shapes(8, seed=4)
for name, x, patch, stride in (
    ("a sound", world.sounds[0][:, None], 400, 200),
    ("a picture", cat, (48, 48), (24, 24)),
    ("a clip", world.clips[0], (2, 8, 8), None),
    ("a film", film()[:, :24], (4, 8, 7), (2, 4, 7)),
):
    sizes = x.shape[:-1]
    patches = patchify(x, patch, stride)
    print(f"{name:<10} {str(sizes):<14} in patches of {patch}: {patch_grid(sizes, patch, stride)}, {patches.shape}")
    assert np.array_equal(unpatchify(patches, sizes, patch, stride), x)

# %% [markdown]
# ## The reference, the kernel, and what it bought

# %%
import inspect

from kernels import patches as kernel

print(inspect.getsource(kernel.IMPLEMENTATIONS["numpy"]))

# %% [markdown]
# Cutting computes nothing: it only moves numbers. It cannot be faster than a copy of the clip, and that is the mark to
# reach. A patch is made of short runs, 48 bytes here; the kernel moves each in two steps of 32 bytes that overlap:

# %%
import time

clip = np.random.default_rng(0).integers(0, 255, (32, 256, 256, 3)).astype(np.uint8)


def seconds(function, n=9):
    taken = []
    for _ in range(n):
        start = time.perf_counter()
        function()
        taken.append(time.perf_counter() - start)
    return np.median(taken)


patchify(clip, (2, 16, 16))  # compile
ours, copy = seconds(lambda: patchify(clip, (2, 16, 16))), seconds(clip.copy)
shape = 16, 2, 16, 16, 16, 16, 3
numpy = seconds(lambda: np.ascontiguousarray(clip.reshape(shape).transpose(0, 2, 4, 1, 3, 5, 6)).reshape(-1, 1536))
print(f"patchify {ours * 1e3:.2f} ms, NumPy's transpose {numpy * 1e3:.2f} ms, a plain copy {copy * 1e3:.2f} ms")
assert ours < 5 * copy

# %% [markdown]
# ## A linear layer on patches is a convolution
#
# Each patch times one matrix: $y_p = W x_p + b$. The same numbers come out of a convolution whose stride is as large as
# its kernel; it visits the same patches, and its kernel is W, laid out:

# %%
from embeddings.nn import Conv3d
from embeddings.video import PatchEmbedding

rng = np.random.default_rng(0)
embed = PatchEmbedding((2, 8, 8), 3, 16, rng=rng)
conv = Conv3d(3, 16, (2, 8, 8), stride=(2, 8, 8), rng=rng)
conv.weight.data[:] = np.moveaxis(embed.linear.weight.data.reshape(3, 2, 8, 8, 16), 0, -2)
conv.bias.data[:] = embed.linear.bias.data
x = np.ascontiguousarray(np.moveaxis(world.clips[:2], -1, 1)).astype(np.float32) / 255  # channels first
tokens = embed(x)  # (2, 64, 16)
maps = conv(x)  # (2, 16, 4, 4, 4)
difference = abs(tokens - np.moveaxis(maps.reshape(2, 16, -1), 1, 2)).max()
print(f"{tokens.shape} and {maps.shape}: largest difference {difference:.1e}")
assert difference < 1e-4

# %% [markdown]
# ## Where a patch lies
#
# A Transformer reads a bag of tokens: shuffle them, and every token's result is the same. So each patch is told where
# it lies: a vector of sines and cosines for t, another for y, another for x, side by side. How alike are the vectors of
# two places? Here every place of an 8 × 8 grid beside the one in the middle:

# %%
from embeddings.video import grid_positions, sinusoidal_positions

positions = sinusoidal_positions(grid_positions((8, 8)), 64)
alike = positions @ positions[8 * 3 + 4] / 32
print(np.array2string(alike.reshape(8, 8), precision=2))
assert alike.argmax() == 8 * 3 + 4 and len(np.unique(positions.round(4), axis=0)) == 64

# %%
import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(6, 5), layout="constrained")
image = ax.imshow(alike.reshape(8, 8), cmap="cividis")
figure.colorbar(image, label="cosine similarity")
ax.set_xlabel("x")
ax.set_ylabel("y")
ax.set_title("Places near (3, 4) have vectors like its own")
visualise.save_figure(ax, "19_patches_positions")

# %% [markdown]
# *Rotary* positions turn pairs of numbers of queries and keys instead. Their product then knows how far apart two
# patches are, and nothing else: move both, and it stays.

# %%
from embeddings.video import rotary_angles, rotate

q, k = rng.normal(size=(2, 12))
here, there = np.array([1, 2, 3]), np.array([2, 0, 3])
products = [rotate(q, rotary_angles(here + m, 12)) @ rotate(k, rotary_angles(there + m, 12)) for m in (0, 5, 100)]
print("the same two patches, moved by 0, 5 and 100:", np.round(products, 6))
assert np.allclose(products, products[0])

# %% [markdown]
# ## The cube taken apart
#
# A clip's patches are small blocks of time, height and width. Four slabs of two frames, each cut into 4 × 4:

# %%
ax = visualise.spacetime_cube(world.clips[1], (2, 8, 8), title=f"“{world.captions[1]}” as 64 words")
visualise.save_figure(ax, "19_patches_cube")

# %% [markdown]
# ## What you know now
#
# The claim, checked: **a clip is a row of patches, put back to the same bytes; a linear layer on them is a
# convolution.**

# %%
patches = patchify(world.clips, (2, 8, 8))
assert np.array_equal(unpatchify(patches, (8, 32, 32), (2, 8, 8)), world.clips) and difference < 1e-4
print(f"{world.clips.shape} → {patches.shape} → the same bytes")

# %% [markdown]
# ## Your turn
#
# `python -m lessons start 19`, then `python -m lessons check 19`: cut and put back pictures and clips yourself,
# and tell patches where they lie.
