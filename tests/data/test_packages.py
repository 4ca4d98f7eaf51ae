"""Getting packages: through the real pip, checked, whole or not there."""

import hashlib
import io
import tarfile
import zipfile
from dataclasses import replace

import pytest

from glassbook.data import packages
from glassbook.data.packages import PACKAGES, Package, get
from glassbook.errors import GlassbookError

METADATA = "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """A wheel in a folder that is all that pip looks at."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    path = shelf / "tiny_weights-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("tiny_weights/model.bin", b"weights")
        file.writestr("tiny_weights/__init__.py", "raise RuntimeError('code was run')")
        file.writestr("tiny_weights-1.0.dist-info/METADATA", METADATA)
        file.writestr("tiny_weights-1.0.dist-info/WHEEL", WHEEL)
        file.writestr("tiny_weights-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return path


@pytest.fixture
def tiny(wheel, monkeypatch):
    package = Package(
        name="tiny", kind="model", registry="pip", package="tiny-weights", version="1.0",
        sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(), megabytes=1, licence="MIT", source="a test",
        good_for="tests", convert="", files={"tiny_weights/model.bin": "deep/model.bin"},
    )  # fmt: skip
    monkeypatch.setitem(PACKAGES, "tiny", package)
    return package


def use(monkeypatch, package, **changes):
    monkeypatch.setitem(PACKAGES, "tiny", replace(package, **changes))


def test_files_are_taken_out_and_kept(tiny, wheel):
    assert not tiny.here
    folder = get("tiny", {})
    assert tiny.here
    assert [path.relative_to(folder).as_posix() for path in folder.rglob("*.*")] == ["deep/model.bin"]
    assert (folder / "deep" / "model.bin").read_bytes() == b"weights"
    assert list(folder.parent.iterdir()) == [folder]
    wheel.unlink()
    assert get("tiny", {}) == folder  # nothing is downloaded any more


def test_a_conversion_sees_the_files_before_they_are_kept(tiny, monkeypatch):
    use(monkeypatch, tiny, convert="upper")
    seen = []

    def upper(folder):
        seen.append(PACKAGES["tiny"].here)
        (folder / "deep" / "model.bin").write_bytes(b"WEIGHTS")

    assert (get("tiny", {"upper": upper}) / "deep" / "model.bin").read_bytes() == b"WEIGHTS"
    assert seen == [False]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sha256": "0" * 64}, "wrong SHA-256"),
        ({"version": "2.0"}, "cannot be downloaded"),
        ({"files": {"tiny_weights/other.bin": "other.bin"}}, "has no file tiny_weights/other.bin"),
    ],
)
def test_nothing_is_kept_of_what_fails(tiny, monkeypatch, changes, message):
    use(monkeypatch, tiny, **changes)
    with pytest.raises(GlassbookError, match=message):
        get("tiny", {})
    assert list(tiny.folder.parent.iterdir()) == []


def test_nothing_is_kept_if_the_conversion_fails(tiny, monkeypatch):
    use(monkeypatch, tiny, convert="broken")

    def broken(folder):
        raise GlassbookError("it is broken")

    with pytest.raises(GlassbookError, match="it is broken"):
        get("tiny", {"broken": broken})
    assert list(tiny.folder.parent.iterdir()) == []


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(GlassbookError, match="nothing to get is called 'gpt5'; there are: smollm2, minilm"):
        get("gpt5", {})


def test_debian_packages_are_read_without_their_tools(tiny, tmp_path):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:xz") as tar:
        info = tarfile.TarInfo("./usr/share/digits.gz")
        info.size = 6
        tar.addfile(info, io.BytesIO(b"digits"))
    members = {"debian-binary": b"2.0\n", "control.tar.xz": b"odd", "data.tar.xz": data.getvalue()}
    path = tmp_path / "digits.deb"
    with path.open("wb") as file:
        file.write(b"!<arch>\n")
        for name, content in members.items():
            file.write(f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode() + content)
            file.write(b"\n" * (len(content) % 2))
    packages._take_out(replace(tiny, files={"usr/share/digits.gz": "digits.gz"}), path, tmp_path / "made")
    assert (tmp_path / "made" / "digits.gz").read_bytes() == b"digits"


def test_every_package_names_its_size_licence_and_checksum():
    for package in PACKAGES.values():
        assert len(package.sha256) == 64
        assert package.licence
        assert package.megabytes > 0
        assert all(".." not in path and not path.startswith("/") for path in package.files.values())
