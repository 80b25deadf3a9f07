"""Picture files come in right, hostile ones are named, and what is no picture is told why."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from embeddings.image.checks import check_picture, check_pictures, grey, stack_pictures, unit_range
from embeddings.image.io import picture_files, read_picture, read_pictures, shrink

RAMP = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
COLOURS = np.stack([RAMP, RAMP[::-1], 255 - RAMP], axis=2)


def test_grey_and_colour(tmp_path):
    for name, picture in (("grey.png", RAMP), ("colour.png", COLOURS), ("grey.tif", RAMP), ("colour.bmp", COLOURS)):
        Image.fromarray(picture).save(tmp_path / name)
        np.testing.assert_array_equal(read_picture(tmp_path / name), picture)


def test_black_and_white(tmp_path):
    Image.fromarray(RAMP > 100).save(tmp_path / "bits.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "bits.png"), np.where(RAMP > 100, 255, 0))


def test_transparent_places_are_white(tmp_path):
    alpha = np.where(RAMP > 100, 255, 0).astype(np.uint8)
    Image.fromarray(np.dstack([COLOURS, alpha])).save(tmp_path / "rgba.png")
    expected = np.where(alpha[..., None] > 0, COLOURS, 255)
    np.testing.assert_array_equal(read_picture(tmp_path / "rgba.png"), expected)
    Image.fromarray(np.dstack([RAMP, alpha])).save(tmp_path / "la.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "la.png"), np.where(alpha > 0, RAMP, 255))


def test_palettes_become_colours(tmp_path):
    picture = Image.new("P", (4, 3))
    picture.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    picture.putdata([0, 1, 2, 0] * 3)
    for options in ({}, {"transparency": 1}):
        picture.save(tmp_path / "palette.png", **options)
        read = read_picture(tmp_path / "palette.png")
        middle = [255, 255, 255] if options else [0, 255, 0]
        assert read.shape == (3, 4, 3) and read[0, :3].tolist() == [[255, 0, 0], middle, [0, 0, 255]]
    picture.save(tmp_path / "frames.gif", save_all=True, append_images=[picture.rotate(180)])
    assert read_picture(tmp_path / "frames.gif")[0, :3].tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]


def test_sixteen_bits_are_kept(tmp_path):
    deep = RAMP.astype(np.uint16) * 257 + 3
    for name in ("deep.png", "deep.tif"):
        Image.fromarray(deep).save(tmp_path / name)
        read = read_picture(tmp_path / name)
        assert read.dtype == np.uint16
        np.testing.assert_array_equal(read, deep)


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def write_deep_png(path, picture, *chunks):
    """A PNG of 16-bit colours, which Pillow reads but does not write."""
    height, width, channels = picture.shape
    kind = {2: 4, 3: 2, 4: 6}[channels]
    lines = b"".join(b"\0" + row.astype(">u2").tobytes() for row in picture)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0))
    parts = [header, *chunks, chunk(b"IDAT", zlib.compress(lines)), chunk(b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


DEEP = np.random.default_rng(0).integers(0, 65536, (5, 7, 4), np.uint16)


@pytest.mark.filterwarnings("error")
def test_sixteen_bits_of_colours_are_kept(tmp_path):
    import tifffile

    colours = DEEP[..., :3]
    write_deep_png(tmp_path / "deep.png", colours)
    tifffile.imwrite(tmp_path / "deep.tif", colours, photometric="rgb")
    tifffile.imwrite(tmp_path / "motorola.tif", colours, photometric="rgb", byteorder=">")
    tifffile.imwrite(tmp_path / "packed.tif", colours, photometric="rgb", compression="zlib", predictor=True)
    tifffile.imwrite(tmp_path / "tiles.tif", np.tile(colours, (9, 9, 1)), photometric="rgb", tile=(16, 16))
    (tmp_path / "deep.ppm").write_bytes(b"P6 7 5 65535\n" + colours.astype(">u2").tobytes())
    for path in picture_files(tmp_path):
        read = read_picture(path)
        assert read.dtype == np.uint16, path
        np.testing.assert_array_equal(read[:5, :7], colours, err_msg=path.name)
    assert read_picture(tmp_path / "tiles.tif").shape == (45, 63, 3)


def test_sixteen_bits_with_transparency_and_upright(tmp_path):
    alpha = DEEP[..., 3:] / 65535
    over_white = np.rint(DEEP[..., :3] * alpha + 65535 * (1 - alpha))
    exif = Image.Exif()
    exif[0x0112] = 3
    write_deep_png(tmp_path / "turned.png", DEEP, chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0")))
    np.testing.assert_array_equal(read_picture(tmp_path / "turned.png"), np.rot90(over_white, 2))
    key = chunk(b"tRNS", DEEP[1, 2, :3].astype(">u2").tobytes())
    write_deep_png(tmp_path / "key.png", DEEP[..., :3], key)
    expected = DEEP[..., :3].copy()
    expected[1, 2] = 65535
    np.testing.assert_array_equal(read_picture(tmp_path / "key.png"), expected)


def test_bits_that_cannot_be_read_are_named(tmp_path):
    import tifffile

    write_deep_png(tmp_path / "grey.png", np.dstack([DEEP[..., 0], np.full((5, 7), 65535, np.uint16)]))
    (tmp_path / "odd.ppm").write_bytes(b"P6 7 5 1000\n" + (DEEP[..., :3] // 66).astype(">u2").tobytes())
    for name in ("grey.png", "odd.ppm"):
        with pytest.warns(UserWarning, match=f"{name}' has more than 8 bits for each colour"):
            read = read_picture(tmp_path / name)
        assert read.dtype == np.uint8 and read.shape == (5, 7, 3)
    planes = np.ascontiguousarray(DEEP[..., :3].transpose(2, 0, 1))
    tifffile.imwrite(tmp_path / "planes.tif", planes, photometric="rgb", planarconfig="separate")
    with pytest.raises(
        ValueError, match="planes.tif' is no picture that can be read: its 16-bit colours lie one after"
    ):
        read_picture(tmp_path / "planes.tif")
    data = b"P6 7 5 65535\n" + DEEP[:3].tobytes()
    (tmp_path / "cut.ppm").write_bytes(data)
    with pytest.raises(ValueError, match="cut.ppm' is no picture that can be read"):
        read_picture(tmp_path / "cut.ppm")


def test_greys_of_32_bits(tmp_path):
    for numbers, expected in (
        (RAMP.astype(np.int32) * 200, RAMP.astype(np.uint16) * 200),
        (RAMP.astype(np.int32) - 110, RAMP / 220),
        (RAMP.astype(np.float32) / 256, RAMP / 256),
        (RAMP.astype(np.float32) * 10, RAMP / 220),
    ):
        Image.fromarray(numbers).save(tmp_path / "wide.tif")
        read = read_picture(tmp_path / "wide.tif")
        assert read.dtype.kind == expected.dtype.kind
        np.testing.assert_allclose(read, expected, rtol=1e-6)


def test_printers_colours(tmp_path):
    Image.new("CMYK", (5, 4), (0, 255, 255, 0)).save(tmp_path / "cmyk.jpg")
    red, green, blue = read_picture(tmp_path / "cmyk.jpg")[2, 2].astype(int)
    assert red > 200 > 60 > max(green, blue)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_upright(tmp_path, orientation):
    # How the camera held it: the inverse of what EXIF (tag 0x0112) says must be done.
    held = {
        1: lambda p: p,
        2: np.fliplr,
        3: lambda p: np.rot90(p, 2),
        4: np.flipud,
        5: lambda p: p.transpose(1, 0, 2),
        6: lambda p: np.rot90(p, 1),
        7: lambda p: np.rot90(p, 2).transpose(1, 0, 2),
        8: lambda p: np.rot90(p, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(held(COLOURS))).save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(read_picture(tmp_path / "turned.png"), COLOURS)


def bomb(path, side):
    """A PNG of a few bytes whose header says `side` × `side` pixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + data)


