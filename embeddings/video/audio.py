"""Sound as a picture: the short-time Fourier transform and the log-mel spectrogram."""

import functools

import numpy as np
from scipy import fft

from embeddings.checks import check_integer, check_number
from kernels.device import implementation
from kernels.stft import FRAME_IMPLEMENTATIONS, MEL_IMPLEMENTATIONS

frame = implementation(FRAME_IMPLEMENTATIONS)
mel = implementation(MEL_IMPLEMENTATIONS)

# Frames that are transformed together, so that they stay in the cache.
BLOCK_FRAMES = 64

# Slaney's scale: even up to 1000 Hz, logarithmic above.
_HZ_PER_MEL, _KNEE_HZ, _LOG_STEP = 200 / 3, 1000.0, np.log(6.4) / 27


def stft(samples, n_fft=2048, hop_length=None):
    """The short-time Fourier transform: which frequencies sound when.

    Parameters
    ----------
    samples : array, shape (n,)
        A sound, one channel, of floats.
    n_fft : int, default 2048
        Samples of a frame, weighed by Hann's window ½ - ½ cos(2πk / n_fft).
    hop_length : int, optional
        Samples from the middle of a frame to that of the next; by default a quarter of a frame.

    Returns
    -------
    array, shape (n_fft // 2 + 1, 1 + n // hop_length), complex64
        Outside of the sound it is silent.

    Raises
    ------
    ValueError, TypeError
        For bad parameters, or samples that are not finite floats.

    Examples
    --------
    A sine of 4 turns in 32 samples is at frequency 4:

    >>> spectrum = stft(np.sin(2 * np.pi * 4 * np.arange(256) / 32), n_fft=32)
    >>> spectrum.shape, int(abs(spectrum[:, 10]).argmax())
    ((17, 33), 4)
    """
    samples, n_fft, hop_length = _check_sound(samples, n_fft, hop_length)
    spectra = np.empty((1 + len(samples) // hop_length, n_fft // 2 + 1), np.complex64)
    for start, block in _spectra(samples, n_fft, hop_length):
        spectra[start : start + len(block)] = block
    return spectra.T


def mel_spectrogram(samples, sample_rate, n_fft=2048, hop_length=None, n_mels=128, fmin=0.0, fmax=None):
    """Power in bands that are as wide as the ear's, over time.

    Parameters
    ----------
    samples : array, shape (n,)
    sample_rate : int
        Samples per second.
    n_fft, hop_length
        As in :func:`stft`.
    n_mels : int, default 128
        Bands: triangles of equal area (Slaney's Auditory Toolbox, 1998) whose tips are evenly spaced in mel.
    fmin, fmax : float, default 0 and half the sample rate
        Where the first band begins and the last one ends, in Hz.

    Returns
    -------
    array, shape (n_mels, 1 + n // hop_length), float32

    Raises
    ------
    ValueError, TypeError
        For bad parameters, or samples that are not finite floats.

    Examples
    --------
    >>> mel_spectrogram(np.zeros(4000), 4000, n_fft=256, n_mels=16).shape
    (16, 63)
    """
    samples, n_fft, hop_length = _check_sound(samples, n_fft, hop_length)
    sample_rate = check_integer("sample_rate", sample_rate, minimum=1)
    n_mels = check_integer("n_mels", n_mels, minimum=1)
    fmax = sample_rate / 2 if fmax is None else check_number("fmax", fmax)
    fmin = check_number("fmin", fmin, minimum=0)
    if not fmin < fmax <= sample_rate / 2:
        raise ValueError(f"fmin < fmax <= half the sample rate, {sample_rate / 2}, is needed; got {fmin} and {fmax}")
    starts, offsets, weights = _packed_filters(sample_rate, n_fft, n_mels, fmin, fmax)
    bands = np.empty((n_mels, 1 + len(samples) // hop_length), np.float32)
    for start, block in _spectra(samples, n_fft, hop_length):
        mel(block, starts, offsets, weights, bands[:, start : start + len(block)])
    return bands


def log_mel(samples, sample_rate, n_fft=2048, hop_length=None, n_mels=128, fmin=0.0, fmax=None, top_db=80.0):
    """The log-mel spectrogram: loudness in decibel of each band over time.

    Parameters
    ----------
    samples, sample_rate, n_fft, hop_length, n_mels, fmin, fmax
        As in :func:`mel_spectrogram`.
    top_db : float or None, default 80
        What is softer than the loudest by more than that becomes as loud as that.

    Returns
    -------
    array, shape (n_mels, 1 + n // hop_length), float32
        10 log10 of the power, of at least 1e-10.

    Examples
    --------
    >>> spectrogram = log_mel(np.sin(np.arange(4000)), 4000, n_fft=256, n_mels=16)
    >>> round(float(spectrogram.max() - spectrogram.min()))
    80
    """
    top_db = None if top_db is None else check_number("top_db", top_db, minimum=0)
    decibel = mel_spectrogram(samples, sample_rate, n_fft, hop_length, n_mels, fmin, fmax)
    np.maximum(decibel, 1e-10, out=decibel)
    np.log10(decibel, out=decibel)
    decibel *= 10
    if top_db is not None:
        np.maximum(decibel, decibel.max() - np.float32(top_db), out=decibel)
    return decibel


def mel_filters(sample_rate, n_fft, n_mels=128, fmin=0.0, fmax=None):
    """The weight of each frequency in each band.

    Parameters are those of :func:`mel_spectrogram`.

    Returns
    -------
    array, shape (n_mels, n_fft // 2 + 1), float32

    Examples
    --------
    >>> mel_filters(4000, 16, n_mels=2).shape
    (2, 9)
    """
    fmax = sample_rate / 2 if fmax is None else fmax
    tips = _mel_to_hz(np.linspace(_hz_to_mel(fmin), _hz_to_mel(fmax), n_mels + 2))  # (n_mels + 2,)
    left, middle, right = tips[:-2, None], tips[1:-1, None], tips[2:, None]
    hz = np.fft.rfftfreq(n_fft, 1 / sample_rate)
    triangles = np.maximum(0, np.minimum((hz - left) / (middle - left), (right - hz) / (right - middle)))
    return (triangles * 2 / (right - left)).astype(np.float32)  # of area 1


@functools.lru_cache(maxsize=16)
def _packed_filters(sample_rate, n_fft, n_mels, fmin, fmax):
    """The filters without their zeros: first frequencies, offsets, weights."""
    filters = mel_filters(sample_rate, n_fft, n_mels, fmin, fmax)
    parts, starts = [], []
    for row in filters:
        filled = np.flatnonzero(row)
        starts.append(filled[0] if len(filled) else 0)
        parts.append(row[filled[0] : filled[-1] + 1] if len(filled) else row[:0])
    offsets = np.cumsum([0, *map(len, parts)])
    return np.array(starts, np.int64), offsets.astype(np.int64), np.concatenate(parts)


def _spectra(samples, n_fft, hop_length):
    """Yield (number of its first frame, spectra) of blocks of frames: (frames, n_fft // 2 + 1)."""
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)).astype(np.float32)
    n_frames = 1 + len(samples) // hop_length
    frames = np.empty((min(BLOCK_FRAMES, n_frames), n_fft), np.float32)
    for start in range(0, n_frames, BLOCK_FRAMES):
        some = frames[: min(BLOCK_FRAMES, n_frames - start)]
        frame(samples, window, hop_length, start, some)
        yield start, fft.rfft(some, axis=1)


def _check_sound(samples, n_fft, hop_length):
    n_fft = check_integer("n_fft", n_fft, minimum=2)
    hop_length = max(1, n_fft // 4) if hop_length is None else check_integer("hop_length", hop_length, minimum=1)
    samples = np.asarray(samples)
    if samples.ndim != 1:
        raise ValueError(f"samples must have the shape (n,), one channel; got {samples.shape}")
    if samples.dtype.kind != "f":
        raise TypeError(f"samples must be floats, in [-1, 1]; got {samples.dtype}")
    if not len(samples):
        raise ValueError("there is no sound: 0 samples")
    samples = np.ascontiguousarray(samples, np.float32)
    if not np.isfinite(samples).all():
        raise ValueError("samples must be finite, but hold NaN or infinity")
    return samples, n_fft, hop_length


def _hz_to_mel(hz):
    hz = np.asarray(hz, np.float64)
    knee = _KNEE_HZ / _HZ_PER_MEL
    return np.where(hz < _KNEE_HZ, hz / _HZ_PER_MEL, knee + np.log(np.maximum(hz, 1e-9) / _KNEE_HZ) / _LOG_STEP)


def _mel_to_hz(mels):
    knee = _KNEE_HZ / _HZ_PER_MEL
    return np.where(mels < knee, mels * _HZ_PER_MEL, _KNEE_HZ * np.exp(_LOG_STEP * (mels - knee)))
