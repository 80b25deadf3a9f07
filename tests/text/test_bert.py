"""BERT: Transformers' hidden states and sentence vectors; folders with faults; training from scratch."""

import json
import shutil

import numpy as np
import pytest

from embeddings import checkpoint as checkpoint_module
from embeddings.nn import Trainer
from embeddings.text import BERT
from embeddings.text.bert_folder import Shape
from embeddings.text.bert_training import MaskedLanguageModel, batches, mask_tokens
from embeddings.text.wordpiece import SPECIAL, WordPiece

TEXTS = ["The cat chases the mouse.", "小猫捕鼠 and 火腿", "I like ham sandwiches, the best!", "", "mouse " * 50, "a"]
CONFIGS = {
    "small": {},
    "one wide head": {"hidden_size": 48, "num_attention_heads": 1, "num_hidden_layers": 1, "intermediate_size": 70},
    "many heads": {"hidden_size": 32, "num_attention_heads": 16, "num_hidden_layers": 3, "type_vocab_size": 1},
    "rough": {"hidden_size": 24, "layer_norm_eps": 1e-3, "initializer_range": 0.4},
}


def pieces():
    return WordPiece.train(TEXTS, vocab_size=60, min_count=1)


def write_folder(folder, head=False, **options):
    """A BERT with random weights, as Transformers writes it. Returns Transformers' model."""
    import torch
    from transformers import BertConfig, BertForMaskedLM, BertModel

    torch.manual_seed(0)
    tokenizer = pieces()
    sizes = {"hidden_size": 40, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 100}
    config = BertConfig(vocab_size=len(tokenizer), max_position_embeddings=40, **{**sizes, **options})
    model = (BertForMaskedLM if head else BertModel)(config).eval()
    for name, parameter in model.named_parameters():
        if name.endswith("bias") or "LayerNorm" in name:  # not the zeros and ones they begin with
            parameter.data += torch.randn_like(parameter) * 0.1
    model.save_pretrained(folder)
    tokenizer.save(folder / "vocab.txt")
    return model


def theirs(model, text, **options):
    import torch

    ids = torch.tensor([pieces().encode(text, max_length=40)])
    with torch.inference_mode():
        return model(input_ids=ids, **options)


@pytest.mark.peer("transformers", "torch")
@pytest.mark.parametrize("name", CONFIGS)
def test_hidden_states_are_those_of_transformers(name, tmp_path):
    ref = write_folder(tmp_path, **CONFIGS[name])
    model = BERT.from_pretrained(tmp_path)
    for text in TEXTS:
        output = theirs(ref, text, output_hidden_states=True)
        states = np.stack([layer[0].numpy() for layer in output.hidden_states])
        np.testing.assert_allclose(model.hidden_states(text), states, atol=1e-4, rtol=0)
    vectors = model.transform(TEXTS)
    expected = np.stack([theirs(ref, text).last_hidden_state[0].mean(dim=0).numpy() for text in TEXTS])
    assert cosines(vectors, expected).min() > 1 - 1e-6


def cosines(A, B):
    A, B = A.astype(float), B.astype(float)
    return np.einsum("nd,nd->n", A, B) / np.linalg.norm(A, axis=1) / np.linalg.norm(B, axis=1)


@pytest.mark.peer("transformers", "torch")
def test_attention_and_masked_words_are_those_of_transformers(tmp_path):
    import torch

    ref = write_folder(tmp_path, head=True, attn_implementation="eager")
    model = BERT.from_pretrained(tmp_path)
    text = "The [MASK] chases the [MASK]"
    output = theirs(ref, text, output_attentions=True)
    expected = np.stack([layer[0].numpy() for layer in output.attentions])
    np.testing.assert_allclose(model.attention(text), expected, atol=1e-5)
    places = [i for i, piece in enumerate(model.pieces(text)) if piece == "[MASK]"]
    probabilities = torch.softmax(output.logits[0, places], dim=-1).numpy()
    for guesses, row in zip(model.fill_mask(text, top=3), probabilities, strict=True):
        best = np.argsort(-row)[:3]
        assert [piece for piece, _ in guesses] == [model.tokenizer_.vocabulary[i] for i in best]
        np.testing.assert_allclose([p for _, p in guesses], row[best], rtol=1e-4)


