# %% [markdown]
# # 10 · RNN, LSTM and GRU: reading in order
#
# **You will know** how a network reads word by word and remembers, how its gradients travel back through time and why
# they vanish, what the gates of LSTM and GRU do about it, and why this library writes its backward formulas by hand.
#
# **Time** 45 minutes
#
# ## A question worth asking
#
# *The cat chases the mouse. The mouse chases the cat.* Averages of word vectors cannot tell them apart: the same words,
# the same mean. How could a vector know the order?
#
# ## By hand
#
# Read one word after the other, and keep a state. Each step mixes the word with the state of the step before:
#
# $$h_t = \tanh(W x_t + U h_{t-1} + b)$$
#
# With one number for the state, $W = U = 1$, $b = 0$, and the input 1, 0, 0:

# %%
import numpy as np

from kernels.recurrent import CELLS, recurrent_numpy

# p, the product of inputs and weights, for one sequence of three steps; y is the result.
p, y, memory = np.array([[[1.0], [0.0], [0.0]]]), np.zeros((1, 3, 1)), np.zeros((1, 3, 1))
recurrent_numpy(CELLS["rnn"], p, np.array([[1.0]]), np.zeros(1), np.array([3]), False, y, memory)
print(y.ravel())
assert np.allclose(y.ravel(), [np.tanh(1), np.tanh(np.tanh(1)), np.tanh(np.tanh(np.tanh(1)))])

# %% [markdown]
# The first word is still in the last state, a little fainter. And the order counts:

# %%
p, y = np.array([[[0.0], [0.0], [1.0]]]), np.zeros((1, 3, 1))
recurrent_numpy(CELLS["rnn"], p, np.array([[1.0]]), np.zeros(1), np.array([3]), False, y, memory)
print(y.ravel())
assert y[0, 2, 0] > 0.76

# %% [markdown]
# ## Back through time
#
# How does the loss at the end depend on the first word? By the chain rule, one factor a step:
#
# $$\frac{\partial h_T}{\partial h_1} = \prod_{t=2}^{T} U \, (1 - h_t^2)$$
#
# Libraries such as PyTorch find such derivatives by themselves: every number remembers what it was made of. That takes
# forty lines:


# %%
class Value:
    """A number that remembers what it was made of, and how it depends on each of those."""

    def __init__(self, data, made_of=()):
        self.data, self.grad, self.made_of = data, 0.0, made_of  # made_of: pairs of (value, derivative)

    def __add__(self, other):
        return Value(self.data + other.data, ((self, 1.0), (other, 1.0)))

    def __mul__(self, other):
        return Value(self.data * other.data, ((self, other.data), (other, self.data)))

    def tanh(self):
        t = np.tanh(self.data)
        return Value(t, ((self, 1 - t * t),))

    def backward(self):
        order, seen = [], set()

        def visit(value):
            if id(value) not in seen:
                seen.add(id(value))
                for parent, _ in value.made_of:
                    visit(parent)
                order.append(value)

        visit(self)
        self.grad = 1.0
        for value in reversed(order):
            for parent, derivative in value.made_of:
                parent.grad += derivative * value.grad


W, U, h = Value(0.5), Value(0.8), Value(0.0)
for x in (1.0, -1.0, 2.0):
    h = (W * Value(x) + U * h).tanh()
h.backward()
print(f"h = {h.data:.4f}, dh/dW = {W.grad:.4f}, dh/dU = {U.grad:.4f}")

# %% [markdown]
# It is beautiful, and we do not use it. In this library every layer has a `forward` and a `backward` written out, for
# two reasons. First, the backward formula *is* what you came to learn. Second, the graph costs: an object for every
# number. The same gradient by our layer, and the time of both:

# %%
import time

from embeddings import nn

