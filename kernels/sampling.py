"""What a pass over a text draws by chance: which words stay, how far each one sees, and which words are noise.

A word that makes up the share f of the text stays with probability min(1, √(s / f) + s / f), where s is the threshold
(the form of the published code of Mikolov et al. 2013b; their section 2.3 has 1 - √(s / f) for dropping). The window of
a centre reaches b words to both sides, b drawn evenly from 1 … window, but not beyond its sentence. Noise words come by
the alias method: two look-ups for each, whatever the distribution (Walker 1977; Vose 1991).

======= ============= ================= ===========================================================
symbol  variable      shape             what it is
======= ============= ================= ===========================================================
        tokens        (N,) int32        words of some sentences
        offsets       (S + 1,) int64    where each sentence begins and ends
        keep          (V,) float32      probability that a word stays
        uniforms      (N,) float32      random numbers in [0, 1)
b       reach         (N,) int32        random window sizes, at least 1
        probability   (V,) float64      what to draw from; adds up to 1
======= ============= ================= ===========================================================
"""

import math

import numpy as np

from kernels.compile import compiled


def windows_numpy(tokens, offsets, keep, uniforms, reach):
    """Words that stay, and the window of each.

    Returns
    -------
    kept : array, shape (T,), int32
    left, right : arrays, shape (T,), int32
        Word i sees the words left[i] to right[i] - 1 of `kept`, and itself among them.

    Examples
    --------
    Nothing is dropped, every window reaches one word, two sentences of two and one words:

    >>> ones = np.ones(3, np.int32)
    >>> windows_numpy(np.array([7, 8, 9]), np.array([0, 2, 3]), np.ones(10), np.zeros(3), ones)[1:]
    (array([0, 0, 2], dtype=int32), array([2, 2, 3], dtype=int32))
    """
    stays = uniforms < keep[tokens]
    sentence = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))[stays]
    kept, reach = tokens[stays], reach[stays]
    place = np.arange(len(kept))
    first = np.searchsorted(sentence, sentence)
    last = np.searchsorted(sentence, sentence, side="right")
    left, right = np.maximum(place - reach, first), np.minimum(place + reach + 1, last)
    return kept.astype(np.int32), left.astype(np.int32), right.astype(np.int32)


@compiled
def windows_cpu(tokens, offsets, keep, uniforms, reach):
    """Compiled :func:`windows_numpy`."""
    N = tokens.shape[0]
    kept, left, right = np.empty(N, np.int32), np.empty(N, np.int32), np.empty(N, np.int32)
    T = 0
    for s in range(offsets.shape[0] - 1):
        first = T
        for i in range(offsets[s], offsets[s + 1]):
            kept[T] = tokens[i]
            right[T] = reach[i]
            T += uniforms[i] < keep[tokens[i]]
        for i in range(first, T):
            b = right[i]
            left[i] = max(i - b, first)
            right[i] = min(i + b + 1, T)
    return kept[:T].copy(), left[:T].copy(), right[:T].copy()


def alias_numpy(probability):
    """The alias table of a distribution: V equal boxes, each with room for two words.

    Returns
    -------
    threshold : array, shape (V,), float64
        The share of box i that is word i's.
    alias : array, shape (V,), int32
        Whose the rest is.

    Examples
    --------
    >>> alias_numpy(np.array([0.75, 0.25]))
    (array([1. , 0.5]), array([0, 0], dtype=int32))
    """
    V = len(probability)
    share = np.asarray(probability, dtype=np.float64) * V
    threshold, alias = np.ones(V), np.arange(V, dtype=np.int32)
    small = [i for i in range(V) if share[i] < 1]
    large = [i for i in range(V) if share[i] >= 1]
    while small and large:
        s, t = small.pop(), large[-1]
        threshold[s], alias[s] = share[s], t
        share[t] -= 1 - share[s]
        if share[t] < 1:
            small.append(large.pop())
    return threshold, alias


@compiled(fastmath=False)
def alias_cpu(probability):
    """Compiled :func:`alias_numpy`."""
    V = probability.shape[0]
    share = probability * V
    threshold, alias = np.ones(V), np.arange(V).astype(np.int32)
    small, large = np.empty(V, np.int64), np.empty(V, np.int64)
    n_small = n_large = 0
    for i in range(V):
        if share[i] < 1:
            small[n_small] = i
            n_small += 1
        else:
            large[n_large] = i
            n_large += 1
    while n_small and n_large:
        n_small -= 1
        s, t = small[n_small], large[n_large - 1]
        threshold[s], alias[s] = share[s], t
        share[t] -= 1 - share[s]
        if share[t] < 1:
            small[n_small] = t
            n_small += 1
            n_large -= 1
    return threshold, alias


def draw_numpy(threshold, alias, uniforms):
    """Draw from an alias table: the whole part of V · u chooses the box, the rest the word in it.

    Returns
    -------
    array, the shape of `uniforms`, int32

    Examples
    --------
    >>> draw_numpy(*alias_numpy(np.array([0.75, 0.25])), np.array([0.1, 0.6, 0.9]))
    array([0, 1, 0], dtype=int32)
    """
    place = uniforms * len(threshold)
    box = place.astype(np.int32)
    return np.where(place - box < threshold[box], box, alias[box]).astype(np.int32)


@compiled(fastmath=False)
def draw_cpu(threshold, alias, uniforms):
    """Compiled :func:`draw_numpy`."""
    drawn = np.empty(uniforms.size, np.int32)
    u = uniforms.reshape(-1)
    for i in range(u.shape[0]):
        place = u[i] * threshold.shape[0]
        box = np.uint32(place)
        other = np.float64(alias[box])
        # 1 if the box's own word is drawn, else 0: a branch would be guessed wrong every other time.
        own = 0.5 - math.copysign(0.5, place - box - threshold[box])
        drawn[i] = np.int32(other + own * (box - other))
    return drawn.reshape(uniforms.shape)


# No CUDA twins: drawing is a small part of the work, and the same numbers must come on every device.
WINDOWS_IMPLEMENTATIONS = {"numpy": windows_numpy, "cpu": windows_cpu}
ALIAS_IMPLEMENTATIONS = {"numpy": alias_numpy, "cpu": alias_cpu}
DRAW_IMPLEMENTATIONS = {"numpy": draw_numpy, "cpu": draw_cpu}
