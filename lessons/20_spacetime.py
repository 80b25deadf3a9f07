# %% [markdown]
# # 20 · Spacetime: clips as latents and tokens
#
# **You will know** why the mean of its frames is no vector for a clip, how a Transformer over spacetime patches sees
# motion, how a network squeezes a clip 24 times, and how clips of any length and size become one batch of tokens.
#
# **Time** 40 minutes
#
# ## A question worth asking
#
# A clip is a row of pictures, and we have vectors of pictures. Take the mean of the frames' vectors, as we took the
# mean of a sentence's words: what is lost?
#
# ## By hand
#
# Play a clip backwards. Its frames are the same, and so is their mean. But what moved left now moves right:

# %%
import numpy as np

from embeddings import visualise
from embeddings.datasets import moving_shapes

world = moving_shapes(1024, seed=1, frames=4, size=16, background="plain")
sideways = np.flatnonzero(world.labels["motion"] < 2)
clip = world.clips[sideways[0]]
assert np.array_equal(clip.mean(axis=0), clip[::-1].mean(axis=0)) and not np.array_equal(clip, clip[::-1])
print(world.captions[sideways[0]], "– and backwards, the other way")
ax = visualise.film_strip(world.clips[[0, 4, 9, 20]], [world.captions[i] for i in (0, 4, 9, 20)])
visualise.save_figure(ax, "20_spacetime_clips")

# %% [markdown]
# ## A Transformer over spacetime patches
#
# Each patch holds 4 frames of 8 × 8 pixels: what happens in it over time is in its numbers. Patches are projected to
# tokens, told where they lie, and read by attention ([ViT](https://arxiv.org/abs/2010.11929),
# [ViViT](https://arxiv.org/abs/2103.15691)):
#
# $$z_p = W\,\mathrm{patch}_p + \mathrm{position}_p, \qquad z \leftarrow z + \mathrm{attention}(\mathrm{norm}(z)),
# \qquad z \leftarrow z + \mathrm{network}(\mathrm{norm}(z))$$
#
# The same network is trained twice: on clips, and on the mean of each clip's frames, four times over:

# %%
from embeddings.video import VisionTransformer

X, y = world.clips[sideways], [world.names["motion"][i] for i in world.labels["motion"][sideways]]
mean = np.repeat(X.mean(axis=1, keepdims=True), 4, axis=1).astype(np.uint8)
SETTINGS = {"patch_size": (4, 8, 8), "width": 32, "n_layers": 1, "epochs": 20, "batch_size": 32, "seed": 1}
moving = VisionTransformer(**SETTINGS).fit(X[:200], y[:200])
still = VisionTransformer(**SETTINGS).fit(mean[:200], y[:200])
seen, blind = moving.score(X[200:], y[200:]), still.score(mean[200:], y[200:])
print(f"left or right? from clips {seen:.2f}, from the means of their frames {blind:.2f}")
assert seen > 0.9 and blind < 0.75

# %% [markdown]
# ## Who looks at whom
#
# All patches looking at all is dear: T frames of S places cost (T S)² looks. *Factorised* attention looks twice: at the
# places of one time, then at the times of one place, T S (T + S) looks. Then one can see how time is looked at. With
# two frames a patch there are two times; each row tells how much a time looks at both, mean over heads and places:

# %%
factorised = VisionTransformer(
    patch_size=(2, 8, 8), width=32, n_layers=1, attention="factorised", epochs=20, batch_size=32, seed=1
).fit(X[:200], y[:200])
weights = factorised.attention_weights(X[200:]).mean(axis=(0, 1, 2))  # (times, times)
names = ["frames 0–1", "frames 2–3"]
ax = visualise.attention_map(weights, names, title="How much each time looks at each other")
visualise.save_figure(ax, "20_spacetime_attention")
told = factorised.score(X[200:], y[200:])
print(f"looks: joint {(2 * 4) ** 2}, factorised {2 * 4 * (2 + 4)}; accuracy {told:.2f}")
assert np.allclose(weights.sum(axis=1), 1, atol=1e-4)

# %% [markdown]
# ## Squeezed in time and space
#
# A clip says the same thing again and again: the ground stays, and a shape is one shape. `VideoAutoencoder` makes a
# small grid over time and space of it, here 24 times smaller, and draws it again. Beside it, as small: the best that
# linear algebra can do, principal components:

