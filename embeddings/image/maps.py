"""Pictures on their way through a trained network."""

import numpy as np

from embeddings.nn.threads import in_parts, n_threads
from kernels.conv_direct import BORDER, room
from kernels.conv_direct import IMPLEMENTATIONS as CONVOLUTION
from kernels.device import implementation
from kernels.pool import MAX_IMPLEMENTATIONS
from kernels.simd import LANES

convolve = implementation(CONVOLUTION)
max_pool = implementation(MAX_IMPLEMENTATIONS)

_NOTHING = np.empty((0, 0, 0, 0), np.float32)


class Maps:
    """Feature maps of pictures as :mod:`kernels.conv_direct` takes them: channels side by side, zeros around.

    Parameters
    ----------
    array : array, shape (B, H + 2 border, W + 2 border, C), float32
    channels : int
        How many of C there are; the others are zeros.
    border : int
    """

    def __init__(self, array, channels, border):
        self.array, self.channels, self.border = array, channels, border

    @classmethod
    def of(cls, pixels, border):
        """Maps of pixels (B, C, H, W)."""
        B, C, H, W = pixels.shape
        maps = cls(room(B, H, W, C, border), C, border)
        maps._inside()[...] = np.moveaxis(pixels, 1, -1)
        return maps

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
        workers = n_threads()

        def work(begin, end):
            for worker in range(begin, end):
                geometry = self.border - padding, stride, relu
                convolve(self.array, panels, bias, ways, *geometry, made.array, worker, workers)

        in_parts(workers, work)
        return made

    def pooled(self, size, stride, padding):
        """The largest number of every window. Those on the border see its zeros, which hide nothing after a ReLU."""
        made = self._empty(self.channels, (size, size), stride, padding)
        y = np.empty((len(self.array), 1, *made._inside().shape[1:]), np.float32)
        taps = np.empty(y.shape, np.int32)
        # The border takes the place of padding; where there is none, windows begin inside of it.
        outside = padding - self.border

        def pool(*part):
            part = slice(*part)
            sizes = (1, size, size), (1, stride, stride), (0, outside, outside)
            max_pool(self.array[part, None], *sizes, y[part], taps[part])
            made._inside()[part] = y[part, 0]

        in_parts(len(y), pool)
        return made

    def _inside(self):
        b = self.border
        return self.array[:, b : self.array.shape[1] - b, b : self.array.shape[2] - b]

    def _empty(self, channels, kernel, stride, padding):
        H, W = ((n + 2 * padding - k) // stride + 1 for n, k in zip(self._inside().shape[1:3], kernel, strict=True))
        width = -(-channels // LANES) * LANES
        return Maps(room(len(self.array), H, W, width), channels, BORDER)
