# %% [markdown]
# # 12 · Attention: look where it matters
#
# **You will know** how a word gathers what it needs from all others in one step, why scores are divided by a root,
# what heads, masks and positions are for, and how a Transformer sorts numbers that no window could.
#
# **Time** 30 minutes
#
# ## A question worth asking
#
# A recurrent network reads *the cat that lives in the house at the end of the road sleeps*, and by the time it meets
# *sleeps*, *cat* is eleven steps away: each step has watered it down. Could *sleeps* not simply look at *cat*?
#
# ## By hand
#
# Every word asks a **query** q, shows a **key** k, and offers a **value** v. The query's product with every key is a
# score; softmax turns scores into shares; the result is the values' mean with these shares. One query, two words:

# %%
import numpy as np

q = np.array([1.0, 0.0])
keys = np.array([[np.log(3) * np.sqrt(2), 0.0], [0.0, 5.0]])
values = np.array([[8.0], [4.0]])
scores = keys @ q / np.sqrt(2)
shares = np.exp(scores) / np.exp(scores).sum()
print("scores", scores.round(3), " shares", shares, " result", shares @ values)
assert np.allclose(shares, [0.75, 0.25])  # e^(log 3) = 3 against e^0 = 1
assert np.allclose(shares @ values, 7)

# %% [markdown]
# ## The formula
#
# $$\mathrm{attention}(Q, K, V) = \mathrm{softmax}\Big(\frac{Q K^\top}{\sqrt{c}}\Big) V$$
#
# Why the root? Products of vectors of c random numbers spread as $\sqrt c$. Without it, softmax of wide vectors
# gives all to one word, and where softmax is flat, nothing is learned:

# %%
rng = np.random.default_rng(0)
print("   c   largest share, divided by √c   largest share, not divided")
largest = {}
for c in (4, 64, 1024):
    Q, K = rng.normal(size=(2, 200, 16, c))
    found = []
    for root in (np.sqrt(c), 1):
        S = np.einsum("nqc,nkc->nqk", Q, K) / root
        P = np.exp(S - S.max(axis=2, keepdims=True))
        found.append((P / P.sum(axis=2, keepdims=True)).max(axis=2).mean())
    largest[c] = found
    print(f"{c:5d}{found[0]:20.2f}{found[1]:30.2f}")
assert largest[1024][1] > 0.9 > 0.5 > largest[1024][0]

# %% [markdown]
# ## The reference
#
# Several **heads** do this side by side, each with its own columns of Q, K and V, so that a word can look for its
# verb and for its adjective at once. This is the project's own code:

# %%
import inspect

from kernels import attention

print(inspect.getsource(attention.weights_numpy))
print(inspect.getsource(attention.IMPLEMENTATIONS["numpy"]))

# %% [markdown]
# ## Masks
#
# Sequences of different length share a batch: padding must not be looked at. A model that writes must not look
# ahead. Both are done *before* softmax, with -∞, whose exponential is 0. Set to 0 *after* it, the shares no longer
# add up to 1:

# %%
S = rng.normal(size=(4, 4))
seen = np.tri(4, dtype=bool)
before = np.exp(np.where(seen, S, -np.inf))
before /= before.sum(axis=1, keepdims=True)
after = np.exp(S) / np.exp(S).sum(axis=1, keepdims=True) * seen
print("masked before softmax, rows add up to", before.sum(axis=1).round(2))
print("masked after it,       rows add up to", after.sum(axis=1).round(2))
assert np.allclose(before.sum(axis=1), 1) and after.sum(axis=1)[0] < 0.9

# %%
import matplotlib.pyplot as plt

from embeddings import visualise

WORDS = "the cat chases the mouse".split()
layer_rng = np.random.default_rng(3)
QKV = layer_rng.normal(size=(5, 3 * 16))
figure, axes = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
for ax, causal, title in zip(axes, (False, True), ("sees all", "sees what stands before"), strict=True):
    P, _ = attention.weights_numpy(QKV, 0, 5, 1, causal, None)
    visualise.attention_map(P[0], WORDS, ax=ax, title=title)
visualise.save_figure(axes[0], "12_attention_masks")

# %% [markdown]
# ## Positions
#
# Attention is a mean over a *set*. Shuffle the words, and every word gets the same result as before:

# %%
from embeddings.nn import MultiHeadAttention, SinusoidalPositions

