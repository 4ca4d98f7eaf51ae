"""The page of compute and its JSON: rules, runs, what-if, moments, and mistakes in one line."""

import contextlib
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


def test_what_ships_is_among_the_trainings(reader):
    assert "built-in model" in reader.get("/compute").text


def test_runs_that_recorded_no_compute_are_counted_and_named(nb, run, reader, monkeypatch):
    ids = []
    for experiment, seed in (("older", 0), ("older", 1), ("looked", 0)):
        with nb.start_run(experiment, config={}, seed=seed, claims=[]) as one:
            one.result(loss=1.0)
        ids.append(one.id)
    with contextlib.suppress(ZeroDivisionError), nb.start_run("broke", config={}, seed=0, claims=[]) as broke:
        raise ZeroDivisionError
    theirs = SimpleNamespace(
        experiment="older", compute=(), sabotage="", id="r1", seed=0, reference=True, status="finished"
    )
    monkeypatch.setattr(compute, "reference_runs", lambda: [theirs])
    data = reader.get("/api/v1/compute").json()
    told = {(group["experiment"], group["reference"]): set(group["runs"]) for group in data["not_counted"]}
    assert told == {
        ("older", False): set(ids[:2]),
        ("looked", False): {ids[2]},
        ("broke", False): {broke.id},
        ("older", True): {"r1"},
    }
    assert [row["run"] for row in data["runs"]] == [run.id]
    page = reader.get("/compute").text
    assert "5 runs recorded no compute" in page
    for said in ("older: 2 runs", "looked: 1 run<", "broke: 1 run<", "older: 1 reference run<"):
        assert said in page
    for id in [*ids, broke.id, "r1"]:
        assert f'href="/runs/{id}"' in page


def test_nothing_is_said_of_what_is_counted_or_still_goes_on(nb, run, reader):
    with nb.start_run("now", config={}, seed=0, claims=[]):
        assert reader.get("/api/v1/compute").json()["not_counted"] == []
        assert "Not counted" not in reader.get("/compute").text


def test_many_runs_are_cut_and_the_rest_is_said(nb, reader, monkeypatch):
    for seed in range(4):
        with nb.start_run("older", config={}, seed=seed, claims=[]):
            pass
    monkeypatch.setattr(compute, "LISTED", 3)
    page = reader.get("/compute").text
    assert "older: 4 runs" in page
    assert 'and 1 more: <a href="/runs?experiment=older">' in page
    monkeypatch.setattr(compute, "MOST", 1)
    assert reader.get("/api/v1/compute").json()["not_looked_at"] == 3
    assert "The 3 oldest runs were not looked at." in reader.get("/compute").text


@pytest.mark.parametrize(
    ("parts", "flop", "kinds"),
    [
        ([("evaluation", 7e12)], None, {"evaluation": 7e12}),
        ([("training", 5e12), ("evaluation", 1e12)], 5e12, {"training": 5e12, "evaluation": 1e12}),
        ([("generation", 3e12), ("training", 5e12), ("evaluation", 1e12), ("evaluation", 1e12)], 5e12, None),
    ],
)
def test_training_is_told_from_evaluation(nb, reader, parts, flop, kinds):
    with nb.start_run("both", config={}, seed=0, claims=[]) as both:
        for i, (kind, n) in enumerate(parts):
            both.spent(kind, n, 3.0, "counted", f"part {i}")
    kinds = kinds or {"generation": 3e12, "training": 5e12, "evaluation": 2e12}
    data = reader.get("/api/v1/compute").json()
    (row,) = data["runs"]
    assert (row["flop"], row["flop_total"], row["flop_by_kind"]) == (flop, flop or 0.0, kinds)
    assert data["not_counted"] == []
    page = reader.get("/compute").text
    assert ("<title>both" in page) == (flop is not None)
    listed = reader.get("/api/v1/runs").json()["runs"][0]
    assert (listed["flop"], listed["flop_by_kind"]) == (flop, kinds)
    compared = {row["name"]: row["values"] for row in reader.get(f"/api/v1/compare?run={both.id}").json()["compute"]}
    for kind, n in kinds.items():
        if kind != "training":
            assert compared[f"flop_{kind}"] == [n]
            for address in ("/compute", "/runs", f"/runs/{both.id}"):
                assert f'{kind} <span title="{n:.3g} FLOP">' in reader.get(address).text
            assert f"flop_{kind}" in reader.get(f"/compare?run={both.id}").text


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
