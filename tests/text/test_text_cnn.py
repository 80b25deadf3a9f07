"""TextCNN finds phrases wherever they stand, learns in three ways, and is PyTorch's network."""

import numpy as np
import pytest

from embeddings import nn
from embeddings.text import TextCNN

OPTIONS = {"vector_size": 10, "n_filters": 8, "dropout": 0.0, "epochs": 12, "batch_size": 8, "learning_rate": 0.02}


def phrases(n=120, seed=0):
    """Ten words in any order, in which "not good" stands together, or only both words."""
    rng = np.random.default_rng(seed)
    texts, labels = [], []
    for i in range(n):
        words = [f"w{j}" for j in rng.integers(0, 20, 8)]
        place = int(rng.integers(0, 8))
        if i % 2:
            words[place:place] = ["not", "good"]
        else:
            words[place:place] = ["good"]
            words = [*words, "w3", "not"]
        texts.append(" ".join(words))
        labels.append("phrase" if i % 2 else "apart")
    return texts, labels


def test_it_learns_phrases_that_a_bag_of_words_cannot():
    from sklearn.linear_model import LogisticRegression

    from embeddings.text import NGramVectorizer

    (texts, labels), (new, new_labels) = phrases(), phrases(seed=1)
    model = TextCNN((2, 3), **OPTIONS).fit(texts, labels)
    assert model.score(new, new_labels) >= 0.95
    counts = NGramVectorizer().fit(texts)
    bag = LogisticRegression().fit(counts.transform(texts), labels).score(counts.transform(new), new_labels)
    assert bag < 0.9


def test_language_and_pairs_are_learned_too():
    texts, _ = phrases(40)
    language = TextCNN((2, 3), **OPTIONS).fit(texts)
    assert language.loss_history_[-1] < language.loss_history_[0]
    assert language.transform(texts).shape == (40, 16)
    pairs = TextCNN((1, 2), **OPTIONS).fit_pairs(texts, [text.upper() for text in texts])
    assert pairs.loss_history_[-1] < pairs.loss_history_[0]


def test_files_keep_every_bit(tmp_path):
    texts, labels = phrases(40)
    for y in (labels, None):
        model = TextCNN((2, 4), **OPTIONS | {"epochs": 1}).fit(texts, y)
        model.save(tmp_path / "x.safetensors")
        vectors = TextCNN.load(tmp_path / "x.safetensors").transform(texts)
        assert vectors.tobytes() == model.transform(texts).tobytes()


def test_short_and_unknown_sentences_have_vectors():
    texts, labels = phrases(20)
    model = TextCNN((3, 5), **OPTIONS | {"epochs": 1}).fit(texts, labels)
    vectors = model.transform(["", "nothing known", "not", "not good"])
    assert vectors.shape == (4, 16) and np.isfinite(vectors).all()
    np.testing.assert_array_equal(vectors[0], vectors[1])
    alone = np.concatenate([model.transform([text]) for text in ("not", "not good", texts[0])])
    np.testing.assert_allclose(model.transform(["not", "not good", texts[0]]), alone, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("widths", [(), 3, (0,), (2.5,)])
def test_widths_are_checked(widths):
    with pytest.raises((ValueError, TypeError), match="widths"):
        TextCNN(widths).fit(["a b", "c"], [0, 1])


@pytest.mark.peer("torch")
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-10)])
def test_filters_are_pytorchs(dtype, tolerance):
    import torch

    layer = nn.ConvMax(4, 3, (2, 3), rng=np.random.default_rng(0)).astype(dtype)
    x, grad = np.random.default_rng(1).normal(size=(5, 7, 4)), np.random.default_rng(2).normal(size=(5, 6))
    y, dx = layer(x.astype(dtype)), layer.backward(grad.astype(dtype))
    their_x, made, filters, first = torch.tensor(x, requires_grad=True), [], [], 0
    for i, width in enumerate((2, 3)):
        taps = layer.weight.data[first : first + 3 * width].reshape(width, 3, 4).transpose(1, 2, 0).astype(float)
        filters.append(torch.tensor(taps, requires_grad=True))
        bias = torch.tensor(layer.bias.data[3 * i : 3 * i + 3].astype(float))
        made.append(torch.relu(torch.conv1d(their_x.transpose(1, 2), filters[-1], bias)).amax(dim=2))
        first += 3 * width
    theirs = torch.cat(made, dim=1)
    theirs.backward(torch.tensor(grad))
    dw = np.concatenate([f.grad.numpy().transpose(2, 0, 1).reshape(-1, 4) for f in filters])
    for comp, ref in ((y, theirs.detach().numpy()), (dx, their_x.grad.numpy()), (layer.weight.grad, dw)):
        np.testing.assert_allclose(comp, ref, rtol=tolerance, atol=tolerance * np.abs(ref).max())
