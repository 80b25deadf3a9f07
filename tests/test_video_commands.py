"""search-video and video-tokens, as a user calls them."""

import re

import numpy as np
import pytest

from embeddings.cli import main
from embeddings.datasets import film, moving_shapes
from embeddings.video import UnifiedEncoder, VideoAutoencoder, write_gif, write_wav


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    world = moving_shapes(24, seed=9, size=16, frames=4, background="plain")
    for i in range(4):
        write_gif(folder / f"clip{i}.gif", world.clips[i])
    write_wav(folder / "sound.wav", np.repeat(world.sounds[0], 2), 8000)
    (folder / "broken.gif").write_bytes(b"GIF89a nothing")
    (folder / "notes.txt").write_text("no film")
    model = UnifiedEncoder(width=8, n_layers=1, n_heads=2, epochs=1, batch_size=8, n_fft=128)
    given = {"image": world.stills, "clip": world.clips, "sound": world.sounds, "sample_rate": 4000}
    model.fit(world.captions, **given).save(folder / "model.safetensors")
    return folder


def test_search_video(folder, capsys):
    model = ["--model", str(folder / "model.safetensors")]
    assert main(["search-video", str(folder), "a red square moves left", *model]) == 0
    out = capsys.readouterr().out
    assert "5 files, 1 skipped" in out and len(re.findall(r"clip\d\.gif", out)) == 4
    # A file finds itself first, and one of another size is brought to what the model knows.
    assert main(["search-video", str(folder), str(folder / "clip2.gif"), *model, "--top", "1"]) == 0
    assert re.match(r"\s+1\.000  clip2\.gif", capsys.readouterr().out)
    assert main(["search-video", str(folder), str(folder / "sound.wav"), *model, "--top", "1"]) == 0
    assert "sound.wav" in capsys.readouterr().out


def test_search_video_says_what_is_missing(folder, tmp_path, capsys):
    for arguments, message in (
        ([str(folder / "nowhere"), "a"], "is not a folder"),
        ([str(tmp_path), "a"], "holds no film, sound or picture"),
        ([str(folder), "gone.gif", "--model", str(folder / "model.safetensors")], "there is no file 'gone.gif'"),
        ([str(folder), "a", "--top", "0"], "--top must be at least 1"),
    ):
        assert main(["search-video", *arguments]) == 1
        assert message in capsys.readouterr().err


def test_video_tokens(tmp_path, capsys):
    write_gif(tmp_path / "film.gif", film())
    clips = np.stack([film()[:4, :8, :8], film()[4:8, :8, :8]])
    VideoAutoencoder((2, 4, 4), 2, width=8, n_blocks=0, epochs=1).fit(clips).save(tmp_path / "model.safetensors")
    model = ["--model", str(tmp_path / "model.safetensors")]
    figure = tmp_path / "tokens.png"
    assert main(["video-tokens", str(tmp_path / "film.gif"), "--frames", "9", *model, "--figure", str(figure)]) == 0
    out = capsys.readouterr().out
    assert "clip    8 × 24 × 12 × 3" in out and "latent  4 × 6 × 3 × 2" in out and "tokens  72 of 2" in out
    assert figure.read_bytes().startswith(b"\x89PNG")
    write_gif(tmp_path / "one.gif", film()[:1])
    assert main(["video-tokens", str(tmp_path / "one.gif"), *model]) == 1
    assert "smaller than a patch" in capsys.readouterr().err
    assert main(["video-tokens", str(tmp_path / "gone.gif")]) == 1
    assert "there is no file" in capsys.readouterr().err
