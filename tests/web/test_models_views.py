"""Model pages: requests to the model server, when they are sent, and their limits."""

from __future__ import annotations

import pytest
from evidence_book import FakeModelServer
from starlette.testclient import TestClient

from glassbook.errors import GlassbookError
from glassbook.notebook import Notebook
from glassbook.web.app import create_app

EVIL = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
ASKS = {
    "open": {"model": "builtin"},
    "sample": {"model": "builtin", "prompt": "The fox", "chat": False, "tokens": 5, "temperature": 0, "seed": 1},
    "tokens": {"model": "builtin", "text": "The fox"},
    "attention": {"model": "builtin", "prompt": "The fox"},
    "lens": {"model": "builtin", "prompt": "The fox", "top": 3, "kind": "tuned"},
}


@pytest.fixture
def server() -> FakeModelServer:
    return FakeModelServer()


def test_the_list_names_every_model_and_runs_none(reader, server):
    page = reader.get("/models")
    assert page.status_code == 200
    assert "builtin" in page.text
    assert server.calls == []
    assert reader.get("/api/v1/models").json()["models"][0]["name"] == "builtin"


def test_what_others_named_is_text(reader, monkeypatch):
    models = [{"name": EVIL, "short": EVIL, "kind": "text", "task": "write", "origin": "opened", "where": EVIL}]
    monkeypatch.setattr("glassbook.web.views.models.available_models", lambda notebook: models)
    page = reader.get("/models").text
    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_showing_a_model_asks_the_model_server_nothing(reader, server):
    page = reader.get("/models/open", params={"model": EVIL, "prompt": EVIL})
    assert page.status_code == 200
    assert server.calls == []
    assert "<script>alert" not in page.text
    assert "<img src=x" not in page.text


def test_a_model_that_was_opened_is_remembered_until_it_is_forgotten(reader, server):
    reader.post("/api/v1/models/open", json={"model": "nobody"})
    reader.post("/api/v1/models/open", json={"model": "org/tiny"})
    reader.post("/api/v1/models/open", json={"model": "builtin"})
    page = reader.get("/models").text
    assert '<a href="/models/open?model=org/tiny">tiny</a>' in page
    assert "nobody" not in page
    assert page.count("data-forget") == 1
    assert '<option value="org/tiny"' in reader.get("/steer").text
    left = reader.post("/api/v1/models/forget", json={"model": "org/tiny"}).json()["models"]
    assert [model["name"] for model in left if model["origin"] != "published"] == ["builtin", "builtin-vae"]
    assert "org/tiny" not in reader.get("/models").text


def test_a_disk_that_refuses_does_not_keep_a_model_from_opening(reader, server, monkeypatch):
    def refuse(*_):
        raise GlassbookError("cannot write")

    monkeypatch.setattr("glassbook.web.views.models.remember", refuse)
    assert reader.post("/api/v1/models/open", json={"model": "builtin"}).status_code == 200


def test_a_models_page_has_a_short_heading_and_prompts_that_suit_it(reader):
    page = reader.get("/models/open", params={"model": "org/tiny"}).text
    assert "<h1>tiny</h1>" in page
    assert "<code>org/tiny</code>" in page
    assert page.count("Once upon a time</textarea>") == 2
    assert "data-local" not in page  # a link from elsewhere must not make the page download it
    page = reader.get("/models/open").text
    assert "<h1>builtin</h1>" in page
    assert "<code>builtin" not in page
    assert "One day, Tam came to the ford.</textarea>" in page
    assert "data-local" in page


def test_an_address_says_the_prompts(reader):
    page = reader.get("/models/open", params={"prompt": "The fox"}).text
    assert page.count(">The fox</textarea>") == 2
    page = reader.get("/models/open", params={"prompt": "The fox", "write": "An owl"}).text
    assert page.count(">The fox</textarea>") == page.count(">An owl</textarea>") == 1


@pytest.mark.parametrize("what", ASKS)
def test_each_button_asks_one_thing(reader, server, what):
    answer = reader.post(f"/api/v1/models/{what}", json=ASKS[what])
    assert answer.json() == {"method": what, **ASKS[what]}
    assert server.calls == [(what, ASKS[what])]


def test_the_same_question_is_asked_once(reader, server):
    for _ in range(3):
        reader.post("/api/v1/models/lens", json=ASKS["lens"])
    reader.post("/api/v1/models/lens", json={**ASKS["lens"], "top": 4})
    assert [params["top"] for _, params in server.calls] == [3, 4]


def test_errors_are_one_line_and_not_remembered(reader, server):
    for _ in range(2):
        answer = reader.post("/api/v1/models/open", json={"model": "nobody"})
        assert answer.status_code == 400
        assert answer.json() == {"error": "there is no model 'nobody'; name a folder, a file or an id"}
    assert len(server.calls) == 2


