"""The page of compute and its JSON: rules, runs, what-if, moments, and mistakes in one line."""

from dataclasses import replace
from datetime import date
from html import unescape
from types import SimpleNamespace

import pytest
from evidence_book import assert_harmless

from glassbook.assets.policy import thresholds
from glassbook.notebook import Page
from glassbook.web.views import compute

BIG = {"parameters": "405e9", "tokens": "15.6e12"}


@pytest.fixture
def run(nb):
    with nb.start_run("toy", config={}, seed=0, claims=[]) as run:
        run.spent("training", 2e12, 3.0, "counted", "toy")
    return run


def test_runs_stand_among_the_rules(run, reader):
    data = reader.get("/api/v1/compute").json()
    assert [rule["id"] for rule in data["thresholds"]][:2] == ["eu-gpai-guidelines", "eu-ai-act"]
    mine = next(row for row in data["runs"] if row["run"] == run.id)
    assert (mine["flop"], mine["flop_total"]) == (2e12, 2e12)
    assert data["what_if"] is None
    assert {moment["title"] for moment in data["moments"]} >= {"The ozone hole is reported"}
    page = reader.get("/compute").text
    assert f'href="/runs/{run.id}"' in page
    assert "2 TFLOP" in page
    assert "EU AI Act" in page


def test_a_model_by_its_size(reader):
    answer = reader.get("/api/v1/compute", params=BIG).json()["what_if"]
    assert answer["low"] == answer["high"] == pytest.approx(3.79e25, rel=1e-3)
    states = {row["id"]: row["state"] for row in answer["rulings"]}
    assert (states["eu-ai-act"], states["california-sb53"]) == ("above", "below")
    page = reader.get("/compute", params=BIG).text
    assert "3.79e25 FLOP" in page
    assert 'value="405e9"' in page


def test_hardware_gives_an_interval(reader):
    asked = {"chips": "16000", "speed": "989 TFLOP/s", "hours": "300", "utilisation": "0.3", "utilisation_to": "0.6"}
    answer = reader.get("/api/v1/compute", params=asked).json()["what_if"]
    assert answer["high"] == pytest.approx(2 * answer["low"])
    assert {row["id"]: row["state"] for row in answer["rulings"]}["eu-ai-act"] == "open"
    assert "the interval contains" in reader.get("/compute", params=asked).text.casefold()


def test_whoever_modifies_a_model(reader):
    rows = reader.get("/api/v1/compute", params={"flop": "4e24", "base": "1e25"}).json()["what_if"]["rulings"]
    assert any("you become the provider" in row["text"] for row in rows)


def test_the_threshold_itself_is_not_above_and_large_amounts_are_numbers(reader):
    rows = reader.get("/api/v1/compute", params={"flop": "1e25"}).json()["what_if"]["rulings"]
    assert any(row["text"].startswith("At the threshold, and not above it") for row in rows)
    assert reader.get("/api/v1/compute", params={"flop": "1e308"}).json()["what_if"]["middle"] == pytest.approx(1e308)
    close = reader.get("/api/v1/compute", params={"flop": "1.01e25"}).json()["what_if"]["rulings"]
    assert any("by 1 %" in row["text"] or "by 1%" in row["text"] for row in close)


def test_what_ships_is_among_the_trainings_and_what_was_not_counted_is_named(reader, monkeypatch):
    run = SimpleNamespace(experiment="older", compute=(), flop=None, sabotage="", id="r1", seed=0)
    monkeypatch.setattr(compute, "reference_runs", lambda: [run])
    text = reader.get("/compute").text
    assert "built-in model" in text
    assert "Not counted: the reference runs of older." in text


def test_every_rule_says_whether_it_was_read_in_the_law(reader, monkeypatch):
    unread = "Not checked against the law&#39;s text."
    rules = reader.get("/api/v1/compute").json()["thresholds"]
    assert {rule["id"] for rule in rules} >= {"korea-ai-basic-act", "eu-ai-act"}
    assert [rule["read_in_law"] for rule in rules] == [False] * len(rules)
    assert reader.get("/compute").text.replace("'", "&#39;").count(unread) == len(rules)
    first, *rest = thresholds()
    read = replace(first, read_in_law=True, checked=date(2026, 11, 1), checked_against="the text")
    monkeypatch.setattr(compute, "thresholds", lambda: (read, *rest))
    page = reader.get("/compute").text.replace("'", "&#39;")
    assert (page.count(unread), page.count("Read in the law&#39;s text.")) == (len(rules) - 1, 1)


@pytest.mark.parametrize("asked", [{"flop": "2e26"}, {"parameters": "1e13", "tokens": "1e14"}, {"flop": "1e30"}])
def test_a_duty_of_some_developers_is_open(reader, asked):
    rows = reader.get("/api/v1/compute", params=asked).json()["what_if"]["rulings"]
    mine = [(row["state"], "revenue" in row["text"]) for row in rows if row["id"] == "california-sb53"]
    assert mine == [("above", False), ("open", True)]
    assert [row["state"] for row in rows if row["id"] == "korea-ai-basic-act"] == ["open"]
    assert "depends on the developer" in reader.get("/compute", params=asked).text


