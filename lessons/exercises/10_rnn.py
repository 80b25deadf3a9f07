# %% [markdown]
# # Exercise 10 · RNN, LSTM and GRU
#
# You write a recurrent cell, its gradient through time, and a step of the two gated cells. `python -m lessons check 10`
# tells what is right, what is wrong and why.
#
# T is the number of steps, n the size of a step's input, H that of the state.

# %%
import numpy as np

# %% [markdown]
# ## 1. A plain cell


# %%
def rnn(x, W, U, b):
    """The states h_t = tanh(x_t W + h_{t-1} U + b); the state before the first step is zeros.

    Parameters
    ----------
    x : array, shape (T, n)
    W : array, shape (n, H)
    U : array, shape (H, H)
    b : array, shape (H,)

    Returns
    -------
    array, shape (T, H)

    Examples
    --------
    >>> one = np.ones((1, 1))
    >>> rnn(np.array([[1.0], [0.0]]), one, one, np.zeros(1)).round(4).tolist()
    [[0.7616], [0.642]]
    """
    # BEGIN SOLUTION: begin with zeros, and carry the state from step to step
    h = np.zeros(len(b))
    states = np.zeros((len(x), len(b)))
    for t in range(len(x)):
        h = np.tanh(x[t] @ W + h @ U + b)
        states[t] = h
    return states
    # END SOLUTION


# %% tags=["check"] function="rnn" points=3
assert np.allclose(
    rnn(np.array([[1.0], [0.0]]), np.ones((1, 1)), np.ones((1, 1)), np.zeros(1)), [[0.76159], [0.64201]], atol=1e-4
)

# %% [markdown]
# ## 2. Back through time


# %%
def rnn_gradient(h, U, dh):
    """The gradient with respect to U of a loss whose gradient with respect to each state, on its own, is known.

    Parameters
    ----------
    h : array, shape (T, H)
        The states that :func:`rnn` gave.
    U : array, shape (H, H)
    dh : array, shape (T, H)
        Gradient of the loss with respect to each h_t, without the way through later states.

    Returns
    -------
    array, shape (H, H)
        Going back from the last step: d_t = (dh_t + d_{t+1} Uᵀ) (1 - h_t²), and the sum of h_{t-1}ᵀ d_t over all steps.

    Examples
    --------
    >>> rnn_gradient(np.array([[0.5], [0.0]]), np.array([[2.0]]), np.array([[0.0], [1.0]])).tolist()
    [[0.5]]
    """
    # BEGIN SOLUTION: from the last step to the first, hand down d Uᵀ, and add up h_{t-1}ᵀ d
    dU = np.zeros(U.shape)
    handed = np.zeros(len(U))
    for t in reversed(range(len(h))):
        d = (dh[t] + handed) * (1 - h[t] ** 2)
        if t > 0:
            dU += np.outer(h[t - 1], d)
        handed = U @ d
    return dU
    # END SOLUTION


# %% tags=["check"] function="rnn_gradient" points=4
assert np.allclose(rnn_gradient(np.array([[0.5], [0.0]]), np.array([[2.0]]), np.array([[0.0], [1.0]])), [[0.5]])

# %% [markdown]
# ## 3. A step of the LSTM


# %%
def lstm_step(s, c):
    """The memory and the state after a step.

    Parameters
    ----------
    s : array, shape (4 H,)
        The sums of the gates i, f, g, o, one after the other, before σ and tanh.
    c : array, shape (H,)
        The memory before.

    Returns
    -------
    array, shape (2, H)
        The new c = σ(f) c + σ(i) tanh(g), then h = σ(o) tanh(c), of the new c.

    Examples
    --------
    >>> lstm_step(np.zeros(4), np.array([2.0])).round(4).tolist()
    [[1.0], [0.3808]]
    """
    # BEGIN SOLUTION: split the sums in four, bend each, and join old and new memory
    i, f, g, o = np.split(s, 4)
    sigmoid = lambda v: 1 / (1 + np.exp(-v))  # noqa: E731
    new = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return np.stack([new, sigmoid(o) * np.tanh(new)])
    # END SOLUTION


# %% tags=["check"] function="lstm_step" points=3
assert np.allclose(lstm_step(np.zeros(4), np.array([2.0])), [[1.0], [0.3808]], atol=1e-4)

