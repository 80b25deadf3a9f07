"""What the feature extractors share: weights from files, pictures as ImageNet's networks want them, layers by name."""

from pathlib import Path

import numpy as np

from embeddings.base import Embedder
from embeddings.checks import check_choice, check_integer, check_number
from embeddings.files import read_start, read_tensors
from embeddings.image.checks import check_pictures
from embeddings.image.maps import Maps
from embeddings.image.preprocess import imagenet_pixels
from embeddings.progress import progress
from kernels.conv_direct import panels_of
from kernels.simd import LANES

# Pictures that go through the network together: the weights of its last layers are many, and read once for all of them.
TOGETHER = 8

# Beginnings of zip archives and of pickles: what torch.save writes now, and once did.
_PICKLES = (b"PK\x03\x04", b"\x80\x02")


class FeatureExtractor(Embedder):
    """A network trained by others on ImageNet, up to a layer of your choice.

    A subclass defines ``_spec()``, the units of the network; ``_name_in(tensors, unit)``, what a file calls one; and
    ``_steps(x, wanted)``, which yields (name, activations) layer by layer.

    BatchNorm is folded into the convolution before it when the weights are read: ``w (x * k - μ) / σ + b`` is a
    convolution with ``k w / σ`` and the bias ``b - w μ / σ``.
    """

    # Of the pixels: the padding of the first convolution.
    _border = 1
    # Units without which only the last layers are missing.
    _optional = ()

    def fit(self, X=None, y=None):
        """Draw random weights (He et al. 2015), if none were read: `X` is checked, nothing is learned from it.

        Random networks are the honest baseline of trained ones; for weights trained by others see
        :meth:`from_pretrained`. Returns the model.
        """
        self._check()
        if X is not None:
            check_pictures(X)
        if not getattr(self, "pretrained_", False):
            rng = np.random.default_rng(self.seed)
            self.weights_, self.pretrained_ = {}, False
            for unit, (shape, _) in self._spec().items():
                weight = rng.standard_normal(shape, np.float32) * np.float32(np.sqrt(2 / np.prod(shape[:-1])))
                self.weights_[unit] = weight, np.zeros(shape[-1], np.float32)
            self._lay_out()
        return self

    @classmethod
    def from_pretrained(cls, path, **params):
        """A network with the weights of a safetensors file, as torchvision or timm name them.

        Parameters
        ----------
        path : path-like
        **params
            The constructor's arguments.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file is a pickle, or tensors are missing, unknown, or of another shape: they are named.
        """
        _refuse_pickle(path)
        tensors, _ = read_tensors(path)
        model = cls(**cls._params_of(tensors, params))
        model._check()
        model.weights_ = _read_units(path, tensors, model._spec(), cls._name_in, cls._optional)
        model.pretrained_ = True
        model._lay_out()
        return model

    @classmethod
    def _params_of(cls, tensors, params):
        return params

    def _check(self):
        check_integer("size", self.size, 32)
        if not 0 < check_number("crop", self.crop) <= 1:
            raise ValueError(f"crop must be above 0 and at most 1, got {self.crop!r}")
        check_choice("layer", self.layer, self.layer_names())

    def transform(self, X):
        """The embeddings of pictures: activations of the layer, averaged over places where it has any.

        Parameters
        ----------
        X : list or array of pictures
            Grey (height, width) or RGB (height, width, 3), of any size. The shorter side is scaled to size / crop, the
            middle is cut out, and ImageNet's mean and deviation are taken away.

        Returns
        -------
        array, shape (len(X), n), float32
        """
        self._check_is_fitted()
        self._check()
        X = check_pictures(X)
        if not X:
            raise ValueError("X is empty: there is no picture")
        rows = []
        with progress(desc="pictures", unit="picture", total=len(X)) as bar:
            for i in range(0, len(X), TOGETHER):
                part = [imagenet_pixels(picture, self.size, self.crop) for picture in X[i : i + TOGETHER]]
                made = self.features(np.stack(part))
                rows.append(made.mean(axis=(2, 3)) if made.ndim == 4 else made)
                bar.update(len(part))
        return np.concatenate(rows)

    def features(self, pixels, layer=None):
        """Activations of a layer.

        Parameters
        ----------
        pixels : array, shape (B, 3, H, W), float32
            Pictures as the network wants them (:func:`embeddings.image.preprocess.imagenet_pixels`).
        layer : str, optional
            By default the model's own.

        Returns
        -------
        array, shape (B, C, H', W') or (B, n)
        """
        self._check_is_fitted()
        pixels = np.asarray(pixels, np.float32)
        if pixels.ndim != 4 or not len(pixels) or pixels.shape[1] != 3 or min(pixels.shape[2:]) < 32:
            raise ValueError(f"pixels must be (batch, 3, rows, columns), 32 or more of each side, got {pixels.shape}")
        layer = check_choice("layer", self.layer if layer is None else layer, self.layer_names())
        parts = [pixels[i : i + TOGETHER] for i in range(0, len(pixels), TOGETHER)]
        return np.concatenate([self._layer(Maps.of(part, self._border), layer) for part in parts])

    def _layer(self, x, layer):
        for name, made in self._steps(x, layer):
            if name == layer:
                return made.pictures() if isinstance(made, Maps) else made
        raise ValueError(f"layer {layer!r} needs weights that the file did not hold")

    def _lay_out(self):
        """Weights of the convolutions once more, as the kernel takes them."""
        self._panels = {}
        for unit, (weight, bias) in self.weights_.items():
            if weight.ndim == 4:
                # Pixels are as they are; channels between layers fill whole lanes.
                n_in = weight.shape[2]
                self._panels[unit] = panels_of(weight, bias, -(-n_in // LANES) * LANES if self._panels else n_in)

    def _convolve(self, unit, x, stride=1, padding=0, relu=True, around=None):
        *kernel, _, channels = self.weights_[unit][0].shape
        return x.convolved(*self._panels[unit], channels, kernel, stride, padding, relu, around)

    def _linear(self, unit, x, relu=False):
        weight, bias = self.weights_[unit]
        y = x @ weight + bias
        return np.maximum(y, 0) if relu else y

    def _get_state(self):
        state = {"pretrained_": self.pretrained_}
        for unit, (weight, bias) in self.weights_.items():
            state[f"{unit}.weight"], state[f"{unit}.bias"] = weight, bias
        return state

    def _set_state(self, state):
        weights = {}
        for unit, (shape, _) in self._spec().items():
            if unit in self._optional and f"{unit}.weight" not in state:
                continue
            weights[unit] = state[f"{unit}.weight"], state[f"{unit}.bias"]
            if weights[unit][0].shape[:-1] != shape[:-1] or weights[unit][1].shape != weights[unit][0].shape[-1:]:
                raise ValueError(f"{unit}.weight has the shape {weights[unit][0].shape}, not {shape}")
        self.weights_, self.pretrained_ = weights, state["pretrained_"]
        self._lay_out()


def _refuse_pickle(path):
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}")
    if read_start(path, 4).startswith(_PICKLES):
        raise ValueError(
            f"{str(path)!r} is a pickle, as torch.save writes it: reading it could run anything, and it is not read "
            "here. Where you trust it, convert it once: "
            f"""python -c "import torch; from safetensors.torch import save_file; save_file(torch.load('{path}', """
            """weights_only=True), 'model.safetensors')\""""
        )


def _read_units(path, tensors, spec, name_in, optional):
    """Folded weights and biases of all units, from tensors as PyTorch lays them out.

    They are taken out of `tensors`: large ones need not be in memory twice.
    """
    for name in [name for name in tensors if name.endswith("num_batches_tracked")]:
        del tensors[name]
    weights, missing, wrong = {}, [], []

    def take(name, shape, free=False):
        """A tensor of the shape; where the last one is `free`, any number of outputs will do."""
        if name not in tensors:
            missing.append(name)
            return None
        tensor = tensors.pop(name)
        if tensor.shape[free:] != shape[free:] or tensor.ndim != len(shape):
            wrong.append(f"{name} has the shape {tensor.shape}, not {shape}")
            return None
        return tensor.astype(np.float32, copy=False)

    for unit, (shape, norm) in spec.items():
        name = name_in(tensors, unit)
        if unit in optional and f"{name}.weight" not in tensors:
            tensors.pop(f"{name}.bias", None)
            continue
        n_in, n_out = shape[-2:]
        weight = tensors.get(f"{name}.weight")
        if len(shape) == 2 and weight is not None and weight.ndim == 4:
            # timm keeps the dense layers of VGG as convolutions; their numbers lie the same way.
            tensors[f"{name}.weight"] = weight.reshape(len(weight), -1)
        weight = take(f"{name}.weight", (n_out, n_in, *shape[:-2]), free=unit in optional)
        outputs = n_out if weight is None else len(weight)
        if norm is None:
            bias = take(f"{name}.bias", (outputs,))
        else:
            parts = [take(f"{norm}.{part}", (n_out,)) for part in ("weight", "bias", "running_mean", "running_var")]
        if missing or wrong:
            continue
        if norm is not None:
            scale = parts[0] / np.sqrt(parts[3] + np.float32(1e-5))
            weight, bias = weight * scale.reshape(-1, *(1,) * (weight.ndim - 1)), parts[1] - scale * parts[2]
        # (O, C, …) -> (…, C, O)
        weights[unit] = np.ascontiguousarray(np.moveaxis(weight, (1, 0), (-2, -1))), bias
    problems = [f"it lacks {_some(missing)}"] * bool(missing) + [_some(wrong, "; ")] * bool(wrong)
    problems += [f"it holds {_some(sorted(tensors))}, which the network does not have"] * bool(tensors)
    if problems:
        raise ValueError(f"{str(path)!r} does not fit: {'; '.join(problems)}")
    return weights


def _some(names, separator=", ", limit=5):
    return separator.join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")
