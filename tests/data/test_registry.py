"""Datasets: looked up, downloaded, checked."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from glassbook.data import DataFile, Dataset, registry
from glassbook.errors import GlassbookError

BODY = b"some text\n"
SHA = hashlib.sha256(BODY).hexdigest()
REAL = os.environ.get("GLASSBOOK_DATA")


class Handler(BaseHTTPRequestHandler):
    asked: list[str] = []  # noqa: RUF012

    def do_GET(self):
        self.asked.append(self.path)
        self.send_response(200 if self.path != "/none" else 404)
        self.end_headers()
        self.wfile.write(BODY if self.path == "/good" else b"other")

    def log_message(self, *args):
        pass


@pytest.fixture
def server() -> Iterator[str]:
    web = HTTPServer(("127.0.0.1", 0), Handler)
    Handler.asked.clear()
    Thread(target=web.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{web.server_port}"
    web.shutdown()
    web.server_close()


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch) -> tuple[Path, Path]:
    monkeypatch.setenv("GLASSBOOK_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "data/toy", tmp_path / "cache/glassbook/data/toy"


def toy(url: str = "", name: str = "a.txt") -> Dataset:
    return Dataset("toy", (DataFile(name, SHA, url),), "CC0-1.0", "nowhere", "tests")


def put(folder: Path, body: bytes) -> Path:
    folder.mkdir(parents=True)
    (folder / "a.txt").write_bytes(body)
    return folder / "a.txt"


def test_the_given_folder_comes_before_the_cache(folders, server):
    given, cache = folders
    there = put(cache, BODY)
    assert toy(server + "/good").paths() == {"a.txt": there}
    there = put(given, BODY)
    assert toy(server + "/good").paths() == {"a.txt": there}
    assert Handler.asked == []


def test_what_is_nowhere_is_downloaded_once(folders, server):
    for _ in range(2):
        [path] = toy(server + "/good").paths().values()
        assert path == folders[1] / "a.txt"
        assert path.read_bytes() == BODY
    assert Handler.asked == ["/good"]
    assert os.listdir(folders[1]) == ["a.txt"]


@pytest.mark.parametrize("where", [0, 1])
def test_a_wrong_checksum_is_an_error_wherever_the_file_lies(folders, server, where):
    put(folders[where], b"same len.\n")
    with pytest.raises(GlassbookError, match="wrong SHA-256"):
        toy(server + "/good").paths()
    assert Handler.asked == []


def test_a_wrong_download_is_not_kept(folders, server):
    with pytest.raises(GlassbookError, match="wrong SHA-256"):
        toy(server + "/bad").paths()
    assert os.listdir(folders[1]) == []


@pytest.mark.parametrize("path", ["/none", None])
def test_a_download_that_fails_says_where_to_put_the_file(server, path):
    with pytest.raises(GlassbookError, match=r"cannot be downloaded.*GLASSBOOK_DATA/toy/") as told:
        toy(server + path if path else "http://127.0.0.1:1/x").paths()
    assert "\n" not in str(told.value)


def test_without_an_address_the_entry_says_where_it_is_from():
    with pytest.raises(GlassbookError, match=r"no address to download from \(nowhere\)"):
        toy().paths()


@pytest.mark.parametrize("name", ["../a.txt", "/etc/passwd", "b/../../a.txt"])
def test_a_file_stays_in_its_folder(name):
    with pytest.raises(GlassbookError, match="leads out of"):
        toy(name=name).paths()


def test_there_is_no_such_dataset():
    with pytest.raises(GlassbookError, match=r"there are: cifar10-subset, .*stories260k, tinyshakespeare"):
        registry.find("nothing")


@pytest.mark.parametrize("name", sorted(registry.OWN))
def test_the_real_files_are_those_that_are_meant(name, monkeypatch):
    if not REAL:
        pytest.skip("needs the real data: set GLASSBOOK_DATA to its folder")
    monkeypatch.setenv("GLASSBOOK_DATA", REAL)
    dataset = registry.find(name)
    assert dataset.name == name
    assert set(dataset.paths()) == {file.name for file in dataset.files}