# %% [markdown]
# ## 4. A step of the GRU


# %%
def gru_step(p, q, h):
    """The state after a step: h' = (1 - u) n + u h.

    Parameters
    ----------
    p, q : arrays, shape (3 H,)
        What input and old state contribute to r, u and n, one after the other: r = σ(p + q), u = σ(p + q), and
        n = tanh(p + r q), where the reset gate r stands before q alone.
    h : array, shape (H,)
        The state before.

    Returns
    -------
    array, shape (H,)

    Examples
    --------
    >>> gru_step(np.zeros(3), np.zeros(3), np.array([1.0])).tolist()
    [0.5]
    """
    # BEGIN SOLUTION: r and u first; n needs r; then mix n and h
    (pr, pu, pn), (qr, qu, qn) = np.split(p, 3), np.split(q, 3)
    r, u = 1 / (1 + np.exp(-(pr + qr))), 1 / (1 + np.exp(-(pu + qu)))
    n = np.tanh(pn + r * qn)
    return (1 - u) * n + u * h
    # END SOLUTION


# %% tags=["check"] function="gru_step" points=3
assert np.allclose(gru_step(np.zeros(3), np.zeros(3), np.array([1.0])), [0.5])

# %% [markdown]
# ## Now use it
#
# Once all is right, this shows how much of the first step is left in the gradient after many.

# %%
if __name__ == "__main__":
    rng = np.random.default_rng(1)
    W, U = rng.normal(size=(3, 8)) / 2, rng.normal(size=(8, 8)) / 5
    for T in (2, 10, 50):
        x = rng.normal(size=(T, 3))
        base, moved = x.copy(), x.copy()
        moved[0] += 0.01
        change = rnn(moved, W, U, np.zeros(8))[-1] - rnn(base, W, U, np.zeros(8))[-1]
        print(f"{T:3} steps: the last state moves by {np.linalg.norm(change):.2e}")


# %% tags=["teacher"]
from lessons.desk.exercise import Alternative, Mistake

CHECKS = {
    "rnn": {
        "two steps": lambda rng: (np.array([[1.0], [0.0]]), np.ones((1, 1)), np.ones((1, 1)), np.zeros(1)),
        "no steps": lambda rng: (np.zeros((0, 2)), np.ones((2, 3)), np.ones((3, 3)), np.ones(3)),
        "random": lambda rng: (
            *(rng.normal(size=(5, 2)), rng.normal(size=(2, 3))),
            *(rng.normal(size=(3, 3)), rng.normal(size=3)),
        ),
    },
    "rnn_gradient": {
        "by hand": lambda rng: (np.array([[0.5], [0.0]]), np.array([[2.0]]), np.array([[0.0], [1.0]])),
        "one step": lambda rng: (np.array([[0.5, 0.1]]), np.ones((2, 2)), np.ones((1, 2))),
        "random": lambda rng: (np.tanh(rng.normal(size=(6, 3))), rng.normal(size=(3, 3)), rng.normal(size=(6, 3))),
    },
    "lstm_step": {
        "half open": lambda rng: (np.zeros(4), np.array([2.0])),
        "random": lambda rng: (rng.normal(size=12), rng.normal(size=3)),
    },
    "gru_step": {
        "half open": lambda rng: (np.zeros(3), np.zeros(3), np.array([1.0])),
        "random": lambda rng: (rng.normal(size=9), rng.normal(size=9), rng.normal(size=3)),
    },
}

HINTS = {
    "rnn": [
        "h = np.zeros(len(b)) is the state before the first step.",
        "In the loop, h = np.tanh(…) must use the h of the step before.",
    ],
    "rnn_gradient": [
        "Go through reversed(range(T)).",
        "What a step hands to the one before it is d Uᵀ, which is U @ d for one vector.",
        "np.outer(h[t - 1], d) has the shape of U. The first step has no state before it: it adds nothing.",
    ],
    "lstm_step": ["np.split(s, 4) gives i, f, g, o.", "Only g goes through tanh; the three gates go through σ."],
    "gru_step": ["np.split(p, 3) and np.split(q, 3).", "u near 1 keeps the old state."],
}

