"""Find clips, sounds and pictures of a folder that are near a text, or near a clip, a sound or a picture.

Every film (GIF; MP4 and the like with the "video" extra), sound (WAV; others with the extra) and picture beneath FOLDER
is brought to the size that the model knows and becomes one vector, beside that of the query: a text, or the path of a
file. Files that cannot be read are skipped and counted.

--model FILE is a UnifiedEncoder that save() wrote. Without it, one is trained there and then (about half a minute) on
the generated world of moving shapes. It knows shapes, colours, motions and the sounds that go with them, and nothing
else: of real films it tells what is alike, and not what is to be seen.

examples:
  python -m embeddings search-video ~/clips "a large red square moves left"
  python -m embeddings search-video ~/clips "红色正方形" --top 3
  python -m embeddings search-video ~/clips sunset.gif --model mine.safetensors
"""

import os
from pathlib import Path

import numpy as np

EPOCHS, CLIPS = 20, 1024


def add_arguments(parser):
    """The arguments of ``search-video``."""
    parser.add_argument("folder", type=Path, help="folder whose films, sounds and pictures are searched")
    parser.add_argument("query", help="a text, or the path of a film, sound or picture")
    parser.add_argument("--model", type=Path, metavar="FILE", help="a UnifiedEncoder; by default one is trained")
    parser.add_argument("--top", type=int, default=10, metavar="N", help="show that many files (default 10)")


def run(arguments):
    """Search and print. Returns 0 when a file was found, 1 when the folder holds none."""
    from embeddings.video import UnifiedEncoder

    if not arguments.folder.is_dir():
        raise NotADirectoryError(f"{arguments.folder} is not a folder")
    if arguments.top < 1:
        raise ValueError(f"--top must be at least 1, got {arguments.top}")
    paths = sorted(path for path in arguments.folder.rglob("*") if _modality(path) and path.is_file())
    if not paths:
        raise ValueError(f"{arguments.folder} holds no film, sound or picture")
    model = UnifiedEncoder.load(arguments.model) if arguments.model else _trained()
    query = Path(arguments.query)
    if _modality(query) and query.is_file():
        wanted = encode(model, query)
    elif _modality(query):
        raise FileNotFoundError(f"there is no file {arguments.query!r}")
    else:
        wanted = model.transform([arguments.query])[0]
    found, skipped = [], 0
    for path in paths:
        try:
            found.append((float(encode(model, path) @ wanted), path))
        except (ValueError, OSError, ImportError):
            skipped += 1
    for score, path in sorted(found, key=lambda pair: (-pair[0], pair[1]))[: arguments.top]:
        print(f"  {score:6.3f}  {path.relative_to(arguments.folder).as_posix()}")
    print(f"{len(found):,} files, {skipped:,} skipped")
    return 0 if found else 1


def encode(model, path):
    """The vector of a file: (width,).

    Raises
    ------
    ValueError, OSError, ImportError
        If it cannot be read, or the model does not know its kind.
    """
    from embeddings.image.io import read_picture
    from embeddings.video import read_clip, read_sound

    modality = _modality(path)
    if modality not in model.modalities_:
        raise ValueError(f"the model knows {', '.join(model.modalities_)}; {os.fspath(path)!r} is a {modality}")
    shape = model.shapes_[modality]
    if modality == "sound":
        item = _sound_of(*read_sound(path), shape[0], model.sample_rate_)
    elif modality == "clip":
        clip = read_clip(path)
        chosen = np.rint(np.linspace(0, len(clip) - 1, shape[0])).astype(int)
        item = np.stack([_picture_of(frame, shape[1:3]) for frame in clip[chosen]])
    else:
        item = _picture_of(read_picture(path), shape[:2])
    return model.transform(item[None], modality)[0]


def _modality(path):
    from embeddings.image.io import SUFFIXES
    from embeddings.video.io import SOUND_SUFFIXES, VIDEO_SUFFIXES

    suffix = path.suffix.lower()
    kinds = (("clip", VIDEO_SUFFIXES), ("sound", SOUND_SUFFIXES), ("image", SUFFIXES))
    return next((kind for kind, suffixes in kinds if suffix in suffixes), None)


def _picture_of(picture, size):
    """A picture of three channels and of `size`, by means of pixels."""
    from skimage.transform import resize_local_mean

    if picture.ndim == 2:
        picture = np.repeat(picture[..., None], 3, axis=2)
    top = np.iinfo(picture.dtype).max if picture.dtype.kind == "u" else 1
    small = resize_local_mean(picture.astype(np.float64) / top, size, channel_axis=2, preserve_range=True)
    return np.rint(small.clip(0, 1) * 255).astype(np.uint8)


def _sound_of(samples, rate, length, wanted_rate):
    """Samples at the rate that the model knows, cut or silent behind."""
    from math import gcd

    from scipy.signal import resample_poly

    common = gcd(rate, wanted_rate)
    samples = resample_poly(samples, wanted_rate // common, rate // common).astype(np.float32)[:length]
    return np.pad(samples, (0, length - len(samples)))


def _trained():
    from embeddings.datasets import moving_shapes
    from embeddings.video import UnifiedEncoder

    world = moving_shapes(CLIPS, seed=1, size=16, frames=4, background="plain")
    model = UnifiedEncoder(width=48, n_layers=1, epochs=EPOCHS, batch_size=32, n_fft=256, learning_rate=4e-3)
    texts = [list(pair) for pair in zip(world.captions, world.captions_zh, strict=True)]
    given = {"image": world.stills, "clip": world.clips, "sound": world.sounds}
    return model.fit(texts, **given, sample_rate=world.sample_rate)
