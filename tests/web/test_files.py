"""Files of runs: only what lies in the run's folder, and nothing that can act."""

from __future__ import annotations

import os
from urllib.parse import quote

import pytest
from evidence_book import PNG, open_app, toy_run

from glassbook.notebook import Notebook

SECRET = b"nobody may read this"


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    nb = Notebook.create(tmp_path_factory.mktemp("files") / "nb")
    (nb.folder / "secret.txt").write_bytes(SECRET)
    (nb.folder.parent / "outside.txt").write_bytes(SECRET)
    run = toy_run(nb)
    other = toy_run(nb, seed=1)
    (other.folder / "artifacts" / "secret.txt").write_bytes(SECRET)
    top = run.folder / "artifacts"
    (top / "page.html").write_text("<script>alert(1)</script>")
    (top / "feed.xml").write_text("<x xmlns='http://www.w3.org/1999/xhtml'><script>alert(1)</script></x>")
    (top / "loose.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>")
    (top / "inside").symlink_to("w.bin")
    (top / "out").symlink_to(nb.folder / "secret.txt")
    (top / "up").symlink_to("../../..")
    (top / "circle").symlink_to("circle")
    (run.folder / "charts" / "leak.vl.json").symlink_to(nb.folder / "secret.json")
    (nb.folder / "secret.json").write_text('{"mark": "point", "title": "nobody may read this"}')
    (run.folder / "tables" / "leak.json").symlink_to(nb.folder / "rows.json")
    (nb.folder / "rows.json").write_text('[{"a": "nobody may read this"}]')
    os.mkfifo(top / "pipe")
    yield nb, run, open_app(nb)
    nb.close()


def test_a_picture_is_shown_and_can_do_nothing(book):
    _, run, reader = book
    answer = reader.get(f"/runs/{run.id}/files/images/dot.png")
    assert (answer.status_code, answer.content) == (200, PNG)
    assert answer.headers["content-type"] == "image/png"
    assert "attachment" not in answer.headers.get("content-disposition", "")
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "media"),
    [
        ("artifacts/w.bin", "application/octet-stream"),
        ("artifacts/page.html", "application/octet-stream"),
        ("artifacts/feed.xml", "application/octet-stream"),
        ("artifacts/loose.svg", "application/octet-stream"),
        ("artifacts/inside", "application/octet-stream"),
        ("run.json", "application/octet-stream"),
        ("charts/curve.svg", "image/svg+xml"),
    ],
)
def test_all_else_is_a_sandboxed_download(book, path, media):
    _, run, reader = book
    answer = reader.get(f"/runs/{run.id}/files/{path}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == media
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"


TRAVERSALS = [
    "../../secret.txt",
    "..%2f..%2fsecret.txt",
    "%2e%2e/%2e%2e/secret.txt",
    "%2e%2e%2f%2e%2e%2fsecret.txt",
    "..%252f..%252fsecret.txt",
    "artifacts/../../../secret.txt",
    "artifacts/..%2f..%2f..%2fsecret.txt",
    "..\\..\\secret.txt",
    "..%5c..%5csecret.txt",
    "....//....//secret.txt",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "//etc/passwd",
    "file:///etc/passwd",
    "~/.profile",
    "artifacts/w.bin%00.png",
    "%00",
    "artifacts/out",
    "artifacts/up/secret.txt",
    "artifacts/up/../secret.txt",
    "artifacts/circle",
    "artifacts/pipe",
    "artifacts",
    "artifacts/",
    "",
    ".",
    "..",
    "artifacts/" + "a" * 300,
    "a/" * 1900 + "a",
    "a" * 4500,
    "artifacts/%ff%fe",
    "artifacts/%ed%a0%80",
    "artifacts/w.bin/x",
    "NUL",
    "C:\\secret.txt",
]


@pytest.mark.parametrize("path", TRAVERSALS)
def test_nothing_outside_is_handed_out(book, path):
    _, run, reader = book
    answer = reader.get(f"/runs/{run.id}/files/{path}")
    # A client takes "." and ".." out of the address before it is sent: that asks for another page.
    assert answer.status_code in (404, 422) or path in (".", ".."), answer.text
    assert SECRET not in answer.content
    assert b"root:" not in answer.content


def test_the_absolute_path_of_a_file_elsewhere_is_refused(book):
    nb, run, reader = book
    for file in (nb.folder / "secret.txt", nb.folder.parent / "outside.txt"):
        answer = reader.get(f"/runs/{run.id}/files/{quote(str(file), safe='')}")
        assert answer.status_code == 404
        assert SECRET not in answer.content


def test_another_runs_file_is_not_this_runs(book):
    nb, run, reader = book
    other = next(record for record in nb.runs() if record.id != run.id)
    assert reader.get(f"/runs/{other.id}/files/artifacts/secret.txt").status_code == 200
    assert reader.get(f"/runs/{run.id}/files/../{other.id}/artifacts/secret.txt").status_code in (200, 404)
    assert reader.get(f"/runs/{run.id}/files/..%2f{other.id}/artifacts/secret.txt").status_code == 404


@pytest.mark.parametrize(
    "name", ["..", "%2e%2e", "..%2f..", ".", "%00", "a" * 300, "nobody", "%ff", "/etc", "*", "%25"]
)
@pytest.mark.parametrize(
    "address",
    [
        "/runs/{}/files/run.json",
        "/runs/{}",
        "/api/v1/runs/{}",
        "/api/v1/runs/{}/metrics",
        "/api/v1/runs/{}/charts/curve",
        "/api/v1/runs/{}/tables/rows",
    ],
)
def test_no_name_of_a_run_leads_elsewhere(book, name, address):
    _, _, reader = book
    answer = reader.get(address.format(name))
    if answer.status_code not in (404, 422):
        assert name in ("..", ".", "%2e%2e")
    assert SECRET not in answer.content


@pytest.mark.parametrize(
    "name", ["leak", "..%2f..%2f..%2fsecret", "%00", "a" * 300, "nobody", "../run", "%2e%2e%2frun"]
)
@pytest.mark.parametrize("kind", ["charts", "tables"])
def test_charts_and_tables_come_from_the_runs_folder_alone(book, name, kind):
    _, run, reader = book
    answer = reader.get(f"/api/v1/runs/{run.id}/{kind}/{name}")
    assert answer.status_code in (404, 422)
    assert SECRET not in answer.content


def test_a_runs_page_shows_no_table_from_elsewhere(book):
    _, run, reader = book
    page = reader.get(f"/runs/{run.id}")
    assert page.status_code == 200
    assert SECRET not in page.content


def test_links_are_not_listed_as_artifacts(book):
    _, run, reader = book
    files = {file["path"] for file in reader.get(f"/api/v1/runs/{run.id}").json()["files"]}
    assert files == {f"artifacts/{name}" for name in ("feed.xml", "loose.svg", "page.html", "w.bin")}


def test_a_run_that_is_a_link_to_elsewhere_hands_out_nothing(tmp_path):
    nb = Notebook.create(tmp_path / "nb")
    run = toy_run(nb)
    away = tmp_path / "away"
    run.folder.rename(away)
    (nb.folder / "runs" / run.id).symlink_to(away)
    answer = open_app(nb).get(f"/runs/{run.id}/files/run.json")
    assert answer.status_code == 404
    nb.close()
