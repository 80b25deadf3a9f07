"""Spectrograms: librosa's numbers, sounds known beforehand, and what is no sound."""

import numpy as np
import pytest

from embeddings.video import audio as module
from embeddings.video import log_mel, mel_filters, mel_spectrogram, stft


def sound(n=9000, seed=0):
    rng = np.random.default_rng(seed)
    time = np.arange(n) / 8000
    return (0.5 * np.sin(2 * np.pi * (300 + 900 * time) * time) + rng.normal(0, 0.05, n)).astype(np.float32)


@pytest.mark.peer("librosa")
@pytest.mark.parametrize(("n_fft", "hop", "n_mels"), [(2048, 512, 128), (512, 100, 40), (400, 160, 23)])
def test_it_is_what_librosa_gives(n_fft, hop, n_mels):
    import librosa

    samples = sound()
    options = {"n_fft": n_fft, "hop_length": hop}
    ref = librosa.stft(samples, **options)
    np.testing.assert_allclose(stft(samples, **options), ref, atol=1e-5 * abs(ref).max())
    ref = librosa.filters.mel(sr=8000, n_fft=n_fft, n_mels=n_mels)
    np.testing.assert_allclose(mel_filters(8000, n_fft, n_mels), ref, atol=1e-5 * ref.max())
    ref = librosa.feature.melspectrogram(y=samples, sr=8000, n_mels=n_mels, **options)
    comp = mel_spectrogram(samples, 8000, n_mels=n_mels, **options)
    np.testing.assert_allclose(comp, ref, rtol=1e-5, atol=1e-5 * ref.max())
    ref = librosa.power_to_db(ref)
    np.testing.assert_allclose(log_mel(samples, 8000, n_mels=n_mels, **options), ref, rtol=1e-5, atol=1e-3)
    ref = librosa.feature.melspectrogram(y=samples, sr=8000, n_mels=9, fmin=100, fmax=3000, **options)
    comp = mel_spectrogram(samples, 8000, n_mels=9, fmin=100, fmax=3000, **options)
    np.testing.assert_allclose(comp, ref, rtol=1e-5, atol=1e-5 * ref.max())


def test_by_the_definition():
    samples = sound(70).astype(np.float64)
    comp = stft(samples, n_fft=16, hop_length=6)
    around, k = np.pad(samples, 16), np.arange(16)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * k / 16)
    for i in range(12):
        frame = window * around[16 + i * 6 - 8 : 16 + i * 6 + 8]
        ref = np.exp(-2j * np.pi * np.outer(np.arange(9), k) / 16) @ frame
        np.testing.assert_allclose(comp[:, i], ref, atol=1e-5)


def test_blocks_do_not_matter(monkeypatch):
    expected = log_mel(sound(), 8000, n_fft=256)
    monkeypatch.setattr(module, "BLOCK_FRAMES", 7)
    np.testing.assert_allclose(log_mel(sound(), 8000, n_fft=256), expected, atol=1e-4)


def test_a_tone_is_in_its_band_and_silence_is_soft():
    time = np.arange(4000) / 4000
    spectrogram = log_mel(np.sin(2 * np.pi * 500 * time), 4000, n_fft=512, n_mels=32)
    band = spectrogram[:, 10].argmax()
    assert mel_filters(4000, 512, 32)[band, 500 * 512 // 4000] > 0
    np.testing.assert_allclose(log_mel(np.zeros(100), 4000, n_fft=64, n_mels=4), -100, rtol=1e-6)
    assert log_mel(np.ones(1), 4000, n_fft=64, n_mels=4).shape == (4, 1)


@pytest.mark.parametrize(
    ("samples", "options", "error", "message"),
    [
        (np.zeros((2, 9)), {}, ValueError, "one channel"),
        (np.zeros(9, np.int16), {}, TypeError, "samples must be floats"),
        (np.zeros(0), {}, ValueError, "no sound"),
        (np.array([0, np.nan]), {}, ValueError, "samples must be finite"),
        (np.zeros(9), {"n_fft": 1}, ValueError, "n_fft must be at least 2"),
        (np.zeros(9), {"hop_length": 0}, ValueError, "hop_length must be at least 1"),
        (np.zeros(9), {"n_mels": 0}, ValueError, "n_mels must be at least 1"),
        (np.zeros(9), {"fmin": 300, "fmax": 200}, ValueError, "fmin < fmax"),
        (np.zeros(9), {"fmax": 5000}, ValueError, "half the sample rate, 4000.0"),
        (np.zeros(9), {"top_db": -1}, ValueError, "top_db must be at least 0"),
    ],
)
def test_what_is_no_sound(samples, options, error, message):
    with pytest.raises(error, match=message):
        log_mel(samples, 8000, **options)
