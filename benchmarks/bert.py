"""BERT of MiniLM's size beside Transformers: many sentences, one at a time, loading, memory. Random weights.

Then one is trained from scratch on the documentation corpus, and fills in words of sentences that it never saw, beside
the words' frequencies. EMBEDDINGS_BERT names what to do, of peer and scratch; without it, both are.
"""

import collections
import csv
import os
import re
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.harness import interleave, peak_memory, report

SENTENCES, BATCH = 1_000, 32
SHAPE = {
    "vocab_size": 30_522,
    "hidden_size": 384,
    "num_hidden_layers": 6,
    "num_attention_heads": 12,
    "intermediate_size": 1536,
}
# Promised: times as fast with many sentences, and with one at a time.
MANY, ONE = 1.5, 2.0
# Sentences of the documentation that are kept from training.
HELD_OUT = 1_000


def run(data, threads):
    """Write a folder with Transformers, read it with both, and compare vectors, speed and memory; train another."""
    parts = os.environ.get("EMBEDDINGS_BERT", "peer,scratch").split(",")
    if "peer" in parts:
        texts = sentences(data)
        with tempfile.TemporaryDirectory() as folder:
            write_folder(folder, texts)
            speed(folder, texts, threads)
            memory(folder, texts[:200])
    if "scratch" in parts:
        scratch(threads)


def sentences(data):
    """Sentences of STS-B in their order; of the documentation corpus where it is not there."""
    path = None if data is None else Path(data) / "stsb" / "sts-dev.csv"
    if path is None or not path.is_file():
        from embeddings.datasets import documentation

        print("  (no stsb/sts-dev.csv: pass --data FOLDER; sentences of the documentation corpus instead)")
        return documentation()[:SENTENCES]
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [row[5] for row in rows][:SENTENCES]


def write_folder(folder, texts):
    """A BERT with random weights, and word pieces learned from the texts."""
    import torch
    from transformers import BertConfig, BertModel

    from embeddings.text import WordPiece

    torch.manual_seed(1)
    BertModel(BertConfig(**SHAPE), add_pooling_layer=False).save_pretrained(folder)
    WordPiece.train(texts, vocab_size=8_000).save(Path(folder) / "tokenizer.json")


def load_ours(folder, threads=1):
    """Our model of a folder."""
    from embeddings.text import BERT

    return BERT.from_pretrained(folder, workers=threads, max_length=512)


