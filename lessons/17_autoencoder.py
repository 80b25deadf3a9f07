# %% [markdown]
# # 17 · Autoencoders: a picture in thirty-two numbers
#
# **You will know** how a network learns without labels by drawing its own input through a narrow waist, what PCA has to
# do with it, what noise in the input is good for, and how to make a space of which every point can be drawn.
#
# **Time** 30 minutes
#
# ## A question worth asking
#
# A CNN needs labels. Most pictures have none. What can be learned from pictures alone? *Squeeze* each one into a few
# numbers, and *draw it again* from them: whoever can do that has understood what the pictures have in common.
#
# ## By hand
#
# Four pictures of two pixels, (1, 1), (2, 2), (−1, −1), (−2, −2). One number is enough for each: the encoder takes
# $z = \tfrac12 (x_1 + x_2)$, the decoder gives back $(z, z)$. Nothing is lost. For (1, 0) something is:

# %%
import numpy as np

pictures = np.array([[1.0, 1], [2, 2], [-1, -1], [-2, -2]])
encode, decode = np.array([[0.5], [0.5]]), np.array([[1.0, 1.0]])
assert np.array_equal(pictures @ encode @ decode, pictures)
print((np.array([[1.0, 0.0]]) @ encode @ decode).tolist())
assert (np.array([[1.0, 0.0]]) @ encode @ decode).tolist() == [[0.5, 0.5]]

# %% [markdown]
# ## The formula
#
# An encoder $f$ and a decoder $g$ are trained together on the pixels' mean squared error
#
# $$L = \frac{1}{N\,P} \sum_n \lVert g(f(x_n)) - x_n \rVert^2$$
#
# If both are linear, the best they can do is the plane of the first principal components (Baldi & Hornik 1989). A ReLU
# between two layers lets the plane bend. The whole network, with the layers you know:

# %%
import inspect

from embeddings.image import Autoencoder

print(inspect.getsource(Autoencoder._dense))

# %% [markdown]
# ## Shapes, squeezed
#
# Circles, rings, crosses, squares and triangles of 28 × 28 pixels. How much is lost in a waist of 2, 8 or 32 numbers,
# beside as many principal components?

# %%
import time

from embeddings.datasets import shapes

pictures, labels = shapes(3_000, seed=1, noise=0.02)
test, test_labels = shapes(300, seed=2, noise=0.02)
rows, test_rows = (p.reshape(len(p), -1) / 255 for p in (pictures, test))
mean = rows.mean(axis=0)
axes = np.linalg.eigh(np.cov((rows - mean).T))[1][:, ::-1]  # (784, 784), largest first
sizes, models, errors, by_axes = (2, 8, 32), {}, [], []
for n in sizes:
    start = time.perf_counter()
    models[n] = Autoencoder("dense", n, epochs=20, seed=1).fit(pictures)
    seconds = time.perf_counter() - start
    errors.append(float(np.square(models[n].reconstruct(test).reshape(len(test), -1) - test_rows).mean()))
    plane = axes[:, :n]
    by_axes.append(float(np.square((test_rows - mean) @ plane @ plane.T + mean - test_rows).mean()))
    print(f"{n:3} numbers: autoencoder {errors[-1]:.4f}, PCA {by_axes[-1]:.4f}   (trained in {seconds:.1f} s)")
assert errors[2] < errors[1] < errors[0] and errors[0] < by_axes[0] and errors[1] < by_axes[1]

# %% [markdown]
# The narrower the waist, the more the bent surface is worth. With 32 numbers the flat one is wide enough to do as well.
#
# ## A picture

# %%
from embeddings import visualise

some = [int(np.flatnonzero(test_labels == name)[0]) for name in sorted(set(test_labels))]
drawn = [models[n].reconstruct(test[some]) for n in sizes]
ax = visualise.mosaic(
    [test[some] / 255, *drawn],
    rows=["picture", *(f"{n} numbers" for n in sizes)],
    columns=[str(test_labels[i]) for i in some],
    title="What is left of a picture",
    shared=True,
)
visualise.save_figure(ax, "17_autoencoder_sizes")
ax = visualise.curves(
    {"autoencoder": (sizes, errors), "PCA": (sizes, by_axes)},
    "numbers in the waist",
    "mean squared error",
    title="Lost",
)
visualise.save_figure(ax, "17_autoencoder_errors")

# %% [markdown]
# ## The fast kernel, and what it bought
#
# With `kind="conv"` the encoder is made of lesson 16's convolutions, and the decoder repeats every number 2 × 2 times
# before each of its own. The layers call compiled kernels; the same convolution by the reference:

