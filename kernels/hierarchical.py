"""Hierarchical softmax: a word is told from all others by the turns that lead to it in a binary tree.

The words are the leaves of a Huffman tree, so that frequent ones lie near its root. A word c is reached from the root
over the inner nodes n_1, n_2, … with turns t_j = 1 (left) or -1 (right), and its probability, given an input vector h,
is a product over the way (Mikolov et al. 2013b, equation 3; Morin & Bengio 2005):

    p(c | h) = Π_j σ(t_j u_j · h)                     L = -Σ_j log σ(t_j u_j · h)

    ∂L/∂u_j = -t_j (1 - σ(t_j u_j · h)) h             ∂L/∂h = -Σ_j t_j (1 - σ(t_j u_j · h)) u_j

All probabilities add up to 1, and each costs about log V products. For skip-gram (``pair``), h is the centre's vector
and c a word of its window; for CBOW (``word``), h is the mean of the window and c the centre, as in ``cbow.py``.

======= ============= ================= =====================================================================
symbol  variable      shape             what it is
======= ============= ================= =====================================================================
v       W_in          (V, P) float32    word vectors, updated in place
u       W_out         (V, P) float32    vectors of the V - 1 inner nodes, updated in place
n       nodes         (R,) int32        inner nodes on the way to each word, one word after the other
t       turns         (R,) int8         1 or -1 at each of them
        offsets       (V + 1,) int64    where each word's way begins and ends
======= ============= ================= =====================================================================

All else is as in ``skipgram.py``. Every function returns the summed loss before each update, in float64.

Huffman, "A Method for the Construction of Minimum-Redundancy Codes", 1952; Morin & Bengio, "Hierarchical Probabilistic
Neural Network Language Model", AISTATS 2005; Mikolov et al., "Distributed Representations of Words and Phrases and
their Compositionality", 2013b.
"""

import heapq

import numpy as np

from kernels.compile import compiled
from kernels.skipgram import sigmoid_numpy, softplus_numpy


def huffman_numpy(counts):
    """The ways to all words in a Huffman tree: ``nodes``, ``turns`` and ``offsets``.

    Parameters
    ----------
    counts : array, shape (V,), int64
        How often each word occurs. Of equal sums, what was there first is joined first.

    Examples
    --------
    The rarest two words are joined first; the most frequent one is a turn away from the root, which is node 1.

    >>> nodes, turns, offsets = huffman_numpy(np.array([5, 2, 1]))
    >>> [list(zip(nodes[a:b].tolist(), turns[a:b].tolist())) for a, b in zip(offsets, offsets[1:])]
    [[(1, -1)], [(1, 1), (0, -1)], [(1, 1), (0, 1)]]
    """
    V = len(counts)
    heap = [(count, word) for word, count in enumerate(counts.tolist())]
    heapq.heapify(heap)
    parent, turn = np.full(2 * V, -1), np.zeros(2 * V, np.int8)
    for node in range(V, 2 * V - 1):
        (left_count, left), (right_count, right) = heapq.heappop(heap), heapq.heappop(heap)
        parent[[left, right]], turn[left], turn[right] = node, 1, -1
        heapq.heappush(heap, (left_count + right_count, node))
    nodes, turns, offsets = [], [], [0]
    for word in range(V):
        way, at = [], word
        while parent[at] >= 0:
            way.append((parent[at] - V, turn[at]))
            at = parent[at]
        nodes += [node for node, _ in reversed(way)]
        turns += [t for _, t in reversed(way)]
        offsets.append(len(nodes))
    return np.array(nodes, np.int32), np.array(turns, np.int8), np.array(offsets, np.int64)


def huffman_cpu(counts):
    """:func:`huffman_numpy` with two queues for the heap: words by rising count, and sums, which come rising."""
    order = np.lexsort((np.arange(len(counts)), counts))
    return _huffman(np.asarray(counts, np.int64), order)


@compiled(fastmath=False)
def _huffman(counts, order):
    V = counts.shape[0]
    parent, turn = np.full(2 * V, -1), np.zeros(2 * V, np.int8)
    sums = np.zeros(2 * V, np.int64)
    sums[:V] = counts
    word, oldest = 0, V
    for node in range(V, 2 * V - 1):
        for t in (1, -1):
            # Of equal counts, words come before sums.
            if word < V and (oldest == node or counts[order[word]] <= sums[oldest]):
                child = order[word]
                word += 1
            else:
                child = oldest
                oldest += 1
            parent[child], turn[child] = node, t
            sums[node] += sums[child]
    offsets = np.zeros(V + 1, np.int64)
    for w in range(V):
        at, length = w, 0
        while parent[at] >= 0:
            at = parent[at]
            length += 1
        offsets[w + 1] = offsets[w] + length
    nodes, turns = np.empty(offsets[V], np.int32), np.empty(offsets[V], np.int8)
    for w in range(V):
        at, place = w, offsets[w + 1]
        while parent[at] >= 0:
            place -= 1
            nodes[place], turns[place] = parent[at] - V, turn[at]
            at = parent[at]
    return nodes, turns, offsets


