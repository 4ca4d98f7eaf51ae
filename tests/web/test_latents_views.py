"""Latents page and API: what it shows before it is asked, what is sent to the model server, and what is refused."""

from __future__ import annotations

import pytest
from evidence_book import EVIL, FakeModelServer, assert_harmless


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
    "query",
    [
        "seed=-1",
        "seed=1&code=1,2",
        "set=4:99",
        "set=x:1",
        "set=4",
        "noise=2",
        "mode=draw",
        "code=1,nan",
        "strip=no",
        "foo=1",
        "pixels=x",
        "picture=/etc/passwd",
        "picture=nowhere.png",
    ],
)
def test_an_address_that_cannot_be_is_said(reader, query):
    answer = reader.get(f"/latents?{query}")
    assert answer.status_code == 422
    assert "Traceback" not in answer.text


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
