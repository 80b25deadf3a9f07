"""Models on a GPU: the same vectors as on the CPU, in Numba's simulator; and what is said where there is none."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from embeddings.cli import main
from embeddings.text import Doc2Vec, FastText, GloVe, Word2Vec
from embeddings.text import cooccurrence as cooccurrence_module
from kernels.device import cuda_is_available
from tests.simulator import mend_simulator

SENTENCES = [["red", "apple", "grows"], ["green", "apple"], ["red", "pear", "grows"], ["green", "pear"]]
SETTINGS = {"vector_size": 5, "window": 2, "min_count": 1, "epochs": 2, "seed": 1}
MODELS = {
    "GloVe": lambda **options: GloVe(**SETTINGS, x_max=5, **options),
    "skip-gram": lambda **options: Word2Vec(**SETTINGS, sample=0, alpha=0.5, **options),
    "skip-gram by pairs": lambda **options: Word2Vec(**SETTINGS, sample=0, alpha=0.5, batch="pair", **options),
    "CBOW": lambda **options: Word2Vec(**SETTINGS, sg=False, sample=0, alpha=0.5, **options),
    "CBOW by words": lambda **options: Word2Vec(**SETTINGS, sg=False, sample=0, alpha=0.5, batch="pair", **options),
    "FastText": lambda **options: FastText(**SETTINGS, sample=0, alpha=0.5, **options),
    "PV-DM": lambda **options: Doc2Vec(**SETTINGS, sample=0, alpha=0.5, **options),
    "PV-DM, concatenated": lambda **options: Doc2Vec(**SETTINGS, dm_concat=True, sample=0, alpha=0.5, **options),
    "PV-DBOW with words": lambda **options: Doc2Vec(
        **SETTINGS, dm=False, dbow_words=True, sample=0, alpha=0.5, **options
    ),
}


def stop(model):
    """A callback that does what Ctrl-C does."""
    raise KeyboardInterrupt


def learns_the_same(name):
    """Fit a model on both devices, on the GPU with a stop after the first epoch, and compare all that they learned."""
    mend_simulator()
    cooccurrence_module.BLOCK_ROWS = 2
    on_cpu = MODELS[name](device="cpu").fit(SENTENCES)
    with pytest.raises(KeyboardInterrupt):
        MODELS[name](device="cuda", checkpoint="checkpoint", callbacks=[stop]).fit(SENTENCES)
    on_gpu = MODELS[name](device="cuda", checkpoint="checkpoint").fit(SENTENCES)
    assert on_gpu.index_to_key_ == on_cpu.index_to_key_
    np.testing.assert_allclose(on_gpu.loss_history_, on_cpu.loss_history_, rtol=1e-4)
    for attribute in [
        key for key, value in vars(on_cpu).items() if key.endswith("_") and isinstance(value, np.ndarray)
    ]:
        assert isinstance(getattr(on_gpu, attribute), np.ndarray)
        np.testing.assert_allclose(getattr(on_gpu, attribute), getattr(on_cpu, attribute), atol=1e-5, err_msg=attribute)
    assert np.abs(on_gpu.context_vectors_).max() > 1e-3
    if name.startswith("PV"):
        np.testing.assert_allclose(on_gpu.transform(SENTENCES), on_cpu.transform(SENTENCES), atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_cuda_learns_what_the_cpu_learns(name, tmp_path):
    code = f"from tests.text import test_device; test_device.learns_the_same({name!r})"
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr[-3000:]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.skipif(cuda_is_available(), reason="there is a GPU")
def test_without_a_gpu_cuda_is_refused_before_anything_is_read(name):
    def never_read():
        raise AssertionError("read")
        yield

    with pytest.raises(RuntimeError, match='needs an NVIDIA GPU.*Use device="cpu"'):
        MODELS[name](device="cuda").fit(never_read())
    with pytest.raises(ValueError, match="device must be one of .*got 'gpu'"):
        MODELS[name](device="gpu").fit(never_read())


@pytest.mark.skipif(cuda_is_available(), reason="there is a GPU")
@pytest.mark.parametrize("name", ["word2vec", "glove", "fasttext"])
def test_the_command_explains_what_is_missing(name, tmp_path, capsys):
    (tmp_path / "text.txt").write_text("red apple\n" * 9)
    arguments = ["train", name, str(tmp_path / "text.txt"), "-o", str(tmp_path / "v.txt"), "--device", "cuda"]
    assert main(arguments) == 1
    assert "needs an NVIDIA GPU" in capsys.readouterr().err
    assert not (tmp_path / "v.txt").exists()


@pytest.mark.parametrize("name", MODELS)
def test_the_reference_learns_what_the_compiled_kernels_learn(name):
    fast, slow = MODELS[name](device="cpu").fit(SENTENCES), MODELS[name](device="numpy").fit(SENTENCES)
    np.testing.assert_allclose(slow.vectors_, fast.vectors_, atol=1e-5)
