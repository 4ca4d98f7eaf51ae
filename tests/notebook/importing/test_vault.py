"""Vaults: byte for byte, in their folders, twice is once, nothing overwritten."""

from __future__ import annotations

import io
import os
import re
import tarfile
import zipfile
from pathlib import Path

import pytest

from glassbook.errors import GlassbookError
from glassbook.notebook import Notebook, Page
from glassbook.notebook.importing import plan


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    root = tmp_path / "My vault"
    files = {
        "Index.md": b"\xef\xbb\xbf# Start\r\n[[Deep note]] and ![[pic.png]]\r\n",
        "deep/er/Deep note.md": b"---\ntags: [x]\nodd: {a: 1}\n---\nNo newline at the end",
        "deep/latin.md": b"caf\xe9\n",
        "deep/old.markdown": b"Old ending.\n",
        "img/pic.png": b"\x89PNG\0\1",
        "web/page.html": b"<h1>Web</h1><a href='other.html#x'>there</a>",
        "web/other.html": b"<p>Other</p><script>x()</script>",
        ".obsidian/app.json": b"{}",
        "empty.md": b"",
    }
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    os.symlink("/etc/hostname", root / "link.md")
    return root


def everything(notebook: Notebook) -> dict[str, bytes]:
    return {
        path.relative_to(notebook.folder).as_posix(): path.read_bytes()
        for path in notebook.folder.rglob("*")
        if path.is_file() and ".glassbook" not in path.parts
    }


def test_a_vault_is_copied_byte_for_byte_with_its_folders(vault, nb):
    report = plan(vault).apply(nb)
    for name in ("Index.md", "deep/er/Deep note.md", "deep/latin.md", "img/pic.png", "empty.md"):
        assert (nb.folder / "pages" / "My vault" / name).read_bytes() == (vault / name).read_bytes()
    assert nb.index.resolve("Deep note") == "My vault/deep/er/Deep note"
    assert nb.page("old").body == "Old ending.\n"
    assert "[there](other.md#x)" in nb.page("page").body
    assert nb.page("page").path == nb.folder / "pages" / "My vault" / "web" / "page.md"
    left = {(item["source"], item["text"]) for item in report.left_out}
    assert left == {("web/other.html", "x()"), (".obsidian", ""), ("link.md", "")}


def test_twice_changes_nothing(vault, nb):
    plan(vault).apply(nb)
    before = everything(nb)
    report = plan(vault).apply(nb)
    assert (report.made, report.updated, report.kept) == ([], [], [])
    assert everything(nb) == before


def test_a_page_changed_here_is_kept_and_one_changed_there_is_brought_up_to_date(vault, nb):
    plan(vault).apply(nb)
    mine = nb.folder / "pages" / "My vault" / "Index.md"
    mine.write_text("mine\n")
    (vault / "deep" / "latin.md").write_text("new\n")
    (vault / "Index.md").write_text("theirs\n")
    report = plan(vault).apply(nb)
    assert report.kept == ["My vault/Index.md"]
    assert report.updated == ["My vault/deep/latin.md"]
    assert mine.read_text() == "mine\n"
    assert plan(vault).apply(nb).kept == ["My vault/Index.md"]


def test_names_that_are_taken_are_left_alone(nb, tmp_path):
    nb.write(Page.new("GAN", "mine\n", kind="term"))
    source = tmp_path / "a.txt"
    source.write_text("Glossary\nGAN: Two networks.\n")
    report = plan(source).arrange(nb, same="own").apply()
    assert report.renamed == {"terms/gan.md": "terms/gan-2.md"}
    assert nb.page("gan").body == "mine\n"
    assert nb.page("gan-2").title == "GAN"
    again = plan(source).apply(nb)
    assert (again.made, len(again.same)) == ([], 2)
    assert nb.index.problems() == []


def test_an_id_that_is_taken_elsewhere_is_not_given_again(nb, tmp_path):
    nb.write(Page.new("Other", "mine\n", kind="note", id="gan"))
    source = tmp_path / "a.txt"
    source.write_text("Glossary\nGAN: Two networks.\n")
    plan(source).apply(nb)
    assert nb.page("gan").title == "Other"
    assert nb.page("gan-2").title == "GAN"
    assert plan(source).apply(nb).made == []


