"""Latents page and API: what it shows before it is asked, what is sent to the model server, and what is refused."""

from __future__ import annotations

import os
from html import unescape

import pytest
from evidence_book import EVIL, PNG, FakeModelServer, assert_harmless

from glassbook.data.pictures import SUFFIXES
from glassbook.model_server.latent_settings import READ
from glassbook.notebook import Page


@pytest.fixture
def server() -> FakeModelServer:
    return FakeModelServer()


def test_the_page_shows_its_settings_and_asks_nothing(reader, server):
    page = reader.get("/latents?model=builtin-vae&seed=3&set=4:1.5&set=0:-2&strip=4")
    assert page.status_code == 200
    assert "picture number 3" in page.text
    assert "&#34;set&#34;: {&#34;4&#34;: 1.5, &#34;0&#34;: -2.0}" in page.text
    assert reader.get("/latents").status_code == 200
    assert server.calls == []


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("model=builtin", "builtin decodes no pictures, so it has no latents; choose one of builtin-vae"),
        ("model=builtin&seed=1&strip=2", "builtin decodes no pictures"),
        ("picture=notes.md", "no picture notes.md below pages/"),
        ("picture=", "picture: "),
        ("picture=pipe.png", "no picture pipe.png"),
        ("picture=folder.png", "no picture folder.png"),
        ("picture=../run.png", "no picture ../run.png"),
        ("pixels=", "pixels are in no address"),
        ("pixels=AAAA", "pixels are in no address"),
        ("seed=1&seed=2", "seed is in the address 2 times"),
        ("foo=1", "foo: there is no such key; there are: model, mode, seed"),
        ("Seed=1", "Seed: there is no such key"),
        ("seed=-1", ""),
        ("seed=1&code=1,2", ""),
        ("set=4:99", ""),
        ("set=x:1", ""),
        ("set=4", ""),
        ("noise=2", ""),
        ("mode=draw", ""),
        ("code=1,nan", ""),
        ("strip=no", ""),
        ("picture=/etc/passwd", ""),
        ("picture=nowhere.png", ""),
    ],
)
def test_an_address_that_cannot_be_is_said(nb, reader, server, query, said):
    pages = nb.folder / "pages"
    (pages / "notes.md").write_text("no picture")
    (pages / "folder.png").mkdir()
    os.mkfifo(pages / "pipe.png")
    (nb.folder / "run.png").write_bytes(PNG)
    answer = reader.get(f"/latents?{query}")
    assert answer.status_code == 400
    assert said in unescape(answer.text)
    assert "Traceback" not in answer.text
    assert server.calls == []


@pytest.mark.parametrize("name", ["dot.png", "terms/dot.PNG", "a b.webp"])
def test_a_picture_below_pages_is_shown(nb, reader, name):
    (nb.folder / "pages" / "terms").mkdir(exist_ok=True)
    (nb.folder / "pages" / name).write_bytes(PNG)
    assert reader.get("/latents", params={"picture": name}).status_code == 200


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("{model: builtin}", "builtin decodes no pictures"),
        ("{picture: notes.md}", "there is no picture notes.md"),
        ("{picture: nowhere.png}", "there is no picture nowhere.png"),
    ],
)
def test_a_block_that_could_only_fail_says_why(nb, reader, block, said):
    (nb.folder / "pages" / "notes.md").write_text("no picture")
    nb.write(Page.new("Latent", f"# Latent\n\n```glassbook\nlatents: {block}\n```\n", kind="note"))
    assert said in reader.get("/p/latent").text


def test_endings_of_pictures_are_those_that_are_read():
    assert set(SUFFIXES) == READ


def test_an_unknown_model_is_said_at_once(reader, server):
    answer = reader.get("/latents?model=nope")
    assert answer.status_code == 404
    assert "no model is called nope; choose one of builtin-vae" in answer.text
    assert server.calls == []


def test_what_others_wrote_is_text(reader):
    assert_harmless(reader.get("/latents", params={"model": EVIL, "picture": EVIL}).text)


def test_a_question_reaches_the_model_server_whole(reader, server):
    body = {"model": "builtin-vae", "seed": 2, "set": {"3": 0.5}}
    answer = reader.post("/api/v1/latents", json=body).json()
    assert answer["method"] == "latents"
    (call,) = server.calls
    assert call[1] | body == call[1]
    reader.post("/api/v1/latents", json=body)
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"seed": "x"},
        {"seed": 1, "picture": "a.png"},
        {"pixels": ""},
        {"set": {"4": 11}},
        {"set": {"-1": 1}},
        {"code": ["a"]},
        {"mode": "denoise", "code": [1.0]},
        {"colour": "red"},
    ],
)
def test_a_wrong_question_is_refused_in_one_line(reader, server, body):
    answer = reader.post("/api/v1/latents", json=body)
    assert answer.status_code == 422
    assert "\n" not in answer.json()["error"]
    assert server.calls == []
