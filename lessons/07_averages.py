# %% [markdown]
# # 7 · Averages: from words to documents
#
# **You will know** how a sentence or a document gets one vector from its words' vectors, which words should count for
# more and what is common to all and can go, what such a mean knows, and what it can never know.
#
# **Time** 25 minutes
#
# ## A question worth asking
#
# Since lesson 4 words have vectors. But you search for a *note*, compare *questions*, sort *reviews*: things of many
# words, and never as many twice. How do a hundred vectors become one, so that like texts get like vectors?
#
# ## By hand
#
# Take the mean. Three words with two numbers each, and one that nobody knows:

# %%
import numpy as np

from embeddings.vectors import KeyedVectors

words = KeyedVectors(["the", "cat", "ham"], np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]))
sentence = "the cat purrs".split()
known = [word for word in sentence if word in words]
mean = sum(words[word] for word in known) / len(known)
print(known, mean)
assert mean.tolist() == [0.5, 0.5]

# %% [markdown]
# *Purrs* has no vector and says nothing, so it must not be counted either: divided by three, the sentence would shrink
# for every word that the model does not know. And a text without any known word? Its vector is zeros, by decree.
#
# ## The formula
#
# *The* pulls as hard as *cat*. TF-IDF, lesson 3, knows better: let each word have a weight $a_t$.
#
# $$m_d = \frac{\sum_{t \in d} a_t\, x_t}{\sum_{t \in d} b_t}$$
#
# | | $a_t$ | $b_t$ |
# | --- | --- | --- |
# | plain mean | 1 | 1 |
# | TF-IDF | idf(t) | idf(t) |
# | SIF | a / (a + p(t)) | 1 |
#
# **SIF**, *smooth inverse frequency* (Arora, Liang & Ma 2017), has p(t), the word's share of the text, and a = 0.001.
# It comes from a model of how text is made: most words follow the thought, but any word may also fall just because it
# is frequent. The more frequent it is, the less its appearance says about the thought.

# %%
import inspect

from kernels import average

print(inspect.getsource(average.IMPLEMENTATIONS["numpy"]))

# %% [markdown]
# ## The weights that real text gives

# %%
from embeddings.datasets import documentation
from embeddings.text import AverageEncoder, Word2Vec, tokenize

corpus = documentation()
model = Word2Vec(seed=1).fit(corpus)
encoders = {weighting: AverageEncoder(model, weighting).fit(corpus) for weighting in ("uniform", "tfidf", "sif")}
print("           " + "".join(f"{weighting:>9}" for weighting in encoders))
for word in ("the", "array", "median", "kurtosis"):
    i = model.wv.key_to_index[word]
    print(f"  {word:<9}" + "".join(f"{encoder.weights_[i]:9.3f}" for encoder in encoders.values()))
the, median, kurtosis = (model.wv.key_to_index[word] for word in ("the", "median", "kurtosis"))
sif, tfidf = encoders["sif"].weights_, encoders["tfidf"].weights_
assert sif[the] < 0.02 and tfidf[the] > 0.1 * tfidf[kurtosis]
assert sif[kurtosis] / sif[median] < tfidf[kurtosis] / tfidf[median]

# %%
from embeddings import visualise

share = model.counts_ / model.counts_.sum()
rows = np.unique(np.geomspace(1, len(share), 40).astype(int)) - 1
ax = visualise.curves(
    {name: (share[rows], encoders[name].weights_[rows] / encoders[name].weights_.max()) for name in encoders},
    "share of the text",
    "weight, of the largest",
    log="x",
    title="SIF silences the frequent words and treats all rare ones alike",
)
visualise.save_figure(ax, "07_averages_weights")

# %% [markdown]
# Look at the ends. To TF-IDF *the* still counts a sixth of *kurtosis*; to SIF it is gone. In exchange SIF makes no
# difference among rare words, where idf goes on growing.
#
# ## What the fast kernel buys
#
# The whole corpus, once a document at a time in NumPy, once compiled. Cutting the text into words is within the time:

# %%
import time

encoder = encoders["uniform"]
encoder.transform(corpus[:100])  # compile
start = time.perf_counter()
documents = encoder.transform(corpus)
seconds = time.perf_counter() - start
start = time.perf_counter()
slow = np.zeros_like(documents)
row_of, vectors = model.wv.key_to_index, model.wv.vectors
for n, text in enumerate(corpus):
    rows = [row_of[word] for word in tokenize(text) if word in row_of]
    if rows:
        slow[n] = vectors[rows].mean(axis=0)