@pytest.mark.parametrize(
    ("what", "changed"),
    [
        ("open", {"model": ""}),
        ("open", {"model": "x" * 501}),
        ("open", {"model": "a\x00b"}),
        ("open", {"else": 1}),
        ("sample", {"prompt": "x" * 2001}),
        ("sample", {"tokens": 0}),
        ("sample", {"tokens": 401}),
        ("sample", {"temperature": -0.1}),
        ("sample", {"temperature": 5.1}),
        ("sample", {"seed": -1}),
        ("sample", {"seed": 2**31}),
        ("tokens", {"text": "x" * 2001}),
        ("attention", {"prompt": ""}),
        ("attention", {"prompt": "x" * 401}),
        ("lens", {"top": 0}),
        ("lens", {"top": 11}),
    ],
)
def test_what_is_out_of_bounds_is_refused_before_the_model_server(reader, server, what, changed):
    answer = reader.post(f"/api/v1/models/{what}", json={**ASKS[what], **changed})
    assert answer.status_code == 422
    assert "\n" not in answer.json()["error"]
    assert server.calls == []


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_temperatures_are_numbers(reader, server, number):
    body = f'{{"model": "builtin", "prompt": "x", "temperature": {number}}}'
    answer = reader.post("/api/v1/models/sample", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert server.calls == []


def test_the_least_used_answer_goes_first(reader, server, monkeypatch):
    monkeypatch.setattr("glassbook.web.services.MAX_RESPONSES", 2)
    for text in "12321":
        reader.post("/api/v1/models/tokens", json={"text": text})
    assert [params["text"] for _, params in server.calls] == ["1", "2", "3", "1"]


def test_the_real_model_answers_through_the_web(tmp_path):
    """The whole way: browser's JSON, server, model and back."""
    app = create_app(Notebook.create(tmp_path / "book"), work=False)
    with TestClient(app, base_url="http://127.0.0.1") as reader:
        opened = reader.post("/api/v1/models/open", json={"model": "builtin"}).json()
        assert opened["parameters"] > 0
        assert {"name", "shape", "dtype"} <= opened["sites"][0].keys()
        cut = reader.post("/api/v1/models/tokens", json=ASKS["tokens"]).json()["tokens"]
        seen = reader.post("/api/v1/models/attention", json=ASKS["attention"]).json()
        assert len(seen["tokens"]) >= len(cut) - 1
        weights = seen["layers"][0]["heads"][0]
        assert len(weights) == len(weights[0]) == len(seen["tokens"])
        assert all(abs(sum(row) - 1) < 0.02 for row in weights)
        lens = reader.post("/api/v1/models/lens", json=ASKS["lens"]).json()
        assert all(len(layer["cells"]) == len(lens["tokens"]) for layer in lens["layers"])
        assert all(0 <= guess["p"] <= 1 for layer in lens["layers"] for cell in layer["cells"] for guess in cell)
        first = reader.post("/api/v1/models/sample", json=ASKS["sample"]).json()
        assert first["text"]
        pair = {"plus": "The wedding", "minus": "The path", "site": "blocks.2.in", "by": 2}
        asked = {"model": "builtin", **pair, "prompt": "One day, Tam came to the ford.", "tokens": 5}
        steered = reader.post("/api/v1/steer", json=asked).json()
        assert steered["results"][0]["prompt"] == asked["prompt"]
        assert steered["effect"]
        wrong = reader.post("/api/v1/models/open", json={"model": "no/such/folder"})
        assert wrong.status_code == 400
        assert "\n" not in wrong.json()["error"]


def test_a_picture_models_page_offers_what_fits_it(reader, tmp_path):
    from glassbook.nets import PictureModel, save_model
    from glassbook.nets.autoencoder import VAE, PictureConfig
    from glassbook.nets.gan import pictures_gan

    vae = VAE(PictureConfig(size=16, channels=1, code=3, width=4))
    save_model(PictureModel(vae, "v", "autoencode", 16, 1), tmp_path / "vae")
    save_model(PictureModel(pictures_gan(8, 1, 4, 4), "g", "generate", 8, 1), tmp_path / "gan")
    look = reader.get("/models/open", params={"model": str(tmp_path / "vae")}).text
    assert "Choose a picture" in look
    assert "Generate</button>" not in look
    make = reader.get("/models/open", params={"model": str(tmp_path / "gan")}).text
    assert "Make</button>" in make
    assert "Choose a picture" not in make
    text = reader.get("/models/open").text
    assert "Choose a picture" not in text


PIXEL = {"model": "builtin", "pixels": "AAAA", "width": 1, "height": 1}


def test_a_picture_is_passed_on_and_not_remembered(reader, server):
    for _ in range(2):
        assert reader.post("/api/v1/models/look", json=PIXEL).status_code == 200
    assert server.calls == [("look", {**PIXEL, "dictionary": None})] * 2
    assert reader.post("/api/v1/models/make", json={"model": "builtin", "seed": 3}).json()["count"] == 12


@pytest.mark.parametrize(
    "wrong",
    [
        {"width": 0},
        {"height": 5000},
        {"pixels": ""},
        {"pixels": "A" * (4 * 1024**2 + 1)},
        {"dictionary": ""},
        {"depth": 3},
        {"width": "wide"},
    ],
)
def test_what_is_no_picture_is_refused(reader, server, wrong):
    assert reader.post("/api/v1/models/look", json={**PIXEL, **wrong}).status_code == 422
    assert server.calls == []
