"""The documentation corpus, the toy world, the pictures, and downloads from a server on this machine."""

import hashlib
import http.server
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from embeddings.datasets import corpus, documentation, download, downloads, images, toy_world
from embeddings.text import tokenize

# The documentation corpus -----------------------------------------------------------------------------------------


def test_documentation_is_a_million_words_of_english():
    sentences = documentation()
    assert len(sentences) == len(set(sentences)) > 50_000
    assert sum(len(sentence.split()) for sentence in sentences) > 700_000
    words = [word for sentence in sentences[::50] for word in tokenize(sentence)]
    assert 0.03 < words.count("the") / len(words) < 0.12
    assert not any(">>>" in s or "::" in s or s != s.strip() for s in sentences[::7])


def test_prose_is_kept_and_code_is_not():
    docstring = """Compute the *mean* of :func:`numpy.array` values, e.g. Of three. It is ``fast``!

    Parameters
    ----------
    x : array_like
        The values to be averaged.

    >>> mean([1, 2])
    this is output of the example

    .. math:: this is a formula of words

    As in this example of code::

        this is code with many words

    ====  =====
    a     table of many words
    ====  =====

    - The first point of the list.
    """
    assert corpus.prose_sentences(docstring) == [
        "Compute the mean of numpy.array values, e.g. Of three.",
        "It is fast!",
        "The values to be averaged.",
        "As in this example of code:",
        "The first point of the list.",
    ]


def small_sources(monkeypatch, tmp_path):
    source = tmp_path / "library"
    source.mkdir()
    (source / "one.py").write_text('"""The cat chases the mouse."""\n', encoding="utf-8")
    (source / "broken.py").write_text('"""The cat chases', encoding="utf-8")
    (source / "latin.py").write_bytes(b'"""caf\xe9 is a word that cannot be read"""')
    (source / "test").mkdir()
    (source / "test" / "two.py").write_text('"""A test is not documentation."""\n', encoding="utf-8")
    monkeypatch.setattr(corpus, "_folders", lambda: [("python", source)])
    monkeypatch.setenv("EMBEDDINGS_CACHE", str(tmp_path / "cache"))
    return source


def test_the_cache_is_used_and_a_damaged_one_is_made_again(monkeypatch, tmp_path):
    source = small_sources(monkeypatch, tmp_path)
    assert documentation() == ["The cat chases the mouse."]
    (cached,) = (tmp_path / "cache").iterdir()
    (source / "one.py").unlink()
    assert documentation() == ["The cat chases the mouse."]
    for damage in (b"", b"\xff\xfe", cached.read_bytes()[:-3]):
        cached.write_bytes(damage)
        assert documentation() == []


def test_a_cache_that_cannot_be_written_is_reported(monkeypatch, tmp_path, capsys):
    small_sources(monkeypatch, tmp_path)
    (tmp_path / "cache").write_text("a file where a folder is wanted")
    assert documentation() == ["The cat chases the mouse."]
    assert "could not be cached" in capsys.readouterr().err


# The toy world ----------------------------------------------------------------------------------------------------

THREE = {
    "en": ["The cat chases the mouse", "The kitten hunts rodents", "I like ham sandwiches"],
    "zh": ["猫追老鼠", "小猫捕鼠", "我喜欢火腿三明治"],
}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_world_holds_what_it_says(language):
    world = toy_world(3000, language, seed=1)
    assert len(world.sentences) == len(world.tokens) == len(world.topics) == 3000
    assert set(THREE[language]) <= set(world.sentences)
    known = {word for sentence in world.tokens for word in sentence}
    planted = [word for pair in world.synonyms for word in pair]
    planted += [word for words in world.categories.values() for word in words]
    planted += [word for analogy in world.analogies for word in analogy]
    assert set(planted) <= known
    assert len(world.analogies) == 6 * 5 + 7 * 6
    assert set(world.topics) == {"animals", "food", "people", "geography", "music"}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_synonyms_share_their_neighbours(language):
    """The neighbours' counts of planted synonyms are far closer than those of words that only share a topic."""
    world = toy_world(20_000, language, seed=2)
    counts = {}
    for sentence in world.tokens:
        for i, word in enumerate(sentence):
            for other in sentence[max(0, i - 2) : i] + sentence[i + 1 : i + 3]:
                counts.setdefault(word, {}).setdefault(other, 0)
                counts[word][other] += 1

    def cosine(a, b):
        words = sorted(set(counts[a]) | set(counts[b]))
        x, y = (np.array([counts[w].get(other, 0) for other in words], float) for w in (a, b))
        return x @ y / np.sqrt((x @ x) * (y @ y))

    assert min(cosine(a, b) for a, b in world.synonyms) > 0.9
    first = [words[0] for words in world.categories.values()]
    assert max(cosine(a, b) for a in first for b in first if a != b) < 0.9


def test_the_same_seed_gives_the_same_world_in_every_process():
    code = "from embeddings.datasets import toy_world; print(toy_world(50, seed=4).sentences)"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert toy_world(50, seed=4).sentences != toy_world(50, seed=5).sentences
    assert toy_world(0).sentences == []


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n": -1}, ValueError, "n must be at least 0"),
        ({"n": 2.5}, TypeError, "n must be an integer"),
        ({"n": 1, "language": "fr"}, ValueError, "language must be one of 'en', 'zh'"),
        ({"n": 1, "seed": None}, TypeError, "seed"),
    ],
)
def test_errors_of_the_world(arguments, error, message):
    with pytest.raises(error, match=message):
        toy_world(**arguments)


