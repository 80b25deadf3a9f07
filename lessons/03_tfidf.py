# %% [markdown]
# # 3 · TF-IDF: rare words say more
#
# **You will know** why a word that is everywhere tells nothing, how TF-IDF weighs words by that thought, how a
# search engine is built from it, and why it still cannot see that a kitten is a cat.
#
# **Time** 25 minutes
#
# ## A question worth asking
#
# In lesson 1, *The cat chases the mouse* and *The kitten hunts rodents* were alike through the word *the*. Which
# words of a sentence should count, and who decides? Idea: let the other texts decide. A word that occurs in all of
# them cannot tell them apart.
#
# ## By hand
#
# Four tiny documents. *The* is in all of them, *cat* in two, *ham* in one.

# %%
import math

documents = ["the cat", "the cat sleeps", "the dog", "the ham"]
N = len(documents)
document_frequency = {word: sum(word in d.split() for d in documents) for word in ("the", "cat", "ham")}
print(document_frequency)
idf = {word: math.log(N / df) for word, df in document_frequency.items()}
print({word: round(value, 3) for word, value in idf.items()})
assert idf["the"] == 0 and idf["cat"] == math.log(2) and idf["ham"] == math.log(4)

# %% [markdown]
# The **inverse document frequency** of *the* is $\ln(4/4) = 0$: it vanishes. *Ham*, in one document of four, weighs
# most.
#
# ## The formula
#
# Multiply by how often the word occurs in the document at hand (its **term frequency**), and divide each document's
# vector by its length, so that long documents do not shout:
#
# $$x_{d,t} = \mathrm{tf}_{d,t} \cdot \Big(\ln\frac{1 + N}{1 + \mathrm{df}_t} + 1\Big), \qquad
# x_d \leftarrow \frac{x_d}{\lVert x_d\rVert_2}$$
#
# This is the form that scikit-learn uses too. The two ones inside the logarithm pretend that one more document
# holds every word, so that nothing is divided by zero; the 1 behind it keeps words that are everywhere from
# vanishing altogether. (`smooth_idf=False` leaves the first out. Read the source below to see where each option
# acts.)

# %%
import inspect

from kernels import tfidf as tfidf_kernel

print(inspect.getsource(tfidf_kernel.IMPLEMENTATIONS["numpy"]))

# %% [markdown]
# The model on the four documents, beside the formula:

# %%
import numpy as np

from embeddings.text import TfidfVectorizer

model = TfidfVectorizer(norm=None)
weights = model.fit_transform(documents)
terms = list(model.get_feature_names_out())
print(terms)
print(weights.toarray().round(3))
assert np.isclose(weights[3, terms.index("ham")], math.log((1 + 4) / (1 + 1)) + 1)
assert np.isclose(weights[3, terms.index("the")], 1)

# %% [markdown]
# ## The three sentences, weighed by real text
#
# Which words are rare is learned from many texts: here the documentation of Python and its scientific libraries,
# which every machine that runs this lesson holds.

# %%
import time

from embeddings.datasets import documentation
from embeddings.similarity import cosine_similarity
from embeddings.text import OneHotEncoder

SENTENCES = ["The cat chases the mouse", "The kitten hunts rodents", "I like ham sandwiches"]
corpus = documentation()

start = time.perf_counter()
tfidf = TfidfVectorizer(sublinear_tf=True)
D = tfidf.fit_transform([*SENTENCES, *corpus])  # (n documents, V terms)
seconds = time.perf_counter() - start
print(f"{D.shape[0]:,} sentences, {D.shape[1]:,} words, weighed in {seconds:.2f} s")

idf = dict(zip(tfidf.get_feature_names_out(), tfidf.idf_, strict=True))
for word in ("the", "like", "mouse", "kitten"):
    print(f"  idf({word}) = {idf[word]:.1f}")
assert idf["the"] == min(idf.values())

# %%
one_hot = cosine_similarity(OneHotEncoder().fit_transform(SENTENCES))
weighed = cosine_similarity(D[:3])
print(f"cat–kitten: one-hot {one_hot[0, 1]:.2f}, TF-IDF {weighed[0, 1]:.2f}   cat–sandwich: {weighed[0, 2]:.2f}")
assert one_hot[0, 1] > 0.2 and weighed[0, 1] < 0.05