numpy_seconds = time.perf_counter() - start
speed, numpy_speed = (model.counts_.sum() / t / 1e6 for t in (seconds, numpy_seconds))
print(f"a document at a time {numpy_speed:.1f}, compiled {speed:.1f} million words/s")
assert np.allclose(documents, slow, atol=1e-5) and seconds < numpy_seconds

# %% [markdown]
# (`python -m benchmarks average` compares with gensim, too.)
#
# ## Three sentences in each space
#
# Back to the little world whose words we know, and to the sentences of lesson 1:

# %%
import matplotlib.pyplot as plt

from embeddings.datasets import toy_world
from embeddings.similarity import cosine_similarity
from embeddings.text import OneHotEncoder, TfidfVectorizer

SENTENCES = ["The cat chases the mouse", "The kitten hunts rodents", "I like ham sandwiches"]
world = toy_world(10_000, language="en", seed=3)
small = Word2Vec(vector_size=32, min_count=1, epochs=8, seed=1).fit(world.sentences)
spaces = {
    "one-hot": OneHotEncoder(),
    "TF-IDF": TfidfVectorizer(),
    "plain average": AverageEncoder(small),
    "TF-IDF average": AverageEncoder(small, "tfidf"),
    "SIF": AverageEncoder(small, "sif"),
    "SIF, common direction removed": AverageEncoder(small, "sif", remove_components=1),
}
figure, axes = plt.subplots(2, 3, figsize=(13, 7), layout="constrained")
similarity = {}
for ax, (name, space) in zip(axes.flat, spaces.items(), strict=True):
    similarity[name] = cosine_similarity(space.fit(world.sentences).transform(SENTENCES))
    visualise.similarity_heatmap(similarity[name], ["cat …", "kitten …", "sandwich …"], ax=ax, title=name)
visualise.save_figure(axes[0, 0], "07_averages_sentences")
for name, S in similarity.items():
    print(f"  {name:<30} cat–kitten {S[0, 1]:5.2f}   cat–sandwich {S[0, 2]:5.2f}")
assert similarity["TF-IDF"][0, 1] < 0.1 and similarity["plain average"][0, 1] > 0.9
assert similarity["plain average"][0, 2] > 0.3 > 0 > similarity["SIF, common direction removed"][0, 2]

# %% [markdown]
# ## What all texts have in common
#
# In the plain average even the cat and the sandwich are alike by 0.4: *all* means point the same way a bit, for all
# are made of the same grammar. The second step of SIF finds this direction, the first right singular vector $u$ of the
# matrix of all documents' vectors, and takes each document's part along it away:
#
# $$m_d \leftarrow m_d - u u^\top m_d$$
#
# Two things to mind. The matrix is *not* centred first: the mean is just what is looked for. And $u$ is learned in
# `fit`, from the corpus; learned from the sentences that are compared, it would depend on what they are compared with.

# %%
bare = spaces["SIF, common direction removed"]
X = spaces["SIF"].transform(world.sentences).astype(float)
u = np.linalg.svd(X, full_matrices=False)[2][0]
assert np.isclose(abs(u @ bare.components_[0]), 1, atol=1e-4)
energy = (X @ u) @ (X @ u) / (X**2).sum()
left = bare.transform(SENTENCES) @ u
print(f"the common direction holds {energy:.0%} of all squares; what is left along it: {np.abs(left).max():.0e}")
assert np.abs(left).max() < 1e-5

# %% [markdown]
# ## A map of documents
#
# A thousand sentences of the little world, as points. The topics were never shown to any model:

# %%
some = np.random.default_rng(0).choice(len(world.sentences), 1000, replace=False)
texts, topics = [world.sentences[i] for i in some], np.array(world.topics)[some]
figure, axes = plt.subplots(1, 3, figsize=(13, 4.6), layout="constrained")
for ax, name in zip(axes, ("TF-IDF", "plain average", "SIF"), strict=True):
    vectors = spaces[name].transform(texts)
    vectors = vectors.toarray() if name == "TF-IDF" else vectors
    visualise.document_map(vectors, topics, ax=ax, title=name)
visualise.save_figure(axes[0], "07_averages_map")

# %% [markdown]
# How often are two sentences of one topic more alike than two of different topics? (Chance would be 50 %.)

# %%
from scipy import stats

