"""Films and sounds from files: in windows, in every sample width, and what is damaged."""

import sys
import wave

import numpy as np
import pytest

from embeddings.video import io as module
from embeddings.video import read_clip, read_sound, stream_clip, stream_sound, write_gif, write_wav


def clip(frames=7, height=24, width=32):
    """Smooth, so that a few colours and a codec keep it."""
    t, y, x = np.indices((frames, height, width))
    return np.stack([8 * t + 4 * y, 6 * x, 20 * t], axis=-1).astype(np.uint8)


def write_mp4(path, frames):
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=8, bit_rate=4_000_000)
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


@pytest.fixture
def gif(tmp_path):
    write_gif(tmp_path / "clip.gif", clip())
    return tmp_path / "clip.gif"


def test_a_gif_there_and_back(gif):
    back = read_clip(gif)
    assert back.shape == (7, 24, 32, 3) and back.dtype == np.uint8
    assert abs(back.astype(int) - clip()).mean() < 8, "256 colours"
    np.testing.assert_array_equal(read_clip(gif, max_frames=3), back[:3])


@pytest.mark.parametrize(
    ("window", "step", "expected"),
    [
        (3, None, [(0, 3), (3, 6), (6, 7)]),
        (4, 2, [(0, 4), (2, 6), (4, 7)]),
        (7, None, [(0, 7)]),
        (9, None, [(0, 7)]),
        (3, 2, [(0, 3), (2, 5), (4, 7)]),
        (1, None, [(i, i + 1) for i in range(7)]),
    ],
)
def test_windows(gif, window, step, expected):
    whole = read_clip(gif)
    parts = list(stream_clip(gif, window, step))
    assert len(parts) == len(expected)
    for part, (a, b) in zip(parts, expected, strict=True):
        np.testing.assert_array_equal(part, whole[a:b])


def test_a_film_is_not_read_before_it_is_asked_for(gif, monkeypatch):
    seen = []
    frames = module._gif_frames
    monkeypatch.setattr(module, "_gif_frames", lambda path: (seen.append(1) or frame for frame in frames(path)))
    stream = stream_clip(gif, 2)
    next(stream)
    assert len(seen) == 2


def test_one_frame(tmp_path):
    write_gif(tmp_path / "one.gif", clip(1))
    assert read_clip(tmp_path / "one.gif").shape == (1, 24, 32, 3)


@pytest.mark.peer("av")
def test_mp4(tmp_path):
    frames = clip(12, 48, 64)
    path = tmp_path / "clip.mp4"
    write_mp4(path, frames)
    back = read_clip(path)
    assert back.shape == frames.shape and abs(back.astype(int) - frames).mean() < 6
    assert [len(part) for part in stream_clip(path, 5)] == [5, 5, 2]
    with pytest.raises(ValueError, match="holds no sound"):
        read_sound(path)
    data = path.read_bytes()
    for keep in (len(data) // 2, 10):
        (tmp_path / "cut.mp4").write_bytes(data[:keep])
        with pytest.raises(ValueError, match=r"cut.mp4' is (damaged|cut short)"):
            read_clip(tmp_path / "cut.mp4")


@pytest.mark.peer("av")
def test_a_film_that_is_cut_short_in_its_middle(tmp_path):
    # With its table of contents in front, a film can be decoded up to where it was cut.
    import av

    path = tmp_path / "fast.mp4"
    frames = np.random.default_rng(0).integers(0, 255, (12, 48, 64, 3)).astype(np.uint8)
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("mpeg4", rate=8, bit_rate=4_000_000)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match="cut short"):
        read_clip(path)
    first = next(stream_clip(path, 2))
    assert first.shape == (2, 48, 64, 3), "what could be read is given before"


def test_without_pyav_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    (tmp_path / "film.mp4").write_bytes(b"\0" * 100)
    with pytest.raises(ImportError, match=r"embeddings-from-scratch\[video\]"):
        read_clip(tmp_path / "film.mp4")
    with pytest.raises(ImportError, match="video"):
        read_sound(tmp_path / "film.mp4")


