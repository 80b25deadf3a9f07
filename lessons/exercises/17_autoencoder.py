# %% [markdown]
# # Exercise 17 · Autoencoders: a picture in a few numbers
#
# You squeeze pictures, draw them again, and make the divergence of a variational autoencoder.
# `python -m lessons check 17` tells what is right, what is wrong and why.
#
# N is the number of pictures, P that of pixels, d that of numbers in the waist.

# %%
import numpy as np

# %% [markdown]
# ## 1. Through the waist


# %%
def reconstruct(x, W, b, V, c):
    """Pictures drawn from their codes: the code is relu(x W + b), the drawing is the code times V, plus c.

    Parameters
    ----------
    x : array, shape (N, P)
    W : array, shape (P, d)
    b : array, shape (d,)
    V : array, shape (d, P)
    c : array, shape (P,)

    Returns
    -------
    array, shape (N, P)

    Examples
    --------
    >>> half, ones = np.array([[0.5], [0.5]]), np.array([[1.0, 1.0]])
    >>> reconstruct(np.array([[1.0, 3.0], [-1.0, -1.0]]), half, np.zeros(1), ones, np.zeros(2)).tolist()
    [[2.0, 2.0], [0.0, 0.0]]
    """
    # BEGIN SOLUTION: the ReLU stands in the waist; the drawing itself has none
    code = np.maximum(x @ W + b, 0)
    return code @ V + c
    # END SOLUTION


# %% tags=["check"] function="reconstruct" points=2
half, ones = np.array([[0.5], [0.5]]), np.array([[1.0, 1.0]])
assert reconstruct(np.array([[1.0, 3.0]]), half, np.zeros(1), ones, np.zeros(2)).tolist() == [[2, 2]]

# %% [markdown]
# ## 2. What is lost


# %%
def loss(x, y):
    """The squared error of drawings, the mean over all pixels of all pictures.

    Parameters
    ----------
    x, y : arrays, shape (N, P)
        Pictures, and drawings of them.

    Returns
    -------
    float

    Examples
    --------
    >>> loss(np.array([[0.0, 1.0]]), np.array([[0.0, 3.0]]))
    2.0
    """
    # BEGIN SOLUTION: the mean of the squared differences
    return float(np.mean((y - x) ** 2))
    # END SOLUTION


# %% tags=["check"] function="loss" points=1
assert loss(np.array([[0.0, 1]]), np.array([[0.0, 3]])) == 2

# %% [markdown]
# ## 3. The gradient of the decoder


# %%
def decoder_gradient(code, V, c, x):
    """The gradient of ``loss(x, code @ V + c)`` with respect to V.

    Parameters
    ----------
    code : array, shape (N, d)
    V : array, shape (d, P)
    c : array, shape (P,)
    x : array, shape (N, P)

    Returns
    -------
    array, shape (d, P)

    Examples
    --------
    >>> decoder_gradient(np.array([[2.0]]), np.array([[1.0, 1.0]]), np.zeros(2), np.array([[2.0, 0.0]])).tolist()
    [[0.0, 4.0]]
    """
    # BEGIN SOLUTION: the loss's gradient by the drawing is 2 (y - x) / (N P); y = code V gives codeᵀ times it
    y = code @ V + c
    return code.T @ (2 * (y - x) / x.size)
    # END SOLUTION


# %% tags=["check"] function="decoder_gradient" points=3
assert decoder_gradient(np.array([[2.0]]), np.ones((1, 2)), np.zeros(2), np.array([[2.0, 0.0]])).tolist() == [[0, 4]]

# %% [markdown]
# ## 4. Drawing a latent vector


# %%
def draw(mean, log_variance, noise):
    """Latent vectors from normal distributions: noise with deviation 1, scaled and moved.

    Parameters
    ----------
    mean, log_variance, noise : arrays, shape (N, d)
        The logarithm is that of the *variance*.

    Returns
    -------
    array, shape (N, d)

    Examples
    --------
    >>> draw(np.array([[1.0]]), np.array([[np.log(4.0)]]), np.array([[0.5]])).tolist()
    [[2.0]]
    """
    # BEGIN SOLUTION: the deviation is the square root of the variance
    return mean + np.exp(log_variance / 2) * noise
    # END SOLUTION


