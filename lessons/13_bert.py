# %% [markdown]
# # 13 · BERT: a word in its sentence
#
# **You will know** how word pieces leave no word unknown, how a network learns language by filling in gaps, why
# *bank* gets two vectors now, and how to read a BERT that others have trained.
#
# **Time** 30 minutes
#
# ## A question worth asking
#
# Word2Vec gives *bank* one vector, half river and half money. But nobody who reads *the bank has reeds and mud*
# thinks of loans. Can a word's vector depend on its sentence?
#
# ## By hand: word pieces
#
# First, no word may be unknown. A vocabulary of pieces begins with characters; the most frequent pair of neighbours
# is joined, again and again. What goes on inside a word is written with `##`. Then each word is cut greedily, the
# longest piece first:

# %%
from embeddings.text import WordPiece

pieces = WordPiece.train(["low " * 5, "lower " * 2, "newest " * 6, "widest " * 3], vocab_size=30)
print(pieces.vocabulary)
for word in ("newest", "lowest", "wider"):
    print(f"  {word:<8}", pieces.tokenize(word))
assert pieces.tokenize("lowest") == ["low", "##est"]  # never seen, but known

# %% [markdown]
# ## The formula
#
# Hide some words, and ask for them. With $x$ the sentence where the places $M$ are masked:
#
# $$J = -\frac{1}{|M|} \sum_{t \in M} \log P(x_t \mid x_{\setminus M})$$
#
# P is a softmax over all pieces of the place's last vector with every piece's own. To guess *the [MASK] has reeds and
# mud*, the network must carry *reeds* and *mud* to the gap: attention does. Of the places asked for, one tenth is not
# masked but replaced, and one tenth left alone, so that no word can be trusted blindly.

# %%
import inspect

from embeddings.text.bert_training import mask_tokens

print(inspect.getsource(mask_tokens).split('"""')[2])

# %% [markdown]
# ## Training one
#
# English and Chinese sentences of the toy world, and sentences in which *bank* and 苹果 stand in two senses. The frames
# are the same for both senses: only the other words tell them apart.
#
# (Real text wants more patience: over the documentation corpus, a million words, one epoch takes a minute on two cores,
# and a lesson has half of one. `EMBEDDINGS_BERT=scratch python -m benchmarks bert` trains on it.)

# %%
import time

import numpy as np

from embeddings.datasets import toy_world
from embeddings.text import BERT

SENSES = {
    "bank": {
        "money": ["money", "loans", "credit", "savings", "interest"],
        "river": ["water", "reeds", "mud", "boats", "fish"],
    },
    "苹": {"fruit": ["香蕉", "梨", "葡萄", "橙子"], "company": ["手机", "电脑", "屏幕", "软件"]},
}
FRAMES = {
    "bank": ["the bank has {} and {}", "we went to the bank for {} and {}", "{} and {} are what the bank is known for"],
    "苹": ["苹果和{}还有{}", "我喜欢苹果的{}和{}", "{}和{}都是苹果的"],
}
rng = np.random.default_rng(0)


def in_two_senses(word, n):
    """Pairs of a sense and a sentence in which `word` has it."""
    found = []
    for _ in range(n):
        sense = list(SENSES[word])[rng.integers(2)]
        frame = FRAMES[word][rng.integers(len(FRAMES[word]))]
        found.append((sense, frame.format(*rng.choice(SENSES[word][sense], 2, replace=False))))
    return found


occurrences = {word: in_two_senses(word, 1200) for word in SENSES}
texts = toy_world(4000, seed=3).sentences + [text for pairs in occurrences.values() for _, text in pairs]
SIZES = {"vector_size": 64, "n_layers": 2, "n_heads": 4, "vocab_size": 1500}
# Little text: more is masked than BERT's 15 %, and nothing dropped, so that it learns within seconds.
model = BERT(**SIZES, epochs=20, learning_rate=3e-3, mask_rate=0.25, dropout=0.0, seed=1, workers=2)
start = time.perf_counter()
model.fit(texts)
print(
    f"{len(texts):,} sentences, {len(model.tokenizer_)} pieces, {time.perf_counter() - start:.0f} s; loss "
    f"{model.loss_history_[0]:.2f} → {model.loss_history_[-1]:.2f}"
)

# %%
import matplotlib.pyplot as plt

from embeddings import visualise

epochs = range(1, len(model.loss_history_) + 1)
ax = visualise.curves({"": (epochs, model.loss_history_)}, "epoch", "-log P of a hidden word", title="Filling in words")
visualise.save_figure(ax, "13_bert_loss")

# %% [markdown]
# ## Filling in
#
# The same gap, with other words two places on:

# %%
GAPS = [
    "the [MASK] hunts rodents",
    "the bank has [MASK] and loans",
    "the bank has [MASK] and mud",
    "苹果和[MASK]还有香蕉",
]
guesses = {}
for text in GAPS:
    guesses[text] = model.fill_mask(text, top=4)[0]
    print(f"  {text:<32}", "  ".join(f"{piece} {p:.2f}" for piece, p in guesses[text]))
assert {piece for piece, _ in guesses[GAPS[0]][:2]} <= {"cat", "kitten", "puppy", "dog"}
assert guesses[GAPS[1]][0][0] in SENSES["bank"]["money"] and guesses[GAPS[2]][0][0] in SENSES["bank"]["river"]

# %% [markdown]
# Where do the words look? Each layer has four heads; here are those of the last one:

# %%
text = "the bank has reeds and mud"
weights, tokens = model.attention(text)[-1], model.pieces(text)
figure, axes = plt.subplots(2, 2, figsize=(8, 8), layout="constrained")
for i, ax in enumerate(axes.flat):
    visualise.attention_map(weights[i], tokens, ax=ax, title=f"head {i + 1}")
visualise.save_figure(axes[0, 0], "13_bert_attention")

# %% [markdown]
# ## One word, two vectors
#
# The last vector of *bank* in 40 sentences, and that of 苹 in 40 others. For each, which other occurrence is
# nearest? If the vector knows the sense, its neighbour has the same one:

# %%
agreement, figure = {}, plt.figure(figsize=(9, 4.2), layout="constrained")
for k, (word, pairs) in enumerate(occurrences.items()):
    pairs = [(sense, text) for text, sense in {text: sense for sense, text in pairs}.items()][:40]
    vectors = np.stack([model.hidden_states(text)[-1][model.pieces(text).index(word)] for _, text in pairs])
    senses = np.array([sense for sense, _ in pairs])
    centred = vectors - vectors.mean(axis=0)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -1)
    agreement[word] = (senses[cosines.argmax(axis=1)] == senses).mean()
    ax = figure.add_subplot(1, 2, k + 1)
    title = f"{'bank' if word == 'bank' else '苹果'} in {len(pairs)} sentences"
    visualise.document_map(vectors, senses.tolist(), ax=ax, title=title)
    print(f"{word}: the nearest other occurrence has the same sense in {agreement[word]:.0%}")
visualise.save_figure(ax, "13_bert_senses")

# %% [markdown]
# ## What padding costs, and the kernel that does without
#
# Sentences in a batch are as different in length as people are. Padded to the longest, much of the work is for
# nothing. Here the tokens of all sentences stand one after the other: one product of matrices for all, and
# attention within each sentence's own rows.

# %%
lengths = np.array([len(model.pieces(text)) for text in texts[:256]])
print(f"256 sentences: {lengths.sum():,} tokens; padded to the longest, {256 * lengths.max():,}")
start = time.perf_counter()
vectors = model.transform(texts)
seconds = time.perf_counter() - start
one = np.concatenate([model.transform([text]) for text in texts[:50]])
print(f"{len(texts) / seconds:,.0f} sentences a second; alone or together, the same bits: ", end="")
print(np.array_equal(one, vectors[:50]))
assert np.array_equal(one, vectors[:50])

# %% [markdown]
# ## Reading a BERT that others have trained
#
# The same class reads what Hugging Face and sentence-transformers publish, and gives the same vectors:
#
# ```python
# model = BERT.from_pretrained("all-MiniLM-L6-v2")    # the folder
# model.transform(["The cat chases the mouse", "小猫捕鼠"])
# ```
#
# On the command line: `python -m embeddings search ~/notes "caring for young cats" --model all-MiniLM-L6-v2/`
#
# ## The cat, the kitten and the sandwich

# %%
from embeddings.similarity import cosine_similarity

SENTENCES = ["The cat chases the mouse", "The kitten hunts rodents", "I like ham sandwiches"]
similarity = cosine_similarity(model.transform(SENTENCES))
print(
    f"cat–kitten {similarity[0, 1]:.2f}   cat–sandwich {similarity[0, 2]:.2f}   kitten–sandwich {similarity[1, 2]:.2f}"
)
ax = visualise.similarity_heatmap(similarity, SENTENCES, title="BERT, trained here")
visualise.save_figure(ax, "13_bert_similarity")

# %% [markdown]
# ## What you know now
#
# The claim, checked: **a network that only ever filled in gaps knows which *bank* is meant, and brings the cat to the
# kitten, with hardly a word in common.**

# %%
assert min(agreement.values()) >= 0.9
assert similarity[0, 1] > 0.7 > 0.6 > max(similarity[0, 2], similarity[1, 2])
print(f"senses told apart: {min(agreement.values()):.0%}; cat–kitten: {similarity[0, 1]:.2f}")

# %% [markdown]
# ## Your turn
#
# `python -m lessons start 13`, then `python -m lessons check 13`: cut words into pieces, mask a sentence, measure the
# loss where it counts, and pool without padding.