def test_a_copied_page_with_an_id_of_another_is_told(nb, tmp_path):
    nb.write(Page.new("Same", "mine\n"))
    source = tmp_path / "x.md"
    source.write_text("---\nid: same\nkind: paper\n---\n")
    report = plan(source).apply(nb)
    assert report.made == ["papers/x.md"]
    assert "'same'" in report.notes[0]


def test_two_sources_of_one_name_do_not_mix(nb, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "notes.md").write_text(f"from {folder}\n")
        plan(tmp_path / folder / "notes.md").apply(nb)
    assert nb.page("notes/notes").body == "from a\n"
    assert nb.page("notes/notes-2").body == "from b\n"


def test_nothing_is_half_written_when_the_disk_refuses(vault, nb, monkeypatch):
    from glassbook.notebook import files

    plan(vault).apply(nb)
    (vault / "Index.md").write_text("theirs\n")
    (vault / "new" / "sub").mkdir(parents=True)
    (vault / "new" / "sub" / "n.md").write_text("new\n")
    before, count, real = everything(nb), [0], files.write_atomic

    def failing(path, data):
        count[0] += 1
        if count[0] == 3:
            raise GlassbookError("the disk is full")
        real(path, data)

    monkeypatch.setattr(files, "write_atomic", failing)
    with pytest.raises(GlassbookError, match="full"):
        plan(vault).apply(nb)
    assert everything(nb) == before
    assert not (nb.folder / "pages" / "My vault" / "new").exists()


