# %% [markdown]
# # 2 · N-grams: words in order, and pieces of words
#
# **You will know** what pairs of words tell that single words do not, what pieces of words see in words never seen,
# and what both cost.
#
# **Time** 20 minutes
#
# ## A question worth asking
#
# A bag of words forgets the order. Who is in trouble here?

# %%
CAT_CHASES = "The cat chases the mouse"
MOUSE_CHASES = "The mouse chases the cat"

# %%
from embeddings.similarity import cosine_similarity
from embeddings.text import NGramVectorizer, OneHotEncoder

bags = OneHotEncoder().fit_transform([CAT_CHASES, MOUSE_CHASES])
same = cosine_similarity(bags)[0, 1]
print(f"cosine of the two bags: {same:.2f}")
assert same > 0.999999

# %% [markdown]
# For lesson 1 the two sentences are the same. The cat would disagree.
#
# ## By hand
#
# An **n-gram** is a run of $n$ neighbours. The 2-grams (*bigrams*) of a sentence are its pairs of neighbouring
# words:

# %%
tokens = "the cat chases the mouse".split()
bigrams = [" ".join(tokens[i : i + 2]) for i in range(len(tokens) - 1)]
print(bigrams)
assert bigrams == ["the cat", "cat chases", "chases the", "the mouse"]

# %% [markdown]
# ## The formula
#
# A sentence of $T$ words has $T - n + 1$ runs of $n$ neighbours. Its vector counts, for each n-gram $g$ that was
# seen in training, how often it occurs:
#
# $$x_g = \#\{\, i : (w_i, \dots, w_{i+n-1}) = g,\ 1 \le i \le T - n + 1 \,\}$$

# %%
vectorizer = NGramVectorizer(ngram_range=(2, 2))
X = vectorizer.fit_transform([CAT_CHASES, MOUSE_CHASES])  # (2 sentences, V bigrams)
print(list(vectorizer.get_feature_names_out()))
print(X.toarray().astype(int))
in_order = cosine_similarity(X)[0, 1]
print(f"cosine of the bigram vectors: {in_order:.2f}")
assert 0.7 < in_order < 0.8

# %% [markdown]
# The sentences share three bigrams of four; *cat chases* against *mouse chases* is what tells them apart. Check the
# number: $3 / (\sqrt 4 \sqrt 4) = 0.75$.
#
# ## The three sentences again

# %%
SENTENCES = ["The cat chases the mouse", "The kitten hunts rodents", "I like ham sandwiches"]
by_words = cosine_similarity(NGramVectorizer(ngram_range=(1, 1)).fit_transform(SENTENCES))
by_bigrams = cosine_similarity(NGramVectorizer(ngram_range=(2, 2)).fit_transform(SENTENCES))
by_pieces = cosine_similarity(NGramVectorizer(analyzer="char", ngram_range=(3, 3)).fit_transform(SENTENCES))
for name, similarity in [("words", by_words), ("bigrams", by_bigrams), ("3 characters", by_pieces)]:
    print(f"{name:>14}:  cat–kitten {similarity[0, 1]:.2f}   cat–sandwich {similarity[0, 2]:.2f}")
assert by_bigrams[0, 1] == 0

# %% [markdown]
# Pairs of words are rarer than words, so sentences that say the same in other words share even fewer of them: here
# none. N-grams of **characters** cut below the word. They find what *the* leaves, and no more: nothing in the
# letters of *cat* says *kitten*.
#
# Where pieces shine is with the *forms* of a word. One-hot vectors call *chase* and *chases* strangers:

# %%
forms = ["chase", "chases", "chased", "chasing", "mouse"]
pieces = cosine_similarity(NGramVectorizer(analyzer="char", ngram_range=(2, 4)).fit_transform(forms))
print(pieces.round(2))
assert pieces[0, 1] > 0.6 > pieces[0, 4]

# %% [markdown]
# ## 中文: pairs of characters are often words
#
# Most Chinese words are two characters long. Pairs of neighbouring characters find many of them without any
# dictionary:

# %%
chinese = ["猫追老鼠", "老鼠怕猫", "我喜欢火腿三明治"]
chinese_vectorizer = NGramVectorizer(ngram_range=(1, 2))
C = chinese_vectorizer.fit_transform(chinese)
print([term.replace(" ", "") for term in chinese_vectorizer.get_feature_names_out() if " " in term])
print(cosine_similarity(C).round(2))
assert "老 鼠" in chinese_vectorizer.get_feature_names_out()

# %% [markdown]
# 老鼠 (*mouse*) and 火腿 (*ham*) are there, along with pairs that are no words, such as 欢火.
#
# ## What it costs, on real text
#
# How many different n-grams are there? We count them in the documentation of Python and its scientific libraries.

# %%
import time

from embeddings.datasets import documentation

corpus = documentation()
sizes, seconds = {}, {}
for n in (1, 2, 3):
    start = time.perf_counter()
    counts = NGramVectorizer(ngram_range=(n, n)).fit_transform(corpus)
    seconds[n] = time.perf_counter() - start
    sizes[n] = counts.shape[1]
    once = (counts.sum(axis=0) == 1).sum()
    print(f"n = {n}: {sizes[n]:>9,} different, {once / sizes[n]:.0%} of them seen only once   ({seconds[n]:.1f} s)")
assert sizes[1] < sizes[2] < sizes[3]

# %% [markdown]
# Most n-grams are seen once: they can never make two sentences alike. There are two remedies. `min_df=2` drops what
# occurs in a single sentence. **Hashing** fixes the width in advance: an n-gram's column is a hash of its bytes, so
# there is no vocabulary to keep, and different n-grams may fall into one column.

# %%
kept = NGramVectorizer(ngram_range=(1, 2), min_df=2).fit_transform(corpus)
hashed = NGramVectorizer(ngram_range=(1, 2), n_features=2**16).fit_transform(corpus)
print(f"min_df=2 keeps {kept.shape[1]:,} columns; hashing uses {hashed.shape[1]:,}, whatever the corpus")
assert hashed.shape[1] == 2**16

# %% [markdown]
# ## A picture
#
# The three ways of cutting, on the three sentences.

# %%
import matplotlib.pyplot as plt

from embeddings import visualise

figure, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
panels = [("words", by_words), ("pairs of words", by_bigrams), ("three characters", by_pieces)]
for ax, (title, similarity) in zip(axes, panels, strict=True):
    visualise.similarity_heatmap(similarity, ["cat …", "kitten …", "sandwich …"], ax=ax, title=title)
visualise.save_figure(axes[0], "02_ngram_sentences")

visualise.similarity_heatmap(pieces, forms, title="pieces of two to four characters see the forms of a word")
visualise.save_figure(plt.gca(), "02_ngram_forms")

# %% [markdown]
# ## What you know now
#
# The claim of this lesson, checked here: **pairs of words tell who chases whom, pieces of words know that *chases*
# and *chased* are kin, and neither knows that a kitten is a cat**.

# %%
assert in_order < same
assert pieces[1, 2] > 0.5
no_the = NGramVectorizer(analyzer="char", ngram_range=(3, 3)).fit_transform(
    ["cat chases mouse", "kitten hunts rodents"]
)
print("three characters, without “the”:", cosine_similarity(no_the).round(2)[0, 1])
assert cosine_similarity(no_the)[0, 1] == 0

# %% [markdown]
# ## Your turn
#
# `python -m lessons start 02`, then `python -m lessons check 02`. Lesson 3 asks which words of a sentence count at
# all.
