# %% [markdown]
# # 8 · LDA: a document is a mixture of topics
#
# **You will know** how topics are found that nobody named, by drawing the topic of one word after the other, again and
# again; what the result is worth; and how the same is found by optimisation instead of by chance.
#
# **Time** 30 minutes
#
# ## A question worth asking
#
# An average of word vectors is one point. But a letter can be about a cat *and* about soup: what we want to know is how
# much of it is about which. And nobody has told us what there is to be about.
#
# ## The story
#
# Latent Dirichlet allocation (Blei, Ng & Jordan 2003) tells how documents could come about. For each document, draw how
# much of each topic it has; for each of its words, draw a topic, then a word of that topic:
#
# $$\theta_d \sim \mathrm{Dirichlet}(\alpha), \qquad z \sim \theta_d, \qquad w \sim \varphi_z, \qquad
# \varphi_k \sim \mathrm{Dirichlet}(\eta)$$
#
# We act the story out with the five topics of our toy world, so that we know the truth:

# %%
import numpy as np

from embeddings.datasets import toy_world

world = toy_world(4000, language="en", seed=1)
NAMES = sorted(set(world.topics))
rng = np.random.default_rng(0)
of_topic = [[words for words, topic in zip(world.tokens, world.topics, strict=True) if topic == name] for name in NAMES]
D, SENTENCES_EACH = 500, 10
true_mixtures = rng.dirichlet(np.full(len(NAMES), 0.3), D)  # (D, K)
documents = []
for mixture in true_mixtures:
    topics = rng.choice(len(NAMES), SENTENCES_EACH, p=mixture)
    documents.append([word for k in topics for word in of_topic[k][rng.integers(len(of_topic[k]))]])
print(" ".join(documents[0][:30]), "…")
print(", ".join(f"{name} {share:.0%}" for name, share in zip(NAMES, true_mixtures[0], strict=True)))

# %% [markdown]
# ## By hand
#
# Now backwards: given the words alone, which topic did each come from? Suppose we knew the topics of all words but one.
# The word is *ham*. In its document, 3 of the other words have topic 0 and 1 has topic 1; of all other places of *ham*,
# none has topic 0 and 4 have topic 1; each topic has 10 words altogether, and there are 4 different words. Then
#
# $$p(z = k) \propto (n_{dk} + \alpha)\,\frac{n_{wk} + \eta}{n_k + V\eta}$$
#
# With $\alpha = \eta = \frac12$: topic 0 gets $3.5 \cdot 0.5 / 12$, topic 1 gets $1.5 \cdot 4.5 / 12$, that is, 7 to
# 27. The document says 0, the word says 1, and the word is surer. A random number decides:

# %%
from kernels import lda_gibbs


def draw(uniform):
    """The new topic of the word, by the reference."""
    z, n_k = np.zeros(1, np.uint16), np.array([[11, 10]], np.int32)  # with the word itself, which has topic 0 so far
    n_dk, n_wk = np.zeros((1, 16), np.float32), np.zeros((4, 16), np.float32)
    n_dk[0, :2], n_wk[2, :2] = (4, 1), (1, 4)
    place = np.array([2]), np.array([0]), np.array([0, 1]), np.array([0, 1])  # the word, and where it stands
    half = np.array([0.5, 0.5])
    lda_gibbs.tiles_numpy(*place, z, np.array([uniform]), n_dk, n_wk, n_k, half, 0.5)
    return int(z[0])


# The kernel divides by n_k as it was with the word: 3.5 · 0.5 / 13 against 1.5 · 4.5 / 12.
border = (3.5 * 0.5 / 13) / (3.5 * 0.5 / 13 + 1.5 * 4.5 / 12)
print(f"topic 0 with probability {border:.3f}; exactly, {7 / 34:.3f}")
assert abs(border - 7 / 34) < 0.02
assert draw(border - 0.001) == 0 and draw(border + 0.001) == 1

# %% [markdown]
# ## The algorithm
#
# **Collapsed Gibbs sampling** (Griffiths & Steyvers 2004): give every word a random topic. Then go through all words,
# take each one out of the counts, draw its topic anew as above, put it back; sweep after sweep. The reference:

# %%
import inspect

print(inspect.getsource(lda_gibbs.IMPLEMENTATIONS["numpy"]))

# %% [markdown]
# ## Watch it settle
#
# We sweep by ourselves, and look at the words of one document: a row for each sweep, a colour for each topic.

# %%
words = sorted(set(word for document in documents for word in document))
number = {word: i for i, word in enumerate(words)}
tokens = np.array([number[word] for document in documents for word in document], np.int32)
starts = np.cumsum([0, *map(len, documents)])
V, K, N, SWEEPS = len(words), len(NAMES), len(tokens), 60
places = tokens, np.arange(D, dtype=np.int32), starts, np.array([0, D])


