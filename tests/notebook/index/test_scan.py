"""Which files are pages, and how a change of one is seen."""

import os
import time
from pathlib import Path

import pytest

from glassbook.errors import GlassbookError
from glassbook.notebook import Notebook
from glassbook.notebook.index import page_loader


@pytest.fixture
def pages(nb: Notebook) -> Path:
    (nb.folder / "pages" / "ok.md").write_text("# Fine\n")
    return nb.folder / "pages"


def test_pipes_devices_and_links_that_lead_out_are_passed_over(nb: Notebook, pages: Path, tmp_path: Path):
    (tmp_path / "secret.md").write_text("# secret\n")
    os.mkfifo(pages / "pipe.md")
    (pages / "folder.md").mkdir()
    links = {"zero.md": "/dev/zero", "out.md": tmp_path / "secret.md", "self.md": "self.md", "broken.md": "/nowhere"}
    links |= {"loop": pages, "etc": "/etc", "inside.md": "ok.md", "dir-link.md": tmp_path}
    for name, target in links.items():
        (pages / name).symlink_to(target)
    assert [page.id for page in nb.pages()] == ["inside", "ok"]
    assert nb.index.search("secret") == []
    said = sorted(line.partition(":")[0].removeprefix("pages/") for line in nb.index.problems())
    assert said == sorted({"pipe.md", *links} - {"inside.md"})
    # The watch names paths as the system tells them, through links as well.
    nb.index.follow()
    nb.index.touch([f"pages/{name}" for name in ("pipe.md", "zero.md", "out.md", "loop/ok.md", "folder.md", "ok.md")])
    assert [page.id for page in nb.pages()] == ["inside", "ok"]


def test_the_pages_themselves_may_lie_elsewhere(tmp_path: Path):
    nb = Notebook.create(tmp_path / "book")
    (nb.folder / "pages").rmdir()
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "a.md").write_text("# A\n")
    (nb.folder / "pages").symlink_to(tmp_path / "disk")
    page = nb.page("a")
    page.body += "more\n"
    nb.write(page)
    assert (tmp_path / "disk" / "a.md").read_text() == "# A\nmore\n"


def test_a_page_too_large_to_be_read_is_shown_as_bad_and_left_as_it_is(nb: Notebook, pages: Path):
    with (pages / "large.md").open("wb") as file:
        file.truncate(1 << 40)
    assert [page.id for page in nb.pages()] == ["large", "ok"]
    assert [hit.id for hit in nb.index.search("fine")] == ["ok"]
    (problem,) = nb.index.problems()
    assert "large.md" in problem
    assert f"larger than {page_loader.LARGEST >> 20} MB" in problem
    page = nb.page("large")
    page.body = "x"
    with pytest.raises(GlassbookError, match="was left as it is"):
        nb.write(page)
    with pytest.raises(GlassbookError):
        nb.remove(page)
    assert (pages / "large.md").stat().st_size == 1 << 40


@pytest.mark.parametrize("when", [0, -(10**9), 20_000_000_000, 10**10 * 2], ids=["1970", "before", "2603", "far"])
def test_times_centuries_away_spoil_nothing(nb: Notebook, pages: Path, when: int):
    os.utime(pages / "ok.md", ns=(0, when * 10**9))
    (row,) = nb.index.page_rows(order="modified")
    assert row.id == "ok"
    assert [hit.id for hit in nb.index.search("fine")] == ["ok"]


@pytest.mark.parametrize("when", [-86400, 0, 86400 * 400])
def test_an_edit_of_the_same_size_and_time_is_seen(nb: Notebook, pages: Path, when: int):
    path, shown = pages / "ok.md", time.time() + when
    os.utime(path, (shown, shown))
    assert nb.index.search("fine")
    # As if it had been read long after it was changed: its time alone would not make it be read again.
    nb.index._open().execute("UPDATE page SET seen = seen + 3600 * 1000000000")
    path.write_text("# Good\n")
    os.utime(path, (shown, shown))
    assert [hit.id for hit in nb.index.search("good")] == ["ok"]
    assert nb.index.search("fine") == []


def test_a_page_that_has_not_changed_is_not_read_again(nb: Notebook, pages: Path, monkeypatch):
    assert nb.index.search("fine")
    nb.index._open().execute("UPDATE page SET seen = seen + 3600 * 1000000000")
    monkeypatch.setattr(page_loader, "read_file", lambda path: pytest.fail(f"{path} was read again"))
    assert nb.index.search("fine")