# %% tags=["check"] function="draw" points=2
assert np.allclose(draw(np.array([[1.0]]), np.array([[np.log(4.0)]]), np.array([[0.5]])), 2)

# %% [markdown]
# ## 5. Not far from the standard normal


# %%
def divergence(mean, log_variance):
    """How far each picture's normal distribution is from the standard one: -½ Σ (1 + log σ² - μ² - σ²).

    The sum goes over the d numbers; the result is the mean over the pictures.

    Parameters
    ----------
    mean, log_variance : arrays, shape (N, d)

    Returns
    -------
    float

    Examples
    --------
    >>> divergence(np.array([[0.0, 0.0]]), np.array([[0.0, 0.0]])), divergence(np.array([[3.0, 1.0]]), np.zeros((1, 2)))
    (0.0, 5.0)
    """
    # BEGIN SOLUTION: sum over the numbers, mean over the pictures; σ² is the exponential of its logarithm
    each = -0.5 * (1 + log_variance - mean**2 - np.exp(log_variance)).sum(axis=1)
    return float(each.mean()) + 0.0
    # END SOLUTION


# %% tags=["check"] function="divergence" points=3
assert divergence(np.array([[3.0, 1.0]]), np.zeros((1, 2))) == 5

# %% [markdown]
# ## Now use it
#
# Once all is right, this finds the one number behind pictures of six pixels.

# %%
if __name__ == "__main__":
    rng = np.random.default_rng(0)
    bright = rng.random((200, 1))
    x = bright * np.array([[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]])
    W, V = np.full((6, 1), 1 / 6), rng.normal(size=(1, 6))
    print(f"before: {loss(x, reconstruct(x, W, np.zeros(1), V, np.zeros(6))):.4f}")
    for _ in range(500):
        V -= 2 * decoder_gradient(np.maximum(x @ W, 0), V, np.zeros(6), x)
    print(f"after:  {loss(x, reconstruct(x, W, np.zeros(1), V, np.zeros(6))):.4f}")


# %% tags=["teacher"]
from lessons.desk.exercise import Alternative, Mistake


def network(rng, N, P, d):
    return (
        rng.normal(size=(N, P)),
        rng.normal(size=(P, d)),
        rng.normal(size=d),
        rng.normal(size=(d, P)),
        rng.normal(size=P),
    )


def decoder(rng, N, P, d):
    x, _, _, V, c = network(rng, N, P, d)
    return rng.normal(size=(N, d)), V, c, x


CHECKS = {
    "reconstruct": {
        "two pixels": lambda rng: (
            np.array([[1.0, 3], [-1, -1]]),
            np.full((2, 1), 0.5),
            np.zeros(1),
            np.ones((1, 2)),
            np.zeros(2),
        ),
        "random numbers": lambda rng: network(rng, 4, 5, 3),
    },
    "loss": {
        "one wrong pixel": lambda rng: (np.array([[0.0, 1]]), np.array([[0.0, 3]])),
        "random numbers": lambda rng: (rng.normal(size=(3, 4)), rng.normal(size=(3, 4))),
    },
    "decoder_gradient": {
        "one picture": lambda rng: (np.array([[2.0]]), np.ones((1, 2)), np.zeros(2), np.array([[2.0, 0]])),
        "nothing to learn": lambda rng: (np.ones((2, 1)), np.ones((1, 3)), np.zeros(3), np.ones((2, 3))),
        "random numbers": lambda rng: decoder(rng, 4, 5, 3),
    },
    "draw": {
        "one number": lambda rng: (np.array([[1.0]]), np.array([[np.log(4.0)]]), np.array([[0.5]])),
        "no noise": lambda rng: (rng.normal(size=(2, 3)), rng.normal(size=(2, 3)), np.zeros((2, 3))),
        "random numbers": lambda rng: tuple(rng.normal(size=(3, 2, 4))),
    },
    "divergence": {
        "the standard normal itself": lambda rng: (np.zeros((2, 3)), np.zeros((2, 3))),
        "moved": lambda rng: (np.array([[3.0, 1]]), np.zeros((1, 2))),
        "narrow": lambda rng: (np.zeros((1, 1)), np.full((1, 1), -2.0)),
        "random numbers": lambda rng: tuple(rng.normal(size=(2, 4, 3))),
    },
}

