"""Video models: what they know of clips never seen, training beside PyTorch, and spectrograms beside librosa.

Quality takes two hours on one thread: EMBEDDINGS_VIDEO_QUALITY names what to train, of motion, autoencoder,
retrieval and diffusion, or "none" for speed alone; by default all of them.
"""

import os
import time

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.harness import interleave, report

HELD_OUT = 500
# Patches as long as the clips: a token sees all that happens at its place.
MOTION = {"patch_size": (8, 8, 8), "epochs": 16}
AUTOENCODER = {"n_blocks": 3, "epochs": 24}
RETRIEVAL = {"clip_patch": (8, 4, 4), "n_mels": 96, "temperature": 0.07, "epochs": 28, "batch_size": 256}
# Less is squeezed than above, so that edges stay, and nearby latents look alike; a token for each place of the latent.
LATENTS = {"latent_channels": 64, "variational": True, "beta": 0.3, "epochs": 12}
DIFFUSION = {
    "patch_size": (1, 1, 1),
    "width": 128,
    "n_layers": 12,
    "epochs": 80,
    "batch_size": 64,
    "learning_rate": 1.5e-3,
}
JUDGE = {"patch_size": (8, 4, 4), "epochs": 8}
DRAWING = {"steps": 40, "guidance": 3.0, "restarts": 8}


def run(data, threads):
    """All of it is on the generated world of moving shapes; no data are needed."""
    log_mel_speed(threads)
    training_speed(threads)
    wanted = os.environ.get("EMBEDDINGS_VIDEO_QUALITY", ",".join(QUALITY)).split(",")
    with threadpool_limits(threads):
        for name, function in QUALITY.items():
            if name in wanted:
                start = time.perf_counter()
                function()
                print(f"  {name} took {time.perf_counter() - start:.0f} s", flush=True)


# Speed ----------------------------------------------------------------------------------------------------------------


def log_mel_speed(threads):
    """Half a minute of sound, librosa's own settings."""
    import librosa

    from embeddings.video import log_mel

    samples = np.random.default_rng(0).normal(0, 0.1, 22050 * 30).astype(np.float32)
    results = {}

    def ours():
        results["ours"] = log_mel(samples, 22050)

    def theirs():
        results["theirs"] = librosa.power_to_db(librosa.feature.melspectrogram(y=samples, sr=22050))

    medians = interleave({"embeddings": ours, "librosa": theirs}, repeats=9, threads=threads)
    np.testing.assert_allclose(results["ours"], results["theirs"], rtol=1e-5, atol=1e-3)
    report("log-mel spectrogram of 30 s at 22,050 Hz", medians, amount=30, unit="s of sound", bar=2)


def training_speed(threads, batch=32, steps=4):
    """A VisionTransformer's steps, forward, backward and AdamW, beside the same network with the same weights."""
    import torch

    from embeddings.nn import AdamW, CrossEntropy
    from embeddings.video import VisionTransformer

    torch.set_num_threads(threads)
    rng = np.random.default_rng(0)
    model = VisionTransformer(patch_size=(2, 8, 8), width=128, n_layers=4, n_heads=4)
    model.sizes_, model.n_channels_, model.classes_ = (8, 32, 32), 3, list(range(8))
    network = model._build(rng)
    x = rng.normal(size=(batch, 3, 8, 32, 32)).astype(np.float32)
    y = rng.integers(0, 8, batch)
    peer = torch_network(network)
    loss, optimiser = CrossEntropy(), AdamW(network.parameters(), 1e-3)
    their_optimiser = torch.optim.AdamW(peer.parameters(), 1e-3, weight_decay=0.01)
    tx, ty = torch.from_numpy(x), torch.from_numpy(y)
    losses = {"embeddings": [], "PyTorch": []}

    def ours():
        for _ in range(steps):
            network.zero_grad()
            value, grad = loss(network.forward(x), y)
            network.backward(grad)
            optimiser.step()
            losses["embeddings"].append(value)

    def theirs():
        for _ in range(steps):
            their_optimiser.zero_grad()
            value = torch.nn.functional.cross_entropy(peer(tx), ty)
            value.backward()
            their_optimiser.step()
            losses["PyTorch"].append(float(value.detach()))

    medians = interleave({"embeddings": ours, "PyTorch": theirs}, repeats=5, threads=threads)
    np.testing.assert_allclose(losses["embeddings"][:8], losses["PyTorch"][:8], rtol=1e-2, atol=1e-3)
    title = f"VisionTransformer training, {batch} clips of 8 × 32 × 32, width 128, 4 layers, {threads} thread(s)"
    report(title, medians, amount=batch * steps, unit="clips", bar=1.2)


