# %% [markdown]
# # 21 · One space: a sentence, a picture, a clip and a sound as neighbours
#
# **You will know** how texts, pictures, clips and sounds become tokens of one width for one Transformer, how pairs
# teach it what belongs together, and how a sentence then finds a clip and a sound.
#
# **Time** 40 minutes
#
# ## A question worth asking
#
# *A red square moves left.* You read it; you could see it; here you can even hear it. Can one vector stand for all
# three, so that a text finds the clip that nobody described?
#
# ## By hand
#
# Two items, two kinds: texts $a_1, a_2$ and clips $b_1, b_2$, of length 1. Each text is to prefer its own clip: the
# cross-entropy of the similarities, divided by a temperature, with the diagonal as the right answers, both ways
# ([CLIP](https://arxiv.org/abs/2103.00020)):
#
# $$L = -\frac{1}{2N} \sum_i \left( \log \frac{e^{a_i b_i / \tau}}{\sum_j e^{a_i b_j / \tau}} +
# \log \frac{e^{a_i b_i / \tau}}{\sum_j e^{a_j b_i / \tau}} \right)$$

# %%
import numpy as np

from embeddings.nn import InfoNCE

texts, right, wrong = np.eye(2), np.eye(2), np.eye(2)[::-1]
loss = InfoNCE(temperature=0.5)
paired, crossed = (loss(np.concatenate([texts, clips]))[0] for clips in (right, wrong))
print(f"each beside its own: {paired:.3f}; each beside the other's: {crossed:.3f}")
assert np.isclose(paired, np.log(1 + np.exp(-2))) and np.isclose(crossed, np.log(1 + np.exp(2)))

# %% [markdown]
# ## A world that is seen, read and heard
#
# `moving_shapes` makes clips with captions, in English and Chinese, and with sound: the colour is the note, the shape
# the timbre, the motion how it changes.

# %%
from embeddings import visualise
from embeddings.datasets import moving_shapes

world = moving_shapes(1024, seed=1, size=16, frames=4, background="plain")
for i in range(3):
    print(world.captions[i], "·", world.captions_zh[i], "·", f"{world.sounds[i].size:,} samples")

# %% [markdown]
# A sound becomes a picture first: how loud each band of pitch is at each time, the log-mel spectrogram. Short frames
# are weighed by a window and go through Fourier's transform; their power is summed in triangles as wide as the ear's
# bands:
#
# $$S_i = \mathcal F(w \cdot x_{ih \ldots ih + F}), \qquad m_{b i} = 10 \log_{10} \sum_k a_{b k} |S_{i k}|^2$$

# %%
import inspect

import matplotlib.pyplot as plt

from embeddings.video import log_mel
from kernels import stft

print(inspect.getsource(stft.MEL_IMPLEMENTATIONS["numpy"]))
figure, axes = plt.subplots(1, 3, figsize=(8, 3), layout="constrained", sharey=True)
up, grows, right = (int(np.flatnonzero(world.labels["motion"] == m)[0]) for m in (2, 4, 1))
for ax, i in zip(axes, (up, grows, right), strict=True):
    ax.imshow(log_mel(world.sounds[i], 4000, 512, 50, 64), origin="lower", aspect="auto", cmap="cividis")
    ax.set_title(world.captions[i].removeprefix("a "), fontsize=9)
    ax.set_xlabel("frame")
axes[0].set_ylabel("band")
visualise.save_figure(axes[0], "21_one_space_sounds")

# %% [markdown]
# ## All in one row
#
# Words are looked up; patches of pictures, clips and spectrograms are projected to the same width. A vector for the
# kind and one for the place are added, and all stand in one row. Attention stays within each item:

# %%
caption = world.captions[0].split()
ax = visualise.token_strip(
    [("text", len(caption)), ("picture", 4), ("clip", 4), ("sound", 5)], title="One item as a row of tokens"
)
visualise.save_figure(ax, "21_one_space_tokens")

# %% [markdown]
# ## Training on pairs

# %%
import time

from embeddings.video import UnifiedEncoder

train, test = slice(0, 824), slice(824, None)
start = time.perf_counter()
model = UnifiedEncoder(width=48, n_layers=1, epochs=20, batch_size=32, n_fft=256, learning_rate=4e-3, seed=1).fit(
    [list(pair) for pair in zip(world.captions[train], world.captions_zh[train], strict=True)],
    image=world.stills[train],
    clip=world.clips[train],
    sound=world.sounds[train],
    sample_rate=world.sample_rate,
)
print(f"{time.perf_counter() - start:.0f} s; loss {model.loss_history_[0]:.2f} → {model.loss_history_[-1]:.2f}")

# %% [markdown]
# ## Who finds whom
#
# 200 items that it has never met. At which place of 200, sorted by similarity, is the right one? Chance puts it in the
# middle, at 100:

# %%
vectors = {
    "text": model.transform(world.captions[test]),
    "Chinese": model.transform(world.captions_zh[test]),
    "picture": model.transform(world.stills[test], "image"),
    "clip": model.transform(world.clips[test], "clip"),
    "sound": model.transform(world.sounds[test], "sound"),
}
names = list(vectors)
ranks = np.zeros((5, 5))
for i, a in enumerate(names):
    for j, b in enumerate(names):
        scores = vectors[a] @ vectors[b].T
        ranks[i, j] = 1 + np.median((scores > np.diag(scores)[:, None]).sum(axis=1))
print("median place of the right one (rows ask, columns are found)")
print("        ", *(f"{name:>8}" for name in names))
for name, row in zip(names, ranks, strict=True):
    print(f"{name:<9}", *(f"{rank:8.0f}" for rank in row))
assert ranks.max() < 50 and ranks[0, 3] < 30 and ranks[0, 4] < 30

# %% [markdown]
# A picture finds worst: it cannot know how its shape moves. A sentence as a query, and what is nearest to it:

# %%
query = "a large red square moves left"
nearest = np.argsort(-(model.transform([query]) @ vectors["clip"].T)[0])[:4]
for i in nearest:
    print("  ", world.captions[824 + i])
ax = visualise.film_strip(
    world.clips[test][nearest], [world.captions[824 + i] for i in nearest], title=f"Nearest to “{query}”"
)
visualise.save_figure(ax, "21_one_space_search")

# %% [markdown]
# ## The joint map

# %%
shown = [int(np.flatnonzero(world.labels["colour"][test] == c)[0]) for c in (0, 3, 5, 7, 2)]
kinds = [name for name in names for _ in shown]
items = [world.captions[824 + i].removeprefix("a ") for _ in names for i in shown]
ax = visualise.joint_map(
    np.concatenate([vectors[name][shown] for name in names]), kinds, items, title="Five things, five forms of each"
)
visualise.save_figure(ax, "21_one_space_map")

# %% [markdown]
# ## What you know now
#
# The claim, checked: **one Transformer puts a sentence, a picture, a clip and a sound into one space: a text
# finds a clip that it has never seen and a sound that it has never heard, far better than chance.**

# %%
for other in ("clip", "sound", "picture"):
    assert ranks[0, names.index(other)] < 50
print("median place among 200, of the text's clip and sound:", ranks[0, 3], ranks[0, 4])

# %% [markdown]
# ## Your turn
#
# `python -m lessons start 21`, then `python -m lessons check 21`: the loss of pairs, recall, and a spectrogram's bands,
# by your own hand.
