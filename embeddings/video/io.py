"""Clips and sounds from files, window by window, so that an hour of film never lies in memory as a whole.

GIFs are read by imageio, which scikit-image brings along; WAV by the standard library; all else by PyAV (the extra
``video``), which is imported when it is needed.
"""

import os
import wave
from pathlib import Path

import numpy as np

from embeddings.checks import check_integer

VIDEO_SUFFIXES = (".gif", ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg")
SOUND_SUFFIXES = (".wav", ".mp3", ".flac", ".ogg", ".opus", ".m4a", ".aac")
# Samples read together.
_BLOCK_SAMPLES = 1 << 16


def stream_clip(path, window=16, step=None):
    """Yield a film as clips of a few frames.

    Parameters
    ----------
    path : path-like
        A GIF, or anything that PyAV decodes.
    window : int, default 16
        Frames of a clip; the last one may have fewer.
    step : int, optional
        Frames from the beginning of a clip to that of the next; by default `window`. At most `window`.

    Yields
    ------
    array, shape (frames, height, width, 3), uint8

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ImportError
        If PyAV is needed and not installed.
    ValueError
        If the file is damaged or cut short, has no frame, or its frames change in size; what was read before has been
        yielded.
    """
    window = check_integer("window", window, minimum=1)
    step = window if step is None else check_integer("step", step, minimum=1, maximum=window)
    held, new = [], 0
    for frame in _frames(_existing(path)):
        held.append(frame)
        new += 1
        if len(held) == window:
            yield np.stack(held)
            held, new = held[step:], 0
    if new:
        yield np.stack(held)


def read_clip(path, max_frames=None):
    """A film as one array.

    Parameters
    ----------
    path : path-like
    max_frames : int, optional
        Read the first so many frames alone.

    Returns
    -------
    array, shape (frames, height, width, 3), uint8

    Raises
    ------
    FileNotFoundError, ImportError, ValueError
        As :func:`stream_clip`.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "clip.gif"
    >>> write_gif(path, np.arange(3 * 8 * 8 * 3, dtype=np.uint8).reshape(3, 8, 8, 3))
    >>> read_clip(path).shape, read_clip(path, max_frames=2).shape
    ((3, 8, 8, 3), (2, 8, 8, 3))
    """
    if max_frames is not None:
        return next(stream_clip(path, check_integer("max_frames", max_frames, minimum=1)))
    return np.concatenate(list(stream_clip(path, 64)))


def write_gif(path, clip, frames_per_second=8):
    """Write a clip as an animated GIF that repeats, of at most 256 colours a frame.

    Frames in a row that are alike are written as one that is shown longer.

    Parameters
    ----------
    path : path-like
    clip : array, shape (frames, height, width, 3), uint8
    frames_per_second : float, default 8
    """
    from imageio.v3 import imwrite

    clip = np.asarray(clip)
    if clip.ndim != 4 or clip.shape[-1] != 3 or clip.dtype != np.uint8 or not len(clip):
        raise ValueError(f"clip must be (frames, height, width, 3) of uint8, got {clip.dtype} of shape {clip.shape}")
    imwrite(Path(path), clip, extension=".gif", duration=1000 / frames_per_second, loop=0)


def stream_sound(path, window, step=None):
    """Yield a sound in windows.

    Parameters
    ----------
    path : path-like
        WAV, or anything that PyAV decodes.
    window : int
        Samples; the last window may have fewer.
    step : int, optional
        Samples from window to window, at most `window`; by default `window`.

    Yields
    ------
    array, shape (samples,), float32
        The mean of all channels, in [-1, 1].

    Raises
    ------
    FileNotFoundError, ImportError, ValueError
        As :func:`stream_clip`; for a file without sound.
    """
    window = check_integer("window", window, minimum=1)
    step = window if step is None else check_integer("step", step, minimum=1, maximum=window)
    held, new = np.zeros(0, np.float32), 0
    for samples, _ in _samples(_existing(path)):
        held = np.concatenate([held, samples])
        new += len(samples)
        start = 0
        while len(held) - start >= window:
            yield held[start : start + window].copy()
            start += step
        if start:
            held = held[start:]
            new = len(held) - (window - step)
    if new > 0:
        yield held


def read_sound(path):
    """A sound as one array.

    Returns
    -------
    samples : array, shape (n,), float32
        The mean of all channels, in [-1, 1].
    sample_rate : int

    Raises
    ------
    FileNotFoundError, ImportError, ValueError
        As :func:`stream_sound`.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "sound.wav"
    >>> write_wav(path, np.array([0.0, 0.5, -0.5]), 8000)
    >>> samples, sample_rate = read_sound(path)
    >>> samples.round(3).tolist(), sample_rate
    ([0.0, 0.5, -0.5], 8000)
    """
    blocks = list(_samples(_existing(path)))
    if not blocks:
        raise ValueError(f"{os.fspath(path)!r} has no sound: 0 samples")
    return np.concatenate([samples for samples, _ in blocks]), blocks[0][1]


def write_wav(path, samples, sample_rate):
    """Write one channel as a WAV of 16 bits.

    Parameters
    ----------
    path : path-like
    samples : array, shape (n,), of floats in [-1, 1]
        Louder ones are clipped.
    sample_rate : int
    """
    samples = np.asarray(samples)
    if samples.ndim != 1 or samples.dtype.kind != "f":
        raise ValueError(f"samples must be floats of the shape (n,), got {samples.dtype} of {samples.shape}")
    with wave.open(os.fspath(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(check_integer("sample_rate", sample_rate, minimum=1))
        file.writeframes(np.rint(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


# Frames ---------------------------------------------------------------------------------------------------------------


def _existing(path):
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {os.fspath(path)!r}")
    return Path(path)


def _frames(path):
    """Yield (height, width, 3) frames of one size."""
    shape, n = None, 0
    for frame in _gif_frames(path) if _starts_with(path, b"GIF8") else _av_frames(path):
        if shape not in (None, frame.shape):
            raise ValueError(f"{os.fspath(path)!r}: frame {n} has the shape {frame.shape}, those before {shape}")
        shape, n = frame.shape, n + 1
        yield frame
    if not n:
        raise ValueError(f"{os.fspath(path)!r} has no frame")


def _starts_with(path, magic):
    with open(path, "rb") as file:
        return file.read(len(magic)) == magic


def _gif_frames(path):
    from imageio.v3 import imiter

    n = 0
    try:
        for frame in imiter(path, extension=".gif"):
            yield _three_channels(frame)
            n += 1
    except (OSError, SyntaxError, EOFError) as error:
        raise ValueError(f"{os.fspath(path)!r} is damaged or cut short behind frame {n}: {error}") from error


def _av_frames(path):
    n = 0
    av = _import_av(path)
    try:
        with av.open(os.fspath(path)) as container:
            if not container.streams.video:
                raise ValueError(f"{os.fspath(path)!r} holds no film")
            expected = container.streams.video[0].frames
            for frame in container.decode(video=0):
                yield frame.to_ndarray(format="rgb24")
                n += 1
    except av.error.FFmpegError as error:
        raise ValueError(f"{os.fspath(path)!r} is damaged, cut short behind frame {n}, or no film: {error}") from error
    # FFmpeg ends quietly where a file was cut off; its header tells how many frames there were to be.
    if expected and n < expected:
        raise ValueError(f"{os.fspath(path)!r} is cut short: {n} of {expected} frames could be read")


def _three_channels(picture):
    picture = np.asarray(picture)
    if picture.dtype != np.uint8:
        top = np.iinfo(picture.dtype).max if picture.dtype.kind in "iu" else 1
        picture = (picture.astype(np.float64) * (255 / top)).clip(0, 255).astype(np.uint8)
    if picture.ndim == 2:
        picture = picture[..., None]
    return np.repeat(picture[..., :1], 3, axis=2) if picture.shape[2] < 3 else picture[..., :3]


def _import_av(path):
    try:
        import av
    except ImportError as error:
        raise ImportError(
            f'{os.fspath(path)!r} needs PyAV: pip install "embeddings-from-scratch[video]" (GIF and WAV need nothing)'
        ) from error
    return av


# Samples --------------------------------------------------------------------------------------------------------------


def _samples(path):
    """Yield (samples, sample rate) of blocks."""
    return _wav_samples(path) if _starts_with(path, b"RIFF") and path.suffix.lower() == ".wav" else _av_samples(path)


def _wav_samples(path):
    try:
        with wave.open(os.fspath(path), "rb") as file:
            channels, width, rate, n = file.getparams()[:4]
            read = 0
            while data := file.readframes(_BLOCK_SAMPLES):
                samples = _decode(data[: len(data) // (channels * width) * channels * width], width)
                read += len(samples) // channels
                yield samples.reshape(-1, channels).mean(axis=1), rate
    except (wave.Error, EOFError) as error:
        raise ValueError(f"{os.fspath(path)!r} is damaged, or no plain WAV: {error}") from error
    if read < n:
        raise ValueError(f"{os.fspath(path)!r} is cut short: {read} of {n} samples could be read")


def _decode(data, width):
    """Samples of 1 to 4 bytes as float32 in [-1, 1]."""
    if width == 1:
        return (np.frombuffer(data, np.uint8).astype(np.float32) - 128) / 128
    if width == 3:
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        return (wide.view("<i4")[:, 0] / 2**31).astype(np.float32)
    return (np.frombuffer(data, f"<i{width}") / 2 ** (8 * width - 1)).astype(np.float32)


def _av_samples(path):
    av = _import_av(path)
    try:
        with av.open(os.fspath(path)) as container:
            if not container.streams.audio:
                raise ValueError(f"{os.fspath(path)!r} holds no sound")
            resampler = av.AudioResampler(format="fltp", layout="mono")
            for frame in container.decode(audio=0):
                for part in resampler.resample(frame):
                    yield part.to_ndarray()[0].astype(np.float32), part.sample_rate
    except av.error.FFmpegError as error:
        raise ValueError(f"{os.fspath(path)!r} is damaged, cut short, or no sound: {error}") from error