# %% [markdown]
# TF-IDF saw through *the*, and was right to. But now the cat and the kitten have **nothing** left in common. The
# honest answer of every method that counts words is: these sentences are strangers.
#
# ## A search engine
#
# For a question, however, TF-IDF is just right. Lesson 1 asked for the median of a list and found *what*, *is*,
# *the* and *of*. The same search, weighed:


# %%
def search(question, top=4):
    scores = cosine_similarity(tfidf.transform([question]), D).ravel()
    best = np.argsort(-scores, kind="stable")[:top]
    for i in best:
        print(f"  {scores[i]:.2f}  {[*SENTENCES, *corpus][i][:100]}")
    return [[*SENTENCES, *corpus][i] for i in best]


print("What is the median of a list?")
found = search("What is the median of a list?")
assert "median" in found[0].lower()

# %% [markdown]
# `python -m embeddings search FOLDER "question"` does this with the files of any folder of yours.
#
# ## What the fast kernel buys
#
# Most of the work of a vectorizer is reading: cutting text into words and finding each word's number. The same
# text, once with Python's `re` and a dictionary, once with the compiled scanner that `TfidfVectorizer` uses:

# %%
import re
from collections import Counter

start = time.perf_counter()
numbers = {}
for sentence in corpus:
    for word in Counter(re.findall(r"\w+", sentence.lower())):
        numbers.setdefault(word, len(numbers))
python_seconds = time.perf_counter() - start
start = time.perf_counter()
TfidfVectorizer().fit_transform(corpus)
seconds = time.perf_counter() - start
print(f"counting alone, in Python: {python_seconds:.2f} s;  the whole TF-IDF matrix, compiled: {seconds:.2f} s")

# %% [markdown]
# ## 中文
#
# The same in Chinese, with a made-up little world whose sentences come from a written grammar. 的 and 在 are its
# *the*: in many sentences, and so of little weight.

# %%
from embeddings.datasets import toy_world

chinese_world = toy_world(2000, language="zh", seed=3)
chinese = ["猫追老鼠", "小猫捕鼠", "我喜欢火腿三明治"]
chinese_tfidf = TfidfVectorizer()
Z = chinese_tfidf.fit_transform([*chinese, *chinese_world.sentences])
chinese_idf = dict(zip(chinese_tfidf.get_feature_names_out(), chinese_tfidf.idf_, strict=True))
print("commonest characters:", " ".join(sorted(chinese_idf, key=chinese_idf.get)[:8]))
print(cosine_similarity(Z[:3]).round(2))

# %% [markdown]
# ## A picture
#
# Rows are the three sentences, columns their words. Above, one-hot: every word counts the same. Below, TF-IDF, with
# the weights learned from 2,000 sentences of the same little world in English: *the* fades, the rare words light
# up.

# %%
import matplotlib.pyplot as plt

from embeddings import visualise

world = toy_world(2000, language="en", seed=3)
small = TfidfVectorizer()
W = small.fit_transform([*SENTENCES, *world.sentences])[:3]
columns = np.flatnonzero(W.getnnz(axis=0))
names = small.get_feature_names_out()[columns]
figure, (above, below) = plt.subplots(2, 1, figsize=(9, 5), layout="constrained")
rows = ["cat …", "kitten …", "sandwich …"]
counts = (W[:, columns] > 0).astype(float)
visualise.term_document_matrix(counts, names, rows, ax=above, title="one-hot", label="occurs")
visualise.term_document_matrix(W[:, columns], names, rows, ax=below, title="TF-IDF", label="weight")
visualise.save_figure(above, "03_tfidf_terms")

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
visualise.similarity_heatmap(one_hot, rows, ax=left, title="one-hot: alike through “the”")
visualise.similarity_heatmap(cosine_similarity(W), rows, ax=right, title="TF-IDF: strangers")
visualise.save_figure(left, "03_tfidf_sentences")

# %% [markdown]
# ## What you know now
#
# The claim, checked: **TF-IDF weighs *the* least of all words, finds the sentence that answers a question, and
# makes the similarity of the cat and the kitten vanish**, because it compares spellings, not meanings. That is the
# itch which learned vectors, from lesson 4 on, will scratch.

# %%
assert idf["the"] < min(idf["mouse"], idf["kitten"])
assert weighed[0, 1] < one_hot[0, 1] / 5
print("cat–kitten:", f"{one_hot[0, 1]:.2f} → {weighed[0, 1]:.3f}")

# %% [markdown]
# ## Your turn
#
# `python -m lessons start 03`, then `python -m lessons check 03`: write term frequency, document frequency, the
# weights and the search yourself.
