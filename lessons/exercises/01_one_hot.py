# %% [markdown]
# # Exercise 1 · One-hot: a word is a number
#
# You write the four steps of lesson 1: number the words, make a word's vector, make a sentence's vector, compare two
# vectors. Each docstring is the whole specification. Run the cell below each function to see whether its example
# holds; `python -m lessons check 01` tries more inputs and says what is wrong and why, `python -m lessons hint 01`
# helps one step at a time.

# %%
import numpy as np

# %% [markdown]
# ## 1. Number the words


# %%
def build_vocabulary(sentences):
    """Number the words of some sentences in alphabetical order.

    Upper and lower case are the same word: everything is written in lower case first.

    Parameters
    ----------
    sentences : list of list of str
        Words, sentence by sentence. The lists stay as they are.

    Returns
    -------
    dict of str to int
        Every word, in lower case, to its number: 0 for the first in alphabetical order, then 1, and so on.

    Examples
    --------
    >>> build_vocabulary([["The", "mouse"], ["the", "cat"]])
    {'cat': 0, 'mouse': 1, 'the': 2}
    """
    # BEGIN SOLUTION: collect the different words in lower case, sort them, number them
    words = {word.lower() for sentence in sentences for word in sentence}
    return {word: number for number, word in enumerate(sorted(words))}
    # END SOLUTION


# %% tags=["check"] function="build_vocabulary" points=2
assert build_vocabulary([["The", "mouse"], ["the", "cat"]]) == {"cat": 0, "mouse": 1, "the": 2}

# %% [markdown]
# ## 2. The vector of a word


# %%
def one_hot(number, V):
    """The one-hot vector of a word: a 1 at the word's own number, 0 everywhere else.

    Parameters
    ----------
    number : int
        The word's number, from 0 to V - 1.
    V : int
        How many words there are.

    Returns
    -------
    array, shape (V,)

    Examples
    --------
    >>> one_hot(1, 3).tolist()
    [0.0, 1.0, 0.0]
    """
    # BEGIN SOLUTION: start from V zeros and set one of them to 1
    vector = np.zeros(V)
    vector[number] = 1
    return vector
    # END SOLUTION


# %% tags=["check"] function="one_hot" points=1
assert np.array_equal(one_hot(1, 3), [0, 1, 0])

# %% [markdown]
# ## 3. The vector of a sentence


# %%
def bag_of_words(tokens, vocabulary):
    """Which words of the vocabulary occur in a sentence: 1 for those that do, however often, and 0 for the others.

    Words that are not in the vocabulary are left out. The tokens are in lower case already.

    Parameters
    ----------
    tokens : list of str
        The words of the sentence. The list stays as it is.
    vocabulary : dict of str to int
        Word to number, from 0 to V - 1.

    Returns
    -------
    array, shape (V,)

    Examples
    --------
    >>> bag_of_words(["the", "dog", "the"], {"cat": 0, "the": 1}).tolist()
    [0.0, 1.0]
    """
    # BEGIN SOLUTION: start from zeros and set a 1 for each token that the vocabulary knows
    vector = np.zeros(len(vocabulary))
    for token in tokens:
        if token in vocabulary:
            vector[vocabulary[token]] = 1
    return vector
    # END SOLUTION


# %% tags=["check"] function="bag_of_words" points=3
assert np.array_equal(bag_of_words(["the", "dog", "the"], {"cat": 0, "the": 1}), [0, 1])

# %% [markdown]
# ## 4. How alike two vectors are


# %%
def cosine(a, b):
    """The cosine of the angle between two vectors, a · b / (‖a‖ ‖b‖).

    If one of them is all zeros there is no angle; the result is then 0.

    Parameters
    ----------
    a, b : array, shape (d,)

    Returns
    -------
    float

    Examples
    --------
    >>> cosine(np.array([3.0, 4.0]), np.array([4.0, 3.0]))
    0.96
    """
    # BEGIN SOLUTION: divide the dot product by both lengths; give 0 where a length is 0
    lengths = np.sqrt(a @ a) * np.sqrt(b @ b)
    return float(a @ b / lengths) if lengths > 0 else 0.0
    # END SOLUTION


# %% tags=["check"] function="cosine" points=4
assert abs(cosine(np.array([3.0, 4.0]), np.array([4.0, 3.0])) - 0.96) < 1e-6
assert cosine(np.zeros(2), np.ones(2)) == 0

