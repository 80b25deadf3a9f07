"""ResNet and VGG16 give what the same networks in PyTorch give; files that do not fit say where."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from embeddings.base import NotFittedError
from embeddings.image import VGG16, ResNet
from embeddings.image.preprocess import imagenet_pixels, resize


class NarrowVGG16(VGG16):
    """The same network with few channels: quick to test."""

    _stages = ((4, 4), (6, 6), (8, 8, 8), (8, 8, 8), (8, 8, 8))
    _hidden = 20


def torch_resnet(depth):
    """The network as torchvision builds it, and with its names."""
    import torch
    from torch import nn

    counts, bottleneck = {18: ((2, 2, 2, 2), False), 34: ((3, 4, 6, 3), False), 50: ((3, 4, 6, 3), True)}[depth]

    class Block(nn.Module):
        def __init__(self, n_in, width, n_out, stride):
            super().__init__()
            shapes = (
                [(n_in, width, 1, 1), (width, width, 3, stride), (width, n_out, 1, 1)]
                if bottleneck
                else [(n_in, width, 3, stride), (width, n_out, 3, 1)]
            )
            self.n = len(shapes)
            for i, (a, b, k, s) in enumerate(shapes, 1):
                setattr(self, f"conv{i}", nn.Conv2d(a, b, k, s, k // 2, bias=False))
                setattr(self, f"bn{i}", nn.BatchNorm2d(b))
            if stride != 1 or n_in != n_out:
                self.downsample = nn.Sequential(nn.Conv2d(n_in, n_out, 1, stride, bias=False), nn.BatchNorm2d(n_out))

        def forward(self, x):
            y = x
            for i in range(1, self.n + 1):
                y = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(y))
                y = torch.relu(y) if i < self.n else y
            return torch.relu(y + (self.downsample(x) if hasattr(self, "downsample") else x))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
            self.relu, self.maxpool = nn.ReLU(), nn.MaxPool2d(3, 2, 1)
            n_in = 64
            for stage, (count, width) in enumerate(zip(counts, (64, 128, 256, 512), strict=True), 1):
                n_out, blocks = 4 * width if bottleneck else width, []
                for block in range(count):
                    blocks.append(Block(n_in, width, n_out, 2 if block == 0 and stage > 1 else 1))
                    n_in = n_out
                setattr(self, f"layer{stage}", nn.Sequential(*blocks))
            self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(n_in, 1000)

        def forward(self, x):
            x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
            x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
            return self.fc(self.avgpool(x).flatten(1))

    return randomised(Net())


def torch_vgg():
    """:class:`NarrowVGG16` as torchvision builds it."""
    from torch import nn

    features, n_in = [], 3
    for stage in NarrowVGG16._stages:
        for n_out in stage:
            features += [nn.Conv2d(n_in, n_out, 3, padding=1), nn.ReLU()]
            n_in = n_out
        features.append(nn.MaxPool2d(2))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.features, self.avgpool = nn.Sequential(*features), nn.AdaptiveAvgPool2d(7)
            dense = [nn.Linear(8 * 49, 20), nn.ReLU(), nn.Dropout(), nn.Linear(20, 20), nn.ReLU(), nn.Dropout()]
            self.classifier = nn.Sequential(*dense, nn.Linear(20, 1000))

        def forward(self, x):
            return self.classifier(self.avgpool(self.features(x)).flatten(1))

    return randomised(Net())


def randomised(net):
    """Weights and BatchNorm's statistics drawn at random, so that activations keep their size."""
    import torch

    generator = torch.Generator().manual_seed(0)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            n = module.num_features
            module.weight.data = torch.rand(n, generator=generator) * 0.5 + 0.5
            module.bias.data = torch.randn(n, generator=generator) * 0.1
            module.running_mean = torch.randn(n, generator=generator) * 0.1
            module.running_var = torch.rand(n, generator=generator) + 0.5
        elif isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
            fan_in = module.weight[0].numel()
            module.weight.data = torch.randn(module.weight.shape, generator=generator) * (2 / fan_in) ** 0.5
    return net.eval()


