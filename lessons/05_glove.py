# %% [markdown]
# # 5 · GloVe: count first, then learn
#
# **You will know** how counting which words stand together gives vectors (PPMI, LSA), why Word2Vec secretly does the
# same, and how GloVe learns from the counts alone, fast, because they do not grow with the text.
#
# **Time** 30 minutes
#
# ## A question worth asking
#
# Word2Vec reads the text over and over, and meets *of the* a hundred thousand times. Each time it learns a little of
# the same thing. Why not count once how often every two words stand together, and learn from the table?
#
# ## By hand
#
# A window of 2 over *the cat chases the mouse*; a word at distance 2 counts one half:

# %%
import numpy as np

from embeddings.text.cooccurrence import Cooccurrences
from embeddings.text.corpus import Corpus

tiny = Corpus.encode(["the cat chases the mouse"])
X = Cooccurrences(tiny, window=2).matrix().toarray()
print("        ", *(f"{word:>7}" for word in tiny.words))
for word, row in zip(tiny.words, X, strict=True):
    print(f"{word:<9}", *(f"{count:7.1f}" for count in row))
the, cat, chases, mouse = range(4)
assert X[cat, the] == 1 + 1 / 2  # the … before it, and the one two places after
assert X[cat, mouse] == 0 and np.array_equal(X, X.T)

# %% [markdown]
# ## Surprise: PPMI
#
# Raw counts are ruled by *the*, again. Better: *how much more often than by chance*?
#
# $$\mathrm{PMI}(i, j) = \log \frac{P(i, j)}{P(i)\,P(j)}, \qquad \mathrm{PPMI} = \max(0, \mathrm{PMI})$$
#
# 1 means $e$ times as often as chance would have it. The rows of this table are word vectors, long and nearly empty. We
# count the documentation of Python and its scientific libraries:

# %%
import time

from embeddings.datasets import documentation
from embeddings.text import LSA, PPMI

corpus = documentation()
start = time.perf_counter()
ppmi = PPMI(window=5).fit(corpus)
seconds = time.perf_counter() - start
V = len(ppmi.index_to_key_)
filled = ppmi.matrix_.nnz / V**2
print(f"{V:,} × {V:,} numbers, {filled:.1%} of them not 0, counted in {seconds:.1f} s")
row = ppmi.transform(["median"]).toarray()[0]
print("median is surprisingly near:", [ppmi.index_to_key_[i] for i in np.argsort(-row)[:8]])
assert filled < 0.05

# %% [markdown]
# ## Shorter: LSA
#
# A singular value decomposition $X \approx U S V^\top$ finds the 100 dimensions that lose least. Words that share
# neighbours fall together, even if they never met:

# %%
from embeddings.vectors import KeyedVectors

lsa = KeyedVectors(ppmi.index_to_key_, LSA(n_components=100).fit_transform(ppmi.matrix_))
for word in ("mean", "list", "red"):
    print(f"  {word:<6}", ", ".join(near for near, _ in lsa.most_similar(word, topn=6)))
assert {"variance", "median"} <= {near for near, _ in lsa.most_similar("mean", topn=10)}

# %% [markdown]
# ## What Word2Vec factorises
#
# Skip-gram's best products are known (Levy & Goldberg 2014): with K noise words, $u_j \cdot v_i$ wants to be
# $\mathrm{PMI}(i, j) - \log K$. So learning by predicting and learning by counting meet. Is it so? We train skip-gram
# and look at pairs that were seen often enough to be sure of:

# %%
from embeddings.text import Word2Vec

skipgram = Word2Vec(window=5, seed=1).fit(corpus)
counts = Cooccurrences(Corpus.encode(corpus, 5), 5, distance_weighting=False).matrix().tocoo()
often = counts.data >= 20
i, j = counts.row[often], counts.col[often]
products = np.einsum("nd,nd->n", skipgram.vectors_[i], skipgram.context_vectors_[j])
information = np.asarray(ppmi.matrix_[i, j]).ravel()
positive = information > 0
correlation = np.corrcoef(products[positive], information[positive])[0, 1]
print(f"{positive.sum():,} pairs: correlation of u·v with PPMI {correlation:.2f}")
assert correlation > 0.5

# %%
import matplotlib.pyplot as plt

from embeddings import visualise

some = np.random.default_rng(0).choice(np.flatnonzero(positive), 4000, replace=False)
figure, ax = plt.subplots(figsize=(7, 5), layout="constrained")
ax.scatter(information[some], products[some], s=4, alpha=0.4, color=visualise.COLORS[0])
ax.set_xlabel("PPMI of the pair, counted")
ax.set_ylabel("u · v of skip-gram, learned")
ax.set_title("Skip-gram learns what PPMI counts")
visualise.save_figure(ax, "05_glove_pmi")

# %% [markdown]
# ## The formula of GloVe
#
# GloVe asks for the logarithm of the counts themselves, and lets two biases take care of how frequent each word is:
#
# $$J = \sum_{X_{ij} > 0} \tfrac12 f(X_{ij})\,(w_i\cdot\tilde w_j + b_i + \tilde b_j - \log X_{ij})^2, \qquad
# f(x) = \min\big(1, (x / x_{max})^{3/4}\big)$$
#
# $f$ keeps rare pairs, whose counts are mostly chance, from counting as much as frequent ones:

# %%
x = np.linspace(0, 200, 100)
ax = visualise.curves(
    {"x_max = 100": (x, np.minimum(1, (x / 100) ** 0.75))}, "count of the pair", "weight f", title="f"
)
visualise.save_figure(ax, "05_glove_weight")

# %% [markdown]
# The steps are AdaGrad's: a number that has moved much already moves less. The reference:

# %%
import inspect

from kernels import glove

print(inspect.getsource(glove.IMPLEMENTATIONS["numpy"]))

# %% [markdown]
# ## The fast kernel, and what it bought
#
# Each entry touches two rows of each matrix. Taken in random order they are never in the cache. So the table is cut
# into **tiles** whose rows and columns fit the cache, shuffled within; and tiles that share no row and no column can
# be trained on by several threads at once *without changing a single bit* of the result:

# %%
from embeddings.text import GloVe

SETTINGS = {"x_max": 10, "alpha": 0.1, "epochs": 25, "seed": 1}
GloVe(**{**SETTINGS, "epochs": 1}).fit(corpus[:300])  # compile
start = time.perf_counter()
model = GloVe(**SETTINGS).fit(corpus)
seconds = time.perf_counter() - start
both = GloVe(**{**SETTINGS, "workers": 2}).fit(corpus)
print(
    f"25 epochs in {seconds:.1f} s; two threads, the same bits: {both.vectors_.tobytes() == model.vectors_.tobytes()}"
)
assert both.vectors_.tobytes() == model.vectors_.tobytes()
for word in ("mean", "list", "file"):
    print(f"  {word:<6}", ", ".join(near for near, _ in model.wv.most_similar(word, topn=6)))
assert {"variance", "median"} <= {near for near, _ in model.wv.most_similar("mean", topn=10)}

# %%
entries = int((Cooccurrences(Corpus.encode(corpus, 5), 10).matrix().data > 0).sum())
few = 20_000
W, C = np.ones((512, 224), np.float32), np.ones((512, 224), np.float32)
rng = np.random.default_rng(0)
tile = (
    rng.integers(0, 512, few, np.uint16),
    rng.integers(0, 512, few, np.uint16),
    rng.normal(size=few).astype("float32"),
)
glove.tile_cpu(W.copy(), C.copy(), *tile, 1e-3, 100.0, 0.75)  # compile
rates = {}
for name in ("numpy", "cpu"):
    start = time.perf_counter()
    glove.IMPLEMENTATIONS[name](W.copy(), C.copy(), *tile, 1e-3, 100.0, 0.75)
    rates[name] = few / (time.perf_counter() - start)
print(f"{entries:,} entries an epoch; reference {rates['numpy']:,.0f} entries/s, kernel {rates['cpu']:,.0f} entries/s")
assert rates["cpu"] > 10 * rates["numpy"]

# %% [markdown]
# ## A picture
#
# The loss per epoch, and the words of three kinds on a plane:

# %%
epochs = range(1, len(model.loss_history_) + 1)
ax = visualise.curves({"": (epochs, model.loss_history_)}, "epoch", "mean loss of an entry", title="GloVe's loss")
visualise.save_figure(ax, "05_glove_loss")
KINDS = {
    "statistics": ["mean", "median", "variance", "deviation", "quantile"],
    "containers": ["list", "tuple", "dict", "set", "sequence"],
    "colours": ["red", "green", "blue", "black", "white"],
}
words = sum(KINDS.values(), [])
groups = [kind for kind, members in KINDS.items() for _ in members]
ax = visualise.scatter(model.wv[words], words, groups, title="GloVe on documentation")
visualise.save_figure(ax, "05_glove_words")

# %% [markdown]
# ## The cat, the kitten and the sandwich

# %%
from embeddings.datasets import toy_world
from embeddings.similarity import cosine_similarity
from embeddings.text import tokenize

SENTENCES = ["The cat chases the mouse", "The kitten hunts rodents", "I like ham sandwiches"]
small = GloVe(vector_size=32, min_count=1, x_max=10, epochs=25, seed=1).fit(
    toy_world(10_000, language="en", seed=3).sentences
)
similarity = cosine_similarity(np.stack([small.wv[tokenize(sentence)].mean(axis=0) for sentence in SENTENCES]))
print(
    f"cat–kitten {similarity[0, 1]:.2f}   cat–sandwich {similarity[0, 2]:.2f}   kitten–sandwich {similarity[1, 2]:.2f}"
)

# %% [markdown]
# ## What you know now
#
# The claim, checked: **counts of words that stand together hold what Word2Vec learns from the text: LSA and GloVe find
# *variance* near *mean* too, and bring the cat to the kitten.**

# %%
assert similarity[0, 1] > 0.8 > 0.3 > max(similarity[0, 2], similarity[1, 2])
print(f"cat–kitten: {similarity[0, 1]:.2f}")

# %% [markdown]
# ## Your turn
#
# `python -m lessons start 05`, then `python -m lessons check 05`: write the counting, PPMI, GloVe's weight and its step
# yourself.
