"""Pictures on their way through a trained network."""

import concurrent.futures
import contextlib

import numpy as np

from kernels.conv_direct import BORDER, room
from kernels.conv_direct import IMPLEMENTATIONS as CONVOLUTION
from kernels.device import implementation
from kernels.pool import MAX_IMPLEMENTATIONS
from kernels.simd import LANES

convolve = implementation(CONVOLUTION)
max_pool = implementation(MAX_IMPLEMENTATIONS)

_NOTHING = np.empty((0, 0, 0, 0), np.float32)


@contextlib.contextmanager
def sharing(workers):
    """Threads for kernels that know their part of the work: yields ``share(kernel, *arguments)``, which calls
    ``kernel(*arguments, worker, workers)`` on each.
    """
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:

        def share(kernel, *arguments):
            others = [pool.submit(kernel, *arguments, worker, workers) for worker in range(1, workers)]
            kernel(*arguments, 0, workers)
            for other in others:
                other.result()

        yield share


class Maps:
    """Feature maps of pictures as :mod:`kernels.conv_direct` takes them: channels side by side, zeros around.

    Parameters
    ----------
    array : array, shape (B, H + 2 border, W + 2 border, C), float32
    channels : int
        How many of C there are; the others are zeros.
    border : int
    share : callable
        From :func:`sharing`.
    """

    def __init__(self, array, channels, border, share):
        self.array, self.channels, self.border, self.share = array, channels, border, share

    @classmethod
    def of(cls, pixels, border, share):
        """Maps of pixels (B, C, H, W)."""
        B, C, H, W = pixels.shape
        maps = cls(room(B, H, W, C, border), C, border, share)
        maps._inside()[...] = np.moveaxis(pixels, 1, -1)
        return maps

    @property
    def width(self):
        """Numbers at each place."""
        return self.array.shape[3]

    def pictures(self):
        """The maps as an array (B, channels, H, W), a view."""
        return np.moveaxis(self._inside()[..., : self.channels], -1, 1)

    def convolved(self, panels, bias, channels, kernel, stride, padding, relu, around=None):
        """Maps of `channels` channels.

        Parameters
        ----------
        panels, bias : arrays
            From :func:`kernels.conv_direct.panels_of`, for maps of this width.
        kernel : tuple of two int
        stride, padding : int
        relu : bool
        around : Maps, optional
            Added before the ReLU.
        """
        made = self._empty(channels, kernel, stride, padding)
        ways = _NOTHING if around is None else around.array
        self.share(convolve, self.array, panels, bias, ways, self.border - padding, stride, relu, made.array)
        return made

    def pooled(self, size, stride, padding):
        """The largest number of every window. Those on the border see its zeros, which hide nothing after a ReLU."""
        made = self._empty(self.channels, (size, size), stride, padding)
        y = np.empty((len(self.array), 1, *made._inside().shape[1:]), np.float32)
        # The border has the place of padding, and windows begin inside it where there is none.
        outside = padding - self.border
        max_pool(
            self.array[:, None],
            (1, size, size),
            (1, stride, stride),
            (0, outside, outside),
            y,
            np.empty(y.shape, np.int32),
        )
        made._inside()[...] = y[:, 0]
        return made

    def _inside(self):
        b = self.border
        return self.array[:, b : self.array.shape[1] - b, b : self.array.shape[2] - b]

    def _empty(self, channels, kernel, stride, padding):
        H, W = ((n + 2 * padding - k) // stride + 1 for n, k in zip(self._inside().shape[1:3], kernel, strict=True))
        width = -(-channels // LANES) * LANES
        return Maps(room(len(self.array), H, W, width), channels, BORDER, self.share)