def activations(net, names, x):
    """What the named modules of a network in PyTorch give."""
    import torch

    seen = {}
    modules = dict(net.named_modules())
    for name in names:
        modules[name].register_forward_hook(lambda m, i, o, name=name: seen.__setitem__(name, o.clone()))
    with torch.no_grad():
        net(torch.tensor(x))
    return {name: seen[name].numpy() for name in names}


@pytest.mark.peer("torch")
@pytest.mark.parametrize("depth", [18, 34, 50])
def test_resnet_is_pytorchs(depth, tmp_path):
    from safetensors.torch import save_file

    net = torch_resnet(depth)
    save_file(net.state_dict(), tmp_path / "resnet.safetensors")
    model = ResNet.from_pretrained(tmp_path / "resnet.safetensors")
    assert model.depth == depth and model.pretrained_
    x = np.random.default_rng(0).normal(size=(2, 3, 64, 80)).astype("f")
    names = ["bn1", "relu", "maxpool", "layer1.0", "layer2", "layer3.1", "layer4", "avgpool", "fc"]
    for name, ref in activations(net, names, x).items():
        comp = model.features(x, name)
        ref = ref.reshape(comp.shape)
        np.testing.assert_allclose(comp, ref, rtol=1e-4, atol=1e-4 * np.abs(ref).max(), err_msg=name)


@pytest.mark.peer("torch")
@pytest.mark.parametrize("names_of", ["torchvision", "timm"])
def test_vgg16_is_pytorchs(names_of, tmp_path):
    from safetensors.torch import save_file

    net = torch_vgg()
    state = net.state_dict()
    if names_of == "timm":
        for ours, timm, shape in (
            ("classifier.0", "pre_logits.fc1", (20, 8, 7, 7)),
            ("classifier.3", "pre_logits.fc2", (20, 20, 1, 1)),
            ("classifier.6", "head.fc", (1000, 20)),
        ):
            state[f"{timm}.weight"] = state.pop(f"{ours}.weight").reshape(shape).contiguous()
            state[f"{timm}.bias"] = state.pop(f"{ours}.bias")
    save_file(state, tmp_path / "vgg.safetensors")
    model = NarrowVGG16.from_pretrained(tmp_path / "vgg.safetensors")
    x = np.random.default_rng(0).normal(size=(2, 3, 64, 50)).astype("f")
    names = ["features.0", "features.1", "features.4", "features.29", "features.30", "avgpool", "classifier.0"]
    for name, ref in activations(net, [*names, "classifier.4", "classifier.6"], x).items():
        np.testing.assert_allclose(model.features(x, name), ref, rtol=1e-4, atol=1e-4 * np.abs(ref).max(), err_msg=name)


