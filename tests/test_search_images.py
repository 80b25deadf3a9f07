"""``python -m embeddings search-images`` on a folder of pictures."""

import json

import numpy as np
import pytest
from PIL import Image
from skimage import data

from embeddings.cli import main
from embeddings.image import HOG, VLAD, Autoencoder, BagOfVisualWords, ResNet
from embeddings.image.checks import grey

SOURCES = {"camera": data.camera, "cat": data.cat, "coins": data.coins, "page": data.page, "moon": data.moon}


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    (folder / "deep").mkdir()
    for name, make in SOURCES.items():
        Image.fromarray(make()[::2, ::2]).save(folder / "deep" / f"{name}.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    return folder


@pytest.fixture(scope="module")
def query(tmp_path_factory):
    """The cat, without its edges and a little darker."""
    path = tmp_path_factory.mktemp("query") / "detail.jpg"
    Image.fromarray((data.cat()[10:290:2, 20:430:2] * 0.9).astype(np.uint8)).save(path, quality=92)
    return path


# A darker picture is far from a network's in distance, and near in direction.
@pytest.mark.parametrize(
    ("model", "metric"),
    [
        *((model, metric) for model in ("hog", "sift", "bovw") for metric in ("cosine", "euclidean")),
        ("autoencoder", "cosine"),
    ],
)
def test_the_source_comes_first(photos, query, capsys, model, metric):
    assert main(["search-images", str(photos), str(query), "--model", model, "--metric", metric, "--json"]) == 0
    output = json.loads(capsys.readouterr().out)
    assert output["results"][0]["path"] == "deep/cat.png"
    assert output["pictures"] == 5 and list(output["skipped"]) == ["broken.jpg"]
    scores = [result["score"] for result in output["results"]]
    assert scores == sorted(scores, reverse=model == "sift" or metric == "cosine")
    assert output["metric"] == ("matches" if model == "sift" else metric)


def test_text_and_a_contact_sheet(photos, query, tmp_path, capsys):
    sheet = tmp_path / "found.png"
    assert main(["search-images", str(photos), str(query), "--top", "2", "--figure", str(sheet)]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines()[0].endswith("deep/cat.png") and len(captured.out.splitlines()) <= 2
    assert "5 pictures searched, 1 skipped" in captured.err and "skipped broken.jpg" in captured.err
    assert Image.open(sheet).size[0] > 300


@pytest.mark.parametrize(
    "model",
    [
        HOG(size=(64, 64)),
        BagOfVisualWords(n_words=50),
        VLAD(n_words=4),
        Autoencoder(latent_dim=8, hidden=16, epochs=5),
        ResNet(size=32, layer="layer2"),
    ],
)
def test_saved_models_are_told_apart(photos, query, tmp_path, capsys, model):
    pictures = [make()[::2, ::2] for make in SOURCES.values()]
    of_one_size = isinstance(model, Autoencoder)
    model.fit([grey(picture)[:24, :24] for picture in pictures] if of_one_size else pictures)
    path = tmp_path / "model.safetensors"
    model.save(path)
    assert main(["search-images", str(photos), str(query), "--model", str(path), "--json"]) == 0
    paths = [result["path"] for result in json.loads(capsys.readouterr().out)["results"]]
    assert len(paths) == 5 and (of_one_size or paths[0] == "deep/cat.png")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{folder}", "{query}", "--model", "orb"], "--model must be one of hog, sift, bovw, autoencoder, or a file"),
        (["{folder}", "{folder}/nowhere.png"], "there is no file"),
        (["{folder}", "{folder}/broken.jpg"], "is no picture that can be read"),
        (["{folder}/nowhere", "{query}"], "is not a folder"),
        (["{folder}", "{query}", "--model", "{query}"], "is no safetensors file"),
    ],
)
def test_errors_are_explained(photos, query, capsys, arguments, message):
    filled = [argument.format(folder=photos, query=query) for argument in arguments]
    assert main(["search-images", *filled]) == 1
    assert message in capsys.readouterr().err


def test_a_folder_without_pictures(tmp_path, query, capsys):
    (tmp_path / "notes.txt").write_text("no picture")
    assert main(["search-images", str(tmp_path), str(query)]) == 1
    assert "holds no picture" in capsys.readouterr().err


def test_a_model_of_words_is_refused(photos, query, tmp_path, capsys):
    from embeddings.text import OneHotEncoder

    OneHotEncoder().fit(["the cat"]).save(tmp_path / "words.safetensors")
    assert main(["search-images", str(photos), str(query), "--model", str(tmp_path / "words.safetensors")]) == 1
    assert "holds a OneHotEncoder, which is no model of pictures" in capsys.readouterr().err


def test_nothing_near_is_status_one_and_says_so(photos, tmp_path, capsys):
    Image.new("L", (60, 60), 200).save(tmp_path / "empty.png")
    assert main(["search-images", str(photos), str(tmp_path / "empty.png")]) == 1
    assert "no picture is near" in capsys.readouterr().err