def descend_numpy(h, W_out, nodes, turns, alpha):
    """Take the way to a word: update its nodes. Returns the step of h, shape (P,), and the loss."""
    U = W_out[nodes]  # (L, P); no node comes twice
    scores = turns * (U @ h)  # (L,)
    g = alpha * turns * (1 - sigmoid_numpy(scores))  # (L,)
    W_out[nodes] += g[:, None] * h
    return g @ U, softplus_numpy(-scores).sum()


def pair_numpy(W_in, W_out, tokens, left, right, nodes, turns, offsets, alphas):
    """Skip-gram, one pair of a centre and a word of its window after the other. Returns the loss.

    Examples
    --------
    Two words, one node u = 0: σ(0) = 1/2, so that each pair's u moves by α/2 · v, to the left for word 1.

    >>> W_in, W_out = np.eye(2, 16, dtype=np.float32), np.zeros((2, 16), np.float32)
    >>> window, tree = (np.array([0, 0]), np.array([2, 2])), huffman_numpy(np.array([2, 1]))
    >>> loss = pair_numpy(W_in, W_out, np.array([0, 1]), *window, *tree, np.array([0.5, 0.5]))
    >>> W_out[0, 0].item(), round(loss / 2, 4)
    (0.25, 0.6931)
    """
    loss = 0.0
    for i in range(len(tokens)):
        for j in range(left[i], right[i]):
            if j != i:
                v, way = W_in[tokens[i]], slice(offsets[tokens[j]], offsets[tokens[j] + 1])
                step, lost = descend_numpy(v, W_out, nodes[way], turns[way], alphas[i])
                v += step
                loss += lost
    return float(loss)


def word_numpy(W_in, W_out, tokens, left, right, nodes, turns, offsets, alphas, mean, legacy):
    """CBOW, one centre after the other; ``mean`` and ``legacy`` as in ``cbow.py``. Returns the loss."""
    loss = 0.0
    for i in range(len(tokens)):
        contexts = np.concatenate([tokens[left[i] : i], tokens[i + 1 : right[i]]])
        if len(contexts) == 0:
            continue
        h = W_in[contexts].mean(axis=0) if mean else W_in[contexts].sum(axis=0)  # (P,)
        way = slice(offsets[tokens[i]], offsets[tokens[i] + 1])
        step, lost = descend_numpy(h, W_out, nodes[way], turns[way], alphas[i])
        np.add.at(W_in, contexts, step / len(contexts) if mean and not legacy else step)
        loss += lost
    return float(loss)


@compiled
def descend(h, W_out, nodes, turns, start, stop, alpha, step):
    """Compiled :func:`descend_numpy`; fills `step`, returns the loss."""
    P = h.shape[0]
    loss = 0.0
    step[:] = 0
    for place in range(start, stop):
        u, turn = W_out[nodes[place]], np.float32(turns[place])
        score = np.float32(0)
        for d in range(P):
            score += u[d] * h[d]
        score *= turn
        loss += np.log1p(np.exp(-abs(score))) + max(-score, np.float32(0))
        g = alpha * turn / (np.float32(1) + np.exp(score))
        for d in range(P):
            step[d] += g * u[d]
            u[d] += g * h[d]
    return loss


@compiled
def pair_cpu(W_in, W_out, tokens, left, right, nodes, turns, offsets, alphas):
    """Compiled :func:`pair_numpy`."""
    step = np.empty(W_in.shape[1], np.float32)
    loss = 0.0
    for i in range(tokens.shape[0]):
        v = W_in[tokens[i]]
        for j in range(left[i], right[i]):
            if j != i:
                word = tokens[j]
                loss += descend(v, W_out, nodes, turns, offsets[word], offsets[word + 1], alphas[i], step)
                for d in range(step.shape[0]):
                    v[d] += step[d]
    return loss


@compiled
def word_cpu(W_in, W_out, tokens, left, right, nodes, turns, offsets, alphas, mean, legacy):
    """Compiled :func:`word_numpy`."""
    P = W_in.shape[1]
    h, step = np.empty(P, np.float32), np.empty(P, np.float32)
    loss = 0.0
    for i in range(tokens.shape[0]):
        n = right[i] - left[i] - 1
        if n < 1:
            continue
        h[:] = 0
        for j in range(left[i], right[i]):
            if j != i:
                h += W_in[tokens[j]]
        if mean:
            h /= np.float32(n)
        word = tokens[i]
        loss += descend(h, W_out, nodes, turns, offsets[word], offsets[word + 1], alphas[i], step)
        share = np.float32(1) / np.float32(n) if mean and not legacy else np.float32(1)
        for j in range(left[i], right[i]):
            if j != i:
                W_in[tokens[j]] += share * step
    return loss


# No CUDA twins: node after node, each update waits for the one before; a GPU is for sampled noise, by batches.
HUFFMAN_IMPLEMENTATIONS = {"numpy": huffman_numpy, "cpu": huffman_cpu}
PAIR_IMPLEMENTATIONS = {"numpy": pair_numpy, "cpu": pair_cpu}
WORD_IMPLEMENTATIONS = {"numpy": word_numpy, "cpu": word_cpu}
