# %% [markdown]
# # 1 · One-hot: a word is a number
#
# **You will know** how a word becomes a vector with a single 1, what the cosine of two sentences then rests on, and
# why no two different words can ever be alike.
#
# **Time** 15 minutes
#
# ## A question worth asking
#
# Read these three sentences. Which two mean nearly the same?

# %%
CAT = "The cat chases the mouse"
KITTEN = "The kitten hunts rodents"
SANDWICH = "I like ham sandwiches"

# %% [markdown]
# You knew at once. A computer sees bytes. To let it compare *meanings*, we must turn words into something that can
# be compared: vectors. This lesson does it in the simplest way there is. The rest of the course is the story of
# what that way cannot do.
#
# ## By hand
#
# Take a vocabulary of three words, in alphabetical order, and number them: *cat* 0, *ham* 1, *mouse* 2. The
# **one-hot** vector of a word has as many entries as there are words: a 1 at the word's own number, and 0
# everywhere else.

# %%
import numpy as np

vocabulary = ["cat", "ham", "mouse"]  # V = 3 words
one_hot = np.eye(len(vocabulary))  # (V, V): row i is the vector of word i
cat, ham, mouse = one_hot
print("cat  ", cat)
print("ham  ", ham)
print("mouse", mouse)
assert cat.tolist() == [1, 0, 0] and mouse.tolist() == [0, 0, 1]

# %% [markdown]
# ## The formula
#
# How alike are two vectors $a$ and $b$? The **cosine** of the angle between them says it without caring for their
# lengths:
#
# $$\cos(a, b) = \frac{a \cdot b}{\lVert a \rVert\,\lVert b \rVert}$$
#
# It is 1 for the same direction and 0 for a right angle. Two one-hot vectors have their 1 in different places, so
# every product of entries is 0. *Cat* is as far from *mouse* as from *ham*, and always will be.


# %%
def cosine(a, b):
    return a @ b / np.sqrt((a @ a) * (b @ b))


assert cosine(cat, cat) == 1
assert cosine(cat, mouse) == cosine(cat, ham) == 0
print("cosine(cat, mouse) =", cosine(cat, mouse), "   cosine(cat, ham) =", cosine(cat, ham))

# %% [markdown]
# ## From words to sentences
#
# A sentence holds several words, so let its vector have a 1 for every word that occurs in it. Such a vector is a
# **bag of words**, in its simplest, yes-or-no form. `OneHotEncoder` cuts sentences into lower-case words, numbers
# the words, and fills in the ones.

# %%
from embeddings.text import OneHotEncoder

encoder = OneHotEncoder()
sentences = [CAT, KITTEN, SANDWICH]
X = encoder.fit_transform(sentences)  # (3 sentences, V words), sparse: only the ones are stored
words = encoder.get_feature_names_out()
print(f"{len(words)} words:", ", ".join(words))
print(X.toarray().astype(int))

# %% [markdown]
# Check the first two rows with a pencil. They have four ones each and share a single column, *the*. So the cosine
# must be $1 / (\sqrt 4 \sqrt 4) = 0.25$.

# %%
from embeddings.similarity import cosine_similarity

similarity = cosine_similarity(X)  # (3, 3)
print(similarity.round(2))
assert np.isclose(similarity[0, 1], 0.25)
assert similarity[0, 2] == 0

# %% [markdown]
# Not bad, one might say: the cat is nearer to the kitten than to the sandwich! But look at *what* the 0.25 rests
# on. Take the word *the* away, which says nothing about animals, and nothing is left.

# %%
without_the = OneHotEncoder(stop_words=["the"]).fit_transform(sentences)
print(cosine_similarity(without_the).round(2))
assert cosine_similarity(without_the)[0, 1] == 0

# %% [markdown]
# ## A picture
#
# On the left, six words that we would sort into animals and food in a second. One-hot vectors see six strangers. On
# the right, the three sentences.

# %%
import matplotlib.pyplot as plt

from embeddings import visualise