# %% [markdown]
# ## Now use it
#
# Once all four are right, this prints the table of lesson 1. Which word makes the cat and the kitten alike?

# %%
if __name__ == "__main__":
    sentences = [s.lower().split() for s in ("The cat chases the mouse", "The kitten hunts rodents", "I like ham")]
    numbers = build_vocabulary(sentences)
    bags = [bag_of_words(sentence, numbers) for sentence in sentences]
    print(np.round([[cosine(a, b) for b in bags] for a in bags], 2))

# %% tags=["teacher"]
from lessons.desk.exercise import Alternative, Mistake

WORDS = ["The", "cat", "mouse", "ham", "I", "like", "Sandwiches", "the", "猫", "鼠", "éclair", "Zebra"]
VOCABULARY = {"cat": 0, "ham": 1, "mouse": 2, "the": 3}

CHECKS = {
    "build_vocabulary": {
        "a mouse and a cat": lambda rng: ([["The", "mouse"], ["the", "cat"]],),
        "one word": lambda rng: ([["Ham"]],),
        "an empty sentence": lambda rng: ([[], ["b", "a"], ["b"]],),
        "random words": lambda rng: ([[str(w) for w in rng.choice(WORDS, n)] for n in rng.integers(1, 8, 6)],),
    },
    "one_hot": {
        "the second of three": lambda rng: (1, 3),
        "the first of two": lambda rng: (0, 2),
        "the last of four": lambda rng: (3, 4),
        "one word alone": lambda rng: (0, 1),
    },
    "bag_of_words": {
        "two known words": lambda rng: (["the", "cat"], VOCABULARY),
        "a word twice": lambda rng: (["the", "cat", "the"], VOCABULARY),
        "an unknown word": lambda rng: (["the", "dog"], VOCABULARY),
        "no word": lambda rng: ([], VOCABULARY),
        "the last word first": lambda rng: (["the", "mouse", "ham", "cat"], {"cat": 3, "ham": 0, "mouse": 2, "the": 1}),
    },
    "cosine": {
        "3, 4 and 4, 3": lambda rng: (np.array([3.0, 4.0]), np.array([4.0, 3.0])),
        "a right angle": lambda rng: (np.array([1.0, 0.0]), np.array([0.0, 2.0])),
        "opposite directions": lambda rng: (np.array([1.0, 1.0]), np.array([-2.0, -2.0])),
        "a vector of zeros": lambda rng: (np.zeros(3), np.array([1.0, 2.0, 3.0])),
        "random numbers": lambda rng: (rng.normal(size=6), rng.normal(size=6)),
    },
}

HINTS = {
    "build_vocabulary": [
        "A set keeps each word once: words = set(), then words.add(...) in two nested loops.",
        "Add word.lower(), so that The and the are one word.",
        "sorted(words) is a list in alphabetical order; enumerate(...) gives each word its number.",
    ],
    "one_hot": [
        "np.zeros(V) makes V zeros.",
        "Then a single assignment: vector[...] = 1. Numbers begin at 0, and so do the places of an array.",
    ],
    "bag_of_words": [
        "Begin with zeros, as many as the vocabulary has words: len(vocabulary).",
        "Go through the tokens; `if token in vocabulary` leaves out the unknown ones.",
        "The token's place is vocabulary[token]. Set it to 1: seen twice is still 1.",
    ],
    "cosine": [
        "a @ b is the dot product, a @ a the squared length of a.",
        "The length is the square root of that: np.sqrt(a @ a).",
        "Compute the product of the lengths first, and return 0.0 if it is 0.",
    ],
}

