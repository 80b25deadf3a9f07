# %% [markdown]
# # 16 · CNN: the same little pattern, everywhere
#
# **You will know** what a convolution computes, why networks share its weights over all places, what pooling forgets on
# purpose, where its gradient goes, and how a layer of a trained network becomes an embedding.
#
# **Time** 30 minutes
#
# ## A question worth asking
#
# Lesson 14 counted edges with a formula that people thought up. Could a network find its own patterns? A dense layer on
# all pixels would have to learn a cross at the left and a cross at the right as two things. Can it learn *one* pattern
# and look for it everywhere?
#
# ## By hand
#
# A pattern of 1 × 2 weights slides over a row. At every place: multiply, add up. The pattern (−1, 1) answers where the
# row gets brighter:

# %%
import numpy as np

from kernels.conv import conv_numpy

ONE, NO_PADDING = (1, 1, 1), (0, 0, 0)


def slide(row, pattern):
    """One row and one pattern through the kernel, which takes volumes (batch, channels, depth, rows, columns)."""
    x = np.array(row, float).reshape(1, 1, 1, 1, -1)
    w = np.array(pattern, float).reshape(1, 1, -1, 1, 1)
    return conv_numpy(x, w, np.zeros(1), ONE, NO_PADDING, ONE).ravel()


print(slide([0, 0, 1, 1, 0], [-1, 1]))
assert slide([0, 0, 1, 1, 0], [-1, 1]).tolist() == [0, 1, 0, -1]
assert np.array_equal(slide([0, 0, 1, 1, 0], [-1, 1])[1:], slide([0, 1, 1, 0], [-1, 1]))  # moved row, moved answer

# %% [markdown]
# The last line is the whole idea: **move the picture, and the answer moves along.** (Mathematicians turn the pattern
# over first and call only that convolution; networks do not, and learn the pattern the way round that they need.)
#
# **Pooling** then keeps the largest answer of every 2 × 2 places: whether the pattern was there, not exactly where. Its
# gradient goes to that one place, and to no other:

# %%
from embeddings import nn

pool = nn.MaxPool2d(2)
print(pool(np.array([[[[1.0, 5.0], [2.0, 3.0]]]])).ravel(), pool.backward(np.array([[[[10.0]]]])).ravel())
pool(np.array([[[[1.0, 5.0], [2.0, 3.0]]]]))
assert pool.backward(np.array([[[[10.0]]]])).ravel().tolist() == [0, 10, 0, 0]

# %% [markdown]
# ## The formula
#
# $$y_{o}[q] = \beta_o + \sum_k \sum_c w_{k,c,o}\; x_c[s\,q + k - p]$$
#
# for every place $q$, with stride $s$ and padding $p$; $k$ runs over the taps of the pattern, $c$ over the channels of
# the input, and each $o$ is a pattern of its own. And backward, because every weight was used at every place:
#
# $$\frac{\partial L}{\partial w_{k,c,o}} = \sum_q \frac{\partial L}{\partial y_o[q]}\; x_c[s\,q + k - p]$$
#
# The reference in NumPy lets one tap after the other look at a shifted view:

# %%
import inspect

print(inspect.getsource(conv_numpy).split('"""')[2])

# %% [markdown]
# ## The fast kernel, and what it bought
#
# Sixteen pictures of the batch (or sixteen columns) fill the lanes of the processor, and four patterns share what they
# read:

# %%
import time

from kernels.conv_lanes import conv_lanes

rng = np.random.default_rng(0)
x = rng.normal(size=(64, 8, 1, 12, 12)).astype("f")
w, bias = rng.normal(size=(1, 5, 5, 8, 16)).astype("f"), np.zeros(16, "f")
seconds = {}
for name, kernel in (("reference", conv_numpy), ("kernel", conv_lanes)):
    made = kernel(x, w, bias, ONE, NO_PADDING, ONE)  # compile
    took = []
    for _ in range(5):
        start = time.perf_counter()
        kernel(x, w, bias, ONE, NO_PADDING, ONE)
        took.append(time.perf_counter() - start)
    seconds[name] = min(took)
    print(f"{name:<10}{seconds[name] * 1e3:8.2f} ms")