def test_a_folder_that_leads_out_of_the_notebook_is_not_followed(vault, nb, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    os.symlink(tmp_path / "elsewhere", nb.folder / "pages" / "My vault")
    with pytest.raises(GlassbookError, match="leads out"):
        plan(vault).apply(nb)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_notebook_is_not_imported_into_itself(nb):
    nb.write(Page.new("A", "x\n"))
    for path in (nb.folder, nb.folder / "pages", nb.folder.parent):
        with pytest.raises(GlassbookError, match="hold one another"):
            plan(path).apply(nb)


def pack(path: Path, names: list[str], links: tuple[str, ...] = ()) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as out:
            for name in names:
                out.writestr(name, b"x\n")
            for name in links:
                info = zipfile.ZipInfo(name)
                info.external_attr = 0o120777 << 16
                out.writestr(info, "/etc/passwd")
        return path
    with tarfile.open(path, "w:gz") as out:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = 2
            out.addfile(info, io.BytesIO(b"x\n"))
        for name in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            out.addfile(info)
    return path


@pytest.mark.parametrize("ending", [".zip", ".tar.gz"])
def test_archives_are_read_like_folders(ending, nb, tmp_path):
    report = plan(pack(tmp_path / f"v{ending}", ["top/a.md", "top/b/c.md"], ("top/l.md",))).apply(nb)
    assert report.made == ["top/a.md", "top/b/c.md"]
    assert [item["source"] for item in report.left_out] == ["l.md"]


@pytest.mark.parametrize("ending", [".zip", ".tar.gz"])
@pytest.mark.parametrize("name", ["../a.md", "/tmp/a.md", "a/../../b.md", "..\\b.md", "C:\\b.md", "a\x1b.md"])
def test_archives_that_lead_out_are_refused(ending, name, tmp_path):
    with pytest.raises(GlassbookError, match="leads out"):
        plan(pack(tmp_path / f"v{ending}", ["ok.md", name]))


def test_archives_that_swell_are_refused(tmp_path, monkeypatch):
    from glassbook.notebook.importing import archive

    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as out:
        for n in range(3):
            out.writestr(f"{n}.md", b"a" * 1000)
    monkeypatch.setattr(archive, "TOTAL", 2500)
    with pytest.raises(GlassbookError, match="import it in parts"):
        plan(tmp_path / "bomb.zip")
    monkeypatch.setattr(archive, "LARGEST", 999)
    with pytest.raises(GlassbookError, match="larger than"):
        plan(tmp_path / "bomb.zip")


def test_an_archive_made_to_fill_the_memory_is_refused_early(tmp_path, monkeypatch):
    from glassbook.notebook.importing import archive

    monkeypatch.setattr(archive, "SMALL", 10_000)
    for name, size in {"bomb": 5_000_000, "plain": 9_000}.items():
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as out:
            out.writestr("a.md", "# a")
            out.writestr("b.bin", b"a" * size)
    with pytest.raises(GlassbookError, match="import it in parts"):
        plan(tmp_path / "bomb.zip")
    assert len(plan(tmp_path / "plain.zip").attachments) == 1


@pytest.mark.parametrize("name", ["pipe.md", "pipe.zip", "pipe.tar.gz", "pipe.html"])
def test_a_pipe_is_no_source(name, tmp_path):
    os.mkfifo(tmp_path / name)
    with pytest.raises(GlassbookError, match="no regular file"):
        plan(tmp_path / name)


def test_a_record_that_names_files_outside_is_not_believed(vault, nb):
    report = plan(vault).apply(nb)
    assert report.file is not None
    report.file.write_text(report.file.read_text().replace('My vault/Index.md", "sha', '../x.md", "sha'))
    text = report.file.read_text().replace('"path": "My vault/Index.md"', '"path": "../../x.md"')
    report.file.write_text(text)
    with pytest.raises(GlassbookError, match="outside"):
        plan(vault).apply(nb)


@pytest.fixture
def notes() -> Path:
    root = os.environ.get("GLASSBOOK_DATA")
    if not root:
        pytest.skip("needs the real data: set GLASSBOOK_DATA to its folder")
    return Path(root) / "notes"


@pytest.mark.parametrize("unpacked", [True, False])
def test_the_glossary_vault_imports_with_all_its_links(notes, nb, tmp_path, unpacked):
    archive = notes / "google-ml-glossary-vault.tar.gz"
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    folder = tmp_path / "google-ml-glossary-vault"
    report = plan(folder if unpacked else archive).apply(nb)
    pages = nb.pages()
    assert len(pages) == 594
    assert len(report.made) == 595  # the licence comes along
    for page in pages:
        assert page.path is not None
        original = folder / page.path.relative_to(nb.folder / "pages" / folder.name)
        assert page.path.read_bytes() == original.read_bytes()


_CODE = re.compile(r"^(```|~~~).*?^\1|`[^`\n]*`", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[\[([^\]\[|#^]+)(?:[#^][^\]|]*)?(?:\|[^\]]*)?\]\]")


def meant(target: str, source: Path, files: list[Path]) -> Path | None:
    """The note that a link means in Obsidian: one with this name or end of a path, beside it or nearest to the top."""
    name = target.strip().casefold().removesuffix(".md")
    fits = [file for file in files if f"/{file.with_suffix('').as_posix().casefold()}".endswith(f"/{name}")]
    return min(fits, key=lambda file: (file.parent != source.parent, len(file.parts), str(file)), default=None)


@pytest.mark.parametrize(
    ("name", "right", "nowhere"), [("google-ml-glossary-vault", 1529, 70), ("foam-docs-vault", 197, 3)]
)
def test_every_link_of_a_vault_leads_to_the_page_that_it_means_there(notes, nb, tmp_path, name, right, nowhere):
    with tarfile.open(notes / f"{name}.tar.gz") as packed:
        packed.extractall(tmp_path, filter="data")
    folder = tmp_path / name
    files = sorted(file.relative_to(folder) for file in folder.rglob("*.md"))
    # Pages that have the names as well, and were there before.
    decoys = tmp_path / "decoys"
    decoys.mkdir()
    for file in files[::3]:
        (decoys / file.name).write_text("other words\n")
    plan(decoys).apply(nb)
    plan(folder).apply(nb)
    wrong, counts = [], {True: 0, False: 0}
    for file in files:
        for link in _LINK.finditer(_CODE.sub("", (folder / file).read_text("utf-8"))):
            there = meant(link[1], file, files)
            expected = there and f"pages/{name}/{there.as_posix()}"
            found = nb.index.path_of(link[1], f"pages/{name}/{file.as_posix()}")
            if expected and found != expected:
                wrong.append((file, link[1], expected, found))
            counts[there is not None] += 1
    assert counts == {True: right, False: nowhere}
    assert wrong == []


def test_the_foam_vault_imports_as_it_is(notes, nb, tmp_path):
    report = plan(notes / "foam-docs-vault.tar.gz").apply(nb)
    assert len(nb.pages()) == 86
    assert len(report.made) == 87
    assert nb.index.resolve("graph-view")
    assert plan(notes / "foam-docs-vault.tar.gz").apply(nb).made == []