MISTAKES = [
    Mistake(
        "rnn",
        "The state is not carried over: every step begins with zeros.",
        "h @ U",
        "np.zeros(len(b)) @ U",
    ),
    Mistake("rnn", "The tanh is missing.", "np.tanh(x[t] @ W + h @ U + b)", "x[t] @ W + h @ U + b"),
    Mistake("rnn", "The bias is missing.", "h @ U + b", "h @ U"),
    Mistake("rnn", "The state is multiplied with Uᵀ: it is h U, the state on the left.", "h @ U", "h @ U.T"),
    Mistake(
        "rnn_gradient",
        "The gradient is overwritten at every step. Each step adds to it: the same U was used at all of them.",
        "dU += np.outer(h[t - 1], d)",
        "dU = np.outer(h[t - 1], d)",
    ),
    Mistake(
        "rnn_gradient",
        "Nothing is handed down from step to step: the way through later states is missing.",
        "(dh[t] + handed)",
        "dh[t]",
    ),
    Mistake(
        "rnn_gradient",
        "The derivative of tanh, 1 - h², is missing.",
        "(dh[t] + handed) * (1 - h[t] ** 2)",
        "dh[t] + handed",
    ),
    Mistake("rnn_gradient", "What is handed down is d Uᵀ, not d U.", "handed = U @ d", "handed = d @ U"),
    Mistake(
        "rnn_gradient",
        "You use the state after the step, h_t. U was multiplied with the one before it, h_{t-1}.",
        "np.outer(h[t - 1], d)",
        "np.outer(h[t], d)",
    ),
    Mistake(
        "lstm_step",
        "Input and forget gate are exchanged: the order is i, f, g, o.",
        "i, f, g, o = np.split(s, 4)",
        "f, i, g, o = np.split(s, 4)",
    ),
    Mistake(
        "lstm_step",
        "The candidate g goes through tanh, not σ.",
        "sigmoid(i) * np.tanh(g)",
        "sigmoid(i) * sigmoid(g)",
    ),
    Mistake("lstm_step", "h is made of the new memory, not of the old one.", "np.tanh(new)])", "np.tanh(c)])"),
    Mistake("lstm_step", "The tanh of the memory is missing in h.", "sigmoid(o) * np.tanh(new)", "sigmoid(o) * new"),
    Mistake(
        "gru_step",
        "The update gate is the wrong way round: u keeps the old state, 1 - u takes the new.",
        "(1 - u) * n + u * h",
        "u * n + (1 - u) * h",
    ),
    Mistake("gru_step", "The reset gate is missing before q.", "np.tanh(pn + r * qn)", "np.tanh(pn + qn)"),
    Mistake(
        "gru_step",
        "The reset gate stands before the sum. It belongs before what the state contributes alone.",
        "np.tanh(pn + r * qn)",
        "np.tanh(r * (pn + qn))",
    ),
]

ALTERNATIVES = [
    Alternative(
        "rnn_gradient",
        "def rnn_gradient(h, U, dh):\n"
        "    T, d = len(h), np.array(dh, float)\n"
        "    for t in range(T - 1, -1, -1):\n"
        "        d[t] = (d[t] + (d[t + 1] @ U.T if t + 1 < T else 0)) * (1 - h[t] ** 2)\n"
        "    return h[:-1].T @ d[1:]\n",
    ),
    Alternative(
        "lstm_step",
        "def lstm_step(s, c):\n"
        "    H = len(c)\n"
        "    gate = 0.5 + 0.5 * np.tanh(s / 2)\n"
        "    c = gate[H : 2 * H] * c + gate[:H] * np.tanh(s[2 * H : 3 * H])\n"
        "    return np.array([c, gate[3 * H :] * np.tanh(c)])\n",
    ),
    Alternative(
        "rnn",
        "def rnn(x, W, U, b):\n"
        "    states = [np.zeros(len(b))]\n"
        "    for row in x:\n"
        "        states.append(np.tanh(row @ W + states[-1] @ U + b))\n"
        "    return np.array(states[1:]).reshape(len(x), len(b))\n",
    ),
    Alternative(
        "gru_step",
        "def gru_step(p, q, h):\n"
        "    H = len(h)\n"
        "    gates = 0.5 + 0.5 * np.tanh((p + q)[: 2 * H] / 2)\n"
        "    n = np.tanh(p[2 * H :] + gates[:H] * q[2 * H :])\n"
        "    return n + gates[H:] * (h - n)\n",
    ),
]
