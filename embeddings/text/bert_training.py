"""A BERT that learns by filling in words that were masked."""

import zlib

import numpy as np
from threadpoolctl import threadpool_limits

from embeddings.nn.activations import GELU
from embeddings.nn.dropout import Dropout
from embeddings.nn.embedding import Embedding
from embeddings.nn.layer import Layer, Parameter
from embeddings.nn.linear import Linear, add_gradient, product
from embeddings.nn.losses import CrossEntropy
from embeddings.nn.norm import LayerNorm
from embeddings.nn.optimisers import AdamW, WarmUpLinear
from embeddings.nn.trainer import Trainer
from embeddings.nn.transformer import LearnedPositions, TransformerBlock
from embeddings.text.wordpiece import SPECIAL

# Of the words that are asked for, so many are masked, and so many replaced by any other; the rest stay (Devlin et al.
# 2019, section 3.1).
MASKED, REPLACED = 0.8, 0.1

# Weights are drawn with this deviation, as BERT's were.
DEVIATION = 0.02


class MaskedLanguageModel(Layer):
    """BERT with the head that guesses masked words (Devlin et al. 2019).

    ``forward(ids, lengths, places=…)`` takes the tokens of sequences one after the other, (R,), and the places among
    them that are asked for, and gives a score for every piece at each of them, (M, V).

    Parameters
    ----------
    shape : Shape
    dropout : float
    rng : numpy.random.Generator
    dtype : numpy dtype, default float32
    """

    def __init__(self, shape, dropout, *, rng, dtype=np.float32):
        super().__init__()
        d, eps = shape.hidden_size, shape.layer_norm_eps
        self.shape = shape
        self.words = Embedding(shape.vocab_size, d, scale=DEVIATION, rng=rng, dtype=dtype)
        self.positions = LearnedPositions(shape.max_position_embeddings, d, rng=rng, dtype=dtype)
        self.norm = LayerNorm(d, eps=eps, dtype=dtype)
        self.dropout = Dropout(dropout, rng=rng)
        sizes = d, shape.num_attention_heads, shape.intermediate_size
        options = {"norm": "post", "dropout": dropout, "eps": eps, "rng": rng, "dtype": dtype}
        self.blocks = [TransformerBlock(*sizes, **options) for _ in range(shape.num_hidden_layers)]
        self.transform, self.gelu = Linear(d, d, rng=rng, dtype=dtype), GELU()
        self.transform_norm = LayerNorm(d, eps=eps, dtype=dtype)
        self.bias = Parameter(np.zeros(shape.vocab_size, dtype))
        for _, layer in self.walk():
            if isinstance(layer, Linear):
                layer.weight.data[:] = rng.normal(0, DEVIATION, layer.weight.data.shape)
                layer.bias.data[:] = 0

    def forward(self, x, lengths=None, places=None):
        states = self.positions.forward(self.words.forward(x), lengths)
        states = self.dropout.forward(self.norm.forward(states))
        for block in self.blocks:
            states = block.forward(states, lengths)
        asked = self.transform_norm.forward(self.gelu.forward(self.transform.forward(states[places])))
        self.push(states.shape, places, asked)
        return product(asked, self.words.weight.data.T, self.bias.data)

    def backward(self, grad):
        shape, places, asked = self.pop()
        # The words' vectors are the head's weights, too.
        add_gradient(grad, asked, self.words.weight.grad)
        self.bias.grad += grad.sum(axis=0)
        d_asked = self.transform_norm.backward(product(grad, self.words.weight.data))
        d_states = np.zeros(shape, grad.dtype)
        d_states[places] = self.transform.backward(self.gelu.backward(d_asked))
        for block in reversed(self.blocks):
            d_states = block.backward(d_states)
        d_states = self.norm.backward(self.dropout.backward(d_states))
        return self.words.backward(self.positions.backward(d_states))

    def tensors(self):
        """What was learned, under Hugging Face's names: of the encoder, and of the head."""
        d = self.shape.hidden_size
        found = {
            "embeddings.word_embeddings.weight": self.words.weight.data,
            "embeddings.position_embeddings.weight": self.positions.weight.data,
            "embeddings.token_type_embeddings.weight": np.zeros((self.shape.type_vocab_size, d), np.float32),
            **_norm("embeddings.LayerNorm", self.norm),
        }
        for i, block in enumerate(self.blocks):
            name, inward = f"encoder.layer.{i}", block.attention.inward
            for k, part in enumerate(("query", "key", "value")):
                columns = slice(k * d, (k + 1) * d)
                found[f"{name}.attention.self.{part}.weight"] = inward.weight.data[:, columns].T
                found[f"{name}.attention.self.{part}.bias"] = inward.bias.data[columns]
            found |= _linear(f"{name}.attention.output.dense", block.attention.outward)
            found |= _norm(f"{name}.attention.output.LayerNorm", block.norm_1)
            found |= _linear(f"{name}.intermediate.dense", block.inner) | _linear(f"{name}.output.dense", block.outer)
            found |= _norm(f"{name}.output.LayerNorm", block.norm_2)
        head = _linear("transform.dense", self.transform) | _norm("transform.LayerNorm", self.transform_norm)
        head["bias"] = self.bias.data
        return tuple(
            {name: np.ascontiguousarray(array, np.float32) for name, array in part.items()} for part in (found, head)
        )


