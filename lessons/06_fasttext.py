# %% [markdown]
# # 6 · FastText: words are made of pieces
#
# **You will know** how a word's vector is put together from its character n-grams, how these are hashed, and how a word
# that was never seen still gets a vector, and a good one.
#
# **Time** 25 minutes
#
# ## A question worth asking
#
# To Word2Vec, *normalize*, *normalizes* and *normalization* are three numbers, as unlike as *cat* and *median*. It must
# see each of them often. And *normalizable* it never saw: there is no vector at all. But you can guess. From what?
#
# ## By hand
#
# From its pieces. Write the word between `<` and `>`, so that beginnings and ends are pieces of their own, and take all
# runs of 3 to 6 characters:

# %%
word = "<cats>"
grams = [word[i : i + n] for i in range(len(word)) for n in range(3, 7) if i + n <= len(word)]
print(grams)
other = "<cat>"
shared = {
    g for g in grams if g in {other[i : i + n] for i in range(len(other)) for n in range(3, 7) if i + n <= len(other)}
}
print("shared with cat:", sorted(shared))
assert shared == {"<ca", "<cat", "cat"}

# %% [markdown]
# There are too many n-grams to keep a list. So each is **hashed**: its bytes are mixed into a number, which modulo
# 2,000,000 is its row. Two n-grams may fall on one row, rarely enough. The hash is FNV-1a:
#
# $$h_0 = 2166136261, \qquad h_i = ((h_{i-1} \oplus \mathrm{byte}_i) \cdot 16777619) \bmod 2^{32}$$
#
# with a quirk: the first program read bytes as *signed*, so that those of Chinese or accented characters are filled up
# with ones before the $\oplus$. All models in the world depend on it; so it stays.

# %%
import inspect

from kernels import subword

print(inspect.getsource(subword.fnv1a))
print({gram: subword.fnv1a(gram.encode()) % 2_000_000 for gram in sorted(shared)})

# %% [markdown]
# ## The formula
#
# $$v_w = \frac{1}{|G_w|} \sum_{g \in G_w} z_g, \qquad G_w = \{w\} \cup \{\text{n-grams of } w\}$$
#
# The rest is skip-gram with negative sampling, lesson 4. Only two lines change: the centre's vector is composed, and
# its step is handed on to all its pieces.

# %%
from kernels import fasttext

print(inspect.getsource(fasttext.IMPLEMENTATIONS["numpy"]))

# %%
import time

from embeddings.datasets import documentation
from embeddings.text import FastText, Word2Vec

corpus = documentation()
start = time.perf_counter()
model = FastText(epochs=5, seed=1).fit(corpus)
seconds = time.perf_counter() - start
print(f"{len(model.wv):,} words made of {len(model.buckets_):,} buckets, in {seconds:.1f} s, with compiling")

# %% [markdown]
# Of two million rows only those are kept that a word of the corpus falls on: the others would never be trained.
#
# ## Words that it never saw

# %%
for unseen in ("normalizable", "arrayish", "plotters", "uncompressible"):
    assert unseen not in model.wv.key_to_index
    print(f"  {unseen:<15}", ", ".join(near for near, _ in model.wv.most_similar(unseen, topn=5)))
word2vec = Word2Vec(seed=1).fit(corpus)
assert "normalizable" not in word2vec.wv

# %% [markdown]
# A test: hold *all* sentences with some inflected words back, train on the rest, and ask where the held-out words lie.
# Is the stem among the ten nearest of thousands?

# %%
from embeddings.text import tokenize

HELD_OUT = {
    "sorting": "sorted", "computes": "compute", "matches": "match", "filtering": "filter", "callers": "caller",
    "plotting": "plot", "indexes": "index", "updating": "update", "estimators": "estimator", "sampled": "sample",
}  # fmt: skip
rest = [sentence for sentence in corpus if not HELD_OUT.keys() & set(tokenize(sentence))]
blind = FastText(epochs=5, seed=1).fit(rest)
found = 0
for inflected, stem in HELD_OUT.items():
    near = [key for key, _ in blind.wv.most_similar(inflected, topn=10)]
    found += stem in near
    print(f"  {inflected:<11} {'✓' if stem in near else '·'} {', '.join(near[:4])}")
print(f"{found} of {len(HELD_OUT)} found among {len(blind.wv):,} words; Word2Vec has no vector for any of them")
assert found >= 6

# %% [markdown]
# ## The price
#
# Neighbours now look alike, and sometimes too much so: spelling pulls words together that mean different things.

# %%
for word in ("list", "mean"):
    print(f"  {word:<6} Word2Vec:", ", ".join(near for near, _ in word2vec.wv.most_similar(word, topn=5)))
    print(f"  {word:<6} FastText:", ", ".join(near for near, _ in model.wv.most_similar(word, topn=5)))

# %% [markdown]
# ## What the fast kernel buys
#
# The composed vectors of 16 neighbouring centres are trained at once, with shared noise, as in lesson 4; rows of the
# next ones are fetched while these are written. The reference and the kernel on the same chunk of text:

# %%
import numpy as np

