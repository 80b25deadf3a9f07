"""BERT: every word's vector depends on the words around it."""

import collections
import concurrent.futures

import numpy as np

from embeddings.base import Embedder
from embeddings.checks import check_choice, check_integer, check_number
from embeddings.progress import progress
from embeddings.text.bert_encoder import TOKENS, BertEncoder, pool
from embeddings.text.bert_folder import POOLINGS, Shape, read_pooling, read_shape, read_weights
from embeddings.text.wordpiece import SPECIAL, WordPiece
from kernels.activation import GELU
from kernels.dense import NONE, dense_cpu
from kernels.dense_tiles import panels_of
from kernels.norm import layer_norm_cpu


class BERT(Embedder):
    """Bidirectional Transformer encoder (Devlin et al. 2019): read from a folder, or trained from scratch.

    :meth:`from_pretrained` reads what Hugging Face and sentence-transformers publish; ``fit`` learns word pieces and
    then a network that fills in masked words. A sentence's vector is made of its tokens' vectors in the last layer.

    Parameters
    ----------
    vector_size : int, default 128
        d, the numbers of each token's vector.
    n_layers : int, default 2
    n_heads : int, default 4
        Divides `vector_size`.
    d_hidden : int, optional
        Width of the networks behind attention; 4d by default.
    vocab_size : int, default 8000
        Word pieces at most.
    max_length : int, default 128
        Tokens of a sentence, ``[CLS]`` and ``[SEP]`` counted; the rest is left out.
    pooling : {"mean", "cls", "max"}, default "mean"
        A sentence's vector: its tokens' mean or their largest numbers, or the vector of ``[CLS]``.
    normalize : bool, default False
        Whether sentences' vectors are made 1 long.
    lowercase : bool, default True
        Whether case and accents are dropped.
    epochs : int, default 3
    batch_tokens : int, default 1024
        Tokens of a mini-batch.
    learning_rate : float, default 1e-3
        At its highest.
    warm_up : float, default 0.1
        The share of all steps over which the learning rate rises.
    mask_rate : float, default 0.15
        How many tokens are asked for.
    dropout : float, default 0.1
    seed : int, default 1
    workers : int, default 1
        Threads. The vectors are the same for any number.
    checkpoint : path, optional
        Training is kept in this file as it goes, and goes on from it after a crash; it is removed at the end.

    Attributes
    ----------
    tokenizer_ : WordPiece
    shape_ : Shape
        All sizes, under the names of ``config.json``.
    encoder_ : BertEncoder
    loss_history_ : list of float
        Mean loss of each epoch; empty for one that was read.

    Examples
    --------
    >>> texts = ["the cat chases the mouse", "the kitten hunts the mouse"] * 4
    >>> model = BERT(vector_size=16, n_layers=1, n_heads=2, vocab_size=60, epochs=1).fit(texts)
    >>> model.transform(["a cat", "the mouse"]).shape
    (2, 16)
    >>> model.pieces("the cat")
    ['[CLS]', 'the', 'cat', '[SEP]']

    References
    ----------
    Devlin, Chang, Lee & Toutanova, "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding",
    2019; Reimers & Gurevych, "Sentence-BERT: Sentence Embeddings using Siamese BERT-Networks", 2019.
    """

    def __init__(
        self,
        vector_size=128,
        n_layers=2,
        n_heads=4,
        d_hidden=None,
        vocab_size=8000,
        max_length=128,
        pooling="mean",
        normalize=False,
        lowercase=True,
        epochs=3,
        batch_tokens=1024,
        learning_rate=1e-3,
        warm_up=0.1,
        mask_rate=0.15,
        dropout=0.1,
        seed=1,
        workers=1,
        checkpoint=None,
    ):
        self.vector_size = vector_size
        self.n_layers = n_layers
        self.n_heads = n_heads
        self.d_hidden = d_hidden
        self.vocab_size = vocab_size
        self.max_length = max_length
        self.pooling = pooling
        self.normalize = normalize
        self.lowercase = lowercase
        self.epochs = epochs
        self.batch_tokens = batch_tokens
        self.learning_rate = learning_rate
        self.warm_up = warm_up
        self.mask_rate = mask_rate
        self.dropout = dropout
        self.seed = seed
        self.workers = workers
        self.checkpoint = checkpoint

    # Learning and reading ---------------------------------------------------------------------------------------------

    def fit(self, X, y=None):
        """Learn word pieces, and then to fill in masked ones.

        Parameters
        ----------
        X : iterable of str
        y : ignored

        Raises
        ------
        TypeError, ValueError
            For bad parameters or texts, or if no text holds a word.
        KeyboardInterrupt
            After Ctrl-C. The model then has what it learned so far, and can be used and saved.
        """
        from embeddings.text.bert_training import MaskedLanguageModel, train

        self._check_parameters()
        texts = list(_checked(X))
        tokenizer = WordPiece.train(texts, vocab_size=self.vocab_size, lowercase=self.lowercase)
        special, sequences = [tokenizer.ids[piece] for piece in SPECIAL], []
        for text in progress(texts, desc="cutting into pieces", unit="text"):
            ids = np.array(tokenizer.encode(text, max_length=self.max_length))
            if not np.isin(ids, special).all():
                sequences.append(ids)
        if not sequences:
            raise ValueError(f"X must hold at least one text with a word, got {len(texts)} texts without")
        d_hidden = 4 * self.vector_size if self.d_hidden is None else self.d_hidden
        shape = Shape(len(tokenizer), self.vector_size, self.n_layers, self.n_heads, d_hidden, self.max_length)
        shape.check()
        network = MaskedLanguageModel(shape, self.dropout, rng=np.random.default_rng(self.seed))
        try:
            train(self, network, sequences, tokenizer)
        finally:
            self._take(shape, tokenizer, *network.tensors())
        return self

    @classmethod
    def from_pretrained(cls, folder, **parameters):
        """Read a BERT from a folder as Hugging Face or sentence-transformers lay it out.

        Parameters
        ----------
        folder : path-like
            With ``config.json``, ``model.safetensors``, and ``tokenizer.json`` or ``vocab.txt``. Pooling, normalising
            and the longest sentence are taken from ``modules.json`` and what it names, if it is there.
        **parameters
            ``pooling``, ``normalize``, ``max_length`` and ``workers``, instead of what the folder says.

        Raises
        ------
        FileNotFoundError
            If a file is missing; a checkpoint in several parts and one that is a pickle are named.
        ValueError
            If the model is no BERT, or tensors are missing, unknown, or of a wrong shape; the message names them.

        Examples
        --------
        >>> model = BERT.from_pretrained("all-MiniLM-L6-v2")  # doctest: +SKIP
        >>> model.transform(["The cat chases the mouse", "小猫捕鼠"]).shape  # doctest: +SKIP
        (2, 384)
        """
        unknown = sorted(parameters.keys() - {"pooling", "normalize", "max_length", "workers"})
        if unknown:
            raise TypeError(f"from_pretrained takes pooling, normalize, max_length and workers, got {unknown[0]!r}")
        shape = read_shape(folder)
        tokenizer = WordPiece.load(folder)
        if len(tokenizer) > shape.vocab_size:
            raise ValueError(
                f"the vocabulary holds {len(tokenizer)} pieces, config.json allows for vocab_size {shape.vocab_size}"
            )
        pooling, normalize, longest = read_pooling(folder)
        longest = min(longest or shape.max_position_embeddings, shape.max_position_embeddings)
        found = {"pooling": pooling, "normalize": normalize, "max_length": longest, **parameters}
        model = cls(**found, lowercase=tokenizer.lowercase)
        model._name_sizes(shape)
        model._check_parameters()
        if model.max_length > shape.max_position_embeddings:
            raise ValueError(f"max_length must be at most {shape.max_position_embeddings}, got {model.max_length}")
        tensors, head = read_weights(folder, shape)
        model.loss_history_ = []
        model._take(shape, tokenizer, tensors, head)
        return model

    def _name_sizes(self, shape):
        self.vector_size, self.n_layers = shape.hidden_size, shape.num_hidden_layers
        self.n_heads, self.d_hidden = shape.num_attention_heads, shape.intermediate_size
        self.vocab_size = shape.vocab_size

    def _take(self, shape, tokenizer, tensors, head):
        self.shape_, self.tokenizer_ = shape, tokenizer
        self.encoder_ = BertEncoder(shape, tensors)
        self._tensors, self._head = tensors, head

    # Vectors ----------------------------------------------------------------------------------------------------------

    def transform(self, X):
        """The vectors of sentences.

        Parameters
        ----------
        X : iterable of str
            Read a block at a time.

        Returns
        -------
        array, shape (n, vector_size), float32
        """
        self._check_is_fitted()
        blocks = list(self.stream(X))
        return np.concatenate([np.zeros((0, self.shape_.hidden_size), np.float32), *blocks])

    def stream(self, X):
        """As :meth:`transform`, but yield the vectors some sentences at a time; nothing else stays in memory.

        Yields
        ------
        array, shape (some, vector_size), float32
        """
        self._check_is_fitted()
        check_integer("workers", self.workers, minimum=1)
        with progress(desc="sentences", unit="sentence") as bar:
            if self.workers == 1:
                for block in self._blocks(X):
                    yield self._vectors(block)
                    bar.update(len(block))
                return
            with concurrent.futures.ThreadPoolExecutor(self.workers) as threads:
                running = collections.deque()
                for block in self._blocks(X):
                    running.append((threads.submit(self._vectors, block), len(block)))
                    if len(running) > 2 * self.workers:
                        future, n = running.popleft()
                        yield future.result()
                        bar.update(n)
                for future, n in running:
                    yield future.result()
                    bar.update(n)

    def _blocks(self, X):
        """Ids of sentences, about TOKENS of them at a time."""
        block, size = [], 0
        for text in _checked(X):
            ids = self.tokenizer_.encode(text, max_length=self.max_length)
            if block and size + len(ids) > TOKENS:
                yield block
                block, size = [], 0
            block.append(ids)
            size += len(ids)
        if block:
            yield block

    def _vectors(self, block):
        lengths = np.array([len(ids) for ids in block])
        vectors = pool(self.encoder_.forward(np.concatenate(block), lengths), lengths, self.pooling)
        if self.normalize:
            vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return vectors

    # Looking inside ---------------------------------------------------------------------------------------------------

    def pieces(self, text):
        """The tokens that the network reads for a text."""
        self._check_is_fitted()
        return [self.tokenizer_.vocabulary[i] for i in self._ids(text)]

    def hidden_states(self, text):
        """The tokens' vectors at every layer.

        Returns
        -------
        array, shape (n_layers + 1, T, vector_size), float32
            First the embeddings, last what sentences' vectors are made of.
        """
        self._check_is_fitted()
        ids, layers = self._ids(text), []
        self.encoder_.forward(np.array(ids), np.array([len(ids)]), layers=layers)
        return np.stack(layers)

    def attention(self, text):
        """How much each token looks at each other.

        Returns
        -------
        array, shape (n_layers, n_heads, T, T), float32
            Rows add up to 1.
        """
        self._check_is_fitted()
        ids, weights = self._ids(text), []
        self.encoder_.forward(np.array(ids), np.array([len(ids)]), weights=weights)
        return np.stack([sequences[0] for sequences in weights])

    def fill_mask(self, text, top=5):
        """The likeliest pieces for every ``[MASK]`` of a text.

        Returns
        -------
        list of list of (str, float)
            For each mask, pieces and their probabilities, the likeliest first.

        Raises
        ------
        ValueError
            If the text has no ``[MASK]``, or the model was read from a folder without the head that guesses words.
        """
        self._check_is_fitted()
        check_integer("top", top, minimum=1)
        if not self._head:
            raise ValueError("this BERT has no head to guess words with: its file holds no cls.predictions tensors")
        ids = np.array(self._ids(text))
        masks = np.flatnonzero(ids == self.tokenizer_.ids.get("[MASK]", -1))
        if not len(masks):
            raise ValueError(f"text must hold at least one [MASK], got {text!r:.80}")
        states = self.encoder_.forward(ids, np.array([len(ids)]))[masks]
        weight, bias, scale, shift, word_bias = self._head.values()
        guess, asked = np.empty_like(states), np.empty_like(states)
        dense_cpu(np.ascontiguousarray(states), panels_of(weight.T), bias, GELU, NONE, NONE, NONE, guess)
        rows = np.empty(len(masks), np.float32)
        layer_norm_cpu(guess, scale, shift, self.shape_.layer_norm_eps, asked, rows, rows.copy())
        scores = asked @ self._tensors["embeddings.word_embeddings.weight"].T + word_bias
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        probabilities = e / e.sum(axis=1, keepdims=True)
        vocabulary = self.tokenizer_.vocabulary
        best = np.argsort(-probabilities[:, : len(vocabulary)], axis=1, kind="stable")[:, :top]
        return [[(vocabulary[i], float(p[i])) for i in row] for row, p in zip(best, probabilities, strict=True)]

    def _ids(self, text):
        return self.tokenizer_.encode(text, max_length=self.max_length)

    # Files and checks -------------------------------------------------------------------------------------------------

    def _get_state(self):
        tokenizer = self.tokenizer_
        settings = tokenizer.lowercase, tokenizer.strip_accents, tokenizer.chinese, tokenizer.clean
        state = {
            "vocabulary_": tokenizer.vocabulary,
            "tokenizer_settings_": (*settings, tokenizer.unknown, tokenizer.max_characters),
            "sizes_": tuple(self.shape_.as_dict().values()),
            "loss_history_": self.loss_history_,
        }
        tensors = {**self._tensors, **self.encoder_.tensors()}
        return state | tensors | {f"head.{name}": array for name, array in self._head.items()}

    def _set_state(self, state):
        shape = Shape(*state.pop("sizes_"))
        shape.check()
        names = "lowercase", "strip_accents", "chinese", "clean", "unknown", "max_characters"
        settings = dict(zip(names, state.pop("tokenizer_settings_"), strict=True))
        tokenizer = WordPiece(state.pop("vocabulary_"), **settings)
        self.loss_history_ = state.pop("loss_history_")
        head = {name: state.pop(f"head.{name}") for name in shape.head_tensors() if f"head.{name}" in state}
        for part, shapes in ((state, shape.tensors()), (head, shape.head_tensors() if head else {})):
            if part.keys() != shapes.keys() or len(tokenizer) > shape.vocab_size:
                raise ValueError("its tensors are not those of a BERT of its sizes")
            for name, size in shapes.items():
                if part[name].shape != size or part[name].dtype != np.float32:
                    raise ValueError(
                        f"{name} must be float32 of shape {size}, got {part[name].dtype} of {part[name].shape}"
                    )
        self._check_parameters()
        self._take(shape, tokenizer, state, head)

    def _check_parameters(self):
        for name in ("vector_size", "n_layers", "n_heads", "epochs", "batch_tokens", "workers"):
            check_integer(name, getattr(self, name), minimum=1)
        if self.d_hidden is not None:
            check_integer("d_hidden", self.d_hidden, minimum=1)
        if self.vector_size % self.n_heads:
            raise ValueError(f"n_heads must divide vector_size {self.vector_size}, got {self.n_heads}")
        check_integer("vocab_size", self.vocab_size, minimum=len(SPECIAL) + 1)
        check_integer("max_length", self.max_length, minimum=3)
        check_integer("seed", self.seed, minimum=0)
        check_choice("pooling", self.pooling, POOLINGS)
        check_choice("normalize", self.normalize, (True, False))
        check_choice("lowercase", self.lowercase, (True, False))
        check_number("learning_rate", self.learning_rate, minimum=0)
        check_number("dropout", self.dropout, minimum=0, maximum=0.99)
        check_number("warm_up", self.warm_up, minimum=0, maximum=1)
        if check_number("mask_rate", self.mask_rate, minimum=0, maximum=1) == 0:
            raise ValueError("mask_rate must be above 0, got 0")


def _checked(X):
    """The texts of an iterable, one after the other."""
    if isinstance(X, str | bytes):
        raise TypeError(f"X must be an iterable of texts, got the single {type(X).__name__} {X!r:.60}")
    for i, text in enumerate(X):
        if not isinstance(text, str):
            raise TypeError(f"X must hold texts, got {text!r:.60} of type {type(text).__name__} at place {i}")
        yield text
