"""Real pictures: what is read, and what is refused by name."""

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from glassbook.data.pictures import cifar10, fashion_900, mnist, open_folder, open_picture, read_idx, shuffled, to_png
from glassbook.errors import GlassbookError

TRAPS = Path(os.environ.get("GLASSBOOK_DATA", "")) / "camera-traps" / "speciesnet-test-data"
needs_data = pytest.mark.skipif(
    "GLASSBOOK_DATA" not in os.environ, reason="needs the real data: set GLASSBOOK_DATA to its folder"
)
needs_photographs = pytest.mark.skipif(not TRAPS.is_dir(), reason="needs the camera-trap photographs")


def idx(shape, data, kind=8):
    return struct.pack(">HBB", 0, kind, len(shape)) + struct.pack(f">{len(shape)}I", *shape) + data


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_idx_files(tmp_path, pack):
    path = tmp_path / "x"
    path.write_bytes(pack(idx((2, 3, 4), bytes(range(24)))))
    assert torch.equal(read_idx(path), torch.arange(24, dtype=torch.uint8).reshape(2, 3, 4))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello world",
        idx((2, 3), bytes(5)),
        idx((2, 3), bytes(7)),
        idx((4294967295, 4294967295), b"abc"),
        idx((2,), bytes(8), kind=13),
        gzip.compress(idx((2, 3), bytes(6)), mtime=0)[:-6],
        b"\x1f\x8b nothing",
        idx((2, 3), b"")[:9],
    ],
)
def test_files_that_are_no_idx_are_one_line(tmp_path, data):
    path = tmp_path / "x"
    path.write_bytes(data)
    with pytest.raises(GlassbookError, match=r"IDX|bytes"):
        read_idx(path)


@needs_data
def test_mnist():
    train, test = mnist(), mnist("test")
    assert (train.images.shape, test.images.shape) == ((60000, 1, 28, 28), (10000, 1, 28, 28))
    assert train.labels.bincount().tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert train.images.float().mean().item() == pytest.approx(33.3184, abs=1e-3)


@needs_data
def test_clothes_and_cifar():
    clothes = fashion_900()
    assert clothes.labels.bincount().tolist() == [90] * 10
    train, test = cifar10(), cifar10("test")
    assert (train.images.shape, test.images.shape) == ((4000, 3, 32, 32), (1000, 3, 32, 32))
    assert test.classes[int(test.labels[0])] == "cat"


def saved(folder, name, mode, **options):
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 255, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(rows).convert(mode).save(folder / name, **options)
    return folder / name


@pytest.mark.parametrize(
    ("name", "mode"),
    [("a.jpg", "RGB"), ("a.png", "L"), ("b.jpg", "CMYK"), ("p.gif", "P"), ("t.png", "RGBA"), ("i.tiff", "I")],
)
def test_colours_of_every_kind_become_red_green_and_blue(tmp_path, name, mode):
    picture = open_picture(saved(tmp_path, name, mode))
    assert picture.shape == (3, 20, 30)
    assert picture.dtype == torch.uint8
    assert picture.float().std() > 5


def test_a_picture_is_turned_as_its_camera_says(tmp_path):
    path = saved(tmp_path, "a.png", "RGB")
    upright = open_picture(path)
    exif = Image.Exif()
    exif[0x0112] = 6  # the top is on the right side
    with Image.open(path) as opened:
        opened.save(tmp_path / "turned.png", exif=exif)
    turned = open_picture(tmp_path / "turned.png")
    assert turned.shape == (3, 30, 20)
    assert torch.equal(turned, upright.rot90(-1, (1, 2)))


def test_folders_have_a_class_for_each_subfolder(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        saved(tmp_path / name, "1.jpg", "RGB")
    saved(tmp_path / "dog", "2.png", "L")
    (tmp_path / "notes.txt").write_text("x")
    found = open_folder(tmp_path, 16)
    assert found.images.shape == (3, 3, 16, 16)
    assert (found.classes, found.labels.tolist()) == (("cat", "dog"), [0, 1, 1])
    assert open_folder(tmp_path / "cat", 8).classes == ("cat",)


def test_folders_and_files_that_hold_no_picture_are_one_line(tmp_path):
    with pytest.raises(GlassbookError, match="no picture"):
        open_folder(tmp_path, 16)
    with pytest.raises(GlassbookError, match="no folder"):
        open_folder(tmp_path / "none", 16)
    (tmp_path / "odd.jpg").write_bytes(b"no picture at all")
    with pytest.raises(GlassbookError, match=r"odd\.jpg cannot be read"):
        open_folder(tmp_path, 16)
    whole = saved(tmp_path, "cut.jpg", "RGB").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(GlassbookError, match=r"cut\.jpg cannot be read"):
        open_picture(tmp_path / "cut.jpg", 16)


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_unpacked(tmp_path):
    Image.new("1", (20000, 20000)).save(tmp_path / "huge.png")
    with pytest.raises(GlassbookError, match=r"huge\.png"):
        open_picture(tmp_path / "huge.png", 16)


@needs_photographs
def test_photographs_of_camera_traps():
    for path in sorted(TRAPS.glob("*.jpg")):
        if "truncated" in path.name:
            with pytest.raises(GlassbookError, match=r"truncated_file\.jpg cannot be read"):
                open_picture(path, 64)
        else:
            assert open_picture(path, 64).shape == (3, 64, 64)
    plain, turned, cmyk, grey = (
        open_picture(TRAPS / f"african_elephants{kind}.jpg", 64).float()
        for kind in ("", "_with_exif_orientation", "_cmyk", "_bw")
    )
    assert (plain - cmyk).abs().mean() < 12
    assert (plain - turned).abs().mean() < 12
    assert (grey[0] == grey[1]).all()


def test_shuffled_pictures_all_come_once_in_each_round_and_in_a_new_order():
    rows = shuffled(10, 3, seed=4)
    rounds = [torch.cat([rows(step) for step in range(3 * k, 3 * k + 3)]).tolist() for k in range(4)]
    assert all(len(set(one)) == 9 for one in rounds)
    assert len({tuple(one) for one in rounds}) == 4
    assert [rows(step).tolist() for step in (7, 0, 7)] == [shuffled(10, 3, seed=4)(step).tolist() for step in (7, 0, 7)]
    assert shuffled(10, 3, seed=5)(0).tolist() != rows(0).tolist()


@pytest.mark.parametrize("batch_size", [0, 11])
def test_batches_that_cannot_be_drawn_are_refused(batch_size):
    with pytest.raises(GlassbookError, match="choose from 1 to 10"):
        shuffled(10, batch_size, seed=0)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_png_holds_the_bytes_it_was_given(tmp_path, channels):
    image = torch.randint(0, 256, (channels, 5, 7), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    (tmp_path / "a.png").write_bytes(to_png(image))
    assert torch.equal(open_picture(tmp_path / "a.png"), image.expand(3, 5, 7))
