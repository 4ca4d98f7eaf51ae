"""Real datasets: what they are, and where their files are on this machine.

A file is looked up in the folder $GLASSBOOK_DATA, then in the user's cache, then downloaded into the cache. Whatever
is found is checked against its SHA-256. Other packages add datasets through the entry-point group
``glassbook.datasets``: an entry is a `Dataset`.
"""

from __future__ import annotations

import os
import tempfile
import urllib.request
from dataclasses import dataclass
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
    """Some files from elsewhere."""

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
            raise GlassbookError(f"{self.name}: the file name {file.name!r} leads out of the dataset's folder; mend it")
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


def folders() -> list[Path]:
    """Where datasets are looked up: $GLASSBOOK_DATA if it is set, and the user's cache, where downloads go."""
    given = os.environ.get("GLASSBOOK_DATA")
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return [*([Path(given).expanduser()] if given else []), Path(cache).expanduser() / "glassbook" / "data"]


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


_TINYLLAMAS = "https://huggingface.co/karpathy/tinyllamas/resolve/main/stories260K/"
_CHAR_RNN = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/"

OWN: dict[str, Dataset] = {
    entry.name: entry
    for entry in (
        Dataset(
            "stories260k",
            (
                DataFile(
                    "stories260K.bin",
                    "b0a507e7ad0f626624f17112325e66691f9076d622e1d3274d103d00299f2696",
                    _TINYLLAMAS + "stories260K.bin",
                ),
                DataFile(
                    "tok512.bin",
                    "037cb335abb25d1fa9e8ecae30ed2a3a8ace9302862ebcdc05d51a6bbb10c312",
                    _TINYLLAMAS + "tok512.bin",
                ),
            ),
            "MIT",
            "karpathy/tinyllamas on the Hugging Face hub, folder stories260K",
            "a real pretrained Llama of 260,032 parameters with its tokenizer, small enough for any test",
        ),
        Dataset(
            "tinyshakespeare",
            (
                DataFile(
                    "input.txt",
                    "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
                    _CHAR_RNN + "input.txt",
                ),
            ),
            "public domain",
            "karpathy/char-rnn on GitHub",
            "1,115,394 characters to try a language model on; everything overfits it, so it compares no architectures",
        ),
        Dataset(
            "mnist",
            (
                DataFile(
                    "train-images-idx3-ubyte.gz",
                    "71524e2cd1ad2968737f7f2f2ff69cbfc32df8ccddff51593f7cb2d4e0eb5b64",
                ),
                DataFile(
                    "train-labels-idx1-ubyte.gz",
                    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                ),
                DataFile(
                    "t10k-images-idx3-ubyte.gz",
                    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                ),
                DataFile(
                    "t10k-labels-idx1-ubyte.gz",
                    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                ),
            ),
            "CC-BY-SA-3.0",
            "LeCun, Cortes and Burges: the four gzipped IDX files under their usual names",
            "70,000 handwritten digits, 28 x 28; solved to above 99 %, so it finds bugs and compares little",
        ),
        Dataset(
            "gpt2-bpe",
            (
                DataFile("encoder.json", "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783"),
                DataFile("vocab.bpe", "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5"),
            ),
            "MIT",
            "OpenAI's release of GPT-2: encoder.json and vocab.bpe",
            "building GPT-2's tokenizer without a network",
        ),
    )
}
"""The datasets that Glassbook itself knows."""