# %%
from kernels.conv import conv_backward_numpy, conv_numpy
from kernels.conv_lanes import conv_lanes, conv_lanes_backward

rng = np.random.default_rng(0)
x, w = rng.normal(size=(16, 16, 1, 14, 14)).astype("f"), rng.normal(size=(1, 3, 3, 16, 32)).astype("f")
geometry = (1, 2, 2), (0, 1, 1), (1, 1, 1)
took = {}
for name, forward, backward in (
    ("reference", conv_numpy, conv_backward_numpy),
    ("kernel", conv_lanes, conv_lanes_backward),
):
    seconds = []
    for _ in range(5):  # the first time compiles
        start = time.perf_counter()
        y = forward(x, w, np.zeros(32, "f"), *geometry)
        backward(x, w, y, *geometry, np.zeros_like(w), np.zeros(32, "f"))
        seconds.append(time.perf_counter() - start)
    took[name] = min(seconds)
    print(f"{name:<10} forward and backward, stride 2: {took[name] * 1e3:6.2f} ms")
assert took["kernel"] < took["reference"]

# %% [markdown]
# ## Noise in, clean picture out
#
# If the network sees noise but has to draw the clean picture, it cannot copy: it must know what shapes look like.

# %%
noisy = np.clip(test_rows.reshape(-1, 28, 28) + rng.normal(0, 0.25, (len(test), 28, 28)), 0, 1)
denoiser = Autoencoder("dense", 32, denoising=0.25, epochs=12, seed=1).fit(pictures)
clean = denoiser.reconstruct(noisy)
before, after = (float(np.square(p - test_rows.reshape(-1, 28, 28)).mean()) for p in (noisy, clean))
print(f"squared error of the noisy pictures {before:.4f}, of those drawn from them {after:.4f}")
ax = visualise.mosaic([noisy[some], clean[some]], rows=["seen", "drawn"], title="Noise taken away", shared=True)
visualise.save_figure(ax, "17_autoencoder_noise")

# %% [markdown]
# ## A space of which every point can be drawn
#
# Between the points of a plain autoencoder's space there may be holes. A *variational* one draws each latent vector
# from a normal distribution, $z = \mu + \sigma\,\varepsilon$, and pays for every step away from the standard normal:
#
# $$\mathrm{KL} = -\tfrac12 \sum_i \big(1 + \log \sigma_i^2 - \mu_i^2 - \sigma_i^2\big)$$
#
# So neighbours must look alike, and anything near 0 can be drawn. Two numbers for faces (200 pieces of photographs, 100
# with a face, that come with scikit-image), with the pictures at their places:

# %%
from skimage import data

faces = data.lfw_subset()
plane = Autoencoder("dense", 2, variational=True, epochs=100, batch_size=20, seed=1).fit(faces[:100])
points = plane.transform(faces[:100])
print(f"mean {points.mean(axis=0).round(2)}, standard deviation {points.std(axis=0).round(2)}")
ax = visualise.thumbnails(points, faces[:100], title="A hundred faces by two numbers")
visualise.save_figure(ax, "17_autoencoder_faces")

# %%
low, high = points.min(axis=0), points.max(axis=0)
first, second = np.linspace(low[0], high[0], 7), np.linspace(high[1], low[1], 7)
grid = plane.inverse_transform([[a, b] for b in second for a in first]).reshape(7, 7, 25, 25)
ax = visualise.mosaic(grid, title="Faces that nobody has: a walk through the plane", shared=True)
visualise.save_figure(ax, "17_autoencoder_walk")

# %% [markdown]
# ## The latent vector as an embedding
#
# No label was seen. Are the neighbours by 32 numbers of the same kind all the same?

# %%
from embeddings.similarity import nearest

found = nearest(models[32].transform(test), models[32].transform(pictures), 1, metric="euclidean")[0].ravel()
accuracy = float(np.mean(labels[found] == test_labels))
print(f"nearest neighbour by 32 numbers, kind of shape: {accuracy:.2f} (chance 0.20)")

# %% [markdown]
# ## What you know now
#
# The claim, checked: **through a narrow waist, a network that draws its own input loses less than as many principal
# components; it takes noise away, and gives vectors whose neighbours look alike, all without a label.**

# %%
assert errors[1] < by_axes[1] and after < before / 2 and accuracy > 0.5
print(f"8 numbers: {errors[1]:.4f} against PCA's {by_axes[1]:.4f}")

# %% [markdown]
# ## Your turn
#
# `python -m lessons start 17`, then `python -m lessons check 17`: write the forward and backward pass of an
# autoencoder, and the divergence of a variational one.
