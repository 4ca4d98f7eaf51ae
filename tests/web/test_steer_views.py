"""The steering panel: one value of settings in query, block and JSON; answers; texts kept on pages."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from html.parser import HTMLParser
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from glassbook.errors import GlassbookError
from glassbook.formatting import escape_markdown
from glassbook.notebook import LiveBlock, Notebook, Page, read_markdown
from glassbook.steer.spec import SteeringSettings, is_vector, read_settings
from glassbook.steer.where import WHERE_LABELS
from glassbook.web.keeping import append
from glassbook.web.render.blocks import show_block
from glassbook.web.render.markdown import render_markdown
from glassbook.web.steering_formats import from_query, section, to_block, to_query

PAIR = {"plus": "happy", "minus": "sad", "site": "blocks.2.in", "coeff": 4.0}
ASKED = {"model": "builtin", "sources": [PAIR], "prompts": ["The fox"], "tokens": 5, "temperature": 0.0, "seed": 1}
EVIL = "| [[x]] ![a](javascript:alert(1)) <script>alert(1)</script>\n```\n# heading\n$\\href{javascript:a}{x}$ `code`"


class FakeModelServer:
    """Continues every prompt with what it is told to."""

    def __init__(self) -> None:
        self.calls: list[dict] = []
        self.steered = " runs away."

    async def call(self, method, *, partial=None, **params):
        self.calls.append(params)
        if params["model"] == "nobody":
            raise GlassbookError("there is no model 'nobody'; name a folder, a file or an id")
        results = [{"prompt": p, "plain": p + " sleeps.", "steered": p + self.steered} for p in params["prompts"]]
        if params["random"]:
            results = [{**row, "random": row["prompt"] + " flies."} for row in results]
        return {
            "results": results,
            "words_changed": 0.5,
            "damage": {"nll_plain": 1.0, "nll_steered": 1.4567},
            "label": "happy - sad",
        }

    async def close(self):
        pass


@pytest.fixture
def server() -> FakeModelServer:
    return FakeModelServer()


# --- settings --------------------------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NAMES = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
COEFFS = st.floats(-20, 20)
SOURCES = st.one_of(
    st.fixed_dictionaries({"plus": TEXTS, "minus": TEXTS, "site": NAMES, "coeff": COEFFS}),
    st.fixed_dictionaries(
        {
            "plus": st.lists(TEXTS, min_size=1, max_size=3),
            "minus": st.lists(TEXTS, min_size=1, max_size=3),
            "site": NAMES,
            "coeff": COEFFS,
        }
    ),
    st.fixed_dictionaries({"run": NAMES, "index": st.integers(0, 10**6), "coeff": COEFFS}),
    st.fixed_dictionaries({"run": NAMES, "artifact": NAMES, "coeff": COEFFS}),
)
SETTINGS = st.builds(
    SteeringSettings.model_validate,
    st.fixed_dictionaries(
        {
            "model": NAMES,
            "sources": st.lists(SOURCES, min_size=1, max_size=4),
            "where": st.sampled_from([*WHERE_LABELS, "from-position-3", "before-position-2"]),
            "prompts": st.lists(TEXTS, min_size=1, max_size=3),
            "tokens": st.integers(1, 400),
            "temperature": st.floats(0, 5),
            "seed": st.integers(0, 2**31 - 1),
            "random": st.booleans(),
            "chat": st.booleans(),
        }
    ),
)


@given(SETTINGS)
def test_an_address_says_all_settings(settings):
    said = from_query(parse_qsl(to_query(settings), keep_blank_values=True))
    assert SteeringSettings.model_validate(said) == settings


@given(SETTINGS)
def test_a_live_block_says_all_settings_and_nothing_else(settings):
    outline = read_markdown(f"# before\n\n{to_block(settings)}\n\n# after\n")
    (block,) = outline.blocks
    assert block.problem is None
    assert block.kind == "steer"
    assert read_settings(block.data) == settings
    assert [s.title for s in outline.sections if s.level] == ["before", "after"]


def test_the_model_server_reads_what_the_web_sends():
    sources = [PAIR, {"run": "r", "index": 3, "coeff": -2}, {"run": "r", "artifact": "v", "coeff": 1}]
    settings = read_settings({**ASKED, "sources": sources})
    assert read_settings(settings.model_dump(mode="json")) == settings
    assert settings.label == "+4 “happy” minus “sad” at blocks.2.in; -2 feature 3 of r; +1 v of r"


@pytest.mark.parametrize(
    ("old", "new"), [("prompt", "during-prompt"), ("after", "after-prompt"), ("3", "from-position-3")]
)
def test_pages_and_links_of_earlier_versions_are_read_and_written_anew(old, new):
    by = {key if key != "coeff" else "by": value for key, value in PAIR.items()}
    settings = read_settings({**ASKED, "sources": [by], "where": old})
    assert settings == read_settings({**ASKED, "where": new})
    assert f"where: {new}" in to_block(settings)
    assert "by:" not in to_block(settings)
    said = from_query(parse_qsl("run=r&feature=1&by=3"))
    assert SteeringSettings.model_validate({**said, "prompts": ["x"]}).sources[0].coeff == 3


def test_one_source_and_one_prompt_need_no_lists():
    assert read_settings({**PAIR, "prompt": "The fox"}).sources == read_settings(ASKED).sources


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"prompt": "x"}, "sources: "),
        ({"prompt": "x", "run": "r", "index": -1}, "sources.0.index: "),
        ({"prompt": "x", "sources": [PAIR], "coeff": 3}, "'coeff' belongs into one of the sources"),
        ({"prompt": "x", **PAIR, "strenght": 3}, "strenght: "),
        ({"prompt": "x", "sources": [3]}, "sources.0: "),
    ],
)
def test_wrong_settings_are_told_in_one_line(data, said):
    with pytest.raises(GlassbookError, match=re.escape(said)) as problem:
        read_settings(data)
    assert "\n" not in str(problem.value)


# --- the panel -------------------------------------------------------------------------------------------------------


def test_opening_the_panel_steers_nothing(reader, server):
    page = reader.get("/steer", params={"run": EVIL.replace("\n", " "), "feature": 7, "prompt": EVIL, "model": "a<b>"})
    assert page.status_code == 200
    assert server.calls == []
    assert "<script>alert" not in page.text
    assert "index&#34;: 7" in page.text


@pytest.mark.parametrize(
    "query",
    [
        "source=nonsense",
        "source=[",
        "tokens=0",
        "tokens=401",
        "run=r&feature=x",
        "where=there",
        "coeff=nan&run=r&feature=1",
        "colour=red",
        "sources=[]",
        "seed=1&seed=2",
    ],
)
def test_an_address_that_says_what_cannot_be_is_told(reader, query):
    answer = reader.get(f"/steer?{query}")
    assert answer.status_code == 400
    assert "Traceback" not in answer.text


def test_steering_answers_with_the_texts_and_the_permanent_address(reader, server):
    answer = reader.post("/api/v1/steer", json=ASKED).json()
    assert answer["results"] == [{"prompt": "The fox", "plain": "The fox sleeps.", "steered": "The fox runs away."}]
    assert SteeringSettings.model_validate(from_query(parse_qsl(answer["query"]))) == read_settings(ASKED)
    assert reader.get(f"/steer?{answer['query']}").status_code == 200
    reader.post("/api/v1/steer", json=ASKED)
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"sources": []},
        {"sources": [PAIR] * 9},
        {"sources": [{**PAIR, "coeff": 20.5}]},
        {"sources": [{**PAIR, "plus": "x" * 201}]},
        {"prompts": []},
        {"prompts": ["x"] * 9},
        {"prompts": ["x" * 2001]},
        {"tokens": 401},
        {"tokens": 0},
        {"temperature": -1},
        {"seed": 2**31},
        {"where": "there"},
        {"model": ""},
        {"else": 1},
    ],
)
def test_what_is_out_of_bounds_is_refused_before_the_model_server(reader, server, changed):
    answer = reader.post("/api/v1/steer", json={**ASKED, **changed})
    assert answer.status_code == 422
    assert "\n" not in answer.json()["error"]
    assert server.calls == []


def test_the_answer_says_what_its_numbers_mean(reader):
    said = reader.post("/api/v1/steer", json=ASKED).json()["sentences"]
    assert said["effect"] == ["50 % of the steered words are not in the unsteered text."]
    assert "0.46 nats per token less likely than its own" in said["damage"][0]


def test_a_new_panel_has_a_random_vector_and_prompts_that_suit_the_model(reader):
    def shown(**query):
        return json.loads(unescape(re.search(r'data-settings="([^"]*)"', reader.get("/steer", params=query).text)[1]))

    assert (shown()["random"], shown()["prompts"]) == (True, ["The", "One day, Tam came to the ford."])
    assert shown(model="org/tiny")["prompts"] == ["Once upon a time"]
    assert shown(prompt="The fox", random="false") | {"prompts": ["The fox"], "random": False} == shown(
        prompt="The fox", random="False"
    )
    assert not read_settings(ASKED).random  # blocks and links of earlier versions ask for none


def test_an_unknown_model_is_one_clear_line(reader):
    answer = reader.post("/api/v1/steer", json={**ASKED, "model": "nobody"})
    assert (answer.status_code, answer.json()) == (
        400,
        {"error": "there is no model 'nobody'; name a folder, a file or an id"},
    )


# --- inside pages ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        {**PAIR, "prompt": "The fox"},
        {"run": "r", "index": 3, "prompt": EVIL, "model": '"><script>alert(1)</script>'},
        {**PAIR, "plus": EVIL[:200], "prompts": [EVIL, '" onclick="alert(1)']},
    ],
)
def test_a_panel_in_a_page_says_what_it_will_do_and_leads_to_the_whole_panel(reader, server, data):
    shown = str(show_block(reader.app.state.services, LiveBlock("steer", data, 1)))
    assert server.calls == []
    assert "<script>" not in shown
    assert ' onclick="' not in shown
    query = unescape(re.search(r'href="/steer\?([^"]*)"', shown)[1])
    assert SteeringSettings.model_validate(from_query(parse_qsl(query))) == read_settings(data)
    given = json.loads(unescape(re.search(r'data-settings="([^"]*)"', shown)[1]))
    assert SteeringSettings.model_validate(given) == read_settings(data)


@pytest.mark.parametrize("kind", ["attention", "lens"])
def test_panels_of_models_in_a_page_wait_to_be_asked(reader, server, kind):
    data = {"prompt": '"><script>alert(1)</script>', "model": "<b>"}
    shown = str(show_block(reader.app.state.services, LiveBlock(kind, data, 1)))
    assert server.calls == []
    assert "<script>" not in shown
    assert f'data-panel="{kind}"' in shown
    assert json.loads(unescape(re.search(r'data-settings="([^"]*)"', shown)[1])) == data


def test_a_panel_that_cannot_be_says_why_in_its_place(reader):
    shown = str(show_block(reader.app.state.services, LiveBlock("steer", {"prompt": "x", "coeff": 99}, 7)))
    assert "line 7" in shown
    assert "sources.0." in shown


# --- kept on a page --------------------------------------------------------------------------------------------------


def keep(reader: TestClient, page: str, **changed):
    return reader.post("/api/v1/steer/keep", json={"settings": {**ASKED, **changed}, "page": page})


def test_texts_are_kept_on_a_new_page_that_reads_without_the_program(reader, nb):
    kept = keep(reader, "Happy foxes").json()
    assert kept["new"]
    page = nb.page("Happy foxes")
    assert page.id == kept["id"]
    assert "| The fox | The fox sleeps. | The fox runs away. |" in page.body
    assert "Effect: 50 % of the steered words are not in the unsteered text." in page.body
    assert "0.46 nats per token less likely than its own" in page.body
    (block,) = page.outline().blocks
    assert read_settings(block.data) == read_settings(ASKED)
    assert kept["url"].endswith("#" + page.outline().sections[-1].slug)


def test_the_random_vectors_texts_are_kept_with_the_others(reader, nb):
    keep(reader, "Foxes", random=True)
    page = nb.page("Foxes")
    assert "| prompt | plain | steered | random vector |" in page.body
    assert "| The fox | The fox sleeps. | The fox runs away. | The fox flies. |" in page.body
    assert read_settings(page.outline().blocks[0].data).random


def test_they_are_appended_to_a_page_that_is_there(reader, nb):
    nb.write(Page.new("Foxes", "# Foxes\n\nRed.\n"))
    kept = keep(reader, "foxes").json()
    assert not kept["new"]
    body = nb.page("foxes").body
    assert body.startswith("# Foxes\n\nRed.\n\n## Steered: +4 “happy” minus “sad” at blocks.2.in\n")
    assert keep(reader, "foxes", seed=2).json()["url"] != kept["url"]
    assert len(nb.page("foxes").outline().blocks) == 2


def test_the_texts_are_the_model_servers_own(reader, nb, server):
    reader.post("/api/v1/steer", json=ASKED)
    keep(reader, "Foxes")
    assert len(server.calls) == 1
    answer = reader.post(
        "/api/v1/steer/keep", json={"settings": ASKED, "page": "Foxes", "results": [{"steered": "mine"}]}
    )
    assert answer.status_code == 422


def test_what_a_model_wrote_stays_text(reader, nb, server):
    server.steered = EVIL
    keep(reader, "Foxes")
    page = nb.page("Foxes")
    outline = page.outline()
    assert [section.level for section in outline.sections] == [0, 2]
    assert (len(outline.blocks), outline.links) == (1, ())

    class Tags(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.seen: set[str] = set()

        def handle_starttag(self, tag, attrs):
            self.seen.add(tag)

    tags = Tags()
    tags.feed(str(render_markdown(page.body).html(lambda link: "LINK", lambda block: "BLOCK")))
    assert tags.seen <= {"h2", "div", "table", "thead", "tbody", "tr", "th", "td", "p"}


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_escaped_text_reads_as_it_was(text):
    table = f"| a |\n| --- |\n| {escape_markdown(text)} |\n"
    html = str(render_markdown(table).html(lambda link: "LINK", lambda block: "BLOCK"))
    cell = re.search(r"<tbody>\s*<tr>\s*<td>(.*?)</td>", html, re.S)
    words = "".join(c if c.isprintable() else " " for c in re.sub(r"\s*\n\s*", " ↵ ", text.strip()))
    assert unescape(cell[1] if cell else "").split() == words.split()
    assert "<" not in (cell[1] if cell else "")


def test_a_page_whose_code_was_left_open_is_closed_first(nb):
    nb.write(Page.new("Open", "text\n\n```python\nx = 1\n"))
    page, _ = append(nb, "Open", section(nb, read_settings(ASKED), {"results": []}))
    assert page.outline().sections[-1].title.startswith("Steered")


def test_whoever_writes_meanwhile_loses_nothing(nb):
    nb.write(Page.new("Foxes", "Red.\n"))

    def add(number: int) -> None:
        page, new = append(Notebook(nb.folder), "foxes", f"## Mine {number}\n")
        assert not new
        assert f"## Mine {number}\n" in page.body

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(16)))
    body = nb.page("foxes").body
    assert body.startswith("Red.\n")
    assert sorted(re.findall(r"## Mine (\d+)", body), key=int) == [str(number) for number in range(16)]


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "x" * 201])
def test_a_page_needs_a_name(reader, nb, name):
    assert keep(reader, name).status_code in (400, 422)
    assert nb.pages() == []


def test_page_names_cannot_leave_the_notebook(reader, nb):
    kept = keep(reader, "../../etc/passwd")
    assert kept.status_code == 200
    assert nb.page(kept.json()["id"]).path.is_relative_to(nb.folder / "pages")


def test_vectors_are_known_by_their_header(tmp_path):
    head = b'{"__metadata__": {"glassbook.vector": "{}"}}'
    for name, data, vector in [
        ("v.safetensors", len(head).to_bytes(8, "little") + head, True),
        ("m.safetensors", (2).to_bytes(8, "little") + b"{}", False),
        ("short.safetensors", b"abc", False),
        ("huge.safetensors", (2**63).to_bytes(8, "little") + b"{}", False),
        ("v.txt", len(head).to_bytes(8, "little") + head, False),
    ]:
        (tmp_path / name).write_bytes(data)
        assert is_vector(tmp_path / name) is vector


def test_a_model_is_offered_the_vectors_that_runs_saved_for_it(reader, nb):
    for model in ("builtin", "org/other", None):
        with nb.start_run("toy", {"model": model}) as run:
            if model is not None:
                run.uses("model", model, digest="0")
            head = b'{"__metadata__": {"glassbook.vector": "{}"}}'
            run.artifact("v.safetensors").write_bytes(len(head).to_bytes(8, "little") + head)
            run.artifact("other.safetensors").write_bytes(b"no vector")
    found = reader.get("/api/v1/steer/sources", params={"model": "builtin"}).json()["vectors"]
    by_model = {run.id: run.config["model"] for run in nb.runs()}
    assert {by_model[vector["run"]] for vector in found} == {"builtin", None}
    assert {vector["artifact"] for vector in found} == {"v.safetensors"}
    page = reader.get("/steer", params={"model": "org/other"}).text
    assert [id in page for id in by_model] == [model != "builtin" for model in by_model.values()]
