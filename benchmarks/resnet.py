"""ResNet-18's features of pictures of 224 × 224 beside the same network in PyTorch."""

import tempfile
from pathlib import Path

import numpy as np

from benchmarks.harness import interleave, report

BATCHES = (1, 8)
BAR = 0.8


def run(data, threads):
    """One picture, and a batch of eight, through networks with the same random weights."""
    import torch
    from safetensors.torch import save_file

    from embeddings.image import ResNet

    torch.manual_seed(0)
    torch.set_num_threads(threads)
    net = _torch_resnet18(torch).eval()
    with tempfile.TemporaryDirectory() as folder:
        save_file(net.state_dict(), Path(folder) / "resnet18.safetensors")
        model = ResNet.from_pretrained(Path(folder) / "resnet18.safetensors")
    for n in BATCHES:
        pixels = np.random.default_rng(0).normal(size=(n, 3, 224, 224)).astype(np.float32)
        results = {}

        def ours(pixels=pixels, results=results):
            results["embeddings"] = model.features(pixels)

        def theirs(pixels=pixels, results=results):
            with torch.inference_mode():
                results["PyTorch"] = net(torch.from_numpy(pixels)).numpy()

        medians = interleave({"embeddings": ours, "PyTorch": theirs}, repeats=9, threads=threads)
        scale = np.abs(results["PyTorch"]).max()
        np.testing.assert_allclose(results["embeddings"], results["PyTorch"], rtol=1e-4, atol=1e-4 * scale)
        report(f"\nResNet-18, batches of {n}, {threads} thread(s)", medians, n, "pictures", bar=BAR)


def _torch_resnet18(torch):
    """The network without its last layer, with torchvision's names (whose package need not be there)."""
    from torch import nn

    class Block(nn.Module):
        def __init__(self, n_in, n_out, stride):
            super().__init__()
            self.conv1, self.bn1 = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False), nn.BatchNorm2d(n_out)
            self.conv2, self.bn2 = nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False), nn.BatchNorm2d(n_out)
            if stride != 1:
                self.downsample = nn.Sequential(nn.Conv2d(n_in, n_out, 1, stride, bias=False), nn.BatchNorm2d(n_out))

        def forward(self, x):
            around = self.downsample(x) if hasattr(self, "downsample") else x
            return torch.relu(self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x))))) + around)

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
            self.maxpool = nn.MaxPool2d(3, 2, 1)
            n_in = 64
            for stage, n_out in enumerate((64, 128, 256, 512), 1):
                blocks = Block(n_in, n_out, 1 + (stage > 1)), Block(n_out, n_out, 1)
                setattr(self, f"layer{stage}", nn.Sequential(*blocks))
                n_in = n_out

        def forward(self, x):
            x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
            return self.layer4(self.layer3(self.layer2(self.layer1(x)))).mean((2, 3))

    return Network()
