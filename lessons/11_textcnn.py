# %% [markdown]
# # 11 · TextCNN: which phrases occur, wherever they stand
#
# **You will know** how a filter slides over the words of a sentence, why the largest answer over time forgets where a
# phrase stood, why only that place learns, and when convolutions beat counting words.
#
# **Time** 25 minutes
#
# ## A question worth asking
#
# *not good* and *good, not* hold the same words; a bag of words cannot tell them apart. A recurrent network (lesson 10)
# can, but reads word after word. Could we look for short phrases everywhere at once?
#
# ## By hand
#
# Words with one number each: *not* is 1, *good* is 2, everything else 0. A filter that spans two words, with the
# weights (1, 2), answers most where *not* is followed by *good*:

# %%
import numpy as np

from kernels.conv_max import conv_max_numpy

NUMBERS = {"not": 1.0, "good": 2.0}


def answers(text):
    """The answer at every place, by hand."""
    x = [NUMBERS.get(word, 0.0) for word in text.split()]
    return [1 * a + 2 * b for a, b in zip(x[:-1], x[1:], strict=True)]


for text in ("this is not good at all", "good it was not"):
    print(f"{text:<26}{answers(text)}   largest: {max(answers(text))}")
assert max(answers("this is not good at all")) == 5 > max(answers("good it was not"))

x = np.array([NUMBERS.get(word, 0.0) for word in "this is not good at all".split()]).reshape(1, -1, 1)
y, places = np.empty((1, 1)), np.empty((1, 1), np.int32)
conv_max_numpy(x, np.array([6]), np.array([[1.0], [2.0]]), np.zeros(1), np.array([2]), y, places)
assert y[0, 0] == 5 and places[0, 0] == 2  # the same, and where it stood

# %% [markdown]
# ## The formula
#
# A filter $g$ of width $m$ has a vector for each of the words that it spans. Its answer at place $p$, and what is kept
# of it for the whole sentence:
#
# $$s_{p,g} = \sum_{v=0}^{m-1} w_{g,v}\cdot x_{p+v}, \qquad y_g = \max\big(0,\; \beta_g + \max_p s_{p,g}\big)$$
#
# A sentence's vector is $y$: how well each phrase fits where it fits best. And backward, **only the place of the
# largest answer** had a say:
#
# $$\frac{\partial L}{\partial w_{g,v}} = \frac{\partial L}{\partial y_g}\; x_{p^*+v}$$
#
# The reference:

# %%
import inspect

print(inspect.getsource(conv_max_numpy).split('"""')[2])

# %% [markdown]
# ## The fast kernel, and what it bought
#
# All taps of all filters meet all words in *one* product of matrices; answers are sums along its diagonals. Backward
# touches one place of each filter instead of all of them:

# %%
import time

from kernels.conv_max import conv_max_cpu

rng = np.random.default_rng(0)
widths, F = np.array([3, 4, 5]), 50
x = rng.normal(size=(16, 60, 50)).astype("f")
w, bias = rng.normal(size=(F * 12, 50)).astype("f"), np.zeros(3 * F, "f")
y, places, lengths = np.empty((16, 3 * F), "f"), np.empty((16, 3 * F), "i"), np.full(16, 60)
seconds = {}
for name, kernel in (("reference", conv_max_numpy), ("kernel", conv_max_cpu)):
    kernel(x, lengths, w, bias, widths, y, places)  # compile
    took = []
    for _ in range(5):
        start = time.perf_counter()
        kernel(x, lengths, w, bias, widths, y, places)
        took.append(time.perf_counter() - start)
    seconds[name] = min(took)
    print(f"{name:<10}{seconds[name] * 1e3:8.2f} ms for 16 sentences of 60 words")
assert seconds["kernel"] < seconds["reference"]

# %% [markdown]
# ## Phrases against words
#
# Sentences of ten words in any order. In half of them *not good* stands together; in the others both words occur, but
# apart. Counting words cannot help; pairs of words could, if one knew that pairs matter:

# %%
from embeddings.text import TextCNN, TfidfVectorizer

WORDS = "the film was quite long and we saw it here with them after all of this had been told".split()


def reviews(n, seed):
    """Texts and labels, half of them with the phrase."""
    rng = np.random.default_rng(seed)
    texts, labels = [], []
    for i in range(n):
        words = [str(word) for word in rng.choice(WORDS, 8)]
        first, second = sorted(rng.choice(7, 2, replace=False))
        if i % 2:
            words[first:first] = ["not", "good"]
        else:
            words.insert(second + 1, "not")
            words.insert(first, "good")
        texts.append(" ".join(words))
        labels.append("not good" if i % 2 else "apart")
    return texts, labels