rng = np.random.default_rng(0)
layer = nn.Recurrent("rnn", 1, 1, rng=rng)
direction = layer.layers[0]
direction.weight.data[:], direction.recurrent.data[:] = 0.5, 0.8
direction.bias.data[:] = direction.recurrent_bias.data[:] = 0
inputs = np.array([[[1.0], [-1.0], [2.0]]], np.float32)
states = layer(inputs)
layer.backward(np.array([[[0.0], [0.0], [1.0]]], np.float32))
d_weight, d_recurrent = direction.weight.grad[0, 0], direction.recurrent.grad[0, 0]
print(f"h = {states[0, 2, 0]:.4f}, dh/dW = {d_weight:.4f}, dh/dU = {d_recurrent:.4f}")
assert np.allclose([d_weight, d_recurrent], [W.grad, U.grad], atol=1e-5)


def by_values(n, steps):
    weights = [[Value(w) for w in row] for row in rng.normal(size=(n, n)) / n]
    state = [Value(0.1) for _ in range(n)]
    for _ in range(steps):
        sums = []
        for row in weights:
            total = Value(0.0)
            for w, s in zip(row, state, strict=True):
                total = total + w * s
            sums.append(total.tanh())
        state = sums
    state[0].backward()


start = time.perf_counter()
by_values(16, 4)
slow = (time.perf_counter() - start) / (4 * 16 * 16)
big = nn.Recurrent("rnn", 16, 128, rng=rng)
x, grad = rng.normal(size=(32, 50, 16)).astype("f"), np.ones((32, 50, 128), "f")
big.backward(big(x) * 0 + grad)
big.zero_grad()
start = time.perf_counter()
big(x)
big.backward(grad)
fast = (time.perf_counter() - start) / (32 * 50 * 128 * (128 + 16))
print(f"a product and its gradient: {slow * 1e9:,.0f} ns by values, {fast * 1e9:.2f} ns by the kernel")
print(f"{slow / fast:,.0f} times as fast")
assert slow / fast > 100

# %% [markdown]
# ## The formula of the kernel, and its gradient
#
# This is all of the reference. Look for the line of each cell, and for its mirror in the second function:

# %%
import inspect

from kernels.recurrent import recurrent_backward_numpy

print(inspect.getsource(recurrent_numpy).split('"""')[2])
print(inspect.getsource(recurrent_backward_numpy).split('"""')[2])

# %% [markdown]
# ## Gradients that vanish
#
# A product of a hundred factors below 1 is nothing. We ask how much the last state depends on the word $k$ steps before
# it, for a plain cell, and for two that were invented against this:
#
# **LSTM** carries a second state $c$ that is not squashed: $c_t = f\,c_{t-1} + i\,g$. Where the *forget gate* $f$ is
# near 1, $c$ passes through unchanged, and so does its gradient. **GRU** does it with one state:
# $h_t = (1 - u)\,n + u\,h_{t-1}$.
#
# All three draw their weights alike. The gates of a second pair are opened by a bias of 3, $\sigma(3) = 0.95$:

# %%
T, H = 60, 32


def gradient_norms(cell, open_gate):
    layer = nn.Recurrent(cell, H, H, rng=np.random.default_rng(1))
    if open_gate:
        # The second gate of both: f of the LSTM, u of the GRU.
        layer.layers[0].bias.data[H : 2 * H] = 3
    layer(np.random.default_rng(2).normal(size=(1, T, H)).astype(np.float32))
    grad = np.zeros((1, T, H), np.float32)
    grad[0, -1] = 1
    return np.linalg.norm(layer.backward(grad)[0], axis=1)[::-1]


norms = {
    "plain": gradient_norms("rnn", False),
    "LSTM": gradient_norms("lstm", False),
    "LSTM, gate open": gradient_norms("lstm", True),
    "GRU, gate open": gradient_norms("gru", True),
}
for name, values in norms.items():
    print(f"{name:<16} 1 step: {values[1]:.4f}   10 steps: {values[10]:.2e}   50 steps: {values[50]:.2e}")

# %%
from embeddings import visualise

