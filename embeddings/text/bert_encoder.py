"""A trained BERT at work: tokens of many sentences one after the other, without padding."""

import numpy as np

from kernels.activation import GELU
from kernels.attention import IMPLEMENTATIONS as ATTENTION
from kernels.attention import weights_numpy
from kernels.dense import IDENTITY, NONE
from kernels.dense import IMPLEMENTATIONS as DENSE
from kernels.dense_tiles import panels_of, size_of_panels
from kernels.device import implementation
from kernels.norm import IMPLEMENTATIONS as NORM
from kernels.simd import LANES

attend = implementation(ATTENTION)
dense = implementation(DENSE)
normalise = implementation(NORM)

# Tokens that go through the network together: what a layer makes of them stays in the second cache.
TOKENS = 256

_NO_MASK = np.zeros((0, 0, 0), bool)


class BertEncoder:
    """The layers of a BERT, with weights laid out for :mod:`kernels.dense`.

    Parameters
    ----------
    shape : Shape
    tensors : dict of str to array, float32
        By Hugging Face's names. The matrices of the layers are taken out of it: they are laid out anew, and need not be
        in memory twice.
    """

    def __init__(self, shape, tensors):
        self.shape = shape
        self._words = tensors["embeddings.word_embeddings.weight"]
        # Every token here is of the first type.
        self._places = (
            tensors["embeddings.position_embeddings.weight"] + tensors["embeddings.token_type_embeddings.weight"][0]
        )
        self._norm = _pair(tensors, "embeddings.LayerNorm")
        d, h = shape.hidden_size, shape.intermediate_size
        sizes = [size_of_panels(*sides) for sides in ((d, 3 * d), (d, d), (d, h), (h, d))]
        # One block for all, for which NumPy asks for huge pages; it begins where lanes do.
        block = np.empty(shape.num_hidden_layers * sum(sizes) + LANES, np.float32)
        block[:] = 0
        skip = -(block.ctypes.data // 4) % LANES
        rooms = np.split(block[skip : len(block) - LANES + skip], shape.num_hidden_layers)
        self._layers = [self._layer(f"encoder.layer.{i}", tensors, rooms[i], sizes) for i in range(len(rooms))]

    def _layer(self, layer, tensors, room, sizes):
        rooms = np.split(room, np.cumsum(sizes)[:-1])
        names = [f"{layer}.attention.self.{part}" for part in ("query", "key", "value")]
        inward = np.concatenate([tensors.pop(f"{name}.weight") for name in names])  # (3d, d)
        bias = np.concatenate([tensors[f"{name}.bias"] for name in names])
        return (
            (panels_of(inward.T, rooms[0]), bias),
            _panels(tensors, f"{layer}.attention.output.dense", rooms[1]),
            _pair(tensors, f"{layer}.attention.output.LayerNorm"),
            _panels(tensors, f"{layer}.intermediate.dense", rooms[2]),
            _panels(tensors, f"{layer}.output.dense", rooms[3]),
            _pair(tensors, f"{layer}.output.LayerNorm"),
        )

    def tensors(self):
        """The matrices that were taken out, as they were."""
        d, found = self.shape.hidden_size, {}
        for i, (inward, outward, _, inner, outer, _) in enumerate(self._layers):
            layer = f"encoder.layer.{i}"
            W = _unpacked(*inward)
            for k, part in enumerate(("query", "key", "value")):
                found[f"{layer}.attention.self.{part}.weight"] = W[:, k * d : (k + 1) * d].T
            found[f"{layer}.attention.output.dense.weight"] = _unpacked(*outward).T
            found[f"{layer}.intermediate.dense.weight"] = _unpacked(*inner).T
            found[f"{layer}.output.dense.weight"] = _unpacked(*outer).T
        return {name: np.ascontiguousarray(array) for name, array in found.items()}

    def forward(self, ids, lengths, layers=None, weights=None):
        """The last hidden states of sequences one after the other.

        Parameters
        ----------
        ids : array, shape (R,), int
        lengths : array, shape (B,), int
            How many of them each sequence has.
        layers : list, optional
            What each layer gives is appended to it, beginning with the embeddings.
        weights : list, optional
            To it, a list of each sequence's attention weights, (H, T, T), is appended for each layer.

        Returns
        -------
        array, shape (R, d), float32
        """
        d, H, eps = self.shape.hidden_size, self.shape.num_attention_heads, self.shape.layer_norm_eps
        R, ends = len(ids), np.cumsum(lengths, dtype=np.int64)
        spans = np.stack([ends - lengths, ends], axis=1)
        places = np.arange(R) - np.repeat(spans[:, 0], lengths)
        made, QKV, O = np.empty((R, d), np.float32), np.empty((R, 3 * d), np.float32), np.empty((R, d), np.float32)
        inner_states = np.empty((R, self.shape.intermediate_size), np.float32)
        L, mean, spread = np.empty((R, H), np.float32), np.empty(R, np.float32), np.empty(R, np.float32)
        x = np.empty((R, d), np.float32)
        np.take(self._words, ids, axis=0, out=made)
        made += self._places[places]
        normalise(made, *self._norm, eps, x, mean, spread)
        if layers is not None:
            layers.append(x.copy())
        for inward, outward, norm_1, inner, outer, norm_2 in self._layers:
            dense(x, *inward, IDENTITY, NONE, NONE, NONE, QKV)
            if weights is not None:
                weights.append([weights_numpy(QKV, begin, end, H, False, None)[0] for begin, end in spans])
            attend(QKV, spans, H, False, _NO_MASK, O, L)
            dense(O, *outward, IDENTITY, NONE, NONE, x, made)
            normalise(made, *norm_1, eps, x, mean, spread)
            dense(x, *inner, GELU, NONE, NONE, NONE, inner_states)
            dense(inner_states, *outer, IDENTITY, NONE, NONE, x, made)
            normalise(made, *norm_2, eps, x, mean, spread)
            if layers is not None:
                layers.append(x.copy())
        return x


def pool(states, lengths, pooling):
    """One vector for each sequence: the mean or the largest of its states, or that of its first token.

    Returns
    -------
    array, shape (B, d), float32

    Examples
    --------
    >>> states = np.array([[1, 5], [3, 1], [7, 7]], np.float32)
    >>> pool(states, np.array([2, 1]), "mean").tolist(), pool(states, np.array([2, 1]), "max").tolist()
    ([[2.0, 3.0], [7.0, 7.0]], [[3.0, 5.0], [7.0, 7.0]])
    """
    begins = np.cumsum(lengths) - lengths
    if pooling == "cls":
        return states[begins]
    if pooling == "max":
        return np.maximum.reduceat(states, begins, axis=0)
    return np.add.reduceat(states, begins, axis=0) / lengths[:, None].astype(np.float32)


def _pair(tensors, name):
    return tensors[f"{name}.weight"], tensors[f"{name}.bias"]


def _panels(tensors, name, room):
    return panels_of(tensors.pop(f"{name}.weight").T, room), tensors[f"{name}.bias"]


def _unpacked(panels, bias):
    return panels.swapaxes(0, 1).reshape(panels.shape[1], -1)[:, : len(bias)]
