"""Show what a film becomes: its patches, its latent, its tokens, and the film drawn again from them.

A VideoAutoencoder learns from windows of the film itself, there and then; --model FILE takes one that save() wrote. The
film is cut at its right, lower and far ends to what patches fill. --figure writes a picture: the clip, its patches
taken apart, its latent, and its reconstruction.

examples:
  python -m embeddings video-tokens clip.gif
  python -m embeddings video-tokens clip.mp4 --frames 32 --figure tokens.png
"""

from pathlib import Path

import numpy as np

PATCH = (4, 4, 4)
WINDOW, WINDOWS = 16, 192  # pixels, and how many are learned from


def add_arguments(parser):
    """The arguments of ``video-tokens``."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a film")
    parser.add_argument("--frames", type=int, default=16, metavar="N", help="take the first N frames (default 16)")
    parser.add_argument("--model", type=Path, metavar="FILE", help="a VideoAutoencoder; by default one is trained")
    parser.add_argument("--figure", type=Path, metavar="PNG", help="write a picture to this file")


def run(arguments):
    """Encode, decode, print and draw."""
    from embeddings.video import SpacetimePatches, VideoAutoencoder, read_clip

    clip = read_clip(arguments.file, max_frames=arguments.frames)
    model = VideoAutoencoder.load(arguments.model) if arguments.model else None
    patch = tuple(model.patch_size) if model else PATCH
    clip = clip[tuple(slice(0, n // p * p) for n, p in zip(clip.shape, patch, strict=False))]
    if not clip.size:
        raise ValueError(f"{arguments.file} is smaller than a patch of {patch} (frames, height, width)")
    model = model or _trained(clip)
    latent = model.transform(clip[None])[0]
    spacetime = SpacetimePatches(model, (1, 1, 1)).fit([clip])
    tokens, positions = spacetime.tokens(clip)
    drawn = spacetime.clip(tokens, clip.shape[:3])
    error = np.square(drawn.astype(float) - clip).mean()
    print(f"clip    {' × '.join(map(str, clip.shape))}, {clip.size:,} numbers")
    print(f"latent  {' × '.join(map(str, latent.shape))}, {latent.size:,} numbers, {model.compression:.0f} times fewer")
    print(f"tokens  {len(tokens):,} of {tokens.shape[1]}, from (t, y, x) = {positions[0]} to {positions[-1]}")
    print(f"drawn again: {10 * np.log10(255**2 / max(error, 1e-9)):.1f} dB")
    if arguments.figure:
        _draw(arguments.figure, clip, latent, drawn, patch)
        print(f"wrote {arguments.figure}")


def _trained(clip):
    from embeddings.video import VideoAutoencoder

    rng = np.random.default_rng(0)
    t = PATCH[0]
    h, w = (min(WINDOW, n) for n in clip.shape[1:3])
    windows = []
    for _ in range(WINDOWS):
        a, y, x = (int(rng.integers(0, n - size + 1)) for n, size in zip(clip.shape[:3], (t, h, w), strict=True))
        windows.append(clip[a : a + t, y : y + h, x : x + w])
    model = VideoAutoencoder(PATCH, latent_channels=8, width=32, n_blocks=1, epochs=20, learning_rate=4e-3)
    return model.fit(np.stack(windows))


def _draw(path, clip, latent, drawn, patch):
    from embeddings import visualise

    channels = latent[..., :3] if latent.shape[-1] >= 3 else latent[..., [0, 0, 0]]
    low, high = channels.min(), channels.max()
    coloured = ((channels - low) / max(high - low, 1e-9) * 255).astype(np.uint8).repeat(patch[0], axis=0)
    coloured = coloured.repeat(patch[1], axis=1).repeat(patch[2], axis=2)
    shown = np.linspace(0, len(clip) - 1, min(8, len(clip))).astype(int)
    apart = clip.copy()
    apart[:, :: patch[1]], apart[:, :, :: patch[2]] = 255, 255
    strips = [strip[shown] for strip in (clip, apart, coloured, drawn)]
    labels = ["clip", "patches", "latent", "drawn again"]
    ax = visualise.film_strip(strips, labels, title=" × ".join(map(str, clip.shape)))
    visualise.save_figure(ax, path.stem, path.parent)