ax = visualise.curves(
    {name: (range(T), np.maximum(values, 1e-12)) for name, values in norms.items()},
    "steps back",
    "gradient of the last state",
    title="Gradients vanish, unless a gate is open",
    log="y",
)
visualise.save_figure(ax, "10_rnn_gradients")
assert norms["plain"][50] < 1e-6 < norms["LSTM, gate open"][50]

# %% [markdown]
# Mind the second curve: an LSTM whose gates stand half open forgets as fast as a plain cell. The gate has to *learn* to
# stay open; and it can, because a sigmoid that is nearly 1 costs nothing.
#
# ## Who can remember?
#
# The first word says who won; then come 25 words about the weather. We train the same LSTM twice, once as it was drawn,
# once with its forget gate opened by a bias of 3 before it sees a word (Jozefowicz, Zaremba & Sutskever 2015):

# %%
from embeddings.text import RecurrentEncoder


class OpenEncoder(RecurrentEncoder):
    """An LSTM that begins by remembering."""

    def _network(self):
        network = super()._network()
        network.body.layers[0].bias.data[self.hidden : 2 * self.hidden] = 3
        return network


rng = np.random.default_rng(4)
weather = ["rain", "sun", "wind", "snow", "fog", "ice"]
labels = ["cat", "mouse"] * 300
texts = [[who, *rng.choice(weather, 25)] for who in labels]
scores = {}
options = {
    "vector_size": 16,
    "hidden": 32,
    "pooling": "last",
    "dropout": 0,
    "epochs": 6,
    "learning_rate": 0.02,
    "batch_size": 8,
}
for name, kind in (("half open", RecurrentEncoder), ("open", OpenEncoder)):
    model = kind("lstm", **options).fit(texts[:400], labels[:400])
    scores[name] = model.score(texts[400:], labels[400:])
    print(f"{name:<10} told {scores[name]:.0%} right, last loss {model.loss_history_[-1]:.3f}")

# %% [markdown]
# ## A picture of memory
#
# The gates of the second one while it reads. The input gate is bright where a unit writes, the forget gate where it
# keeps what it has. Then the cells themselves, which hold the cat to the end:

# %%
words, gates = model.gates(["cat", *["rain", "sun", "wind"] * 5])
ax = visualise.gate_map(gates["forget"], words, title="The forget gate of an LSTM: bright keeps")
visualise.save_figure(ax, "10_rnn_forget")
ax = visualise.gate_map(gates["input"], words, title="Its input gate: bright writes")
visualise.save_figure(ax, "10_rnn_input")
ax = visualise.gate_map(np.tanh(gates["cell"]), words, title="Its memory, tanh c", low=-1)
visualise.save_figure(ax, "10_rnn_memory")

# %% [markdown]
# ## The order, at last

# %%
pairs = [("the cat chases the mouse", "cat"), ("the mouse chases the cat", "mouse")] * 40
model = RecurrentEncoder("gru", vector_size=8, hidden=16, dropout=0, epochs=6, learning_rate=0.02, batch_size=8)
model.fit([text for text, _ in pairs], [who for _, who in pairs])
one, other = model.transform(["The cat chases the mouse", "The mouse chases the cat"])
cosine = one @ other / (np.linalg.norm(one) * np.linalg.norm(other))
print(model.predict(["The cat chases the mouse", "The mouse chases the cat"]), f"cosine {cosine:.2f}")

# %% [markdown]
# ## What you know now
#
# The claim, checked: **an LSTM whose gate is open tells after 25 words what the first one was, where gradients
# vanish otherwise; and recurrent vectors know the order of words.**

# %%
assert scores["open"] > 0.95 > 0.7 > scores["half open"] and norms["plain"][50] < 1e-6
assert model.predict(["the mouse chases the cat"])[0] == "mouse" and cosine < 0.9

# %% [markdown]
# ## Your turn
#
# `python -m lessons start 10`, then `python -m lessons check 10`: write a plain cell, its gradient through time, a step
# of the LSTM, and a step of the GRU yourself.
