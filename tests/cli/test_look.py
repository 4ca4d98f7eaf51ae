"""`glassbook look`: real photographs through picture models, and every kind of picture that is none."""

import contextlib
import errno
import os
import re
import socket
from pathlib import Path

import numpy as np
import pytest
import torch

from glassbook.nets import PictureModel, save_model
from glassbook.nets.autoencoder import VAE, PictureConfig
from glassbook.nets.conv import resnet_cifar
from glassbook.nets.gan import pictures_gan

Image = pytest.importorskip("PIL.Image")

NAMES = ("heron", "stork", "hare", "vole", "owl", "wren")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Folders with a classifier, an autoencoder and a GAN of random weights."""
    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    resnet = resnet_cifar(8, len(NAMES)).eval()
    resnet.head.weight.data *= 20
    save_model(PictureModel(resnet, "r", "classify", 32, 3, NAMES), folder / "classifier")
    vae = VAE(PictureConfig(size=16, channels=1, code=4, width=4))
    save_model(PictureModel(vae, "v", "autoencode", 16, 1), folder / "vae")
    save_model(PictureModel(pictures_gan(8, 1, 4, 4), "g", "generate", 8, 1), folder / "gan")
    return folder


@pytest.fixture
def photograph(tmp_path):
    """A picture of 90 x 60 pixels, red on the left and noise elsewhere."""
    pixels = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    pixels[:, :30] = (200, 20, 20)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def test_classes_with_probabilities(glassbook, models, photograph):
    told = glassbook("look", photograph, "--model", models / "classifier", "--top", 3, "--json").data()
    (picture,) = told["pictures"]
    assert (told["task"], told["refused"], told["written"]) == ("classify", [], None)
    ps = [c["p"] for c in picture["classes"]]
    assert len(ps) == 3
    assert ps == sorted(ps, reverse=True)
    assert {c["name"] for c in picture["classes"]} <= set(NAMES)
    text = glassbook("look", photograph, "--model", models / "classifier").out
    assert text.splitlines()[1].startswith(picture["classes"][0]["name"])
    assert max(map(len, text.splitlines())) <= 80


def test_all_classes_together_are_certain(glassbook, models, photograph):
    told = glassbook("look", photograph, "--model", models / "classifier", "--top", 100, "--json").data()
    assert sum(c["p"] for c in told["pictures"][0]["classes"]) == pytest.approx(1, abs=1e-4)


def test_a_reconstruction_is_written_beside_and_replaces_nothing(glassbook, models, photograph, monkeypatch):
    monkeypatch.chdir(photograph.parent)
    told = [glassbook("look", photograph, "--model", models / "vae", "--json").data() for _ in range(2)]
    assert told[0]["written"] == told[1]["written"] == "photo-reconstructed.png"  # the same bytes lie there already
    sheet = np.asarray(Image.open("photo-reconstructed.png"))[::6, ::6]  # enlarged to 96 pixels
    assert sheet.shape == (32, 16)
    error = ((sheet[:16].astype(float) - sheet[16:]) ** 2).mean() / 255**2
    assert told[0]["pictures"][0]["psnr"] == pytest.approx(-10 * np.log10(error), rel=1e-4)
    Path("photo-reconstructed.png").write_bytes(b"mine")
    assert glassbook("look", photograph, "--model", models / "vae", "--json").data()["written"] != told[0]["written"]
    assert Path("photo-reconstructed.png").read_bytes() == b"mine"


@pytest.mark.parametrize("kind", ["classifier", "vae"])
def test_a_page_holds_the_pictures(glassbook, models, photograph, kind, tmp_path):
    page = tmp_path / "page.html"
    hostile = tmp_path / "<b>&.png"
    hostile.write_bytes(photograph.read_bytes())
    glassbook("look", hostile, "--model", models / kind, "--to", page)
    text = page.read_text()
    assert text.count("data:image/png;base64,") == (1 if kind == "classifier" else 2)
    assert "&lt;b&gt;&amp;.png" in text
    assert "<b>" not in text


def write(folder: Path, kind: str) -> Path:
    """A picture of an unusual or a bad kind."""
    grey = np.linspace(0, 1, 30 * 40, dtype=np.float32).reshape(30, 40)
    file = folder / f"{kind}.{'jpg' if kind in ('cmyk', 'rotated', 'cut') else 'tif' if 'f32' in kind else 'png'}"
    if kind == "nan-f32":
        grey[3, 4] = np.nan
        Image.fromarray(grey).save(file)
    elif kind == "infinite-f32":
        grey[3, 4] = np.inf
        Image.fromarray(grey).save(file)
    elif kind == "f32":
        Image.fromarray(grey).save(file)
    elif kind == "16 bit":
        Image.fromarray((grey * 65535).astype(np.uint16)).save(file)
    elif kind == "text":
        file.write_text("no picture")
    elif kind == "empty":
        file.touch()
    else:
        mode = {"cmyk": "CMYK", "palette": "P", "clear": "RGBA", "bits": "1"}.get(kind, "RGB")
        size = (1, 1) if kind == "one pixel" else (2, 301) if kind == "narrow" else (40, 30)
        picture = Image.fromarray((grey * 255).astype(np.uint8)).resize(size).convert("RGB").convert(mode)
        exif = picture.getexif()
        if kind == "rotated":
            exif[0x0112] = 6
        picture.save(file, **({"exif": exif} if kind == "rotated" else {}))
        if kind == "cut":
            file.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3])
    return file


@pytest.mark.parametrize(
    "kind", ["cmyk", "rotated", "palette", "clear", "bits", "16 bit", "f32", "one pixel", "narrow", "plain"]
)
@pytest.mark.parametrize("model", ["classifier", "vae"])
def test_unusual_pictures_are_looked_at(glassbook, models, kind, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len(glassbook("look", write(tmp_path, kind), "--model", models / model, "--json").data()["pictures"]) == 1


@pytest.mark.parametrize("kind", ["nan-f32", "infinite-f32", "text", "empty", "cut"])
def test_bad_pictures_are_one_line(glassbook, models, kind, tmp_path):
    done = glassbook("look", write(tmp_path, kind), "--model", models / "classifier")
    assert done.complaint().startswith(f"{kind}.")


def test_a_bad_picture_of_a_folder_hides_none_of_the_others(glassbook, models, photograph):
    write(photograph.parent, "cut")
    write(photograph.parent, "text")
    done = glassbook("look", photograph.parent, "--model", models / "classifier")
    assert done.code == 2
    assert "photo.png" in done.out
    assert [line.split()[1] for line in done.err.splitlines()] == ["cut.jpg", "text.png"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["nowhere.png"], "there is no such file"),
        (["."], "there is no picture in"),
        (["photo.png", "--top", "0"], "at least 1 class"),
        (["photo.png", "--to", "page.pdf"], "name a .png or an .html"),
        (["photo.png", "--to", "sheet.png"], "makes no pictures"),
        (["photo.png", "--to", "nowhere/page.html"], "make it first"),
        (["photo.png", "--model", "builtin"], "is no picture model"),
        (["photo.png", "--model", "GAN"], "reads none|has no code"),
        (["photo.png", "--model", "resnet-like"], "no such file"),
    ],
)
def test_other_mistakes_are_one_line(glassbook, models, photograph, words, why, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    given = [
        str(photograph) if word == "photo.png" else str(models / "gan") if word == "GAN" else word for word in words
    ]
    model = [] if "--model" in given else ["--model", models / "classifier"]
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert re.search(why, glassbook("look", *given, *model).complaint())
    assert not list(Path().iterdir())


def test_a_picture_model_is_shown_by_open(glassbook, models):
    told = glassbook("open", models / "classifier", "--json").data()
    assert (told["task"], told["classes"], told["blocks"][0]) == ("classify", list(NAMES), "blocks.0")
    assert {"name": "blocks.0.out", "shape": [1, 16, 32, 32]}.items() <= {
        key: value for site in told["sites"] if site["name"] == "blocks.0.out" for key, value in site.items()
    }.items()
    for kind, can in (("classifier", "classify"), ("vae", "autoencode"), ("gan", "generate")):
        assert f"can {can} pictures" in glassbook("open", models / kind).out


def test_a_command_about_text_says_what_shows_a_picture_model(glassbook, models):
    for command in (
        ["generate", models / "vae", "Once"],
        ["steer", models / "vae", "Once", "--add", " a", " b"],
    ):
        assert "is a picture model; `glassbook look FILE" in glassbook(*command).complaint()


DATA = Path(os.environ.get("GLASSBOOK_DATA") or "nowhere")
CAMERAS = DATA / "camera-traps" / "speciesnet-test-data"


@pytest.mark.skipif(not CAMERAS.is_dir(), reason="GLASSBOOK_DATA has no camera-traps")
def test_real_camera_trap_pictures(glassbook):
    """One of them is cut off on purpose; grey, CMYK and rotated ones are seen as the plain one is."""
    done = glassbook("look", CAMERAS, "--model", "resnet20-cifar10", "--json")
    told = done.data()
    assert done.code == 2
    assert [Path(one["file"]).name for one in told["refused"]] == ["african_elephants_truncated_file.jpg"]
    assert len(told["pictures"]) == 13
    seen = {Path(one["file"]).stem: {c["name"]: c["p"] for c in one["classes"]} for one in told["pictures"]}
    plain = seen["african_elephants"]
    for like in ("african_elephants_cmyk", "african_elephants_with_exif_orientation"):
        best = max(plain, key=lambda name: plain[name])
        assert seen[like][best] == pytest.approx(plain[best], abs=0.1)


def test_what_hardly_is_a_picture_is_said_beside_the_answer(glassbook, models, tmp_path):
    image = pytest.importorskip("PIL.Image")
    image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    image.new("RGB", (2000, 20)).save(tmp_path / "strip.png")
    image.new("RGBA", (40, 40), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    frames = [image.new("RGB", (40, 40), (i, 0, 0)) for i in (0, 200)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    image.new("RGB", (40, 40)).save(tmp_path / "plain.png")
    said = {
        "dot.png": "too few to show much",
        "strip.png": "a square in its middle",
        "clear.png": "wholly transparent",
        "moving.gif": "2 frames, and the first",
    }
    for name, text in said.items():
        result = glassbook("look", str(tmp_path / name), "--model", str(models / "classifier"))
        assert result.code == 0
        assert text in result.err
    assert "note" not in glassbook("look", str(tmp_path / "plain.png"), "--model", str(models / "classifier")).err


def special(folder: Path, kind: str, name: str) -> Path:
    """Something in a folder that is no file, or none that is named as a picture."""
    place = folder / name
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "socket":
        with contextlib.chdir(folder), socket.socket(socket.AF_UNIX) as made:
            made.bind(name)  # the whole path may be too long for a socket
    elif kind == "file that is named as no picture":
        place.write_text("no picture")
    else:
        (folder.parent / "elsewhere").mkdir(exist_ok=True)
        at = {"device": "/dev/zero", "link that leads nowhere": "nowhere.png", "link to a folder": "../elsewhere"}
        place.symlink_to(at[kind])
    return place


SPECIAL = [
    ("pipe", "pipe.png"),
    ("pipe", "pipe"),
    ("socket", "socket.jpg"),
    ("device", "zero.png"),
    ("link that leads nowhere", "gone.png"),
    ("link to a folder", "more"),
    ("file that is named as no picture", "notes.heic"),
]


@pytest.fixture
def album(tmp_path, photograph):
    """A folder with a photograph."""
    (tmp_path / "album").mkdir()
    photograph.rename(tmp_path / "album" / "photo.png")
    return tmp_path / "album"


@pytest.mark.parametrize(("kind", "name"), SPECIAL)
def test_what_is_passed_over_in_a_folder_is_told(glassbook, models, album, kind, name):
    place = special(album, kind, name)
    done = glassbook("look", album, "--model", models / "classifier")
    assert done.code == 0
    assert "photo.png" in done.out
    assert done.err.splitlines() == [f"note: 1 was passed over: 1 {kind} ({name})"]
    told = glassbook("look", album, "--model", models / "classifier", "--json").data()
    assert told["passed_over"] == [{"why": kind, "files": [str(place)]}]
    assert [Path(one["file"]).name for one in told["pictures"]] == ["photo.png"]
    (album / "photo.png").unlink()
    said = glassbook("look", album, "--model", models / "classifier").complaint()
    assert "there is no picture in" in said
    assert f"1 {kind} ({name})" in said


@pytest.mark.parametrize("name", ["pipe.png", "pipe", "socket.jpg", "zero.png"])
def test_what_is_no_file_is_refused_by_its_name(glassbook, models, tmp_path, name):
    place = special(tmp_path, {name: kind for kind, name in SPECIAL}[name], name)
    assert "is no file" in glassbook("look", place, "--model", models / "classifier").complaint()


def test_many_are_told_in_one_line(glassbook, models, album):
    (album / "below").mkdir()
    (album / ".hidden").mkdir()
    (album / ".hidden" / "config").write_text("x")
    (album / ".DS_Store").write_text("x")
    for n in range(5):
        special(album / "below", "pipe", f"{n}.png")
    special(album, "file that is named as no picture", "a.txt")
    special(album, "file that is named as no picture", "b.txt")
    (line,) = glassbook("look", album, "--model", models / "classifier").err.splitlines()
    assert line == (
        "note: 7 were passed over: 2 files that are named as no picture (a.txt, b.txt), "
        "5 pipes (below/0.png, below/1.png, below/2.png and 2 more)"
    )


def test_a_folder_that_cannot_be_read_is_told(glassbook, models, album, monkeypatch):
    (album / "locked").mkdir()
    scandir = os.scandir

    def refuse(path="."):
        if Path(path).name == "locked":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    done = glassbook("look", album, "--model", models / "classifier")
    assert "1 folder that cannot be read (locked)" in done.err


def test_a_folder_of_pictures_alone_passes_nothing_over(glassbook, models, album):
    done = glassbook("look", album, "--model", models / "classifier")
    assert (done.code, done.err) == (0, "")