layer = MultiHeadAttention(16, 2, rng=np.random.default_rng(1))
x = layer_rng.normal(size=(1, 5, 16)).astype(np.float32)
order = np.array([3, 0, 4, 1, 2])
assert np.allclose(layer(x)[:, order], layer(x[:, order]), atol=1e-5)
tell = SinusoidalPositions()
changed = np.abs(layer(tell(x))[:, order] - layer(tell(x[:, order]))).max()
print(f"without positions the order makes no difference; with them, results differ by up to {changed:.2f}")
assert changed > 0.03

# %% [markdown]
# So each position gets a vector of sines and cosines of many wavelengths, added to the word's. A shift by k turns
# every pair of them by the same angle, wherever it starts: "three words back" is the same everywhere.

# %%
from embeddings.nn.transformer import sinusoids

ax = visualise.position_map(sinusoids(60, 64), title="Sinusoids: 60 positions, 64 numbers each")
visualise.save_figure(ax, "12_attention_positions")
p = sinusoids(100, 64)
assert np.allclose(p[10] @ p[13], p[80] @ p[83], rtol=1e-4)

# %% [markdown]
# ## The fast kernel, and what it bought
#
# Scores of a tile of queries and keys fit the cache; a running maximum corrects the sums when a larger score comes
# (*online softmax*), so that no T × T matrix is ever stored. 8 heads of 32 numbers over 512 words:

# %%
import time

QKV = rng.normal(size=(512, 3 * 256)).astype(np.float32)
spans, mask = np.array([[0, 512]]), np.zeros((0, 0, 0), bool)
results = {}
for name in ("numpy", "cpu"):
    O, L = np.empty((512, 256), np.float32), np.empty((512, 8), np.float32)
    attention.IMPLEMENTATIONS[name](QKV, spans, 8, False, mask, O, L)  # compile
    start = time.perf_counter()
    for _ in range(5):
        attention.IMPLEMENTATIONS[name](QKV, spans, 8, False, mask, O, L)
    results[name] = O, (time.perf_counter() - start) / 5
print(f"reference {results['numpy'][1] * 1e3:.1f} ms, kernel {results['cpu'][1] * 1e3:.1f} ms; results equal:", end=" ")
print(np.allclose(results["numpy"][0], results["cpu"][0], atol=1e-5))
assert np.allclose(results["numpy"][0], results["cpu"][0], atol=1e-5)

# %% [markdown]
# ## A Transformer learns to look
#
# A task that needs looking: at every place, repeat the number that stands at the *mirrored* place. No window helps;
# each place must look at another one that only its position tells. One block learns it:

# %%
from embeddings.nn import Adam, CrossEntropy, Embedding, LearnedPositions, Linear, Sequential, TransformerBlock

T, N = 12, 20
net_rng = np.random.default_rng(0)
model = Sequential(
    Embedding(N, 32, rng=net_rng),
    LearnedPositions(T, 32, rng=net_rng),
    TransformerBlock(32, 2, 64, rng=net_rng),
    Linear(32, N, rng=net_rng),
)
optimiser, loss, losses = Adam(model.parameters(), learning_rate=3e-3), CrossEntropy(), []
for _ in range(600):
    numbers = net_rng.integers(0, N, (32, T))
    model.zero_grad()
    value, grad = loss(model(numbers), numbers[:, ::-1])
    model.backward(grad)
    optimiser.step()
    losses.append(value)
model.eval()
numbers = net_rng.integers(0, N, (200, T))
accuracy = (model(numbers).argmax(axis=2) == numbers[:, ::-1]).mean()
print(f"loss {losses[0]:.2f} → {losses[-1]:.3f}; right places {accuracy:.1%}, chance {1 / N:.0%}")

# %% [markdown]
# ## A picture
#
# Where does it look? The bright line runs the other way: place i looks at place T - 1 - i.

# %%
embedded = model[1](model[0](numbers[:1]))
weights = model[2].weights(embedded)[0]
best = weights[np.argmax([head[np.arange(T), T - 1 - np.arange(T)].sum() for head in weights])]
ax = visualise.attention_map(best, [str(i) for i in range(T)], title="Learned: every place looks at its mirror")
visualise.save_figure(ax, "12_attention_mirror")

# %% [markdown]
# ## What you know now
#
# The claim, checked: **attention reaches any place in one step: a single block learns to repeat a sequence
# mirrored, and its weights show where it looks.**

# %%
assert accuracy > 0.95
assert (best.argmax(axis=1) == T - 1 - np.arange(T)).mean() > 0.5
print(f"mirrored: {accuracy:.1%}")

# %% [markdown]
# ## Your turn
#
# `python -m lessons start 12`, then `python -m lessons check 12`: write softmax, attention, its mask, heads and
# positions yourself.
