"""Pictures draw what they are given, read well, and come out the same every time."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy import sparse

from embeddings import visualise
from embeddings.image import Keypoints

SENTENCES = ["The cat chases the mouse", "小猫捕鼠", "I like ham sandwiches"]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def pictures():
    rng = np.random.default_rng(3)
    yield visualise.similarity_heatmap(np.eye(3), SENTENCES, title="题")
    yield visualise.term_document_matrix(sparse.csr_matrix(np.eye(3)), ["cat", "猫", "ham"], SENTENCES)
    yield visualise.document_map(rng.normal(size=(50, 5)), ["一", "b"] * 25, title="map")
    yield visualise.scatter(rng.normal(size=(12, 5)), [f"word {i}" for i in range(12)], groups=list("aabb" * 3))
    yield visualise.neighbour_bars([("kitten", 0.9), ("小猫", -0.2)], title="cat")
    yield visualise.topic_bars([[("cat", 0.2), ("猫", 0.1)], [("ham", 0.3)]] * 4, title="题")
    yield visualise.mixtures(rng.dirichlet(np.ones(9), 3), SENTENCES, title="题")
    yield visualise.settling(rng.integers(0, 9, (5, 8)), title="题")
    yield visualise.mosaic(rng.random((2, 3, 5, 6)), rows=["一", "b"], columns=list("abc"), title="题")
    yield visualise.thumbnails(rng.normal(size=(6, 2)), rng.random((6, 5, 5)), title="题")
    clips = rng.integers(0, 255, (2, 4, 8, 8, 3)).astype(np.uint8)
    yield visualise.patch_grid(clips[0, 0], (4, 4), title="题")
    yield visualise.film_strip(clips, ["a red square", "红色"], title="题")
    yield visualise.spacetime_cube(clips[0], (2, 4, 4), title="题")
    yield visualise.token_strip([("text", 5), ("clip", 8)], title="题")
    yield visualise.joint_map(
        rng.normal(size=(6, 5)), ["text", "clip"] * 3, ["a", "a", "红", "红", "b", "b"], title="题"
    )
    yield visualise.attention_map(rng.dirichlet(np.ones(3), 3), ["the", "猫", "sleeps"], title="题")
    yield visualise.gate_map(rng.uniform(0, 1, (3, 6)), ["the", "猫", "sleeps"], title="题")
    yield visualise.position_map(rng.uniform(-1, 1, (9, 6)), title="题")
    points = Keypoints(*rng.uniform(5, 20, (5, 6)))
    picture = rng.random((24, 30))
    yield visualise.hog_glyphs(rng.random((3, 4, 9)), picture, title="题")
    yield visualise.pyramid([rng.random((3, 16, 20)), rng.random((3, 8, 10))], title="题")
    yield visualise.keypoints(picture, points, title="题")
    yield visualise.matches(picture, picture[:20], points, points, np.array([[0, 1], [2, 2]]), [True, False])
    yield visualise.contact_sheet([picture, rng.random((9, 7, 3))] * 3, ["猫", "b"] * 3, title="题")


def test_every_picture_has_the_same_bytes_twice_and_is_small(tmp_path):
    for i, (first, second) in enumerate(zip(pictures(), pictures(), strict=True)):
        one = visualise.save_figure(first, f"{i}-one", tmp_path).read_bytes()
        two = visualise.save_figure(second, f"{i}-two", tmp_path).read_bytes()
        assert one == two
        assert len(one) <= 150_000


def test_global_state_is_left_alone():
    before = dict(plt.rcParams)
    for ax in pictures():
        ax.figure.draw_without_rendering()
    assert dict(plt.rcParams) == before


def test_chinese_labels_have_glyphs():
    if len(visualise.font_families()) == 1:
        pytest.skip("no Chinese font on this machine (the lessons extra brings one)")
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        for ax in pictures():
            ax.figure.canvas.draw()
    assert not [w for w in record if "Glyph" in str(w.message)]


def test_draws_on_the_given_axes():
    _, (left, right) = plt.subplots(1, 2)
    assert visualise.neighbour_bars([("a", 1.0)], ax=right) is right
    assert not left.patches


def test_labels_of_a_scatter_do_not_overlap():
    rng = np.random.default_rng(0)
    ax = visualise.scatter(rng.normal(size=(25, 4)), [f"label {i}" for i in range(25)])
    renderer = ax.figure.canvas.get_renderer()
    boxes = [text.get_window_extent(renderer) for text in ax.texts]
    overlaps = [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]
    assert len(boxes) == 25
    assert len(overlaps) <= 1


def test_principal_components_are_those_of_an_eigendecomposition():
    X = np.random.default_rng(1).normal(size=(30, 6)) * [5, 3, 1, 0.5, 0.2, 0.1]
    ref = np.linalg.eigh(np.cov(X.T, bias=True))[0][::-1][:2]
    np.testing.assert_allclose(visualise.principal_components(X).var(axis=0), ref)


@pytest.mark.parametrize("vectors", [np.zeros((1, 3)), np.zeros((3, 1)), np.ones((4, 2))])
def test_flat_vectors_are_drawn_too(vectors):
    assert len(visualise.scatter(vectors, ["x"] * len(vectors)).texts) == len(vectors)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: visualise.similarity_heatmap(np.ones((2, 3)), ["a", "b"]), "square"),
        (lambda: visualise.similarity_heatmap(np.eye(2), ["a"]), "labels"),
        (lambda: visualise.term_document_matrix(np.ones((1, 2)), ["a"], ["d"]), "labels"),
        (lambda: visualise.scatter(np.ones((2, 2)), ["a"]), "2 vectors but 1 labels"),
        (lambda: visualise.patch_grid(np.ones((4, 5)), (2, 2)), "do not fill"),
        (lambda: visualise.spacetime_cube(np.ones((3, 4, 4, 3)), (2, 2, 2)), "do not fill"),
        (lambda: visualise.film_strip(np.ones((1, 2, 4, 4, 3)), ["a", "b"]), "1 clips but 2 labels"),
        (lambda: visualise.joint_map(np.ones((2, 2)), ["a"], ["b"]), "2 vectors but 1 kinds"),
        (lambda: visualise.document_map(np.ones((2, 2)), ["a"]), "2 vectors but 1 groups"),
        (lambda: visualise.attention_map(np.ones((2, 2)), ["a"]), "do not fit 1 tokens"),
        (lambda: visualise.gate_map(np.ones((2, 3)), ["a"]), "do not fit 1 words"),
        (lambda: visualise.position_map(np.ones(3)), r"got an array of shape \(3,\)"),
    ],
)
def test_labels_must_fit(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()


def test_save_figure_goes_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("EMBEDDINGS_FIGURES", str(tmp_path / "pictures"))
    path = visualise.save_figure(visualise.neighbour_bars([("a", 1.0)]), "bars")
    assert path == tmp_path / "pictures" / "bars.png" and path.is_file()


def test_pictures_of_topics_say_what_does_not_fit():
    with pytest.raises(ValueError, match="2 labels"):
        visualise.mixtures(np.eye(3), ["one", "two"])
    with pytest.raises(ValueError, match="sweeps by places"):
        visualise.settling([0, 1])
    ax = visualise.mixtures([[0.25, 0.75]], ["one"])
    assert [patch.get_width() for patch in ax.patches] == [0.25, 0.75]
    assert np.array_equal(visualise.settling([[0, 8]]).images[0].get_array()[0, 0], [0x00, 0x72, 0xB2])


def test_pictures_of_pictures_say_what_does_not_fit():
    with pytest.raises(ValueError, match="rows must be 2 labels, got 1"):
        visualise.mosaic(np.zeros((2, 3, 4, 4)), rows=["a"])
    with pytest.raises(ValueError, match="rows, columns, height, width"):
        visualise.mosaic(np.zeros((3, 4, 4)))
    with pytest.raises(ValueError, match="3 pictures need as many points"):
        visualise.thumbnails(np.zeros((2, 2)), np.zeros((3, 4, 4)))
    sheet = visualise.mosaic(np.array([[[[0.0, 2.0]], [[5.0, 5.0]]]])).images[0].get_array()
    assert sheet.filled(-1).tolist() == [[0, 1, -1, 0, 0]]