def load_theirs(folder):
    """Their tokenizer and model of a folder."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    from transformers import BertModel, PreTrainedTokenizerFast
    from transformers.utils import logging

    logging.disable_progress_bar()
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(Path(folder) / "tokenizer.json"), pad_token="[PAD]")
    return tokenizer, BertModel.from_pretrained(folder, add_pooling_layer=False).eval()


def encode_theirs(tokenizer, model, texts):
    """Mean of the last hidden states, a padded batch at a time."""
    import torch

    vectors = []
    with torch.inference_mode():
        for start in range(0, len(texts), BATCH):
            batch = tokenizer(texts[start : start + BATCH], padding=True, return_tensors="pt")
            real = batch["attention_mask"][:, :, None]
            states = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state
            vectors.append(((states * real).sum(dim=1) / real.sum(dim=1)).numpy())
    return np.concatenate(vectors)


def speed(folder, texts, threads):
    """Sentences per second, in batches and one at a time, and seconds to load."""
    import torch

    torch.set_num_threads(threads)
    ours, (tokenizer, theirs) = load_ours(folder, threads), load_theirs(folder)
    # What sentence-transformers does: sentences of like length share a batch.
    by_length = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    back = np.argsort(by_length)
    results = {}

    def embeddings():
        results["embeddings"] = ours.transform(texts)

    def transformers():
        results["as they come"] = encode_theirs(tokenizer, theirs, texts)

    def transformers_sorted():
        results["by length"] = encode_theirs(tokenizer, theirs, [texts[i] for i in by_length])[back]

    contestants = {
        "embeddings": embeddings,
        f"transformers, batches of {BATCH}": transformers,
        "transformers, sorted by length": transformers_sorted,
    }
    medians = interleave(contestants, repeats=3, threads=threads)
    for name in ("as they come", "by length"):
        _same(results["embeddings"], results[name])
    tokens = sum(len(ours.tokenizer_.encode(text)) for text in texts)
    print(f"\n{len(texts):,} sentences, {tokens:,} tokens, {threads} threads; vectors equal")
    report("many sentences", medians, len(texts), "sentences", bar=MANY)

    short = [text for text in texts if 6 <= len(ours.tokenizer_.encode(text)) <= 12][:20]

    def one_at_a_time():
        results["ours"] = np.concatenate([ours.transform([text]) for text in short])

    def one_at_a_time_theirs():
        results["theirs"] = np.concatenate([encode_theirs(tokenizer, theirs, [text]) for text in short])

    medians = interleave(
        {"embeddings": one_at_a_time, "transformers": one_at_a_time_theirs}, repeats=7, threads=threads
    )
    _same(results["ours"], results["theirs"])
    report("\none short sentence at a time", medians, len(short), "sentences", bar=ONE)
    medians = interleave(
        {"embeddings": lambda: load_ours(folder), "transformers": lambda: load_theirs(folder)},
        repeats=5,
        threads=threads,
    )
    report("\nloading", medians, bar=1.0)


def _same(ours, theirs):
    cosines = np.einsum("nd,nd->n", ours, theirs, dtype=np.float64)
    cosines /= np.linalg.norm(ours.astype(float), axis=1) * np.linalg.norm(theirs.astype(float), axis=1)
    assert cosines.min() > 1 - 1e-6, f"vectors differ: smallest cosine {cosines.min()}"


def use_ours(folder, texts):
    """Load and encode, as a process that does nothing else."""
    load_ours(folder).transform(texts)


def use_theirs(folder, texts):
    """Load and encode with Transformers."""
    import torch

    torch.set_num_threads(1)
    encode_theirs(*load_theirs(folder), texts)


def memory(folder, texts):
    """Peak memory of a fresh process that loads the model and encodes."""
    print("\npeak memory of a process that loads and encodes")
    peaks = {}
    for name, function in (("embeddings", use_ours), ("transformers", use_theirs)):
        start = time.perf_counter()
        peaks[name], _ = peak_memory(function, folder, texts)
        print(f"  {name:<34}{peaks[name]:10.0f} MB   whole process {time.perf_counter() - start:.1f} s")
    print(f"  no more than theirs: {'reached' if peaks['embeddings'] <= peaks['transformers'] else 'NOT reached'}")


def scratch(threads):
    """Pre-train on the documentation, and have words filled in of sentences that were held out."""
    from embeddings.text import BERT

    texts, held_out = documents()
    model = BERT(epochs=2, dropout=0.0, workers=threads)
    start = time.perf_counter()
    model.fit(texts)
    losses = " ".join(f"{value:.2f}" for value in model.loss_history_)
    print(
        f"\nfrom scratch: {len(texts):,} sentences in {time.perf_counter() - start:.0f} s; loss of each epoch {losses}"
    )
    judge(model, texts, held_out)


def documents():
    """Sentences of the documentation corpus: those to learn from, and those held out."""
    from embeddings.datasets import documentation

    texts = documentation()
    order = np.random.default_rng(1).permutation(len(texts))
    return [texts[i] for i in order[HELD_OUT:]], [texts[i] for i in order[:HELD_OUT]]


def judge(model, texts, held_out):
    """Hide a word of each sentence held out: how likely it is to the model, and by its frequency in the texts."""
    ids, vocabulary = model.tokenizer_.ids, model.tokenizer_.vocabulary
    counts = collections.Counter(piece for text in texts for piece in model.pieces(text)[1:-1])
    total, likeliest = counts.total() + len(ids), max(filter(str.isalpha, counts), key=counts.get)
    rng, found = np.random.default_rng(2), []
    for text in held_out:
        words = [match for match in re.finditer(r"\b[a-z]+\b", text) if match[0] in ids]
        if not words:
            continue
        hidden = words[rng.integers(len(words))]
        gap = f"{text[: hidden.start()]} [MASK] {text[hidden.end() :]}"
        if "[MASK]" not in model.pieces(gap):
            continue  # behind the longest sentence
        (guesses,) = model.fill_mask(gap, top=len(vocabulary))
        word, frequency = hidden[0], (counts[hidden[0]] + 1) / total
        found.append((-np.log(dict(guesses)[word]), guesses[0][0] == word, -np.log(frequency), word == likeliest))
    loss, right, loss_alone, right_alone = np.mean(found, axis=0)
    print(f"  a word of {len(found)} unseen sentences    -log P {loss:.2f}   first guess right {right:.3f}")
    print(f"  by its frequency alone             -log P {loss_alone:.2f}   first guess right {right_alone:.3f}")
