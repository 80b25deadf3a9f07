# %% [markdown]
# # 18 · Retrieval: one picture among many
#
# **You will know** how a vocabulary is found for pictures, how TF-IDF weighs its words as it weighed those of texts,
# what VLAD adds, and which of them leads a crop back to its source.
#
# **Time** 25 minutes
#
# ## A question worth asking
#
# Somebody sends you a detail of a photograph, turned and a little dark. Which of your ten thousand is it from? Matching
# every keypoint with every other takes far too long. In lesson 3, texts were found by the words they share. Do pictures
# have words?
#
# ## By hand
#
# Two words, and three descriptors of a picture. Each goes to the nearest word; the rarer word weighs more:

# %%
import numpy as np

from embeddings.similarity import nearest

words = np.array([[0.0, 0.0], [1.0, 1.0]])
descriptors = np.array([[0.1, 0.0], [0.9, 1.0], [0.0, 0.2]])
of, _ = nearest(descriptors, words, k=1, metric="euclidean")
counts = np.bincount(of[:, 0], minlength=2)
print("words", of[:, 0], "counts", counts)
assert counts.tolist() == [2, 1]

# Of three pictures, all hold word 0, and one holds word 1.
idf = np.log((1 + 3) / (1 + np.array([3, 1]))) + 1
vector = counts * idf
print("weighted", vector.round(3))
assert np.allclose(vector, [2, 1 + np.log(2)])

# %% [markdown]
# ## The vocabulary
#
# k-means finds it: words are put down among the descriptors, each descriptor goes to the nearest, each word moves to
# the middle of its own, again and again. The pictures that come with scikit-image:

# %%
import time

from embeddings import visualise
from embeddings.datasets import images
from embeddings.image import HOG, VLAD, BagOfVisualWords
from embeddings.image.io import shrink

NAMES = ("astronaut", "brick", "camera", "cat", "coffee", "coins", "page", "rocket", "text", "grass")
pictures = {name: shrink(picture, 320) for name, picture in images().items() if name in NAMES}
start = time.perf_counter()
bag = BagOfVisualWords(n_words=400, n_keypoints=400)
vectors = bag.fit_transform(list(pictures.values()))
print(f"{len(pictures)} pictures, {bag.words_.shape[0]} words of {bag.words_.shape[1]} numbers", end="")
print(f" in {time.perf_counter() - start:.1f} s; {(vectors > 0).mean():.0%} of the table is not 0")
assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)

# %% [markdown]
# The weights are the text chapter's own, down to the compiled function:

# %%
from embeddings.text.tfidf import weigh

print(weigh.__module__)
assert weigh.__module__ == "kernels.tfidf"
rare, common = np.argsort(-bag.idf_)[:1], np.argsort(bag.idf_)[:1]
print(f"the rarest word weighs {bag.idf_[rare[0]]:.2f}, the commonest {bag.idf_[common[0]]:.2f}")

# %% [markdown]
# ## VLAD
#
# Counting forgets *where* around its word a descriptor lay. VLAD adds that up: for each word $c$, $\sum (x - c)$ over
# its descriptors. A few words are enough then.
#
# ## Altered copies
#
# Two thirds of each picture, turned by any angle and in another light:

# %%
from embeddings.image.checks import grey
from embeddings.image.repeatability import changed


def altered(picture, rng):
    height, width = picture.shape[:2]
    y, x = rng.integers(0, height // 3), rng.integers(0, width // 3)
    detail = grey(picture)[y : y + 2 * height // 3, x : x + 2 * width // 3]
    turn = rng.uniform(-np.pi, np.pi)
    after, _ = changed(detail, np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]))
    return np.clip(after * rng.uniform(0.7, 1) + rng.uniform(0, 0.1), 0, 1)


rng = np.random.default_rng(1)
queries = [altered(picture, rng) for picture in pictures.values() for _ in range(2)]
sources = np.repeat(np.arange(len(pictures)), 2)
rates, found = {}, {}
for name, model in (("HOG", HOG(size=(128, 128))), ("visual words", bag), ("VLAD", VLAD(32, n_keypoints=400))):
    known = vectors if model is bag else model.fit_transform(list(pictures.values()))
    found[name], _ = nearest(model.transform(queries), known, k=5)
    rates[name] = (found[name][:, 0] == sources).mean()
    print(f"  {name:<14} right source first: {rates[name]:.2f}")

# %% [markdown]
# HOG is lost: it knows where edges were, and nothing is where it was.
#
# ## A picture
#
# A query, and what the visual words found, nearest first:

# %%
names = list(pictures)
q = 2 * names.index("cat")
order = found["visual words"][q]
shown = [queries[q], *(pictures[names[i]] for i in order)]
ax = visualise.contact_sheet(shown, ["query", *(names[i] for i in order)], columns=6, title="Nearest first")
visualise.save_figure(ax, "18_retrieval_sheet")

# %% [markdown]
# ## How many words?

# %%
described = bag._describe(list(pictures.values()))
asked = bag._describe(queries)
sizes, shares = (5, 20, 80, 320), []
for n in sizes:
    small = BagOfVisualWords(n_words=n)
    small._learn(described)
    first, _ = nearest(small._embed(asked), small._embed(described), k=1)
    shares.append((first[:, 0] == sources).mean())
ax = visualise.curves({"": (sizes, shares)}, "words", "right source first", title="Few words tell little apart")
visualise.save_figure(ax, "18_retrieval_words")
print(dict(zip(sizes, np.round(shares, 2), strict=True)))

# %% [markdown]
# On the command line: `python -m embeddings search-images FOLDER QUERY.jpg --model bovw --figure found.png`.
#
# ## What you know now
#
# The claim, checked: **visual words and VLAD lead turned, cut and re-lit copies back to their source, where HOG does
# not.**

# %%
assert rates["visual words"] >= 0.95 and rates["VLAD"] >= 0.85 and rates["HOG"] < 0.5
print({name: round(float(rate), 2) for name, rate in rates.items()})

# %% [markdown]
# ## Your turn
#
# `python -m lessons start 18`, then `python -m lessons check 18`: write k-means, counting, weighting and VLAD yourself.
