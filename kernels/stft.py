"""Sound as pictures: frames of samples before the Fourier transform, and bands of pitch after it.

    frame   f[i, k] = w[k] x[(i + i0) h + k - F/2],  0 outside of the sound
    mel     m[b, i] = Σ_k a[b, k] |S[i, k]|²

The transform between them, S[i] = Σ_k f[i, k] exp(-2πi j k / F), is done by the caller. Of a triangle's F/2 + 1
weights few are not 0; these alone are kept, one band after the other, and the sum is as short.

====== ======= =================== ====================================================================
symbol variable shape              what it is
====== ======= =================== ====================================================================
x      samples (n,) float32        the sound
w      window  (F,) float32        what each sample of a frame is multiplied by
h      hop     int                 samples from frame to frame
i0     first   int                 the number of the first of these frames
f      frames  (m, F) float32      frame i has its middle at sample (i + i0) h
S      spectra (m, F/2 + 1)        complex64
a      weights (K,) float32        weights of all bands, one behind the other
       starts  (M,) int64          the first frequency of each band
       offsets (M + 1,) int64      where each band's weights begin and end
m      bands   (M, m) float32      power in each band, written in place
====== ======= =================== ====================================================================

Davis & Mermelstein, "Comparison of Parametric Representations for Monosyllabic Word Recognition", 1980, section II.
"""

import numpy as np

from kernels.compile import compiled


def frame_numpy(samples, window, hop, first, frames):
    """Cut a sound into frames that overlap, each weighed by the window.

    Examples
    --------
    >>> frames = np.empty((2, 4))
    >>> frame_numpy(np.arange(1.0, 5.0), np.array([1.0, 1.0, 1.0, 0.5]), 2, 0, frames)
    >>> frames.tolist()
    [[0.0, 0.0, 1.0, 1.0], [1.0, 2.0, 3.0, 2.0]]
    """
    F = len(window)
    around = np.pad(samples, (F // 2, (first + len(frames)) * hop + F))
    for i in range(len(frames)):
        start = (first + i) * hop
        frames[i] = window * around[start : start + F]


@compiled
def frame_cpu(samples, window, hop, first, frames):
    """Compiled :func:`frame_numpy`."""
    F, n = window.shape[0], samples.shape[0]
    for i in range(frames.shape[0]):
        start = (first + i) * hop - F // 2
        low, high = min(max(0, -start), F), max(0, min(F, n - start))
        frame = frames[i]
        frame[:low] = 0
        frame[high:] = 0
        if high > low:
            inside, of, weights = frame[low:high], samples[start + low : start + high], window[low:high]
            for k in range(inside.shape[0]):
                inside[k] = weights[k] * of[k]


def mel_numpy(spectra, starts, offsets, weights, bands):
    """Write the power in each band to `bands`.

    Examples
    --------
    >>> bands = np.empty((2, 1))
    >>> weights = np.array([1.0, 0.5, 2.0])
    >>> mel_numpy(np.array([[3j, 2, 1 + 1j]]), np.array([0, 2]), np.array([0, 2, 3]), weights, bands)
    >>> bands.tolist()
    [[11.0], [4.0]]
    """
    power = spectra.real**2 + spectra.imag**2  # (m, F/2 + 1)
    for b, start in enumerate(starts):
        own = weights[offsets[b] : offsets[b + 1]]
        bands[b] = power[:, start : start + len(own)] @ own


@compiled
def mel_cpu(spectra, starts, offsets, weights, bands):
    """Compiled :func:`mel_numpy`."""
    power = np.empty(spectra.shape[1], bands.dtype)
    for i in range(spectra.shape[0]):
        spectrum = spectra[i]
        for k in range(power.shape[0]):
            power[k] = spectrum[k].real * spectrum[k].real + spectrum[k].imag * spectrum[k].imag
        for b in range(starts.shape[0]):
            own, of = weights[offsets[b] : offsets[b + 1]], power[starts[b] :]
            total = np.float32(0)
            for k in range(own.shape[0]):
                total += own[k] * of[k]
            bands[b, i] = total


FRAME_IMPLEMENTATIONS = {"numpy": frame_numpy, "cpu": frame_cpu}
MEL_IMPLEMENTATIONS = {"numpy": mel_numpy, "cpu": mel_cpu}
