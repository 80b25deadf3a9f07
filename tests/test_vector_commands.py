"""``python -m embeddings train``, ``neighbours``, ``analogy`` and ``evaluate``."""

import pytest

from embeddings.cli import main
from embeddings.text import FastText, Word2Vec
from embeddings.vectors import KeyedVectors

SENTENCES = ["red apple", "green apple", "red pear", "green pear"] * 60


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "fruit.txt"
    path.write_text("\n".join(SENTENCES) + "\n")
    return path


def train(corpus, output, *more):
    options = "--vector-size 8 --window 1 --sample 0 --epochs 20 --seed 1".split()
    return main(["train", "word2vec", str(corpus), "-o", str(output), *options, *more])


@pytest.mark.parametrize("name", ["v.safetensors", "v.txt", "v.bin"])
def test_what_is_trained_answers(tmp_path, corpus, capsys, name):
    assert train(corpus, tmp_path / name) == 0
    assert "4 words, 8 numbers each, loss" in capsys.readouterr().out
    assert main(["neighbours", str(tmp_path / name), "red", "apple", "--top", "1"]) == 0
    lines = capsys.readouterr().out.split("\n")
    assert lines[0] == "red" and lines[1].endswith("green") and lines[3].endswith("pear")


def test_a_model_file_is_the_whole_model(tmp_path, corpus):
    train(corpus, tmp_path / "m.safetensors", "--cbow")
    model = Word2Vec.load(tmp_path / "m.safetensors")
    assert not model.sg and model.loss_history_ == pytest.approx(sorted(model.loss_history_, reverse=True), rel=0.2)


def test_analogy(tmp_path, capsys):
    path = tmp_path / "v.txt"
    path.write_text("man 1 0 0\nking 1 0 1\nwoman 0 1 0\nqueen 0 1 1\nham -1 -1 0\n")
    assert main(["analogy", str(path), "man", "king", "woman", "--top", "1"]) == 0
    assert capsys.readouterr().out.split()[-1] == "queen"


def test_evaluate_tells_pairs_from_analogies(tmp_path, capsys):
    path = tmp_path / "v.txt"
    path.write_text("man 1 0 0\nking 1 0 1\nwoman 0 1 0\nqueen 0 1 1\nham -1 -1 0\n")
    pairs, analogies = tmp_path / "p.csv", tmp_path / "a.csv"
    pairs.write_text("word1,word2,similarity\nman,king,8\nman,woman,4\nman,ham,1\nman,zebra,3\n")
    analogies.write_text(",type,word1,word2,word3,target\n0,royal,man,king,woman,queen\n1,royal,man,woman,king,ham\n")
    assert main(["evaluate", str(path), str(pairs)]) == 0
    assert "Spearman 1.000" in (out := capsys.readouterr().out) and "25.0 % of the pairs" in out
    assert main(["evaluate", str(path), str(analogies)]) == 0
    assert "0.500  royal (1 of 2)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["neighbours", "{v}", "zebra"], "not among the 2 words"),
        (["analogy", "{v}", "a", "b", "zebra"], "not among the 2 words"),
        (["neighbours", "{v}", "a", "--top", "0"], "topn must be"),
        (["neighbours", "{v}.gone", "a"], "there is no file"),
        (["train", "word2vec", "{v}.gone", "-o", "{v}.x"], "No such file"),
        (["train", "word2vec", "{v}", "-o", "{v}/no/x"], "there is no folder"),
        (["train", "word2vec", "{v}", "-o", "{v}.x", "--min-count", "99"], "lower min_count"),
    ],
)
def test_mistakes_are_explained(tmp_path, capsys, command, message):
    path = tmp_path / "v.txt"
    path.write_text("a 1 0\nb 0 1\n")
    assert main([part.format(v=path) for part in command]) == 1
    assert message in capsys.readouterr().err


def test_ctrl_c_writes_what_was_learned(tmp_path, corpus, capsys, monkeypatch):
    def fit(self, X):
        self.epochs = 1
        original(self, X)
        raise KeyboardInterrupt

    original = Word2Vec.fit
    monkeypatch.setattr(Word2Vec, "fit", fit)
    assert train(corpus, tmp_path / "v.txt") == 130
    assert len(KeyedVectors.load(tmp_path / "v.txt")) == 4
    assert "stopped; writing" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["glove", "fasttext"])
def test_other_models_train_by_their_names(tmp_path, corpus, capsys, name):
    path = tmp_path / "v.txt"
    command = ["train", name, str(corpus), "-o", str(path), "--vector-size", "8", "--window", "1", "--epochs", "3"]
    assert main(command) == 0
    assert "4 words, 8 numbers each, loss" in capsys.readouterr().out
    assert sorted(KeyedVectors.load(path).index_to_key) == ["apple", "green", "pear", "red"]


@pytest.mark.parametrize("name", ["v.bin", "v.bin.gz"])
def test_fasttexts_own_file_knows_unseen_words(tmp_path, corpus, capsys, name):
    options = "--vector-size 8 --window 1 --sample 0 --epochs 20 --bucket 500".split()
    assert main(["train", "fasttext", str(corpus), "-o", str(tmp_path / name), *options]) == 0
    assert FastText.load_facebook_model(tmp_path / name).window == 1
    capsys.readouterr()
    assert main(["neighbours", str(tmp_path / name), "apples", "qqq", "--top", "1"]) == 1
    shown = capsys.readouterr()
    assert shown.out.split()[-1] == "apple" and "not among the 4 words" in shown.err and "apples" not in shown.err
    assert main(["analogy", str(tmp_path / name), "reds", "red", "greens", "--top", "1"]) == 0


def test_an_option_of_another_model_is_refused(tmp_path, corpus, capsys):
    with pytest.raises(SystemExit):
        main(["train", "glove", str(corpus), "-o", str(tmp_path / "v.txt"), "--negative", "5"])
    assert "--negative" in capsys.readouterr().err