@pytest.mark.peer("transformers", "torch")
@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_a_sentence_transformers_folder_says_how_to_pool(pooling, tmp_path):
    ref = write_folder(tmp_path)
    kinds = ("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize")
    modules = [
        {"idx": i, "path": path, "type": f"sentence_transformers.models.{kind}"} for i, (kind, path) in enumerate(kinds)
    ]
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    (tmp_path / "1_Pooling").mkdir()
    names = {"mean": "mean_tokens", "cls": "cls_token", "max": "max_tokens"}
    modes = {f"pooling_mode_{mode}": name == pooling for name, mode in names.items()}
    (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps({"word_embedding_dimension": 40, **modes}))
    (tmp_path / "sentence_bert_config.json").write_text('{"max_seq_length": 12}')
    model = BERT.from_pretrained(tmp_path)
    assert (model.pooling, model.normalize, model.max_length) == (pooling, True, 12)
    vectors = model.transform(TEXTS)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)
    states = theirs(ref, TEXTS[0]).last_hidden_state[0].numpy()
    expected = {"mean": states.mean(axis=0), "cls": states[0], "max": states.max(axis=0)}[pooling]
    assert cosines(vectors[:1], expected[None])[0] > 1 - 1e-6
    assert len(model.pieces("mouse " * 50)) == 12
    assert BERT.from_pretrained(tmp_path, pooling="cls", normalize=False, workers=2).pooling == "cls"


@pytest.mark.peer("transformers", "torch")
def test_older_names_and_half_precision_are_read(tmp_path):
    from safetensors.numpy import load_file, save_file

    write_folder(tmp_path)
    expected = BERT.from_pretrained(tmp_path).transform(TEXTS)
    path = tmp_path / "model.safetensors"
    renamed = {}
    for name, array in load_file(path).items():
        name = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
        renamed[f"bert.{name}"] = array
    save_file({**renamed, "cls.seq_relationship.bias": np.zeros(2, "f")}, path)
    np.testing.assert_array_equal(BERT.from_pretrained(tmp_path).transform(TEXTS), expected)
    save_file({name: array.astype(np.float16) for name, array in renamed.items()}, path)
    assert cosines(BERT.from_pretrained(tmp_path).transform(TEXTS), expected).min() > 1 - 1e-5


def small(**options):
    return BERT(
        **{"vector_size": 16, "n_layers": 1, "n_heads": 2, "vocab_size": 80, "epochs": 1, "max_length": 40, **options}
    )


@pytest.fixture(scope="module")
def trained():
    return small(epochs=2).fit(TEXTS)


def test_vectors_depend_neither_on_the_batch_nor_on_threads(trained):
    texts = TEXTS * 30
    vectors = trained.transform(texts)
    assert np.array_equal(vectors[: len(TEXTS)], vectors[-len(TEXTS) :])
    assert np.array_equal(np.concatenate([trained.transform([text]) for text in TEXTS]), vectors[: len(TEXTS)])
    assert np.array_equal(BERT.set_params(trained, workers=3).transform(iter(texts)), vectors)
    trained.set_params(workers=1)
    assert trained.transform([]).shape == (0, 16)


def test_training_is_the_same_on_any_number_of_threads():
    texts = [" ".join(f"w{i}" for i in row) for row in np.random.default_rng(0).integers(0, 300, (200, 12))]
    one, two = (small(vector_size=64, vocab_size=400, workers=n).fit(texts) for n in (1, 2))
    assert one.loss_history_ == two.loss_history_ and np.array_equal(one.transform(texts), two.transform(texts))


def test_stream_reads_no_further_than_it_must(trained):
    read = []

    def texts():
        for i in range(10_000):
            read.append(i)
            yield "the cat chases the mouse"

    next(trained.stream(texts()))
    assert len(read) < 200


