"""Clips to learn from: coloured shapes that move, windows that pan over pictures, and one real film."""

import dataclasses
import os

import numpy as np

from embeddings.checks import check_choice, check_integer
from embeddings.datasets.pictures import images
from embeddings.progress import progress

# What can be told of a clip: English word, Chinese word, and what is drawn.
SHAPES = (("triangle", "三角形"), ("square", "正方形"), ("cross", "十字"), ("half-moon", "半圆"))
COLOURS = (
    ("red", "红色", (225, 30, 35)),
    ("orange", "橙色", (250, 140, 20)),
    ("yellow", "黄色", (245, 235, 40)),
    ("green", "绿色", (30, 165, 50)),
    ("cyan", "青色", (40, 225, 235)),
    ("blue", "蓝色", (35, 60, 220)),
    ("purple", "紫色", (160, 40, 190)),
    ("white", "白色", (250, 250, 250)),
)
MOTIONS = (
    ("moves left", "向左移动"),
    ("moves right", "向右移动"),
    ("moves up", "向上移动"),
    ("moves down", "向下移动"),
    ("grows", "变大"),
    ("shrinks", "变小"),
    ("turns clockwise", "顺时针转动"),
    ("turns counterclockwise", "逆时针转动"),
)
SIZES = (("small", "小", 0.15), ("large", "大", 0.25))

# Colour pictures, and textures without colour.
_BACKGROUNDS = ("astronaut", "brick", "cat", "coffee", "grass", "gravel", "rocket")
_PLAIN = 40  # the grey of plain backgrounds
_DIMMED = 0.75  # of pictures, so that white shapes are seen on white walls
FRAMES_PER_SECOND = 8
SAMPLE_RATE = 4000
_BLOCK = 256  # clips drawn together