def test_hostile_files_are_skipped_with_their_reason(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / ".hidden").mkdir()
    Image.fromarray(COLOURS).save(tmp_path / "deep" / "good.PNG")
    Image.fromarray(RAMP).save(tmp_path / ".hidden" / "unseen.png")
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    for name in ("cut.jpg", "cut.png", "cut.gif", "cut.tif"):
        Image.fromarray(noise).save(tmp_path / name)
        data = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(data[: len(data) // 2])
    bomb(tmp_path / "bomb.png", 8000)
    bomb(tmp_path / "huge.png", 100_000)
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("not looked at")
    pictures, skipped = read_pictures(tmp_path)
    assert list(pictures) == ["deep/good.PNG"]
    np.testing.assert_array_equal(pictures["deep/good.PNG"], COLOURS)
    assert sorted(skipped) == [
        *("bomb.png", "cut.gif", "cut.jpg", "cut.png", "cut.tif", "empty.jpg", "huge.png", "text.png"),
    ]
    assert "8000 × 8000 pixels, more than max_pixels=50,000,000" in skipped["bomb.png"]
    assert all(name in reason for name, reason in skipped.items())


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.png"):
        read_picture(tmp_path / "nowhere.png")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        read_picture(tmp_path)
    with pytest.raises(NotADirectoryError, match="is not a folder"):
        picture_files(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="holds no picture"):
        read_pictures(tmp_path)


def test_large_pictures_are_shrunk(tmp_path):
    Image.fromarray(np.kron(COLOURS, np.ones((10, 10, 1), np.uint8))).save(tmp_path / "large.png")
    pictures, _ = read_pictures(tmp_path, longest=4)
    np.testing.assert_array_equal(pictures["large.png"], COLOURS)
    for picture in (RAMP.astype(np.uint16), RAMP / 255, RAMP):
        assert shrink(picture, 2).dtype == picture.dtype and shrink(picture, 2).shape == (2, 2)
        assert shrink(picture, 4) is picture
    assert shrink(np.zeros((1, 50)), 10).shape == (1, 10)


# Arrays ---------------------------------------------------------------------------------------------------------------


def test_what_a_picture_may_be():
    for picture in (RAMP, COLOURS, RAMP.astype(np.uint16), RAMP / 255, (RAMP / 255).astype(np.float32), RAMP[:1, :1]):
        assert check_picture(picture) is picture
    assert check_picture(RAMP[..., None]).shape == (3, 4)
    assert check_picture(RAMP > 100).max() == 255
    np.testing.assert_allclose(unit_range(RAMP.astype(np.uint16)), RAMP / 65535, rtol=1e-6)
    assert unit_range(RAMP / 255).dtype == grey(COLOURS).dtype == np.float32
    assert 0.999999 < grey(np.full((2, 2, 3), 255, np.uint8)).max() <= 1


@pytest.mark.parametrize(
    ("picture", "error", "message"),
    [
        (np.zeros((0, 5)), ValueError, "picture is empty"),
        ([], ValueError, "picture is empty"),
        (np.zeros((3, 8, 9)), ValueError, r"channels first; pass picture.transpose\(1, 2, 0\)"),
        (np.zeros((1, 8, 9)), ValueError, "channels first"),
        (np.zeros((8, 9, 4)), ValueError, r"transparency; pass picture\[..., :3\]"),
        (np.zeros((8, 9, 5)), ValueError, "must have shape"),
        (np.zeros(8), ValueError, "must have shape"),
        (np.zeros((2, 8, 9, 3)), ValueError, "must have shape"),
        (np.full((4, 4), np.nan), ValueError, "NaN or infinity"),
        (np.full((4, 4), np.inf), ValueError, "NaN or infinity"),
        (np.full((4, 4), 255.0), ValueError, "floats from 255 to 255, not from 0 to 1"),
        (np.full((4, 4), -0.5), ValueError, "not from 0 to 1"),
        (np.zeros((4, 4), int), ValueError, "must be uint8, uint16, .* got int64"),
        (np.zeros((4, 4), np.int8), ValueError, "got int8"),
        (np.zeros((4, 4), np.float16), ValueError, "got float16"),
        (np.zeros((4, 4), complex), TypeError, "must hold numbers"),
        ("cat.png", TypeError, "must hold numbers"),
        ([[1, 2], [3]], ValueError, "different lengths"),
    ],
)
def test_what_is_no_picture(picture, error, message):
    with pytest.raises(error, match=message):
        check_picture(picture)


def test_many_pictures():
    assert [p.shape for p in check_pictures(iter([RAMP, COLOURS]))] == [(3, 4), (3, 4, 3)]
    assert stack_pictures(np.zeros((2, 5, 6, 3), np.uint8)).shape == (2, 5, 6, 3)
    assert check_pictures([]) == []
    with pytest.raises(ValueError, match="one picture; pass"):
        check_pictures(RAMP)
    with pytest.raises(ValueError, match="one picture; pass"):
        check_pictures(COLOURS)
    with pytest.raises(ValueError, match="must have shape"):
        check_pictures(np.zeros(5))
    with pytest.raises(TypeError, match="got a str"):
        check_pictures("folder")
    with pytest.raises(ValueError, match=r"X\[1\] must be at least 4 × 4, got 3 × 4"):
        check_pictures([np.zeros((4, 4)), RAMP], smallest=4)
    with pytest.raises(ValueError, match=r"one shape, got \(3, 4\) and, as X\[1\], \(3, 4, 3\)"):
        stack_pictures([RAMP, COLOURS])
    with pytest.raises(ValueError, match="no picture"):
        stack_pictures([])