MISTAKES = [
    Mistake(
        "build_vocabulary",
        "You number the words in the order in which they come. Alphabetical order is asked for: sorted(...).",
        "words = {word.lower() for sentence in sentences for word in sentence}\n"
        "    return {word: number for number, word in enumerate(sorted(words))}",
        "words = dict.fromkeys(word.lower() for sentence in sentences for word in sentence)\n"
        "    return {word: number for number, word in enumerate(words)}",
    ),
    Mistake(
        "build_vocabulary",
        "You keep upper case, so that The and the become two words. Use word.lower() before you collect.",
        "word.lower() for",
        "word for",
    ),
    Mistake(
        "build_vocabulary",
        "Your numbers begin at 1. They are places in a vector, and those begin at 0.",
        "enumerate(sorted(words))",
        "enumerate(sorted(words), 1)",
    ),
    Mistake(
        "build_vocabulary",
        "You number every occurrence, not every different word: the numbers jump where a word comes twice. "
        "Collect the words in a set.",
        "{word.lower() for sentence in sentences for word in sentence}",
        "[word.lower() for sentence in sentences for word in sentence]",
    ),
    Mistake(
        "one_hot",
        "The 1 stands one place too far left: places begin at 0, as the numbers do.",
        "vector[number]",
        "vector[number - 1]",
    ),
    Mistake("one_hot", "All are zeros: the word's own place must be set to 1.", "vector[number] = 1", "pass"),
    Mistake(
        "one_hot",
        "Everything up to the word's number is 1. One-hot means a single 1: vector[number] = 1.",
        "vector[number]",
        "vector[: number + 1]",
    ),
    Mistake(
        "bag_of_words",
        "You count. This vector says yes or no: set the place to 1 (= 1), do not add to it (+= 1).",
        "] = 1",
        "] += 1",
    ),
    Mistake(
        "bag_of_words",
        "A word that the vocabulary does not know ends your function with a KeyError. Leave such words out: "
        "if token in vocabulary.",
        "if token in vocabulary:",
        "if True:",
    ),
    Mistake(
        "bag_of_words",
        "Your vector has a place for each token of the sentence; it needs one for each word of the vocabulary.",
        "np.zeros(len(vocabulary))\n    for token in tokens:\n        if token in vocabulary:\n"
        "            vector[vocabulary[token]] = 1",
        "np.array([float(token in vocabulary) for token in tokens])",
    ),
    Mistake(
        "bag_of_words",
        "You take words out of the list that was passed to you. Whoever calls your function still needs it: "
        "go through it with for, without pop().",
        "for token in tokens:",
        "while tokens:\n        token = tokens.pop()",
    ),
    Mistake(
        "cosine",
        "This is the dot product. The cosine divides it by both lengths, so that long vectors do not look more alike.",
        "float(a @ b / lengths)",
        "float(a @ b)",
    ),
    Mistake(
        "cosine",
        "You divide by the squared lengths: the length is the square root of a @ a.",
        "np.sqrt(a @ a) * np.sqrt(b @ b)",
        "(a @ a) * (b @ b)",
    ),
    Mistake(
        "cosine",
        "You divide by the length of one vector alone; the formula has both below the line.",
        "np.sqrt(a @ a) * np.sqrt(b @ b)",
        "np.sqrt(a @ a)",
    ),
    Mistake(
        "cosine",
        "A vector of zeros makes you divide 0 by 0, which is NaN. Give 0.0 when the product of the lengths is 0.",
        "float(a @ b / lengths) if lengths > 0 else 0.0",
        "float(np.divide(a @ b, lengths)) if lengths > 0 else float('nan')",
    ),
    Mistake(
        "cosine",
        "You drop the sign. Vectors that point in opposite directions have the cosine -1: no abs().",
        "float(a @ b / lengths)",
        "float(abs(a @ b) / lengths)",
    ),
]

ALTERNATIVES = [
    Alternative(
        "build_vocabulary",
        """
def build_vocabulary(sentences):
    words = []
    for sentence in sentences:
        for word in sentence:
            if word.lower() not in words:
                words.append(word.lower())
    words.sort()
    numbers = {}
    for word in words:
        numbers[word] = len(numbers)
    return numbers
""",
    ),
    Alternative("one_hot", "def one_hot(number, V):\n    return np.eye(V, dtype=np.float32)[number]"),
    Alternative("one_hot", "def one_hot(number, V):\n    return [int(i == number) for i in range(V)]"),
    Alternative(
        "bag_of_words",
        "def bag_of_words(tokens, vocabulary):\n"
        "    words = sorted(vocabulary, key=vocabulary.get)\n"
        "    return np.isin(words, tokens)",
    ),
    Alternative(
        "cosine",
        """
def cosine(a, b):
    top = left = right = 0
    for x, y in zip(a, b):
        top, left, right = top + x * y, left + x * x, right + y * y
    if left == 0 or right == 0:
        return 0
    return np.float32(top / (left * right) ** 0.5)
""",
    ),
]