def _linear(name, layer):
    return {f"{name}.weight": layer.weight.data.T, f"{name}.bias": layer.bias.data}


def _norm(name, layer):
    return {f"{name}.weight": layer.weight.data, f"{name}.bias": layer.bias.data}


def mask_tokens(ids, special, mask_id, vocab_size, rate, rng):
    """Which places are asked for, and the tokens with those places masked.

    Parameters
    ----------
    ids : array, shape (R,), int
    special : array of int
        Pieces that are never asked for, and never put in another one's place.
    mask_id, vocab_size : int
    rate : float
        How many of the others are asked for.
    rng : numpy.random.Generator

    Returns
    -------
    masked : array, shape (R,), int
    places : array, shape (M,), int
        At least one, if there is one.

    Examples
    --------
    >>> ids = np.array([1, 7, 8, 9, 2])
    >>> masked, places = mask_tokens(ids, [1, 2, 3], 3, 10, 0.99, np.random.default_rng(0))
    >>> places.tolist(), bool((masked[places] == 3).any()), masked[[0, 4]].tolist()
    ([1, 2, 3], True, [1, 2])
    """
    usable = np.flatnonzero(~np.isin(ids, special))
    if not len(usable):
        return ids, usable
    chosen = rng.random(len(usable)) < rate
    if not chosen.any():
        chosen[rng.integers(len(usable))] = True
    places, masked = usable[chosen], ids.copy()
    what = rng.random(len(places))
    masked[places[what < MASKED]] = mask_id
    replaced = places[(what >= MASKED) & (what < MASKED + REPLACED)]
    others = np.setdiff1d(np.arange(vocab_size), special)
    masked[replaced] = rng.choice(others, len(replaced))
    return masked, places


def batches(sequences, tokens, rng):
    """Sequences in random order, a batch for every `tokens` tokens; a sequence goes where its last token does.

    Examples
    --------
    >>> sequences = [np.arange(size) for size in (3, 3, 2, 4)]
    >>> [sum(map(len, batch)) for batch in batches(sequences, 6, np.random.default_rng(0))]
    [5, 7]
    """
    order = rng.permutation(len(sequences))
    ends = np.cumsum([len(sequences[i]) for i in order])
    for part in np.split(order, np.flatnonzero(np.diff((ends - 1) // tokens)) + 1):
        yield [sequences[i] for i in part]


def train(bert, network, sequences, tokenizer):
    """Train the network of a BERT.

    The learning rate rises over the first share of the steps and then falls in a straight line to 0. Whatever ends the
    training, ``bert.loss_history_`` tells how far it came.

    Parameters
    ----------
    bert : BERT
        Gives the parameters.
    network : MaskedLanguageModel
    sequences : list of arrays of int
        Each holds a piece that is not special.
    tokenizer : WordPiece
    """
    special, mask_id = [tokenizer.ids[piece] for piece in SPECIAL], tokenizer.ids["[MASK]"]

    def examples(rng):
        for batch in batches(sequences, bert.batch_tokens, rng):
            ids, lengths = np.concatenate(batch), np.array([len(sequence) for sequence in batch])
            masked, places = mask_tokens(ids, special, mask_id, len(tokenizer), bert.mask_rate, rng)
            yield masked, ids[places], lengths, places

    n_batches = -(-sum(map(len, sequences)) // bert.batch_tokens)
    steps = bert.epochs * n_batches
    trainer = Trainer(
        *(network, CrossEntropy(), AdamW(network.parameters(), bert.learning_rate)),
        epochs=bert.epochs,
        seed=bert.seed,
        schedule=WarmUpLinear(steps, round(bert.warm_up * steps)),
        clip=1.0,
        checkpoint=bert.checkpoint,
        desc="BERT",
    )
    settings = {**bert.get_params(), "workers": None, "checkpoint": None}
    about = [repr(sorted(settings.items())), zlib.crc32(np.concatenate(sequences))]
    try:
        with threadpool_limits(limits=bert.workers, user_api="blas"):
            trainer.fit_batches(examples, n_batches=n_batches, about=about)
    finally:
        bert.loss_history_ = trainer.loss_history_
