"""CNN beside PyTorch: training and single pictures; the digits' classes, and an autoencoder's neighbours."""

import gzip

import numpy as np

from benchmarks.harness import interleave, report

BATCH, TRAIN_BAR, SINGLE_BAR = 64, 2.0, 5.0
TRAIN, TEST = 4_000, 1_000
CNN_BAR, LATENT_BAR = 0.975, 0.93


def run(data, threads):
    """Speed on random pictures, and quality on handwritten digits where they are there."""
    speed(threads)
    digits = mnist(data)
    if digits is not None:
        quality(*digits)


def speed(threads):
    """An epoch of 50 batches of 64 pictures of 28 × 28, and one picture at a time."""
    import torch

    from embeddings import nn
    from embeddings.image import CNN

    torch.set_num_threads(threads)
    rng = np.random.default_rng(0)
    pictures = rng.random((50 * BATCH, 28, 28), np.float32)
    labels = rng.integers(0, 10, len(pictures))
    model = CNN((8, 16), epochs=1, batch_size=BATCH).fit(pictures[:BATCH], np.arange(BATCH) % 10)
    network = model.network_
    pixels = model._normal(model._pixels(pictures))
    theirs = _torch_cnn(torch, network)
    their_pixels, their_labels = torch.from_numpy(pixels), torch.from_numpy(labels)
    start = {name: array.copy() for name, array in network.state().items()}
    losses = {}

    def ours():
        network.load_state(start)
        optimiser = nn.Adam(network.parameters(), 0.001)
        trainer = nn.Trainer(network, nn.CrossEntropy(), optimiser, batch_size=BATCH)

        def batches(rng):
            return ((pixels[i : i + BATCH], labels[i : i + BATCH]) for i in range(0, len(pixels), BATCH))

        losses["embeddings"] = trainer.fit_batches(batches, n_batches=len(pixels) // BATCH).loss_history_[0]

    their_start = {name: tensor.clone() for name, tensor in theirs.state_dict().items()}

    def pytorch():
        theirs.load_state_dict(their_start)
        theirs.train()
        optimiser, loss, total = torch.optim.Adam(theirs.parameters(), 0.001), torch.nn.CrossEntropyLoss(), 0.0
        for i in range(0, len(pixels), BATCH):
            optimiser.zero_grad()
            value = loss(theirs(their_pixels[i : i + BATCH]), their_labels[i : i + BATCH])
            value.backward()
            optimiser.step()
            total += value.item()
        losses["PyTorch"] = total / (len(pixels) // BATCH)

    medians = interleave({"embeddings": ours, "PyTorch": pytorch}, repeats=7, threads=threads)
    np.testing.assert_allclose(losses["embeddings"], losses["PyTorch"], rtol=1e-3)
    report(f"\ntraining, batches of {BATCH}, {threads} thread(s)", medians, len(pixels), "pictures", bar=TRAIN_BAR)

    network.load_state(start)
    model._lay_out()
    theirs.load_state_dict(their_start)
    theirs.eval()
    singles, scores = 500, {}

    def one_by_one():
        scores["embeddings"] = np.stack([model._stages(pixels[i]) for i in range(singles)])

    def theirs_one_by_one():
        with torch.inference_mode():
            scores["PyTorch"] = torch.cat([theirs(their_pixels[i : i + 1]) for i in range(singles)]).numpy()

    medians = interleave({"embeddings": one_by_one, "PyTorch": theirs_one_by_one}, repeats=7, threads=threads)
    np.testing.assert_allclose(scores["embeddings"], scores["PyTorch"], rtol=1e-4, atol=1e-4)
    report(f"\none picture at a time, {threads} thread(s)", medians, singles, "pictures", bar=SINGLE_BAR)


def _torch_cnn(torch, network):
    """The same network with the same weights."""
    from torch import nn

    stages = (nn.Conv2d(1, 8, 5), nn.ReLU(), nn.MaxPool2d(2)), (nn.Conv2d(8, 16, 5), nn.ReLU(), nn.MaxPool2d(2))
    net = nn.Sequential(*stages[0], *stages[1], nn.Flatten(), nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 10))
    learned = [layer for layer in network.layers if hasattr(layer, "weight")]
    with torch.no_grad():
        for module, layer in zip((m for m in net if hasattr(m, "weight")), learned, strict=True):
            weight = np.moveaxis(layer.weight.data, (-1, -2), (0, 1))
            module.weight.copy_(torch.from_numpy(np.ascontiguousarray(weight)))
            module.bias.copy_(torch.from_numpy(layer.bias.data))
    return net


def mnist(data):
    """Training pictures, their labels, test pictures, their labels; None, and a line about it, without the files."""
    folder = None if data is None else data / "mnist"
    paths = [] if folder is None else sorted(folder.glob("*-idx*-ubyte.gz"))
    if len(paths) != 2:
        print("  (no mnist/*-idx3-ubyte.gz and *-idx1-ubyte.gz: pass --data FOLDER to measure quality)")
        return None
    read = {
        path.name.split("-idx")[1][0]: np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8) for path in paths
    }
    pictures, labels = read["3"][16:].reshape(-1, 28, 28), read["1"][8:].astype(np.int64)
    order = np.random.default_rng(0).permutation(len(labels))
    train, test = order[:TRAIN], order[TRAIN : TRAIN + TEST]
    return pictures[train], labels[train], pictures[test], labels[test]


def quality(pictures, labels, test, test_labels):
    """Accuracy of a CNN, and of the nearest neighbour by 32 numbers of an autoencoder and of PCA."""
    from embeddings.image import CNN, Autoencoder

    accuracy = CNN(seed=1).fit(pictures, labels).score(test, test_labels)
    verdict = "reached" if accuracy >= CNN_BAR else "NOT reached"
    print(f"\n{TRAIN:,} digits to learn from, {TEST:,} held out\n  CNN{accuracy:33.3f}   (bar {CNN_BAR}: {verdict})")

    rows, test_rows = pictures.reshape(len(pictures), -1) / 255, test.reshape(len(test), -1) / 255
    mean = rows.mean(axis=0)
    axes = np.linalg.svd(rows - mean, full_matrices=False)[2][:32].T  # (784, 32)
    spaces = {"PCA": ((rows - mean) @ axes, (test_rows - mean) @ axes)}
    for kind in ("dense", "conv"):
        model = Autoencoder(kind, latent_dim=32, seed=1).fit(pictures)
        spaces[f"autoencoder, {kind}"] = model.transform(pictures), model.transform(test)
    print("  nearest neighbour by 32 numbers")
    for name, (known, new) in spaces.items():
        squares = np.square(known).sum(axis=1) - 2 * new @ known.T
        accuracy = np.mean(labels[squares.argmin(axis=1)] == test_labels)
        bar = (
            "" if name == "PCA" else f"   (bar {LATENT_BAR}: {'reached' if accuracy >= LATENT_BAR else 'NOT reached'})"
        )
        print(f"    {name:<24}{accuracy:10.3f}{bar}", flush=True)