def checkpoint(path, **changes):
    """A file with the tensors of a random narrow VGG16, as torchvision names them, some of them changed."""
    from embeddings.files import write_tensors

    tensors = {}
    for unit, (shape, _) in NarrowVGG16()._spec().items():
        tensors[f"{unit}.weight"] = np.zeros((shape[-1], shape[-2], *shape[:-2]), "f")
        tensors[f"{unit}.bias"] = np.zeros(shape[-1], "f")
    for name, value in changes.items():
        name = name.replace("__", ".")
        if value is None:
            del tensors[name]
        else:
            tensors[name] = value
    write_tensors(path, tensors, {})
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features__5__weight": None}, "lacks features.5.weight"),
        ({"features__5__bias": np.zeros(7, "f")}, r"features.5.bias has the shape \(7,\), not \(6,\)"),
        ({"features__0__weight": np.zeros((4, 3, 5, 5), "f")}, r"features.0.weight has the shape \(4, 3, 5, 5\)"),
        ({"stem__weight": np.zeros(2, "f")}, "holds stem.weight, which the network does not have"),
    ],
)
def test_tensors_that_do_not_fit_are_named(changes, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        NarrowVGG16.from_pretrained(checkpoint(tmp_path / "x.safetensors", **changes))


def test_a_file_of_features_alone_will_do(tmp_path):
    tops = {f"classifier__{i}__{part}": None for i in (0, 3, 6) for part in ("weight", "bias")}
    path = checkpoint(tmp_path / "x.safetensors", **tops)
    model = NarrowVGG16.from_pretrained(path, layer="features.30", size=32)
    assert model.transform([np.zeros((40, 40), np.uint8)]).shape == (1, 8)
    with pytest.raises(ValueError, match="needs weights that the file did not hold"):
        model.features(np.zeros((1, 3, 32, 32)), "classifier.4")
    other = checkpoint(
        tmp_path / "y.safetensors", classifier__6__weight=np.zeros((7, 20), "f"), classifier__6__bias=np.ones(7, "f")
    )
    assert NarrowVGG16.from_pretrained(other).features(np.zeros((1, 3, 32, 32)), "classifier.6").shape == (1, 7)


@pytest.mark.parametrize("start", [b"PK\x03\x04rest", b"\x80\x02}q\x00."])
def test_pickles_are_refused_with_the_way_to_convert_them(start, tmp_path):
    (tmp_path / "model.pth").write_bytes(start)
    with pytest.raises(ValueError, match="is a pickle.*convert it once: python -c .*save_file"):
        ResNet.from_pretrained(tmp_path / "model.pth")
    with pytest.raises(FileNotFoundError, match="no file"):
        ResNet.from_pretrained(tmp_path / "none.pth")


def test_random_weights_are_saved_and_loaded(tmp_path):
    pictures = [np.random.default_rng(0).integers(0, 255, (50, 40, 3), np.uint8)] * 2
    model = NarrowVGG16(size=32, seed=3).fit(pictures)
    vectors = model.transform(pictures)
    assert vectors.shape == (2, 20) and np.array_equal(vectors[0], vectors[1])
    model.save(tmp_path / "x.safetensors")
    assert NarrowVGG16.load(tmp_path / "x.safetensors").transform(pictures).tobytes() == vectors.tobytes()


def test_any_number_of_threads_and_pictures_gives_the_same_bits():
    x = np.random.default_rng(0).normal(size=(10, 3, 40, 57)).astype("f")
    model = NarrowVGG16().fit()
    for layer in ("features.3", "features.16", "avgpool"):
        made = []
        for threads in (1, 2, 3):
            with threadpool_limits(threads):
                made.append(model.features(x, layer).tobytes())
        made.append(np.concatenate([model.features(x[i : i + 1], layer) for i in range(10)]).tobytes())
        assert len(set(made)) == 1


def test_arguments_are_checked():
    model = ResNet(size=32)
    with pytest.raises(NotFittedError):
        model.features(np.zeros((1, 3, 32, 32)))
    with pytest.raises(ValueError, match="depth must be one of 18, 34, 50, got 19"):
        ResNet(19).fit()
    with pytest.raises(ValueError, match="layer must be one of 'bn1', .*got 'layer9'"):
        ResNet(layer="layer9").fit()
    model.fit()
    with pytest.raises(ValueError, match=r"pixels must be \(batch, 3, rows, columns\)"):
        model.features(np.zeros((1, 32, 32, 3)))
    with pytest.raises(ValueError, match="X is empty"):
        model.transform([])
    with pytest.raises(ValueError, match="channels first"):
        model.transform([np.zeros((3, 40, 40))])
    with pytest.raises(ValueError, match="NaN"):
        model.transform([np.full((40, 40), np.nan)])
    with pytest.raises(ValueError, match="crop must be above 0"):
        ResNet(crop=0).fit()
    assert model.transform([np.zeros((1, 1))]).shape == (1, 512)  # one pixel is scaled like any other picture


def test_pictures_are_scaled_as_pillow_scales_them():
    from PIL import Image

    picture = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
    for height, width in ((20, 31), (60, 45), (75, 200)):
        ref = np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR), float)
        assert np.abs(resize(picture.astype("f"), height, width) - ref).max() <= 1.01  # Pillow rounds twice
    grey = imagenet_pixels(picture[..., 0], 24)
    assert grey.shape == (3, 24, 24)
    np.testing.assert_allclose(grey[0] * 0.229 + 0.485, grey[2] * 0.225 + 0.406, atol=1e-6)
