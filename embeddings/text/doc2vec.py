"""Doc2Vec: a document gets a vector of its own, learned by predicting its words."""

import numpy as np

from embeddings.checks import check_choice, check_integer, check_number
from embeddings.text.corpus import Corpus
from embeddings.text.doc2vec_training import Doc2VecTraining, Inference
from embeddings.text.documents import known_places, numbered
from embeddings.text.tagged import TaggedDocuments
from embeddings.text.word2vec import MAX_WINDOW
from embeddings.text.word_embedder import WordEmbedder
from embeddings.vectors import KeyedVectors
from kernels import doc2vec as kernel
from kernels.device import implementation


class Doc2Vec(WordEmbedder):
    """Paragraph vectors, PV-DM and PV-DBOW, with negative sampling.

    Parameters
    ----------
    vector_size : int, default 100
    dm : bool, default True
        PV-DM: a word is predicted from its window and its document. False is PV-DBOW: from the document alone, which is
        simpler, faster and usually better.
    dm_concat : bool, default False
        PV-DM whose input is the concatenation of all vectors, as in the paper, not their mean: slower by as much as it
        is longer.
    dm_mean : bool, default True
        The input of PV-DM is the mean of the vectors, not their sum.
    dm_tag_count : int, default 1
        How many tags each document has; `dm_concat` alone wants to know.
    dbow_words : bool, default False
        PV-DBOW learns word vectors, too, by skip-gram on the same text. Without it, it has none.
    window : int, default 5
        How far a word sees to both sides at most; the actual reach is drawn anew for each word, from 1 to `window`.
        With `dm_concat`, it is always `window`.
    min_count : int, default 5
        Rarer words are left out.
    sample : float, default 1e-3
        Words that make up a larger share of the text are thinned out at random; 0 keeps all.
    negative : int, default 5
        Noise words for each word.
    ns_exponent : float, default 0.75
        Noise words are drawn from word counts to this power.
    alpha, min_alpha : float, default 0.025 and 1e-4
        Learning rate at the start and at the end; it falls in a straight line.
    epochs : int, default 10
    workers : int, default 1
        Threads. The vectors are the same, to the last bit, for any number.
    device : {"cpu", "cuda", "numpy"}, default "cpu"
        What trains: our threads; an NVIDIA GPU; or the reference in NumPy, hundreds of times slower.
    seed : int, default 1
    callbacks : sequence of callables, default ()
        Each is called with the model after every epoch; ``document_vectors_`` are those so far.
    checkpoint : path, optional
        A file that keeps the state of the training, written every minute and after every epoch. If it is there and
        fits, ``fit`` goes on from it; it is removed at the end.

    Attributes
    ----------
    tags_ : list of str
        The tags in the order in which they came; of documents without tags, "0", "1" ….
    document_vectors_ : array, shape (N, vector_size), float32
        A vector for each tag. A tag whose documents hold no known word has zeros.
    index_to_key_ : list of str
        The words, the most frequent first.
    counts_ : array, shape (V,), int64
    vectors_ : array, shape (V, vector_size), float32
        The words' vectors; shape (0, vector_size) if none are learned.
    context_vectors_ : array, shape (V, vector_size), float32
        What predicts: the output layer. Of `dm_concat`, as wide as all vectors of an input together.
    null_vector_ : array, shape (vector_size,), float32
        Stands for the words outside of a document (`dm_concat`; zeros else).
    loss_history_ : list of float
        Mean loss of predicting a word in each epoch, before each update; skip-gram's of `dbow_words` is not counted in.
    dv : KeyedVectors
        The documents' vectors by tag: ``most_similar``, ``similarity`` …
    wv : KeyedVectors
        The words' vectors, on the same memory as ``vectors_``.

    Examples
    --------
    >>> pets = [("the cat hunts a dog hunts", f"pet {i}") for i in range(20)]
    >>> meals = [("soup and ham bread and soup", f"meal {i}") for i in range(20)]
    >>> model = Doc2Vec(vector_size=8, dm=False, sample=0, alpha=0.1, epochs=40, seed=1).fit(pets + meals)
    >>> [tag.split()[0] for tag, _ in model.dv.most_similar("pet 0", topn=3)]
    ['pet', 'pet', 'pet']
    >>> model.dv.most_similar(model.infer_vector("bread and ham"), topn=1)[0][0].split()[0]
    'meal'

    References
    ----------
    Le & Mikolov, "Distributed Representations of Sentences and Documents", ICML 2014. Lau & Baldwin, "An Empirical
    Evaluation of doc2vec with Practical Insights into Document Embedding Generation", 2016.
    """

    def __init__(
        self,
        vector_size=100,
        dm=True,
        dm_concat=False,
        dm_mean=True,
        dm_tag_count=1,
        dbow_words=False,
        window=5,
        min_count=5,
        sample=1e-3,
        negative=5,
        ns_exponent=0.75,
        alpha=0.025,
        min_alpha=1e-4,
        epochs=10,
        workers=1,
        device="cpu",
        seed=1,
        callbacks=(),
        checkpoint=None,
    ):
        self.vector_size = vector_size
        self.dm = dm
        self.dm_concat = dm_concat
        self.dm_mean = dm_mean
        self.dm_tag_count = dm_tag_count
        self.dbow_words = dbow_words
        self.window = window
        self.min_count = min_count
        self.sample = sample
        self.negative = negative
        self.ns_exponent = ns_exponent
        self.alpha = alpha
        self.min_alpha = min_alpha
        self.epochs = epochs
        self.workers = workers
        self.device = device
        self.seed = seed
        self.callbacks = callbacks
        self.checkpoint = checkpoint

    def fit(self, X, y=None):
        """Learn vectors of documents, and of words.

        Parameters
        ----------
        X : path, or iterable of documents, or of pairs of a document and its tags
            A text file with a document in each line, plain or gzipped; or documents, as text or as lists of words, read
            once. A pair is a tuple of two, or has ``words`` and ``tags``, as gensim's ``TaggedDocument``. Tags are one
            text or whole number (which becomes text), or a list of them. Documents with a tag in common share its
            vector; one with several tags trains all of them.

        Raises
        ------
        TypeError, ValueError
            For bad parameters, documents or tags, or if no word occurs `min_count` times.
        RuntimeError
            For ``device="cuda"`` where there is no GPU.
        KeyboardInterrupt
            After Ctrl-C. The model then has what it learned so far, and can be used and saved.
        """
        self._check_parameters()
        tagged = TaggedDocuments(X)
        corpus = Corpus.encode(tagged.sentences(), self.min_count, workers=self.workers)
        tagged.finish(len(corpus))
        if self.joined:
            _check_tag_counts(np.diff(tagged.offsets), self.dm_tag_count)
        self.tags_, self.index_to_key_, self.counts_ = tagged.names, corpus.words, corpus.counts
        V, N = len(corpus.words), len(tagged.names)
        self.vectors_ = self._new_rows(V if self._learns_words else 0, 0)
        self.document_vectors_ = self._new_rows(N, 1)
        n_known = np.repeat(np.diff(corpus.offsets), np.diff(tagged.offsets))
        self.document_vectors_[np.bincount(tagged.rows, n_known, N) == 0] = 0
        self.null_vector_ = self._new_rows(1, 2)[0] * self.joined
        places = self.dm_tag_count + 2 * self.window if self.joined else 1
        self.context_vectors_ = np.zeros((V, places * self.vector_size), np.float32)
        self.loss_history_ = []
        Doc2VecTraining(self, corpus, tagged).run()
        return self

    def fit_transform(self, X, y=None):
        """``fit(X).transform(X)``: vectors that are inferred, as those of unseen documents are. Those that were learned
        are ``document_vectors_``, by tag.
        """
        return super().fit_transform(X if isinstance(X, str) or hasattr(X, "__len__") else list(X), y)

    def transform(self, X):
        """Infer vectors of documents, seen or not, in `epochs` passes over each. The model stays as it is.

        A vector begins at zero and takes the steps of training, over all known words: none is thinned out.

        Parameters
        ----------
        X
            As for :meth:`fit`; tags are passed over.

        Returns
        -------
        array, shape (n, vector_size), float32
            The same for a document in any company, any number of threads and every time. A document without a known
            word has zeros.
        """
        return self._infer(X, self.epochs, self.alpha, self.min_alpha)

    def infer_vector(self, document, epochs=None, alpha=None, min_alpha=None):
        """The vector of one document, as gensim names it.

        Parameters
        ----------
        document : str or list of str
        epochs : int, optional
        alpha, min_alpha : float, optional
            By default the model's own.

        Returns
        -------
        array, shape (vector_size,), float32
        """
        epochs = self.epochs if epochs is None else check_integer("epochs", epochs, minimum=1)
        alpha = self.alpha if alpha is None else check_number("alpha", alpha, minimum=0)
        min_alpha = min(self.min_alpha, alpha) if min_alpha is None else min_alpha
        check_number("min_alpha", min_alpha, minimum=0, maximum=alpha)
        return self._infer([document], epochs, alpha, min_alpha)[0]

    @property
    def dv(self):
        """The documents' vectors by tag, a :class:`~embeddings.vectors.KeyedVectors` on the same memory."""
        self._check_is_fitted()
        keyed = vars(self).get("_keyed_documents")
        if keyed is None or keyed.vectors is not self.document_vectors_:
            keyed = self._keyed_documents = KeyedVectors(self.tags_, self.document_vectors_)
        return keyed

    @property
    def wv(self):
        """The words' vectors; ValueError for PV-DBOW without `dbow_words`, which learns none."""
        self._check_is_fitted()
        if not self._learns_words:
            raise ValueError("PV-DBOW learns no word vectors: dbow_words=True, or dm=True, does")
        return super().wv

    @property
    def joined(self):
        """Whether the input is a concatenation."""
        return self.dm and self.dm_concat

    @property
    def _learns_words(self):
        return self.dm or self.dbow_words

    def _infer(self, X, epochs, alpha, min_alpha):
        self._check_is_fitted()
        if self.joined and self.dm_tag_count > 1:
            raise ValueError(
                f"an unseen document has one vector, but dm_concat was trained with dm_tag_count={self.dm_tag_count}"
            )
        blocks = numbered(TaggedDocuments(X).sentences(), self.index_to_key_)
        return Inference(self, epochs, alpha, min_alpha).run(known_places(*block) for block in blocks)

    # Files and checks ------------------------------------------------------------------------------------------------

    def __getstate__(self):
        return {name: value for name, value in super().__getstate__().items() if name != "_keyed_documents"}

    def _shapes(self):
        V, N, d = len(self.index_to_key_), len(self.tags_), self.vector_size
        places = self.dm_tag_count + 2 * self.window if self.joined else 1
        return {
            "vectors_": (V if self._learns_words else 0, d),
            "context_vectors_": (V, places * d),
            "document_vectors_": (N, d),
            "null_vector_": (d,),
            "counts_": (V,),
        }

    def _check_parameters(self):
        self._check_training()
        for name in ("dm", "dm_concat", "dm_mean", "dbow_words"):
            check_choice(name, getattr(self, name), (True, False))
        check_integer("dm_tag_count", self.dm_tag_count, minimum=1)
        check_integer("window", self.window, minimum=1, maximum=MAX_WINDOW)
        check_integer("negative", self.negative, minimum=1)
        check_number("sample", self.sample, minimum=0, maximum=1)
        check_number("ns_exponent", self.ns_exponent)
        alpha = check_number("alpha", self.alpha, minimum=0)
        check_number("min_alpha", self.min_alpha, minimum=0, maximum=alpha)
        implementation(kernel.IMPLEMENTATIONS, self.device)


def _check_tag_counts(counts, wanted):
    if np.any(counts != wanted):
        i = int(np.argmax(counts != wanted))
        raise ValueError(
            f"document {i} has {counts[i]} tags, but dm_concat takes dm_tag_count={wanted} of each: "
            "their vectors stand side by side"
        )
