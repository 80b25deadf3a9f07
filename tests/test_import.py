"""``import embeddings`` is quick because it loads nothing."""

import subprocess
import sys


def test_import_loads_nothing_heavy():
    code = "import embeddings, embeddings.text, sys; print(' '.join(sys.modules))"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert "embeddings.text" in loaded
    assert not loaded & {"numba", "scipy", "matplotlib", "skimage", "numpy", "safetensors", "sklearn"}


def test_lazy_names_are_listed_and_found():
    import embeddings
    import embeddings.text

    assert embeddings.similarity.__name__ == "embeddings.similarity"
    for name in embeddings.text.__all__:
        assert getattr(embeddings.text, name).__name__ == name