def test_pictures_are_bytes():
    pictures = images()
    assert len(pictures) > 15
    for picture in pictures.values():
        assert picture.dtype == np.uint8 and picture.size and picture.ndim in (2, 3)
        assert picture.max() > 100


# Downloads --------------------------------------------------------------------------------------------------------

CONTENT = b"one file of the dataset\n" * 100


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests.append(self.path)
        if "missing" in self.path:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[:50] if "truncated" in self.path else CONTENT)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch):
    pytest.importorskip("pooch", reason="the download extra is not installed (make parity installs it)")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.requests = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        right, wrong = hashlib.md5(CONTENT).hexdigest(), hashlib.md5(b"other").hexdigest()
        table = {
            "good": [(f"{address}/a.gz", right), (f"{address}/b.gz", right)],
            "wrong": [(f"{address}/wrong.gz", wrong)],
            "truncated": [(f"{address}/truncated.gz", right)],
            "missing": [(f"{address}/missing.gz", right)],
            "model": [
                (f"{address}/{file}", f"sha256:{hashlib.sha256(CONTENT).hexdigest()}", file)
                for file in ("config.gz", "1_Pooling/config.gz")
            ],
        }
        monkeypatch.setattr(downloads, "DATASETS", table)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        server.address = address
        yield server
        server.shutdown()


@pytest.mark.peer("pooch")
def test_files_are_fetched_once(server, tmp_path, monkeypatch):
    monkeypatch.setenv("EMBEDDINGS_CACHE", str(tmp_path))
    paths = download("good")
    assert [path.relative_to(tmp_path).as_posix() for path in paths] == ["good/a.gz", "good/b.gz"]
    assert all(path.read_bytes() == CONTENT for path in paths)
    download("good")
    assert server.requests == ["/a.gz", "/b.gz"]


@pytest.mark.peer("pooch")
def test_a_file_put_there_by_hand_is_taken(server, tmp_path):
    (tmp_path / "missing.gz").write_bytes(CONTENT)
    assert download("missing", tmp_path) == [tmp_path / "missing.gz"]
    assert server.requests == []


@pytest.mark.peer("pooch")
def test_a_mirror_is_asked_instead(server, tmp_path, monkeypatch):
    monkeypatch.setenv("EMBEDDINGS_MIRROR", f"{server.address}/mirror/")
    download("good", tmp_path)
    assert server.requests == ["/mirror/good/a.gz", "/mirror/good/b.gz"]


@pytest.mark.peer("pooch")
@pytest.mark.parametrize(
    ("name", "message"),
    [("wrong", "other contents than were published"), ("truncated", "by hand"), ("missing", "404")],
)
def test_a_bad_file_is_explained_and_does_not_stay(server, tmp_path, name, message):
    with pytest.raises(OSError, match=message) as caught:
        download(name, tmp_path)
    assert f"put it at {tmp_path / name}.gz" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.peer("pooch")
def test_offline_says_what_to_put_where(server, tmp_path):
    server.server_close()
    server.shutdown()
    with pytest.raises(OSError, match=r"could not be fetched .* by hand and put it at"):
        download("good", tmp_path, mirror="http://127.0.0.1:9")


@pytest.mark.peer("pooch")
def test_a_model_keeps_its_folders(server, tmp_path):
    assert download("model", tmp_path) == [tmp_path / "config.gz", tmp_path / "1_Pooling" / "config.gz"]
    assert (tmp_path / "1_Pooling" / "config.gz").read_bytes() == CONTENT
    (tmp_path / "config.gz").write_bytes(b"damaged")
    download("model", tmp_path)
    assert (tmp_path / "config.gz").read_bytes() == CONTENT
    assert len(server.requests) == 3


def test_an_unknown_dataset_and_a_missing_extra(monkeypatch, tmp_path):
    with pytest.raises(ValueError, match="there are mnist, fashion-mnist"):
        download("mnst")
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ImportError, match=r"embeddings-from-scratch\[download\]"):
        download("mnist", tmp_path)


def test_every_published_hash_is_one():
    for files in downloads.DATASETS.values():
        for address, known_hash, *_ in files:
            digest = known_hash.removeprefix("sha256:")
            assert address.startswith("http") and len(bytes.fromhex(digest)) == (16 if digest == known_hash else 32)


def test_shapes_are_drawn_the_same_and_differ_in_kind():
    from embeddings.datasets import shapes

    pictures, labels = shapes(50, seed=3, noise=0)
    again, _ = shapes(50, seed=3, noise=0)
    assert pictures.dtype == np.uint8 and pictures.tobytes() == again.tobytes()
    assert pictures.tobytes() != shapes(50, seed=4, noise=0)[0].tobytes()
    assert len(set(labels)) == 5 and np.all(pictures.max(axis=(1, 2)) > 100)
    # A ring is dark where a circle is bright, and nothing is cut off at the border.
    assert (pictures[labels == "ring"] > 0).mean() < (pictures[labels == "circle"] > 0).mean()
    border = np.concatenate([pictures[:, 0], pictures[:, -1], pictures[:, :, 0], pictures[:, :, -1]])
    assert (border > 0).mean() < 0.01
    with pytest.raises(ValueError, match="size must be at least 8"):
        shapes(5, size=3)