texts, labels = reviews(600, 0)
new, new_labels = reviews(200, 1)
model = TextCNN((1, 2, 3), vector_size=16, n_filters=8, dropout=0.1, epochs=8, learning_rate=0.01, seed=1)
start = time.perf_counter()
accuracy = model.fit(texts, labels).score(new, new_labels)
print(f"TextCNN {accuracy:.3f}, trained in {time.perf_counter() - start:.1f} s")

# Words alone: the label of the mean vector (of TF-IDF) that is closer.
vectorizer = TfidfVectorizer().fit(texts)
known, unknown = vectorizer.transform(texts).toarray(), vectorizer.transform(new).toarray()
kinds = sorted(set(labels))
means = np.stack([known[np.array(labels) == kind].mean(axis=0) for kind in kinds])
by_words = float(np.mean(np.array(kinds)[(unknown @ means.T).argmax(axis=1)] == new_labels))
print(f"words alone {by_words:.3f}")
assert accuracy > 0.95

# %% [markdown]
# ## A picture
#
# Where does each filter find its phrase? For two sentences, the answers of all filters of width 2 at every place:

# %%
import matplotlib.pyplot as plt

from embeddings import visualise

network = model.network_
filters = network.pool
sentences = ["the film was not good we saw it here", "good film it was long and we saw not all"]
figure, axes = plt.subplots(2, 1, figsize=(8, 4.6), layout="constrained")
brightest = 0.0
row = {word: i for i, word in enumerate(model.words_)}
for ax, sentence in zip(axes, sentences, strict=True):
    words = sentence.split()
    vectors = network.embedding(np.array([[row[word] + 2 for word in words]]))[0]  # rows 0 and 1 are not words
    first = 8  # behind the one tap of each filter of width 1
    taps = filters.weight.data[first : first + 16].reshape(2, 8, 16)
    map_ = vectors[:-1] @ taps[0].T + vectors[1:] @ taps[1].T + filters.bias.data[8:16]  # (places, filters)
    brightest = max(brightest, map_.max())  # one scale for both
    ax.imshow(np.maximum(map_.T, 0), cmap="cividis", vmin=0, vmax=brightest, aspect="auto")
    ax.set_xticks(range(len(words) - 1), [f"{a}\n{b}" for a, b in zip(words[:-1], words[1:], strict=True)])
    ax.set_ylabel("filter")
visualise.save_figure(axes[0], "11_textcnn_answers")


# %%
curve = (range(1, 9), model.loss_history_)
ax = visualise.curves({"": curve}, "epoch", "mean loss of a text", title="TextCNN learns a phrase")
visualise.save_figure(ax, "11_textcnn_loss")

# %% [markdown]
# ## The cat, the kitten and the sandwich
#
# Without labels, from pairs that belong together: `fit_pairs` pulls the two sentences of a pair together and pushes the
# rest of the batch away. Here they are made by the same pattern, from words of the same kind:

# %%
from embeddings.similarity import cosine_similarity

SENTENCES = ["the cat chases the mouse", "the kitten hunts rodents", "I like ham sandwiches"]
animals, verbs, prey = ("cat", "kitten", "tiger"), ("chases", "hunts", "follows"), ("the mouse", "rodents", "birds")
people, likes, food = ("I", "we", "they"), ("like", "eat", "love"), ("ham sandwiches", "bread", "cheese")
rng = np.random.default_rng(3)
a, b = [], []
for n in range(400):
    parts = (animals, verbs, prey) if n % 2 else (people, likes, food)
    one, other = (["the"] * (n % 2) + [str(rng.choice(part)) for part in parts] for _ in range(2))
    a.append(" ".join(one))
    b.append(" ".join(other))
pairs = TextCNN((1, 2), vector_size=16, n_filters=16, dropout=0, epochs=8, temperature=0.1, seed=1).fit_pairs(a, b)
similarity = cosine_similarity(pairs.transform(SENTENCES))
print(f"cat–kitten {similarity[0, 1]:.2f}   cat–sandwich {similarity[0, 2]:.2f}")

# %% [markdown]
# ## What you know now
#
# The claim, checked: **filters that slide over words find a phrase wherever it stands, where counting words finds
# nothing; and taught with pairs, they bring the cat to the kitten.**

# %%
assert accuracy > 0.95 > 0.75 > by_words
assert similarity[0, 1] > similarity[0, 2] + 0.2
print(f"phrases {accuracy:.2f}, words alone {by_words:.2f}")

# %% [markdown]
# ## Your turn
#
# `python -m lessons start 11`, then `python -m lessons check 11`: write the filter's answers, the largest of them, and
# the gradient yourself.