HINTS = {
    "reconstruct": ["First the code: x @ W + b, then the ReLU.", "The drawing is code @ V + c."],
    "loss": ["Square the difference of every pixel.", "One mean over everything."],
    "decoder_gradient": [
        "The gradient by one pixel of the drawing is 2 (y - x) / (number of all pixels).",
        "y = code @ V: the gradient by V is code.T times the gradient by y.",
    ],
    "draw": ["σ is the square root of σ².", "log σ = ½ log σ²."],
    "divergence": ["np.exp(log_variance) is σ².", "Sum along axis 1, then the mean."],
}

MISTAKES = [
    Mistake("reconstruct", "The ReLU of the code is missing.", "np.maximum(x @ W + b, 0)", "x @ W + b"),
    Mistake(
        "reconstruct",
        "The drawing goes through a ReLU, too. Only the code does.",
        "return code @ V + c",
        "return np.maximum(code @ V + c, 0)",
    ),
    Mistake(
        "reconstruct",
        "The biases are missing.",
        "x @ W + b, 0)\n    return code @ V + c",
        "x @ W, 0)\n    return code @ V",
    ),
    Mistake("loss", "You add up. The loss is the mean.", "np.mean(", "np.sum("),
    Mistake("loss", "That is the mean absolute difference: square it.", "(y - x) ** 2", "np.abs(y - x)"),
    Mistake("decoder_gradient", "The 2 of the square is missing.", "(2 * (y - x)", "((y - x)"),
    Mistake(
        "decoder_gradient",
        "Divide by the number of all pixels, not by that of pictures: the loss is a mean.",
        "/ x.size",
        "/ len(x)",
    ),
    Mistake("decoder_gradient", "The sign is wrong: this goes up where the drawing is too dark.", "(y - x)", "(x - y)"),
    Mistake("decoder_gradient", "The bias c is missing in the drawing.", "y = code @ V + c", "y = code @ V"),
    Mistake(
        "draw",
        "You scale with the variance. Noise is scaled with the deviation, its square root.",
        "log_variance / 2",
        "log_variance",
    ),
    Mistake("draw", "You take the logarithm itself for the deviation.", "np.exp(log_variance / 2)", "log_variance"),
    Mistake("divergence", "The factor ½ is missing.", "-0.5 *", "-1.0 *"),
    Mistake("divergence", "The sign is wrong: a divergence is never below 0.", "-0.5 *", "0.5 *"),
    Mistake(
        "divergence",
        "The sum goes over the numbers of a picture; you take their mean.",
        ".sum(axis=1)",
        ".mean(axis=1)",
    ),
    Mistake(
        "divergence",
        "The last term is σ², the exponential; you take the logarithm again.",
        "np.exp(log_variance)",
        "log_variance",
    ),
]

ALTERNATIVES = [
    Alternative(
        "reconstruct",
        """
def reconstruct(x, W, b, V, c):
    code = x.dot(W) + b
    return np.where(code > 0, code, 0).dot(V) + c
""",
    ),
    Alternative(
        "loss",
        """
def loss(x, y):
    return sum((b - a) ** 2 for a, b in zip(x.ravel(), y.ravel())) / x.size
""",
    ),
    Alternative(
        "decoder_gradient",
        """
def decoder_gradient(code, V, c, x):
    N, P = x.shape
    gradient = np.zeros(V.shape)
    for n in range(N):
        wrong = code[n] @ V + c - x[n]
        gradient += 2 / (N * P) * np.outer(code[n], wrong)
    return gradient
""",
    ),
    Alternative(
        "draw",
        """
def draw(mean, log_variance, noise):
    return np.sqrt(np.exp(log_variance)) * noise + mean
""",
    ),
    Alternative(
        "divergence",
        """
def divergence(mean, log_variance):
    variance = np.exp(log_variance)
    return np.sum(mean**2 + variance - log_variance - 1) / 2 / len(mean)
""",
    ),
]