def torch_network(network):
    """The same network in PyTorch, its weights copied."""
    import torch
    from torch import nn

    from embeddings.nn import TransformerBlock

    def tensor(parameter):
        return torch.from_numpy(parameter.data.copy())

    def linear(ours):
        layer = nn.Linear(*ours.weight.data.shape)
        with torch.no_grad():
            layer.weight.copy_(tensor(ours.weight).T)
            layer.bias.copy_(tensor(ours.bias))
        return layer

    class Block(nn.Module):
        def __init__(self, ours):
            super().__init__()
            width = len(ours.norm_1.weight.data)
            self.heads = ours.attention.n_heads
            self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.inward, self.outward = linear(ours.attention.inward), linear(ours.attention.outward)
            self.inner, self.outer = linear(ours.inner), linear(ours.outer)

        def forward(self, x):
            B, P, d = x.shape
            q, k, v = self.inward(self.norm_1(x)).view(B, P, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
            looked = nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(B, P, d)
            x = x + self.outward(looked)
            return x + self.outer(nn.functional.gelu(self.inner(self.norm_2(x))))

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            embed, positions, *rest = network.layers
            self.patch = embed.patch_size
            self.conv = nn.Conv3d(3, embed.linear.weight.data.shape[1], self.patch, self.patch)
            with torch.no_grad():
                self.conv.weight.copy_(tensor(embed.linear.weight).T.reshape(self.conv.weight.shape))
                self.conv.bias.copy_(tensor(embed.linear.bias))
            self.register_buffer("positions", torch.from_numpy(positions.fixed))
            self.blocks = nn.ModuleList(Block(layer) for layer in rest if isinstance(layer, TransformerBlock))
            self.norm, self.head = nn.LayerNorm(self.conv.out_channels), linear(rest[-1])

        def forward(self, x):
            x = self.conv(x).flatten(2).transpose(1, 2) + self.positions
            for block in self.blocks:
                x = block(x)
            return self.head(self.norm(x).mean(dim=1))

    return Network()


# Quality --------------------------------------------------------------------------------------------------------------


def motion(n=49152):
    """Which of eight motions, from clips and from the mean of their frames."""
    from embeddings.datasets import moving_shapes
    from embeddings.video import VisionTransformer

    world = moving_shapes(n + HELD_OUT, seed=1)
    y = world.labels["motion"]
    mean = world.clips.mean(axis=1, keepdims=True, dtype=np.float32).astype(np.uint8)
    mean = np.broadcast_to(mean, world.clips.shape)  # eight times the same frame, without copies
    for name, X, bar in (("spacetime patches", world.clips, 0.95), ("mean of the frames", mean, None)):
        model = VisionTransformer(**MOTION).fit(X[:n], y[:n])
        _bar(f"motion class from {name}", model.score(X[n:], y[n:]), bar)


def autoencoder(n=12288, n_components=512):
    """Clips squeezed 48 times, beside principal components of the same clips, as many as the numbers that are kept."""
    from embeddings.datasets import moving_shapes
    from embeddings.video import VideoAutoencoder

    world = moving_shapes(n + HELD_OUT, seed=1)
    train, test = world.clips[:n], world.clips[n:]
    model = VideoAutoencoder(**AUTOENCODER).fit(train)
    latents = model.transform(test)
    assert latents[0].size == n_components and model.compression == 48
    ours = _psnr(model.inverse_transform(latents), test)
    centre, components = _principal_components(train.reshape(n, -1), n_components)
    linear = (test.reshape(len(test), -1) - centre) @ components @ components.T + centre
    theirs = _psnr(linear.clip(0, 255).reshape(test.shape), test)
    _bar("autoencoder at 48 times, PSNR in dB", ours, 24)
    _bar(f"more than {n_components} principal components ({theirs:.2f} dB) by", ours - theirs, 1.5)


def _principal_components(X, k, rounds=3, more=64):
    """The mean and `k` components (p, k), by subspace iteration (Halko, Martinsson & Tropp 2011, algorithm 4.4)."""
    X = X.astype(np.float32)
    centre = X.mean(axis=0)
    X -= centre
    products = np.random.default_rng(0).normal(size=(len(X), k + more)).astype(np.float32)
    for _ in range(rounds):
        directions = np.linalg.qr(X.T @ np.linalg.qr(products)[0])[0]  # (p, k + more)
        products = X @ directions
    return centre, directions @ np.linalg.eigh(products.T @ products)[1][:, -k:]


def retrieval(n=32768):
    """Texts, clips and sounds that belong together, among 500 never seen, no two with the same caption."""
    from embeddings.datasets import moving_shapes
    from embeddings.video import UnifiedEncoder

    world, test = moving_shapes(n, seed=1), moving_shapes(HELD_OUT, seed=2)
    model = UnifiedEncoder(**RETRIEVAL).fit(
        list(zip(world.captions, world.captions_zh, strict=True)),
        image=world.stills,
        clip=world.clips,
        sound=world.sounds,
        sample_rate=world.sample_rate,
    )
    found = {
        "text": model.transform(test.captions),
        "Chinese text": model.transform(test.captions_zh),
        "clip": model.transform(test.clips, "clip"),
        "sound": model.transform(test.sounds, "sound"),
        "still": model.transform(test.stills, "image"),
    }
    for a, of_a in found.items():
        for b, of_b in found.items():
            if a != b and not {a, b} == {"text", "Chinese text"}:
                right = (of_a @ of_b.T).argmax(axis=1) == np.arange(HELD_OUT)
                # A still does not tell how its shape moves.
                _bar(f"recall@1, {a} → {b}", right.mean(), None if "still" in (a, b) else 0.8)


def diffusion(n=16384, n_drawn=512):
    """Whether classifiers that learned from real clips recognise what was asked for; plain backgrounds."""
    from embeddings.datasets import moving_shapes
    from embeddings.image import CNN
    from embeddings.video import DiffusionTransformer, VideoAutoencoder, VisionTransformer

    world = moving_shapes(n + n_drawn, seed=3, background="plain")
    labels = {name: values[:n] for name, values in world.labels.items()}
    autoencoder = VideoAutoencoder(**LATENTS).fit(world.clips[:n])
    model = DiffusionTransformer(autoencoder=autoencoder, **DIFFUSION).fit(world.clips[:n], labels)
    asked = {name: values[n:] for name, values in world.labels.items()}
    drawn, real = model.sample(asked, **DRAWING), world.clips[n:]
    again = autoencoder.inverse_transform(autoencoder.transform(real))
    every = np.ones(n_drawn, bool)
    for name in ("shape", "colour", "motion"):
        # The middle frame shows shape and colour.
        judge, part = (VisionTransformer(**JUDGE), slice(None)) if name == "motion" else (CNN(epochs=8), 4)
        judge.fit(np.ascontiguousarray(world.clips[:n, part]), labels[name])
        right, of_real, of_latents = (
            np.array(judge.predict(np.ascontiguousarray(X[:, part]))) == asked[name] for X in (drawn, real, again)
        )
        others = f"of real ones {of_real.mean():.3f}, of those drawn again from their latents {of_latents.mean():.3f}"
        _bar(f"drawn clips whose {name} is recognised ({others})", right.mean(), 0.8)
        every &= right
    _bar("drawn clips with all three recognised", every.mean(), 0.8)


def _psnr(a, b):
    """Mean over clips of 10 log10(255² / mean squared error)."""
    errors = np.square(a.reshape(len(a), -1).astype(np.float64) - b.reshape(len(b), -1)).mean(axis=1)
    return float(np.mean(10 * np.log10(255**2 / errors)))


def _bar(what, value, bar):
    promised = "" if bar is None else f"   (bar {bar:g}: {'reached' if value >= bar else 'NOT reached'})"
    print(f"  {what}: {value:.3f}{promised}", flush=True)


QUALITY = {"motion": motion, "autoencoder": autoencoder, "retrieval": retrieval, "diffusion": diffusion}