some_words = ["cat", "kitten", "mouse", "rodents", "ham", "sandwiches"]
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.4), layout="constrained")
visualise.similarity_heatmap(cosine_similarity(encoder.transform(some_words)), some_words, ax=left, title="words")
visualise.similarity_heatmap(
    similarity, ["cat …", "kitten …", "sandwich …"], ax=right, title="sentences: only “the” is shared"
)
visualise.save_figure(left, "01_one_hot")

# %% [markdown]
# ## 中文: every character is a word
#
# Chinese is written without spaces. As long as no tokenizer says otherwise, this project counts each character as a
# word, and characters carry meaning: 小猫 (*kitten*) is 小 (*small*) and 猫 (*cat*).

# %%
chinese = ["猫追老鼠", "小猫捕鼠", "我喜欢火腿三明治"]
chinese_encoder = OneHotEncoder()
chinese_similarity = cosine_similarity(chinese_encoder.fit_transform(chinese))
print("characters:", " ".join(chinese_encoder.get_feature_names_out()))
print(chinese_similarity.round(2))
assert np.isclose(chinese_similarity[0, 1], 2 / 4)

# %% [markdown]
# The first two sentences share 猫 and 鼠, so their cosine is 2/4, and this time it rests on the cat and the mouse. A
# writing system that shows the parts of its words gives one-hot vectors some of what they lack. Keep that in mind
# for the lesson on subwords.
#
# ## Real text
#
# Three sentences are a toy. Every machine that runs this lesson also holds a library: the documentation of Python,
# NumPy, SciPy and Matplotlib. `documentation()` collects its sentences.

# %%
import time

from embeddings.datasets import documentation

corpus = documentation()
start = time.perf_counter()
real_encoder = OneHotEncoder()
D = real_encoder.fit_transform(corpus)  # (n sentences, V words)
seconds = time.perf_counter() - start
n, V = D.shape
print(f"{n:,} sentences, {V:,} different words, {D.nnz / n:.1f} words in a sentence; encoded in {seconds:.2f} s")
print(
    f"written out with all zeros: {n * V * 8 / 1e9:.0f} GB; stored as the places of the ones: {D.nnz * 12 / 1e6:.0f} MB"
)
assert D.nnz / (n * V) < 0.01

# %% [markdown]
# A vector of tens of thousands of entries, nearly all of them 0: that is why the result is a *sparse* matrix, which
# stores only where the ones are. What does it look like for a kernel? The reference in NumPy, as this project keeps
# it:

# %%
import inspect

from kernels import count as count_kernel

print(inspect.getsource(count_kernel.COUNT_IMPLEMENTATIONS["numpy"]))

# %% [markdown]
# Now search the library. The question becomes a vector as well, and the nearest sentences answer it.


# %%
def search(encoder, vectors, question, top=4):
    scores = cosine_similarity(encoder.transform([question]), vectors).ravel()
    for i in np.argsort(-scores, kind="stable")[:top]:
        print(f"  {scores[i]:.2f}  {corpus[i][:100]}")


print("What is the median of a list?")
search(real_encoder, D, "What is the median of a list?")

# %% [markdown]
# Look at what was found: sentences that share *what*, *is*, *the*, *of*, *a*. For one-hot vectors every word counts
# the same, and the small words are everywhere. The word that carries the question, *median*, is one vote among
# seven.
#
# ## What you know now
#
# The claim of this lesson, which the script checks each time it runs: **different words are always at a right
# angle, and our two cat sentences are alike only through "the"**.

# %%
word_vectors = encoder.transform(list(words))  # (V, V): one word at a time
assert np.array_equal(cosine_similarity(word_vectors), np.eye(len(words)))
shared = set(words[X[0].indices]) & set(words[X[1].indices])
assert shared == {"the"}
print("shared by the cat and the kitten:", shared)

# %% [markdown]
# ## Your turn
#
# `python -m lessons start 01` writes an exercise for you, `python -m lessons check 01` tells you what is right,
# what is wrong, and why. Then go on to lesson 2: if single words are strangers, do *pairs* of words help?