def test_frames_that_change_in_size(gif, monkeypatch):
    monkeypatch.setattr(module, "_gif_frames", lambda path: iter([clip()[0], clip(1, 8, 8)[0]]))
    with pytest.raises(ValueError, match=r"frame 1 has the shape \(8, 8, 3\), those before \(24, 32, 3\)"):
        read_clip(gif)
    monkeypatch.setattr(module, "_gif_frames", lambda path: iter([]))
    with pytest.raises(ValueError, match="has no frame"):
        read_clip(gif)


def test_a_damaged_gif(gif, tmp_path):
    data = gif.read_bytes()
    (tmp_path / "cut.gif").write_bytes(data[:30])
    with pytest.raises(ValueError, match="cut.gif"):
        read_clip(tmp_path / "cut.gif")
    with pytest.raises(FileNotFoundError, match="nowhere.gif"):
        read_clip(tmp_path / "nowhere.gif")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda path: list(stream_clip(path, 0)), "window must be at least 1"),
        (lambda path: list(stream_clip(path, 2, 3)), "step must be at most 2"),
        (lambda path: read_clip(path, max_frames=0), "max_frames must be at least 1"),
        (lambda path: list(stream_sound(path, 0)), "window must be at least 1"),
        (lambda path: write_gif(path, np.zeros((2, 3, 8, 8), np.uint8)), "clip must be .* of shape"),
        (lambda path: write_gif(path, np.zeros((0, 8, 8, 3), np.uint8)), "clip must be"),
        (lambda path: write_wav(path, np.zeros(3, int), 8000), "samples must be floats"),
    ],
)
def test_bad_arguments(gif, call, message):
    with pytest.raises(ValueError, match=message):
        call(gif)


# Sounds ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 2])
def test_wav_of_every_width(tmp_path, width, channels):
    samples = np.sin(np.arange(100) / 5)
    whole = np.rint(samples * (2 ** (8 * width - 1) - 1)).astype(np.int64)
    if width == 1:
        whole += 128
    data = np.repeat(whole, channels).astype("<i8").view(np.uint8).reshape(-1, 8)[:, :width].tobytes()
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(8000)
        file.writeframes(data)
    back, rate = read_sound(tmp_path / "a.wav")
    assert rate == 8000 and back.dtype == np.float32
    np.testing.assert_allclose(back, samples, atol=2.5 / 2 ** (8 * width - 1) + 1e-6)


@pytest.mark.parametrize(("window", "step"), [(30, None), (30, 20), (100, None), (101, None), (1, None), (7, 3)])
def test_windows_of_a_sound(tmp_path, window, step, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK_SAMPLES", 17)
    write_wav(tmp_path / "a.wav", np.sin(np.arange(100.0)), 8000)
    whole, _ = read_sound(tmp_path / "a.wav")
    parts = list(stream_sound(tmp_path / "a.wav", window, step))
    step = step or window
    ends = 0
    for i, part in enumerate(parts):
        np.testing.assert_array_equal(part, whole[i * step : i * step + window])
        ends = i * step + len(part)
    assert ends == 100, "nothing is left out"
    assert all(len(part) == window for part in parts[:-1])


def test_a_damaged_wav(tmp_path):
    write_wav(tmp_path / "a.wav", np.zeros(1000), 8000)
    data = (tmp_path / "a.wav").read_bytes()
    for keep, message in ((200, "is cut short"), (20, "is damaged")):
        (tmp_path / "cut.wav").write_bytes(data[:keep])
        with pytest.raises(ValueError, match=message):
            read_sound(tmp_path / "cut.wav")
    write_wav(tmp_path / "empty.wav", np.zeros(0), 8000)
    with pytest.raises(ValueError, match="0 samples"):
        read_sound(tmp_path / "empty.wav")


@pytest.mark.peer("av")
def test_a_sound_through_pyav(tmp_path):
    samples = 0.5 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)
    write_wav(tmp_path / "a.wav", samples, 8000)
    (tmp_path / "a.wav").rename(tmp_path / "a.sound")
    back, rate = read_sound(tmp_path / "a.sound")
    assert rate == 8000
    np.testing.assert_allclose(back, samples, atol=1e-3)
    with pytest.raises(ValueError, match="holds no film"):
        read_clip(tmp_path / "a.sound")