def test_the_network_that_learns_is_the_one_that_reads():
    rng = np.random.default_rng(0)
    tokenizer = pieces()
    shape = Shape(len(tokenizer), 16, 2, 4, 24, 40)
    network = MaskedLanguageModel(shape, 0.0, rng=rng).eval()
    for parameter in network.parameters().values():
        parameter.data += rng.normal(0, 0.1, parameter.data.shape).astype("f")
    model = BERT()
    model._take(shape, tokenizer, *network.tensors())
    text = "The [MASK] chases the [MASK]"
    ids = np.array(model._ids(text))
    places = np.flatnonzero(ids == tokenizer.ids["[MASK]"])
    scores = network.forward(ids, np.array([len(ids)]), places)
    probabilities = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    for guesses, row in zip(model.fill_mask(text, top=2), probabilities, strict=True):
        np.testing.assert_allclose([p for _, p in guesses], np.sort(row)[::-1][:2], rtol=1e-4)


def test_masking_asks_for_words_alone():
    ids = np.tile([2, 10, 11, 12, 13, 3], 2000)
    masked, places = mask_tokens(ids, np.arange(5), 4, 20, 0.15, np.random.default_rng(1))
    assert 0.14 < len(places) / 8000 < 0.16 and not np.isin(ids[places], range(5)).any()
    untouched = np.setdiff1d(np.arange(len(ids)), places)
    assert np.array_equal(masked[untouched], ids[untouched])
    assert 0.75 < (masked[places] == 4).mean() < 0.85 and 0.08 < (masked[places] == ids[places]).mean() < 0.14
    assert (masked[places] >= 4).all()


def test_it_learns_to_fill_in_what_the_neighbours_tell():
    rng = np.random.default_rng(0)
    animals, foods = ["cat", "dog", "bird", "mouse"], ["ham", "bread", "soup", "rice"]
    texts = [f"the {rng.choice(animals)} sleeps" for _ in range(300)] + [
        f"we eat {rng.choice(foods)}" for _ in range(600)
    ]
    model = small(vector_size=32, epochs=15, batch_tokens=256, learning_rate=3e-3, dropout=0.0).fit(texts)
    assert model.loss_history_[-1] < 0.8 * model.loss_history_[0]
    guesses = model.fill_mask("the [MASK] sleeps", top=4), model.fill_mask("we eat [MASK]", top=4)
    assert {piece for piece, _ in guesses[0][0]} == set(animals)
    assert {piece for piece, _ in guesses[1][0]} == set(foods)
    a, b, c = model.transform(["the cat sleeps", "the dog sleeps", "we eat soup"])
    assert cosines(a[None], b[None]) > cosines(a[None], c[None])


