"""The models that keep the contract: one line each, a small model and what it is fitted on."""

from embeddings.text import NGramVectorizer, OneHotEncoder, TfidfVectorizer


def sentences():
    """Four sentences, two of them alike."""
    return ["The cat chases the mouse", "The kitten hunts rodents", "I like ham sandwiches", "猫追老鼠, 小猫捕鼠"]


MODELS = [
    # (name of the test, function that makes the model, function that makes its input)
    ("OneHotEncoder", lambda: OneHotEncoder(stop_words=["the"]), sentences),
    ("NGramVectorizer", lambda: NGramVectorizer(ngram_range=(1, 2), max_df=0.9), sentences),
    ("NGramVectorizer-char", lambda: NGramVectorizer(analyzer="char", ngram_range=(2, 3)), sentences),
    ("NGramVectorizer-hashed", lambda: NGramVectorizer(n_features=50), sentences),
    ("TfidfVectorizer", lambda: TfidfVectorizer(sublinear_tf=True, norm="l1"), sentences),
]