@dataclasses.dataclass(frozen=True)
class MovingShapes:
    """Clips, with all that is to be told of them.

    Attributes
    ----------
    clips : array, shape (n, frames, size, size, 3), uint8
    sounds : array, shape (n, samples), float32
        As long as the clips, in [-1, 1].
    captions, captions_zh : list of str
        In English and Chinese.
    labels : dict of str to array, shape (n,), int64
        Numbers of the shape, the colour, the motion and the size.
    names : dict of str to tuple of str
        The English words of these numbers.
    frames_per_second, sample_rate : int
    """

    clips: np.ndarray
    sounds: np.ndarray
    captions: list
    captions_zh: list
    labels: dict
    names: dict
    frames_per_second: int = FRAMES_PER_SECOND
    sample_rate: int = SAMPLE_RATE

    def __len__(self):
        return len(self.clips)

    @property
    def stills(self):
        """The middle frame of each clip: (n, size, size, 3)."""
        return self.clips[:, self.clips.shape[1] // 2]


def moving_shapes(n, seed=0, frames=8, size=32, background="picture"):
    """Clips of a coloured shape that moves, grows, shrinks or turns, each with captions and sound.

    A clip and the one that runs backwards are equally likely, so that no frame alone tells left from right. Of each
    512 clips in a row no two are alike in shape, colour, motion and size.

    In the sound, the colour is the note, small shapes are an octave higher, the shape is the timbre, and the motion is
    heard: up and down as the pitch that glides, growing and shrinking as loudness, left as beats that become slower and
    right as beats that become faster, clockwise as a pitch that wavers and counterclockwise as loudness that does.

    Parameters
    ----------
    n : int
    seed : int, default 0
    frames : int, default 8
    size : int, default 32
        Height and width, at least 16.
    background : {"picture", "plain"}, default "picture"
        A piece of one of scikit-image's pictures, another for each clip and dimmed a little, or dark grey.

    Returns
    -------
    MovingShapes

    Raises
    ------
    ValueError, TypeError
        For bad parameters.

    Examples
    --------
    >>> shapes = moving_shapes(3, seed=1)
    >>> shapes.clips.shape, shapes.sounds.shape
    ((3, 8, 32, 32, 3), (3, 4000))
    >>> shapes.captions[0], shapes.captions_zh[0]
    ('a large white square grows', '一个大的白色正方形变大')
    """
    n, seed = check_integer("n", n, minimum=0), check_integer("seed", seed, minimum=0)
    frames, size = check_integer("frames", frames, minimum=1), check_integer("size", size, minimum=16)
    check_choice("background", background, ("picture", "plain"))
    rng = np.random.default_rng(seed)
    counts = {"shape": len(SHAPES), "colour": len(COLOURS), "motion": len(MOTIONS), "size": len(SIZES)}
    kinds = int(np.prod(list(counts.values())))
    order = np.concatenate([rng.permutation(kinds) for _ in range(-(-n // kinds))])[:n] if n else np.zeros(0, int)
    labels = dict(zip(counts, np.unravel_index(order, tuple(counts.values())), strict=True))
    pictures = []
    if background == "picture" and n:
        known = images()
        pictures = [_colour(known[name]) for name in _BACKGROUNDS]
    clips = np.empty((n, frames, size, size, 3), np.uint8)
    sounds = np.empty((n, SAMPLE_RATE * frames // FRAMES_PER_SECOND), np.float32)
    for start in progress(range(0, n, _BLOCK), desc="drawing clips", unit="block"):
        block = slice(start, start + _BLOCK)
        told = {name: values[block] for name, values in labels.items()}
        clips[block] = _draw(told, frames, size, pictures, rng)
        sounds[block] = _sound(told, sounds.shape[1], rng)
    rows = list(zip(*(labels[name] for name in ("size", "colour", "shape", "motion")), strict=True))
    return MovingShapes(
        clips=clips,
        sounds=sounds,
        captions=[f"a {SIZES[s][0]} {COLOURS[c][0]} {SHAPES[f][0]} {MOTIONS[m][0]}" for s, c, f, m in rows],
        captions_zh=[f"一个{SIZES[s][1]}的{COLOURS[c][1]}{SHAPES[f][1]}{MOTIONS[m][1]}" for s, c, f, m in rows],
        labels=labels,
        names={
            name: tuple(row[0] for row in rows)
            for name, rows in (("shape", SHAPES), ("colour", COLOURS), ("motion", MOTIONS), ("size", SIZES))
        },
    )


def pan(image, frames=16, size=64, seed=0):
    """A clip of a window that moves over a picture in a straight line.

    Parameters
    ----------
    image : array, shape (height, width) or (height, width, channels)
    frames : int, default 16
    size : int or (int, int), default 64
        Height and width of the window.
    seed : int, default 0
        Draws where the window begins and where it ends.

    Returns
    -------
    array, shape (frames, *size, channels) or (frames, *size)
        The dtype is that of `image`.

    Raises
    ------
    ValueError
        If the window is larger than the picture.

    Examples
    --------
    >>> pan(images()["cat"], frames=4, size=(48, 64)).shape
    (4, 48, 64, 3)
    """
    image = np.asarray(image)
    frames = check_integer("frames", frames, minimum=1)
    height, width = size if isinstance(size, tuple) else (size, size)
    check_integer("size", height, minimum=1)
    check_integer("size", width, minimum=1)
    if image.ndim not in (2, 3):
        raise ValueError(f"image must have the shape (height, width) or (height, width, channels), got {image.shape}")
    room = np.array(image.shape[:2]) - (height, width)
    if (room < 0).any():
        raise ValueError(f"size ({height}, {width}) is larger than the picture, {image.shape[:2]}")
    ends = np.random.default_rng(check_integer("seed", seed, minimum=0)).uniform(0, 1, (2, 2)) * room
    places = np.rint(np.linspace(*ends, frames)).astype(int)  # (frames, 2)
    return np.stack([image[y : y + height, x : x + width] for y, x in places])


def film():
    """A real clip: the animated GIF that scikit-image brings along, a few seconds of a small talking head.

    Returns
    -------
    array, shape (frames, height, width, 3), uint8

    Examples
    --------
    >>> film().shape
    (24, 25, 14, 3)
    """
    import skimage.data
    from skimage.io import imread

    path = os.path.join(os.path.dirname(skimage.data.__file__), "no_time_for_that_tiny.gif")
    return np.ascontiguousarray(imread(path)[..., :3])


# Drawing --------------------------------------------------------------------------------------------------------------


def _colour(picture):
    return np.repeat(picture[..., None], 3, axis=2) if picture.ndim == 2 else picture


def _draw(told, frames, size, pictures, rng):
    n = len(told["shape"])
    phase = np.linspace(-0.5, 0.5, frames) if frames > 1 else np.zeros(1)
    motion = told["motion"][:, None]  # (n, 1)
    radius = np.array([row[2] for row in SIZES])[told["size"]][:, None] * size * rng.uniform(0.9, 1.1, (n, 1))
    way = rng.uniform(0.4, 0.6, (n, 1)) * size  # how far a shape moves
    room = size / 2 - radius * 0.9
    # The middle of the way lies anywhere that keeps the shape in sight.
    limit = np.stack([np.where(motion < 2, np.maximum(room - way / 2, 0), room * 0.7), np.full_like(room, 0)])
    limit[1] = np.where((motion == 2) | (motion == 3), np.maximum(room - way / 2, 0), room * 0.7)
    middle = size / 2 - 0.5 + rng.uniform(-1, 1, (2, n, 1)) * limit
    x = middle[0] + way * phase * np.select([motion == 0, motion == 1], [-1, 1], 0)  # (n, T)
    y = middle[1] + way * phase * np.select([motion == 2, motion == 3], [-1, 1], 0)
    r = radius * (1 + phase * np.select([motion == 4, motion == 5], [1, -1], 0))
    angle = rng.uniform(0, 2 * np.pi, (n, 1)) + phase * np.select([motion == 6, motion == 7], [1, -1], 0) * np.pi
    colour = np.array([row[2] for row in COLOURS], np.float32)[told["colour"]]  # (n, 3)
    grid = np.arange(size, dtype=np.float32)
    clips = np.empty((n, frames, size, size, 3), np.uint8)
    for i in range(n):
        if pictures:
            ground = _piece(pictures[rng.integers(len(pictures))], size, rng)
        else:
            ground = np.full((size, size, 3), _PLAIN, np.float32)
        u0 = (grid[None, None, :] - x[i, :, None, None]) / r[i, :, None, None]  # (T, 1, size)
        v0 = (grid[None, :, None] - y[i, :, None, None]) / r[i, :, None, None]
        cosine, sine = np.cos(angle[i])[:, None, None], np.sin(angle[i])[:, None, None]
        outside = _OUTSIDE[told["shape"][i]](u0 * cosine + v0 * sine, v0 * cosine - u0 * sine)
        cover = np.clip(0.5 - outside * r[i, :, None, None], 0, 1)[..., None].astype(np.float32)  # smooth edges
        clips[i] = ground + cover * (colour[i] - ground) + 0.5
    return clips


# How far a place (u, v) lies outside of each shape, of radius 1; below 0 inside.
_OUTSIDE = (
    lambda u, v: np.maximum(v, np.maximum(0.866 * u - 0.5 * v, -0.866 * u - 0.5 * v)) - 0.5,
    lambda u, v: np.maximum(abs(u), abs(v)) - 0.8,
    lambda u, v: np.minimum(np.maximum(abs(u) - 1, abs(v) - 0.33), np.maximum(abs(u) - 0.33, abs(v) - 1)),
    lambda u, v: np.maximum(np.hypot(u, v) - 1, v - 0.1),
)


def _piece(picture, size, rng):
    """A square of the picture, one to four times as large, shrunk by means."""
    k = int(rng.integers(1, 5))
    k = max(1, min(k, min(picture.shape[:2]) // size))
    y, x = (int(rng.integers(0, side - k * size + 1)) for side in picture.shape[:2])
    piece = picture[y : y + k * size, x : x + k * size].astype(np.float32)
    return _DIMMED * piece.reshape(size, k, size, k, 3).mean(axis=(1, 3))


# Sound ----------------------------------------------------------------------------------------------------------------

# Strength of the tone and its overtones.
_TIMBRES = np.array([[1, 0, 0, 0], [1, 0, 0.8, 0], [1, 0.8, 0, 0], [0.7, 0, 0, 0.9]])


def _sound(told, samples, rng):
    n = len(told["shape"])
    time = np.arange(samples) / SAMPLE_RATE
    phase = time / max(time[-1], 1e-9) - 0.5  # from -1/2 to 1/2
    motion = told["motion"][:, None]
    octaves = told["colour"][:, None] / len(COLOURS) + (told["size"][:, None] == 0)
    glide = np.select([motion == 2, motion == 3], [phase, -phase], 0.0) * 0.8
    waver = np.where(motion == 6, 0.06 * np.sin(2 * np.pi * 5 * time), 0)
    frequency = 110 * 2 ** (octaves + glide + waver)  # (n, samples)
    turns = np.cumsum(frequency, axis=1) / SAMPLE_RATE + rng.uniform(0, 1, (n, 1))
    strengths = _TIMBRES[told["shape"]]  # (n, 4)
    tone = sum(strengths[:, [k]] * np.sin(2 * np.pi * (k + 1) * turns) for k in range(strengths.shape[1]))
    beats = 6 * time + 4 * np.select([motion == 0, motion == 1], [-1, 1], 0) * time * phase
    loud = np.select(
        [motion < 2, motion == 4, motion == 5, motion == 7],
        [
            np.sin(np.pi * beats) ** 4,
            0.55 + 0.9 * phase,
            0.55 - 0.9 * phase,
            0.55 + 0.45 * np.sin(2 * np.pi * 5 * time),
        ],
        0.6,
    )
    noise = rng.normal(0, 0.01, (n, samples))
    return np.clip(0.5 * loud * tone * rng.uniform(0.8, 1, (n, 1)) + noise, -1, 1).astype(np.float32)