MISTAKES = [
    ({"flop": "1e25 FLOP/s"}, "is a speed"),
    ({"flop": "nan"}, "makes no sense"),
    ({"flop": "-1"}, "makes no sense"),
    ({"parameters": "7e9"}, "tokens as well"),
    ({"parameters": "7e9", "tokens": "x"}, "no number for tokens"),
    ({"parameters": "7e9", "tokens": "1e12", "chips": "3"}, "not some of both"),
    ({"parameters": "7e9", "tokens": "1e12", "active": "2"}, "no share"),
    ({"chips": "1", "speed": "1e15 FLOP/s", "hours": "1", "utilisation_to": "1.5"}, "no share"),
    ({"chips": "1", "speed": "1e15 FLOP", "hours": "1"}, "write FLOP/s"),
    ({"chips": "1", "hours": "1"}, "speed as well"),
    ({"active": "0.5"}, "give parameters"),
    ({"flop": "1" * 61}, "60 characters"),
    ({"flop": "1e25", "base": "0"}, "0 FLOP"),
    ({"flop": "<script>alert(1)</script>"}, "no number"),
    ({"nonsense": "1"}, "no such key"),
    ({"flop": "1,5e25"}, "comma"),
    ({"chips": "1", "speed": "989", "hours": "1"}, "no unit"),
    ({"flop": "1e25", "parameters": "7e9", "tokens": "1e12"}, "not some of both"),
    ({"flop": "1e25", "active": "0.5"}, "active (by the model) and flop (by the amount) do not go together"),
    ({"flop": "1e25", "utilisation": "0.4"}, "utilisation (by the hardware) and flop (by the amount)"),
    ({**BIG, "utilisation": "0.4"}, "parameters, tokens (by the model) and utilisation (by the hardware)"),
    ({**BIG, "utilisation_to": "0.9"}, "utilisation_to (by the hardware) do not go together"),
    ({"chips": "1", "speed": "1 TFLOP/s", "hours": "1", "active": "0.5"}, "active (by the model) and chips"),
    ({"flop": "1e25", "hours": "3"}, "hours (by the hardware) and flop"),
    ({"chips": "0,500", "speed": "1 TFLOP/s", "hours": "1"}, "'0,500': a comma stands between thousands only"),
    ({"flop": "1e25", "Flop": "2"}, "Flop: there is no such key; there are: parameters"),
    ({"flop": ["1e25", "2e25"]}, "flop is in the address 2 times"),
    ({"parameters": "1e300", "tokens": "1e300"}, "makes no sense"),
]


@pytest.mark.parametrize(
    "asked",
    [
        {"flop": "1e25", "active": "1", "utilisation": "0.3", "utilisation_to": "0.5", "chips": ""},
        {**BIG, "active": "1", "utilisation": "0.3", "utilisation_to": "0.5", "flop": ""},
        {**BIG, "base": "1e24", "cost": "2e8", "speed": " "},
    ],
)
def test_what_a_form_sends_unchanged_is_nothing_asked(reader, asked):
    assert reader.get("/compute", params=asked).status_code == 200


@pytest.mark.parametrize(("asked", "said"), MISTAKES)
def test_a_mistake_is_told_in_one_line(reader, asked, said):
    answer = reader.get("/api/v1/compute", params=asked)
    assert answer.status_code == 400
    assert said in answer.json()["error"]
    assert "\n" not in answer.json()["error"]
    page = reader.get("/compute", params=asked)
    assert page.status_code == 400
    assert said in unescape(page.text)
    assert "What if" in page.text
    assert_harmless(page.text)


def test_a_page_shows_an_estimate(nb, reader):
    nb.write(
        Page.new("Notes", "# Notes\n\n```glassbook\nwhatif: {parameters: 405e9, tokens: 15.6e12}\n```\n", kind="note")
    )
    page = reader.get("/p/notes").text
    assert "3.79e25 FLOP" in page
    assert "/compute?parameters=405e9&amp;tokens=15.6e12" in page


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("{}", "give parameters"),
        ("{parameters: 1e9}", "tokens as well"),
        ("{flop: 1e25 FLOP/s}", "is a speed"),
        ("{colour: red}", "no key"),
        ("{flop: 1e25, active: 0.5}", "do not go together"),
    ],
)
def test_a_block_that_cannot_be_answered_says_why(nb, reader, block, said):
    nb.write(Page.new("Notes", f"# Notes\n\n```glassbook\nwhatif: {block}\n```\n", kind="note"))
    assert said in reader.get("/p/notes").text


def test_an_estimate_is_kept_on_a_page(nb, reader):
    body = {"what": {"kind": "whatif", **BIG}, "page": "Kept"}
    assert reader.post("/api/v1/keep", json=body, headers={"origin": "http://127.0.0.1"}).status_code == 200
    assert "3.79e25 FLOP" in reader.get("/p/kept").text
    linked = reader.post("/api/v1/keep", json={**body, "form": "link"}, headers={"origin": "http://127.0.0.1"})
    assert linked.status_code == 200
    assert "/compute?parameters=405e9" in (nb.folder / "pages").rglob("*ept.md").__next__().read_text()


def test_the_timeline_has_the_moments(reader):
    page = reader.get("/timeline").text
    assert "The ozone hole is reported" in page
    days = {day["day"]: day["moments"] for day in reader.get("/api/v1/timeline").json()["days"]}
    assert days["1987-09"][0]["title"] == "The Montreal Protocol is agreed"
    assert "1987-09" not in {day["day"] for day in reader.get("/api/v1/timeline?before=1986").json()["days"]}