pairs = np.triu_indices(len(texts), 1)
is_same = topics[pairs[0]] == topics[pairs[1]]
right = {}
for name, space in spaces.items():
    ranks = stats.rankdata(cosine_similarity(space.transform(texts))[pairs])
    n_same = is_same.sum()
    right[name] = (ranks[is_same].sum() - n_same * (n_same + 1) / 2) / (n_same * (len(ranks) - n_same))
    print(f"  {name:<30} {right[name]:.1%}")
assert right["SIF"] > right["plain average"] > right["TF-IDF"] > 0.5

# %% [markdown]
# ## And on real pairs of sentences
#
# People judged 1,500 pairs of captions, headlines and forum posts (STS-B): do cosines follow? With vectors trained on
# 75,000 film reviews (`python -m benchmarks average --data DATA`), Spearman's correlation, word vectors of length 1:
#
# | plain average | TF-IDF average | SIF | SIF, direction removed | TF-IDF, no vectors |
# | ---: | ---: | ---: | ---: | ---: |
# | 0.564 | 0.724 | 0.728 | 0.697 | 0.747 |
#
# Weights are worth more than anything else here. (*Of length 1* matters, too: training leaves rare words with short
# vectors, which is a weight of its own. Without it, SIF falls just behind TF-IDF, whose idf goes on growing for them:
# 0.727 against 0.729.) But look at the last two columns. Removing the common direction, good in the paper, *costs*:
# within each kind of text the order hardly changes, but forum posts lose half their cosines and headlines a tenth, so
# that pairs of different kinds cannot be compared any more. And counting words, without any vectors, is better: judged
# pairs share words. **A mean of vectors is for texts that say the same in other words.**
#
# ## What a mean can never know
#
# Who did it:

# %%
bites = spaces["plain average"].transform(["the cat chases the dog", "the dog chases the cat"])
print("equal:", np.allclose(bites[0], bites[1]))
assert np.allclose(bites[0], bites[1])

# %% [markdown]
# A sum forgets order, and a mean forgets length. (Lesson 9 gives each document a vector of its own to learn; order has
# to wait for networks.) One choice is left to you: is a document the mean of its **words**, so that long sentences
# count for more, or of its **sentences**? `unit="sentence"` is for notes in which a short sentence says the thing.

# %%
document = "Ham! The cat chases the mouse in the garden and the kitten hunts rodents in the barn."
near = {}
for unit in ("word", "sentence"):
    space = AverageEncoder(small, "sif", unit=unit).fit(world.sentences)
    near[unit] = cosine_similarity(space.transform([document]), space.transform(["Ham."]))[0, 0]
    print(f"  {unit:<9} near to ham by {near[unit]:.2f}")
assert near["sentence"] > near["word"]

# %% [markdown]
# ## Search by meaning
#
# `python -m embeddings search ~/notes "caring for young cats" --model average` ranks your files so: with vectors that
# it trains then and there, or with a file of vectors that you have.
#
# ## 中文

# %%
chinese_world = toy_world(10_000, language="zh", seed=3)
chinese = Word2Vec(vector_size=32, min_count=1, epochs=8, seed=1).fit(chinese_world.sentences)
chinese_space = AverageEncoder(chinese, "sif", remove_components=1).fit(chinese_world.sentences)
Z = cosine_similarity(chinese_space.transform(["猫追老鼠", "小猫捕鼠", "我喜欢火腿三明治"]))
print(f"猫–小猫 {Z[0, 1]:.2f}   猫–三明治 {Z[0, 2]:.2f}")
assert Z[0, 1] > 0.7 > 0.3 > Z[0, 2]

# %% [markdown]
# ## What you know now
#
# The claim, checked: **a mean of word vectors, weighed so that frequent words count little, puts "The cat chases the
# mouse" beside "The kitten hunts rodents", and sentences of a topic together; with the common direction removed, the
# sandwiches lie on the other side.**

# %%
last = similarity["SIF, common direction removed"]
assert right["SIF"] > 0.9 and last[0, 1] > 0.9 and last[0, 2] < 0
print(f"cat–kitten: TF-IDF {similarity['TF-IDF'][0, 1]:.2f}, SIF {last[0, 1]:.2f}; cat–sandwich {last[0, 2]:.2f}")

# %% [markdown]
# ## Your turn
#
# `python -m lessons start 07`, then `python -m lessons check 07`: write the mean, the weights, the common direction and
# its removal yourself.
