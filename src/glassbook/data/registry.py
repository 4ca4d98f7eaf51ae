"""Dataset registry: real datasets with licence, address and SHA-256, and where their files are on this machine.

A file is looked up in the folder $GLASSBOOK_DATA, then in the user's cache, then downloaded into the cache; each is
checked against its SHA-256. Our own datasets are listed in datasets.toml. Other packages add theirs through the
entry-point group ``glassbook.datasets``: an entry is a `Dataset`.
"""

from __future__ import annotations

import os
import tempfile
import tomllib
import urllib.request
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path, PurePosixPath

from glassbook import extensions
from glassbook.errors import GlassbookError
from glassbook.notebook.runs.freshness import digest

GROUP: extensions.Group = "glassbook.datasets"
CHUNK = 1 << 20
"""Bytes of a download that are written at once."""


@dataclass(frozen=True)
class DataFile:
    """One file of a dataset."""

    name: str
    """Its path below the dataset's folder, with slashes."""
    sha256: str
    url: str = ""
    """Where it is downloaded from; "" if that has to be done by hand."""


@dataclass(frozen=True)
class Dataset:
    """Files from elsewhere that belong together."""

    name: str
    """Also the name of its folder."""
    files: tuple[DataFile, ...]
    licence: str
    source: str
    """Where it is from, in words; the only help there is where a file has no address."""
    good_for: str
    """What it is good for, and what not."""

    def paths(self) -> dict[str, Path]:
        """Name of every file -> where it is; what is not on this machine is downloaded.

        Raises:
            GlassbookError: a file is nowhere and cannot be downloaded, or is not the one that was meant.
        """
        return {file.name: self._path(file) for file in self.files}

    def _path(self, file: DataFile) -> Path:
        below = PurePosixPath(self.name, file.name)
        if below.is_absolute() or ".." in below.parts:
            raise GlassbookError(f"{self.name}: the file name {file.name!r} leads out of the dataset's folder; fix it")
        places = [folder / below for folder in folders()]
        path = next((place for place in places if place.is_file()), None)
        if path is None:
            path = self._download(file, places[-1])
        elif digest(path) != file.sha256:
            raise GlassbookError(f"{path} is not the file that {self.name} means (wrong SHA-256); remove or replace it")
        return path

    def _download(self, file: DataFile, target: Path) -> Path:
        if not file.url:
            raise GlassbookError(
                f"{self.name} is not here and has no address to download from ({self.source}); "
                f"put {file.name} into $GLASSBOOK_DATA/{self.name}/"
            )
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=target.parent, prefix=".part-") as part:
                got = Path(part) / "file"
                with urllib.request.urlopen(file.url, timeout=60) as answer, got.open("wb") as out:
                    while data := answer.read(CHUNK):
                        out.write(data)
                if digest(got) != file.sha256:
                    raise GlassbookError(f"{file.url} is not the file that {self.name} means (wrong SHA-256); not kept")
                os.replace(got, target)
        except OSError as error:  # URLError is one
            raise GlassbookError(
                f"{file.name} of {self.name} cannot be downloaded from {file.url} ({error}); "
                f"or put it into $GLASSBOOK_DATA/{self.name}/"
            ) from error
        return target


@dataclass(frozen=True)
class PublishedModel:
    """A model among the datasets, which `nets.open_model` knows by its name."""

    dataset: str
    file: str
    """The dataset's file that it is."""
    task: str
    """What it does: "classify"."""
    depth: int
    """Layers with weights."""

    @property
    def here(self) -> bool:
        """Whether its file is on this machine; what is in it is checked when it is opened."""
        return any((folder / self.dataset / self.file).is_file() for folder in folders())


MODELS = {
    "resnet20-cifar10": PublishedModel("resnet-cifar10", "resnet20-12fca82f.th", "classify", 20),
    "resnet56-cifar10": PublishedModel("resnet-cifar10", "resnet56-4bfd9763.th", "classify", 56),
}
"""Name -> model."""


def folders() -> list[Path]:
    """Where datasets are looked up: $GLASSBOOK_DATA if it is set, and the user's cache, where downloads go."""
    folder = os.environ.get("GLASSBOOK_DATA")
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return [*([Path(folder).expanduser()] if folder else []), Path(cache).expanduser() / "glassbook" / "data"]


def names() -> list[str]:
    """Names of all datasets, our own and those of other packages."""
    return sorted({*OWN, *extensions.entries(GROUP)})


def find(name: str) -> Dataset:
    """The dataset of that name; nothing is looked up or downloaded yet.

    Raises:
        GlassbookError: there is none, or the package that offers it is broken.
    """
    if name in OWN:
        return OWN[name]
    if name not in extensions.entries(GROUP):
        raise GlassbookError(f"no dataset is called {name!r}; there are: {', '.join(names())}")
    return extensions.find(GROUP, name)


def _own() -> dict[str, Dataset]:
    """The datasets of datasets.toml by name."""
    content = tomllib.loads(files("glassbook.data").joinpath("datasets.toml").read_text(encoding="utf-8"))
    return {
        name: Dataset(**{**entry, "name": name, "files": tuple(DataFile(f, **v) for f, v in entry["files"].items())})
        for name, entry in content.items()
    }


OWN: dict[str, Dataset] = _own()
"""The datasets that Glassbook itself knows."""