np.testing.assert_allclose(made, conv_numpy(x, w, bias, ONE, NO_PADDING, ONE), rtol=1e-3, atol=1e-3)
assert seconds["kernel"] < seconds["reference"]

# %% [markdown]
# ## Shapes, anywhere
#
# Five shapes, of any size, turned, anywhere, on noise. The nearest neighbour by pixels, lesson 1's habit, against a
# network of two stages (convolution, pool, ReLU) and two dense layers:

# %%
from embeddings.datasets import shapes
from embeddings.image import CNN
from embeddings.similarity import nearest

pictures, labels = shapes(2_000, seed=1)
test, test_labels = shapes(500, seed=2)
rows, test_rows = (p.reshape(len(p), -1).astype("f") for p in (pictures, test))
by_pixels = np.mean(labels[nearest(test_rows, rows, 1, metric="euclidean")[0].ravel()] == test_labels)
start = time.perf_counter()
model = CNN((8, 16), epochs=10, seed=1).fit(pictures, labels)
accuracy = model.score(test, test_labels)
print(f"nearest pixels {by_pixels:.3f}   CNN {accuracy:.3f}, trained in {time.perf_counter() - start:.1f} s")
assert accuracy > 0.9 > by_pixels

# %% [markdown]
# ## A picture
#
# What it learned to look for, and what two shapes turn into on their way through:

# %%
from embeddings import visualise

filters = model.network_[0].weight.data[:, :, 0].transpose(2, 0, 1)  # (8, 5, 5)
ax = visualise.mosaic(filters[None], columns=[f"{i + 1}" for i in range(8)], title="Eight patterns of 5 × 5, learned")
visualise.save_figure(ax, "16_cnn_filters")

# %%
shown = [int(np.flatnonzero(test_labels == name)[0]) for name in ("cross", "ring", "triangle")]
maps = model.activations(test[shown], "pool1")  # (3, 8, 12, 12)
small = test[shown][:, 2:26, 2:26].reshape(3, 12, 2, 12, 2).mean(axis=(2, 4))
ax = visualise.mosaic(
    np.concatenate([small[:, None], maps], axis=1),
    rows=[str(test_labels[i]) for i in shown],
    columns=["picture", *(f"map {i + 1}" for i in range(8))],
    title="Where each pattern was found, after the first pool",
)
visualise.save_figure(ax, "16_cnn_maps")

# %% [markdown]
# ## A layer is an embedding
#
# The 64 numbers before the last layer know what the shape is, and have forgotten where it stood. Each shape's nearest
# neighbour by them, among pictures that the network has never seen, is of its own kind:

# %%
vectors = model.transform(test)
neighbours = nearest(vectors, vectors, 2, metric="cosine")[0][:, 1]  # the first is the picture itself
by_layer = np.mean(test_labels[neighbours] == test_labels)
print(f"{vectors.shape[1]} numbers: the nearest neighbour is of the same kind for {by_layer:.3f}")
ax = visualise.scatter(
    vectors[:60], [""] * 60, groups=test_labels[:60].tolist(), title="The hidden layer, two axes of it"
)
visualise.save_figure(ax, "16_cnn_hidden")

# %% [markdown]
# ## Faces
#
# The same class, 100 faces and 100 pieces of background that come with scikit-image:

# %%
from skimage import data

faces, is_face = data.lfw_subset(), np.arange(200) < 100
train = np.arange(200) % 4 != 0
face_model = CNN((8, 16), epochs=30, batch_size=16, seed=1).fit(faces[train], is_face[train])
face_accuracy = face_model.score(faces[~train], is_face[~train])
print(f"face or not, 50 held out: {face_accuracy:.2f}")

# %% [markdown]
# ## What you know now
#
# The claim, checked: **a network that looks for the same patterns everywhere recognises shapes that nearest pixels
# cannot, and its last hidden layer is an embedding in which a shape's neighbours are of its own kind.**

# %%
assert accuracy > by_pixels + 0.05 and by_layer > 0.85 and face_accuracy > 0.8
print(f"pixels {by_pixels:.2f}, CNN {accuracy:.2f}, neighbours by the hidden layer {by_layer:.2f}")

# %% [markdown]
# ## Your turn
#
# `python -m lessons start 16`, then `python -m lessons check 16`: write the convolution, the pool and both their
# gradients yourself.
