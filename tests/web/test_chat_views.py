"""Chat page, block and API: what is shown before anything is asked, what reaches the model server, what is refused."""

from __future__ import annotations

from html import unescape

import pytest
from evidence_book import EVIL, FakeModelServer, assert_harmless

from glassbook.notebook import Page


@pytest.fixture
def server() -> FakeModelServer:
    return FakeModelServer()


def test_the_page_shows_its_settings_and_asks_nothing(reader, server):
    page = reader.get("/chat?model=builtin&base=&question=Who+keeps+the+ford%3F&tokens=9")
    assert page.status_code == 200
    assert "Who keeps the ford?" in page.text
    assert "&#34;tokens&#34;: 9" in page.text
    assert "Choose a chat model" in reader.get("/chat").text
    assert server.calls == []


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("foo=1", "foo: there is no such key; there are: model, base, question, tokens"),
        ("question=a&question=b", "question is in the address 2 times"),
        ("question=", "question: "),
        ("question=+", "question: "),
        ("tokens=many", "tokens: 'many' is no whole number"),
        ("tokens=0", "tokens: "),
        ("model=", "model: "),
    ],
)
def test_an_address_that_cannot_be_is_said(reader, server, query, said):
    answer = reader.get(f"/chat?{query}")
    assert answer.status_code == 400
    assert said in unescape(answer.text)
    assert server.calls == []


def test_what_others_wrote_is_text(reader):
    assert_harmless(reader.get("/chat", params={"model": EVIL, "question": EVIL}).text)


def test_a_question_reaches_the_model_server_whole(reader, server):
    body = {"model": "builtin", "base": "", "question": "Who?", "tokens": 5}
    assert reader.post("/api/v1/chat", json=body).json()["method"] == "chat"
    assert server.calls == [("chat", body)]


@pytest.mark.parametrize("body", [{"question": ""}, {"tokens": 401}, {"colour": "red"}, {"model": "a\nb"}])
def test_a_wrong_question_is_refused_in_one_line(reader, server, body):
    answer = reader.post("/api/v1/chat", json=body)
    assert answer.status_code == 422
    assert "\n" not in answer.json()["error"]
    assert server.calls == []


def test_a_block_leads_to_its_page_and_says_what_is_wrong_with_it(nb, reader):
    block = "```glassbook\nchat: {{{}}}\n```\n"
    good, bad = block.format("model: builtin, question: Who?"), block.format("model: builtin, tokens: 0")
    nb.write(Page.new("Talk", f"# Talk\n\n{good}\n{bad}", kind="note"))
    html = reader.get("/p/talk").text
    assert 'href="/chat?model=builtin&amp;question=Who%3F"' in html
    assert "tokens: " in html