def test_every_sequence_is_in_one_batch():
    rng = np.random.default_rng(3)
    sequences = [np.full(size, i) for i, size in enumerate(rng.integers(3, 30, 200))]
    made = list(batches(sequences, 100, rng))
    assert sorted(int(s[0]) for batch in made for s in batch) == list(range(200))
    assert len(made) == -(-sum(map(len, sequences)) // 100)
    assert all(100 - 29 <= sum(map(len, batch)) < 100 + 29 for batch in made[:-1])


def test_training_goes_on_where_it_was_interrupted(tmp_path, monkeypatch):
    def model(**options):
        return small(epochs=3, batch_tokens=20, **options)

    texts = TEXTS * 3
    whole = model().fit(texts)
    monkeypatch.setattr(checkpoint_module, "INTERVAL", 0)
    step, steps = Trainer._step, []

    def interrupted(self, batch):
        if len(steps) == 20:
            raise KeyboardInterrupt
        steps.append(0)
        return step(self, batch)

    path = tmp_path / "bert.checkpoint"
    broken = model(checkpoint=path)
    monkeypatch.setattr(Trainer, "_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        broken.fit(texts)
    # What it has learned so far can be used.
    assert len(broken.loss_history_) < 3 and np.isfinite(broken.transform(TEXTS)).all()
    monkeypatch.setattr(Trainer, "_step", step)
    with pytest.raises(ValueError, match="other parameters or another corpus"):
        model(checkpoint=path).fit([*texts[1:], "ham"])
    resumed = model(checkpoint=path, workers=2).fit(texts)
    assert resumed.loss_history_ == whole.loss_history_ and not path.exists()
    assert np.array_equal(resumed.transform(TEXTS), whole.transform(TEXTS))


@pytest.mark.peer("transformers", "torch")
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            lambda f: edit(f, "config.json", model_type="roberta"),
            ValueError,
            "model_type must be 'bert', got 'roberta'",
        ),
        (lambda f: edit(f, "config.json", hidden_act="relu"), ValueError, "hidden_act must be 'gelu', got 'relu'"),
        (lambda f: edit(f, "config.json", hidden_size=None), ValueError, "hidden_size must be an integer, got None"),
        (lambda f: edit(f, "config.json", num_attention_heads=7), ValueError, "must divide hidden_size 40, got 7"),
        (lambda f: edit(f, "config.json", num_hidden_layers=3), ValueError, "lacks encoder.layer.2"),
        (lambda f: edit(f, "config.json", num_hidden_layers=1), ValueError, "has encoder.layer.1"),
        (
            lambda f: edit(f, "config.json", intermediate_size=99),
            ValueError,
            r"must have the shape \(99, 40\), got \(100",
        ),
        (lambda f: edit(f, "config.json", vocab_size=6), ValueError, "config.json allows for vocab_size 6"),
        (lambda f: (f / "config.json").write_text("{}"), ValueError, "model_type must be 'bert', got None"),
        (lambda f: (f / "config.json").unlink(), FileNotFoundError, "no config.json"),
        (lambda f: (f / "vocab.txt").unlink(), FileNotFoundError, "neither tokenizer.json nor vocab.txt"),
        (lambda f: (f / "model.safetensors").unlink(), FileNotFoundError, "holds no model.safetensors"),
        (
            lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"),
            FileNotFoundError,
            "pytorch_model.bin alone, a pickle",
        ),
        (lambda f: shard(f), FileNotFoundError, "a checkpoint in 2 parts"),
        (lambda f: (f / "model.safetensors").write_bytes(b"\x80\x04K\x01."), ValueError, "not a whole safetensors"),
        (lambda f: (f / "modules.json").write_text('[{"type": "x.Dense", "path": ""}]'), ValueError, "got 'Dense'"),
        (lambda f: shutil.rmtree(f), FileNotFoundError, "there is no folder"),
    ],
)
def test_faults_of_a_folder_are_named(change, error, message, tmp_path):
    write_folder(tmp_path / "model")
    change(tmp_path / "model")
    with pytest.raises(error, match=message):
        BERT.from_pretrained(tmp_path / "model")


def edit(folder, name, **changes):
    content = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps({**content, **changes}))


def shard(folder):
    (folder / "model.safetensors").unlink()
    for i in (1, 2):
        (folder / f"model-0000{i}-of-00002.safetensors").write_bytes(b"")
    (folder / "model.safetensors.index.json").write_text("{}")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: small(n_heads=3).fit(TEXTS), ValueError, "n_heads must divide vector_size 16, got 3"),
        (
            lambda m: small(pooling="last").fit(TEXTS),
            ValueError,
            "pooling must be one of 'mean', 'cls', 'max', got 'last'",
        ),
        (lambda m: small(mask_rate=0).fit(TEXTS), ValueError, "mask_rate must be above 0"),
        (lambda m: small().fit("one text"), TypeError, "the single str 'one text'"),
        (lambda m: small().fit(["a", 3]), TypeError, "got 3 of type int at place 1"),
        (lambda m: small().fit(["", " "]), ValueError, "at least one text with a word, got 2 texts"),
        (lambda m: m.transform([None]), TypeError, "got None"),
        (lambda m: m.fill_mask("no mask"), ValueError, r"at least one \[MASK\], got 'no mask'"),
        (lambda m: BERT.from_pretrained(".", epochs=3), TypeError, "got 'epochs'"),
    ],
)
def test_bad_input_is_named(call, error, message, trained):
    with pytest.raises(error, match=message):
        call(trained)


def test_masks_need_a_head():
    model = BERT()
    shape = Shape(len(SPECIAL), 4, 1, 1, 4, 8)
    tensors, _ = MaskedLanguageModel(shape, 0.0, rng=np.random.default_rng(0)).tensors()
    model._take(shape, WordPiece(SPECIAL), tensors, {})
    with pytest.raises(ValueError, match="no head to guess words with"):
        model.fill_mask("[MASK]")