rng = np.random.default_rng(0)
n, V, Z = 640, 500, 3000
left = np.maximum(np.arange(n) - 5, 0).astype(np.int32)
right = np.minimum(np.arange(n) + 6, n).astype(np.int32)
pieces, offsets = rng.integers(0, Z, V * 12).astype(np.int32), np.arange(V + 1) * 12
noise, rates = rng.integers(0, V, (n // 16, 24)).astype(np.int32), np.full(n // 16, 0.05, np.float32)
text = rng.integers(0, V, n).astype(np.int32)
speed, results = {}, {}
for name in ("cpu", "numpy", "cpu"):
    W_in, W_out = rng.normal(size=(Z, 112)).astype(np.float32) * 0, np.ones((V, 112), np.float32) * 0.01
    start = time.perf_counter()
    arguments = pieces, offsets, text, left, right, noise, rates, 5, 16
    results[name] = fasttext.IMPLEMENTATIONS[name](W_in, W_out, *arguments)
    speed[name] = n / (time.perf_counter() - start)
print(
    f"reference {speed['numpy']:,.0f} words/s, kernel {speed['cpu']:,.0f} words/s, the same loss {results['cpu']:.1f}"
)
assert np.isclose(results["cpu"], results["numpy"], rtol=1e-3) and speed["cpu"] > 5 * speed["numpy"]

# %% [markdown]
# (`python -m benchmarks fasttext` compares with fastText's C++ and with gensim, at equal quality.)
#
# ## A picture
#
# How near is each piece of *normalizable* to the whole? The pieces that other words brought carry the meaning:

# %%
from embeddings import visualise
from embeddings.similarity import cosine_similarity

whole = "normalizable"
bracketed = f"<{whole}>"
number = {bucket: len(model.wv) + i for i, bucket in enumerate(model.buckets_.tolist())}
rows = {}
for i in range(len(bracketed)):
    for n in range(model.min_n, model.max_n + 1):
        gram = bracketed[i : i + n]
        row = number.get(subword.fnv1a(gram.encode()) % model.bucket)
        if len(gram) == n and row is not None:
            rows[gram] = row
near = cosine_similarity(model.wv[whole][None], model.piece_vectors_[list(rows.values())])[0]
best = np.argsort(-near)[:12]
names = list(rows)
ax = visualise.neighbour_bars([(names[i], near[i]) for i in best], title=f"The pieces of {whole}, a word never seen")
visualise.save_figure(ax, "06_fasttext_pieces")

# %%
FAMILIES = {
    "normal…": ["normalize", "normalized", "normalization", "normalizable"],
    "sort…": ["sort", "sorted", "sorting", "sortable"],
    "plot…": ["plot", "plots", "plotting", "plotters"],
}
words = sum(FAMILIES.values(), [])
groups = [family for family, members in FAMILIES.items() for _ in members]
ax = visualise.scatter(model.wv[words], words, groups, title="Families of words, unseen members among them")
visualise.save_figure(ax, "06_fasttext_families")

# %% [markdown]
# ## 中文
#
# A Chinese character is already a piece with a meaning, so n-grams of 1 and 2 characters are enough. 黑猫, a black
# cat, is never seen here, but it has a 猫 in it. (The sentences come with their words apart; a tokenizer of yours
# would do it.)

# %%
sentences = [["小猫", "追", "老鼠"], ["大猫", "捉", "老鼠"], ["小狗", "吃", "骨头"], ["大狗", "啃", "骨头"]] * 200
chinese = FastText(vector_size=24, min_n=1, max_n=2, window=2, sample=0, seed=1).fit(sentences)
print([(word, round(score, 2)) for word, score in chinese.wv.most_similar("黑猫", topn=3)])
assert chinese.wv.similarity("黑猫", "小猫") > chinese.wv.similarity("黑猫", "小狗")

# %% [markdown]
# ## The cat, the kitten and the sandwich
#
# Now with words that the little world never had: *kittens*, and *sandwichlike*.

# %%
from embeddings.datasets import toy_world

world = toy_world(10_000, language="en", seed=3)
small = FastText(vector_size=32, min_count=1, epochs=8, seed=1).fit(world.sentences)
SENTENCES = ["The cat chases the mouse", "The kittens hunted rodents", "I like sandwichlike ham"]
unseen = [word for sentence in SENTENCES for word in tokenize(sentence) if word not in small.wv.key_to_index]
similarity = cosine_similarity(np.stack([small.wv[tokenize(sentence)].mean(axis=0) for sentence in SENTENCES]))
print("never seen:", unseen)
for i, j, pair in ((0, 1, "cat–kittens"), (0, 2, "cat–sandwich"), (1, 2, "kittens–sandwich")):
    print(f"  {pair:<17}{similarity[i, j]:.2f}")

# %% [markdown]
# ## What you know now
#
# The claim, checked: **a word that was never seen gets a vector from its pieces, near its stem; so even "The kittens
# hunted rodents", in words nobody taught, comes to lie by the cat.**

# %%
assert len(unseen) >= 3 and similarity[0, 1] > 0.7 > max(similarity[0, 2], similarity[1, 2])
print(f"{found} of {len(HELD_OUT)} stems found; cat–kittens {similarity[0, 1]:.2f}")

# %% [markdown]
# ## Your turn
#
# `python -m lessons start 06`, then `python -m lessons check 06`: write the n-grams, the hash, the vector of an unseen
# word and the step yourself.
