# %% [markdown]
# # 22 · Diffusion: clips drawn from noise
#
# **You will know** how a network that takes noise away can draw, how it is asked for a colour or a motion, and what
# guidance does. With `EMBEDDINGS_LONG=1` the lesson trains for about an hour on larger clips.
#
# **Time** 40 minutes
#
# ## A question worth asking
#
# We can turn clips into tokens. Can we turn the wish *a red square moves left* into tokens, and these into a clip that
# nobody has ever filmed?
#
# ## By hand
#
# Noise is easy to add. At time t, a clip x is mixed with noise ε, so that their variances add up to 1
# ([DDPM](https://arxiv.org/abs/2006.11239)):
#
# $$x_t = \sqrt{\bar\alpha_t}\, x + \sqrt{1 - \bar\alpha_t}\, \varepsilon, \qquad
# \bar\alpha_t = \cos^2(\pi t / 2)$$
#
# If somebody told us x, we would know the noise, too, and could take a step back to an earlier time s, with less of it
# ([DDIM](https://arxiv.org/abs/2010.02502)). Two numbers, by hand:

# %%
import os

import numpy as np

from embeddings.video.diffusion import signal_share

x, noise = np.array([0.5, -1.0]), np.array([1.0, 0.2])
t, s = signal_share(2 / 3), signal_share(1 / 3)  # ¼ and ¾
at_t = np.sqrt(t) * x + np.sqrt(1 - t) * noise
found = (at_t - np.sqrt(t) * x) / np.sqrt(1 - t)
at_s = np.sqrt(s) * x + np.sqrt(1 - s) * found
print(f"at 2/3: {at_t.round(3)}, at 1/3: {at_s.round(3)}, at 0: {x}")
assert np.allclose([t, s], [0.25, 0.75]) and np.allclose(found, noise)

# %% [markdown]
# Nobody tells us x. A network guesses it, from the noisy tokens, the time, and what is asked for. At time 1 it can only
# guess the mean of all such clips; but a small step from there, there is a little more to see.
#
# ## The network
#
# A Transformer over spacetime patches, as before. The time has a vector, and each label has one; their sum steers every
# block: what its norms give is scaled and shifted by it, and what it adds is let through or held back
# ([DiT](https://arxiv.org/abs/2212.09748), adaLN-Zero). The network learns from the squared error of its guess, over
# the share of noise there was: where little is hidden, little is forgiven. Now and then the labels are hidden from it;
# so it can also guess without them.
#
# A large clip has many numbers, and most of the network's work would be to get all of them right. Sora draws in the
# latents of an autoencoder (lesson 20), as [Stable Diffusion](https://arxiv.org/abs/2112.10752) did with pictures: x is
# a latent, noise is added to it, and only what is drawn in the end becomes a clip. That is what the long mode does.

# %%
from embeddings import visualise
from embeddings.datasets import moving_shapes
from embeddings.video import DiffusionTransformer, VideoAutoencoder

LONG = os.environ.get("EMBEDDINGS_LONG") == "1"
if LONG:
    world = moving_shapes(16384, seed=3, background="plain")
    # 24 times fewer numbers, and clips near each other for latents near each other.
    autoencoder = VideoAutoencoder(latent_channels=64, variational=True, beta=0.3, epochs=12).fit(world.clips)
    settings = {"autoencoder": autoencoder, "patch_size": (1, 1, 1), "width": 192, "epochs": 84, "batch_size": 64}
    settings["learning_rate"] = 1.5e-3
else:
    # Small and short: four frames of 16 × 16.
    world = moving_shapes(1024, seed=3, size=16, frames=4, background="plain")
    settings = {"patch_size": (4, 4, 4), "width": 64, "n_layers": 2, "epochs": 60, "batch_size": 32}
    settings["learning_rate"] = 2e-3
model = DiffusionTransformer(**settings, seed=1).fit(world.clips, world.labels)
print(f"loss {model.loss_history_[0]:.3f} → {model.loss_history_[-1]:.3f}")
assert model.loss_history_[-1] < 0.5 * model.loss_history_[0]

# %% [markdown]
# ## From noise to a clip
#
# What the network believes at some of the steps: first something of all clips, then a colour at a place. In these few
# seconds it learns no more than that; with the long mode come motions, and shapes that more than half of the time can
# be told.

# %%
asked = {name: values[:6] for name, values in world.labels.items()}
beliefs = list(model.steps(asked, steps=16, guidance=2.0, seed=1))
ax = visualise.film_strip(
    [beliefs[k][0] for k in (0, 4, 8, 12, 15)], [f"step {k + 1}" for k in (0, 4, 8, 12, 15)], title=world.captions[0]
)
visualise.save_figure(ax, "22_diffusion_steps")
ax = visualise.film_strip(beliefs[-1], world.captions[:6], title="Drawn from noise, as asked for")
visualise.save_figure(ax, "22_diffusion_drawn")

# %% [markdown]
# ## Did it draw what was asked for?
#
# We ask for each of the eight colours, eight times, and look which colour the brightest pixels are nearest to. And
# *guidance*: the guess with labels, and beyond it, away from the guess without them,
# $\hat x = \hat x_\varnothing + g\,(\hat x_{label} - \hat x_\varnothing)$:

# %%
from embeddings.datasets.clips import COLOURS

palette = np.array([colour for *_, colour in COLOURS], float)
wishes = {"colour": np.repeat(np.arange(8), 8), "size": np.ones(64, int)}


def colours_of(clips):
    """The colour that the pixels farthest from the ground have, as a number of the palette."""
    pixels = clips.reshape(len(clips), -1, 3).astype(float)
    away = abs(pixels - 40).sum(axis=2)
    few = np.argsort(-away, axis=1)[:, : max(8, pixels.shape[1] // 50)]
    mean = np.take_along_axis(pixels, few[..., None], axis=1).mean(axis=1)
    return abs(mean[:, None] - palette).sum(axis=2).argmin(axis=1)


assert (colours_of(world.clips[:200]) == world.labels["colour"][:200]).mean() > 0.95, "the judge is right on real clips"
shares = {}
for guidance in (0.0, 1.0, 2.0):
    drawn = model.sample(wishes, steps=12, guidance=guidance, seed=2)
    shares[guidance] = (colours_of(drawn) == wishes["colour"]).mean()
    print(f"guidance {guidance}: {shares[guidance]:.0%} of 64 clips have the colour that was asked for")
assert shares[2.0] > 0.6 and shares[0.0] < 0.4

# %% [markdown]
# Guidance 0 does not know the wish: one in eight is chance. In the long mode a classifier that learned from real clips
# judges shape, colour and motion together; `python -m benchmarks video` prints it.
#
# ## What you know now
#
# The claim, checked: **a network that was only taught to take noise away draws clips of the colour that it is asked
# for.**

# %%
assert shares[2.0] > shares[0.0] + 0.3
print(f"asked and drawn alike: {shares[2.0]:.0%}; without being told: {shares[0.0]:.0%}")

# %% [markdown]
# ## Your turn
#
# `python -m lessons start 22`, then `python -m lessons check 22`: add noise, take a step back, and guide, by your own
# hand.