# %%
from embeddings.video import VideoAutoencoder

train, test = world.clips[:896], world.clips[896:]
autoencoder = VideoAutoencoder(
    (4, 4, 4), latent_channels=8, width=32, n_blocks=1, epochs=14, batch_size=16, learning_rate=4e-3
).fit(train)
latents = autoencoder.transform(test)
drawn = autoencoder.inverse_transform(latents)


def psnr(a, b):
    """Mean over clips of 10 log10(255² / mean squared error), in decibel."""
    errors = np.square(a.reshape(len(a), -1).astype(float) - b.reshape(len(b), -1)).mean(axis=1)
    return np.mean(10 * np.log10(255**2 / errors))


flat = train.reshape(len(train), -1).astype(np.float32)
centre = flat.mean(axis=0)
kept = latents[0].size
components = np.linalg.svd(flat - centre, full_matrices=False)[2][:kept]
linear = (test.reshape(len(test), -1) - centre) @ components.T @ components + centre
linear = linear.clip(0, 255).reshape(test.shape)
print(f"{test[0].size:,} numbers kept as {kept}, {autoencoder.compression:.0f} times fewer")
ours, theirs = psnr(drawn, test), psnr(linear, test)
print(f"on clips never seen: autoencoder {ours:.1f} dB, {kept} principal components {theirs:.1f} dB")
assert ours > 20
strips = [test[2], drawn[2], linear[2].astype(np.uint8)]
ax = visualise.film_strip(strips, ["clip", "autoencoder", "components"], title="Squeezed 24 times, and drawn again")
visualise.save_figure(ax, "20_spacetime_autoencoder")

# %% [markdown]
# In the few seconds that a lesson has, linear algebra keeps up: its components are the best there are for these very
# clips, while the network begins with the components of small patches, and has hardly left them. It has two things that
# whole clips' components lack. It goes on learning (`python -m benchmarks video`), and it takes clips of any length and
# width, window by window.
#
# ## Spacetime patches, packed
#
# The latent is cut into patches, and they are the clip's tokens. A long clip has more of them and a short one fewer, as
# sentences have. Nothing needs to be resized: clips of different length, size and shape stand one behind the other in
# one batch, each token with its own (t, y, x), and attention stays within each clip:

# %%
from embeddings.datasets import film
from embeddings.nn import TransformerBlock
from embeddings.video import SpacetimePatches

clips = [world.clips[0], film()[:12, :24, :12], np.repeat(world.clips[1], 2, axis=2), world.clips[3][:, :8]]
spacetime = SpacetimePatches(autoencoder, patch_size=(1, 1, 1)).fit(clips)
batches = spacetime.pack(clips, token_budget=64)
for batch in batches:
    print("clips", batch.items, "with", batch.lengths, "tokens; last place (t, y, x) of the batch", batch.positions[-1])
assert all(batch.lengths.sum() <= 64 for batch in batches)

# %% [markdown]
# Is it so? The first clip of a batch gets the same result whether others stand behind it or not:

# %%
batch = batches[0]
block = TransformerBlock(8, 2, rng=np.random.default_rng(0)).eval()
together = block.forward(batch.tokens, batch.lengths)[: batch.lengths[0]]
alone = block.forward(batch.tokens[: batch.lengths[0]][None])[0]
print(f"largest difference {abs(together - alone).max():.1e}")
assert np.allclose(together, alone, atol=1e-5)
tokens, _ = spacetime.tokens(clips[0])
back = spacetime.clip(tokens, clips[0].shape[:3])
print("and back:", back.shape)

# %% [markdown]
# ## What you know now
#
# The claim, checked: **a clip is more than its frames: spacetime patches tell left from right, where the mean of the
# frames is little better than a coin.**

# %%
assert seen > 0.9 > 0.75 > blind and back.shape == clips[0].shape
print(f"spacetime {seen:.2f}, mean of frames {blind:.2f}")

# %% [markdown]
# ## Your turn
#
# `python -m lessons start 20`, then `python -m lessons check 20`: places of packed clips, factorised attention and
# batches of any size, by your own hand.