def begin(seed):
    """Random topics, and their counts."""
    z = np.random.default_rng(seed).integers(0, K, N, np.uint16)
    n_dk, n_wk = np.zeros((D, 16), np.float32), np.zeros((V, 16), np.float32)
    np.add.at(n_dk, (np.repeat(np.arange(D), np.diff(starts)), z), 1)
    np.add.at(n_wk, (tokens, z), 1)
    return z, n_dk, n_wk, np.bincount(z, minlength=K)[None].astype(np.int32)


alpha, eta = np.full(K, 0.1, np.float32), 0.01
z, *counts = begin(seed=1)
history, losses = [], []
below = np.repeat(np.log(np.diff(starts) - 1 + alpha.sum()), np.diff(starts)).sum()
shown = slice(starts[0], starts[1])
for _ in range(SWEEPS):
    history.append(z[shown].copy())
    log_p = lda_gibbs.tiles_cpu(*places, z, rng.random(N, np.float32), *counts, alpha, eta)
    losses.append((below - log_p) / N)
print(f"mean -log probability of a word: {losses[0]:.2f} at first, {losses[-1]:.2f} at last")

# %%
import matplotlib.pyplot as plt

from embeddings import visualise

figure, (left, right) = plt.subplots(1, 2, figsize=(8, 4), layout="constrained", width_ratios=(3, 2))
visualise.settling(history, ax=left, title="Topics of the words of one document")
visualise.curves({"": (range(SWEEPS), losses)}, "sweep", "mean -log probability of a word", ax=right, title="The loss")
visualise.save_figure(left, "08_lda_settling")

# %% [markdown]
# At first all topics are everywhere. Then they divide the *words* among them, and with that the documents, which makes
# the words surer: each counts on the other, and chance breaks the tie.
#
# ## The fast kernel, and what it bought
#
# Drawing from K numbers is a search in running sums, one after the other. The kernel puts the numbers in rows of
# sixteen and adds whole rows at once: the column is found by one comparison of sixteen sums, then the row. All counts
# of a word stand side by side, and the counts of the words to come are asked for ahead of time.

# %%
import time

few = 40
part = (tokens[: starts[few]], *(array[: few + 1] for array in places[1:3]), np.array([0, few]))
part = part[0], part[1][:few], part[2], part[3]
rates = {}
for name in ("numpy", "cpu"):
    state = begin(seed=2)
    chosen, size = (part, int(starts[few])) if name == "numpy" else (places, N)
    uniforms = rng.random(size, np.float32)
    start = time.perf_counter()
    lda_gibbs.IMPLEMENTATIONS[name](*chosen, state[0][:size], uniforms, *state[1:], alpha, eta)
    rates[name] = size / (time.perf_counter() - start)
print(f"reference {rates['numpy']:,.0f} words/s, kernel {rates['cpu']:,.0f} words/s")
assert rates["cpu"] > 20 * rates["numpy"]

# %% [markdown]
# ## The topics it found
#
# `LatentDirichletAllocation` does all this, on any number of threads with the same bits. Nobody told it the names, nor
# which words go together:

# %%
from embeddings.text import LatentDirichletAllocation

model = LatentDirichletAllocation(n_components=K, epochs=SWEEPS, min_count=1, seed=1).fit(documents)
best = model.top_words(60)
common = {word for word, count in zip(model.index_to_key_, model.counts_, strict=True) if count > N / 100}
distinct = [[(word, share) for word, share in topic if word not in common][:8] for topic in best]
for topic in distinct:
    print("  ", " ".join(word for word, _ in topic))

# %%
planted = np.array(
    [[sum(words.count(word) for words in of_topic[k]) for word in model.index_to_key_] for k in range(K)]
)
found = model.components_
cosines = (planted / np.linalg.norm(planted, axis=1)[:, None]) @ (found / np.linalg.norm(found, axis=1)[:, None]).T
order = cosines.argmax(axis=1)  # which found topic is which planted one
print("cosine of each planted topic and the found one:", cosines.max(axis=1).round(3))
assert sorted(order) == list(range(K)) and cosines.max(axis=1).min() > 0.98

ax = visualise.topic_bars([distinct[k] for k in order], title="Five topics, without the words that all of them share")
for panel, name in zip(ax.child_axes, NAMES, strict=True):
    panel.set_title(name, fontsize=10)
visualise.save_figure(ax, "08_lda_topics")

# %% [markdown]
# And the documents are mixtures again, close to those that we drew:

# %%
mixtures = model.transform(documents)[:, order]
error = np.abs(mixtures - true_mixtures).mean()
figure, axes = plt.subplots(2, 1, figsize=(8, 6), layout="constrained")
labels = [f"document {d}" for d in range(6)]
visualise.mixtures(true_mixtures[:6], labels, NAMES, ax=axes[0], title="As they were drawn")
visualise.mixtures(mixtures[:6], labels, NAMES, ax=axes[1], title="As they were found, from the words alone")
visualise.save_figure(axes[0], "08_lda_mixtures")
print(f"shares are off by {error:.3f} on average")
assert error < 0.08

# %% [markdown]
# (They cannot agree fully: ten sentences are a small sample of a mixture.)
#
# ## How many topics?
#
# Show the model every second word of documents that it has not seen; how well does it predict the others?
# **Perplexity** is the number of words among which it wavers. With too few topics it cannot tell things apart. We take
# real text: the documentation of Python and its scientific libraries, twenty sentences a document.

# %%
from embeddings.datasets import documentation

sentences = documentation()
pages = [" ".join(sentences[i : i + 20]) for i in range(0, len(sentences), 20)]
np.random.default_rng(0).shuffle(pages)
held_out, training = pages[:300], pages[300:]
numbers, perplexities = (2, 5, 10, 20, 40, 80), []
for n_components in numbers:
    real = LatentDirichletAllocation(n_components, epochs=40, max_df=0.3, seed=1, workers=2).fit(training)
    perplexities.append(real.perplexity(held_out))
    if n_components == 20:
        twenty = real
print({n: round(perplexity) for n, perplexity in zip(numbers, perplexities, strict=True)})
assert perplexities[3] < 0.8 * perplexities[0]
ax = visualise.curves({"": (numbers, perplexities)}, "topics", "held-out perplexity", title="How many topics?", log="x")
ax.set_xticks(numbers, numbers)
ax.minorticks_off()
visualise.save_figure(ax, "08_lda_perplexity")
coherence = twenty.coherence(held_out, "c_npmi")
for k in np.argsort(-coherence)[:6]:
    print(f"  {coherence[k]:.2f}  {' '.join(word for word, _ in twenty.top_words(9)[k])}")

# %% [markdown]
# Every doubling still helps here, for the documentation is about many things; but nobody reads 80 topics. The number
# in front of each is its **coherence**: how much more often than by chance its words stand near each other. It comes
# closer than perplexity to what people call a good topic.
#
# ## Without chance: variational Bayes
#
# Instead of drawing topics, one can compute with distributions: each document keeps a Dirichlet $\gamma_d$, each topic
# a Dirichlet $\lambda_k$, and both are improved in turn (Hoffman, Blei & Bach 2010). It learns from small batches, so
# that one pass over a stream goes a long way; but where it ends depends on where it began, as one sees from three
# seeds:

# %%
for seed in (1, 2, 3):
    variational = LatentDirichletAllocation(
        n_components=K, method="variational", batch_size=64, epochs=20, min_count=1, seed=seed
    ).fit(documents)
    norms = np.linalg.norm(variational.components_, axis=1)[:, None]
    similar = (planted / np.linalg.norm(planted, axis=1)[:, None]) @ (variational.components_ / norms).T
    print(f"seed {seed}: cosines {similar.max(axis=1).round(2)}, loss {variational.loss_history_[-1]:.3f}")
assert similar.max(axis=1).min() > 0.95

# %% [markdown]
# Seeds that mixed topics up have a larger loss: try a few, and keep the best.
#
# ## The cat, the kitten and the sandwich

# %%
from embeddings.similarity import cosine_similarity

SENTENCES = ["The cat chases the mouse", "The kitten hunts rodents", "I like ham sandwiches"]
shares = model.transform(SENTENCES)[:, order]
ax = visualise.mixtures(shares, SENTENCES, NAMES, title="Three sentences as mixtures of topics")
visualise.save_figure(ax, "08_lda_sentences")
similarity = cosine_similarity(shares)
print(
    f"cat–kitten {similarity[0, 1]:.2f}   cat–sandwich {similarity[0, 2]:.2f}   kitten–sandwich {similarity[1, 2]:.2f}"
)

# %% [markdown]
# ## What you know now
#
# The claim, checked: **topics that nobody named can be found from words alone; the cat and the kitten share one, and
# the sandwich has another.**

# %%
assert shares[:2].argmax(axis=1).tolist() == [NAMES.index("animals")] * 2
assert shares[2].argmax() == NAMES.index("food")
assert similarity[0, 1] > 0.9 > 0.5 > max(similarity[0, 2], similarity[1, 2])
print(f"cat–kitten: {similarity[0, 1]:.2f}")

# %% [markdown]
# ## Your turn
#
# `python -m lessons start 08`, then `python -m lessons check 08`: write the probabilities, the draw, a whole sweep, the
# topics and the perplexity yourself. On files of your own: `python -m embeddings topics FOLDER -k 20`.
