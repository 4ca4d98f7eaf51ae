"""Experiments and claims in the browser: what they ask, their forms, and what is still to be run."""

from __future__ import annotations

from html import unescape

import pytest
from evidence_book import open_app, toy_run

from glassbook import experiments
from glassbook.experiments import base, find, forms, names
from glassbook.notebook import Notebook, Page


def finished(nb: Notebook, name: str, seed: int, **results: float):
    """A run of an experiment with the settings that its claims are judged by."""
    kind = find(name)
    with nb.start_run(name, base.settings(kind()), seed, list(kind.claims)) as run:
        run.result(**results)
    return run


def test_every_experiment_has_a_card(nb):
    nb.write(Page.new("Superposition", "# Superposition\n", kind="term"))
    reader = open_app(nb)
    page = reader.get("/experiments").text
    data = reader.get("/api/v1/experiments").json()["experiments"]
    assert [card["name"] for card in data] == names()
    for name in names():
        question, _, source = experiments.summary(name)
        assert f'href="/x/{name}"' in page
        assert question in unescape(page)
        assert source in unescape(page)
    assert 'href="/p/superposition"' in page
    assert all(card["newest"] is None for card in data)


@pytest.mark.parametrize("name", names())
def test_every_experiment_has_a_form_made_of_its_settings(nb, name):
    page = open_app(nb).get(f"/x/{name}")
    assert page.status_code == 200
    assert 'id="set-sabotage"' not in page.text
    for field in forms.fields(find(name)):
        if field.hidden:
            continue
        assert f'<label for="set-{field.name}">' in page.text
        assert f'id="set-{field.name}"' in page.text
        assert field.doc in unescape(page.text)
        assert field.text in unescape(page.text)
    assert "data-fill-quick" in page.text


def test_an_experiments_page_shows_claims_numbers_runs_and_pages(nb):
    for seed in range(3):
        run = finished(nb, "superposition", seed, represented_dense=4.0 + seed / 8)
    nb.write(Page.new("Superposition", "# Superposition\n", kind="term"))
    nb.write(Page.new("Monday", "# Monday\n\nOn [[Superposition]].\n", kind="session"))
    page = open_app(nb).get("/x/superposition").text
    assert f'seed 2: <a href="/runs/{run.id}">4.25</a>' in page
    assert 'class="verdict holds"' in page
    assert 'href="/p/monday"' in page
    data = open_app(nb).get("/api/v1/experiments/superposition").json()
    assert data["verdicts"][0]["values"] == {"0": 4.0, "1": 4.125, "2": 4.25}
    assert data["total"] == 3
    assert [link["id"] for link in data["mentions"]] == ["monday"]


@pytest.mark.parametrize("name", ["nobody", "..", "%2e%2e%2f", "%00", "a" * 201, "<script>"])
def test_an_experiment_that_is_not_there(nb, name):
    reader = open_app(nb)
    for address in (f"/x/{name}", f"/api/v1/experiments/{name}"):
        assert reader.get(address).status_code in (307, 404, 422) or name == ".."


def test_the_board_has_the_claims_of_all_experiments_and_of_those_known_from_runs(nb):
    for seed in range(3):
        toy_run(nb, seed)
        finished(nb, "superposition", seed, represented_dense=9.0)
    reader = open_app(nb)
    board = {entry["name"]: entry for entry in reader.get("/api/v1/claims").json()["experiments"]}
    assert set(board) == {*names(), "toy"}
    assert board["toy"]["verdicts"][0]["state"] == "holds"
    assert board["toy"]["missing"] == []
    assert board["superposition"]["verdicts"][0]["state"] == "fails"
    assert board["superposition"]["missing"] == []
    assert board["reversal-curse"]["missing"] == [0, 1, 2]
    failing = reader.get("/api/v1/claims?state=fails").json()["experiments"]
    assert [entry["name"] for entry in failing] == ["superposition"]
    assert not board["toy"]["installed"]
    assert board["superposition"]["installed"]
    holding = reader.get("/api/v1/claims?state=holds").json()["experiments"]
    assert [v["claim"]["sentence"] for entry in holding for v in entry["verdicts"]] == ["Loss falls"]
    page = reader.get("/claims?state=holds").text
    assert "Loss falls" in page
    assert "represented_dense" not in page
    assert reader.get("/claims?state=odd").status_code == 422


def test_the_board_follows_the_runs(nb):
    reader = open_app(nb)

    def seeds() -> dict[str, float]:
        return reader.get("/api/v1/experiments/superposition").json()["verdicts"][0]["values"]

    assert seeds() == {}
    for seed in range(3):
        finished(nb, "superposition", seed, represented_dense=4.0)
        assert len(seeds()) == seed + 1
        board = {entry["name"]: entry for entry in reader.get("/api/v1/claims").json()["experiments"]}
        assert board["superposition"]["missing"] == list(range(seed + 1, 3))
    finished(nb, "superposition", 2, represented_dense=9.0)
    assert seeds()["2"] == 9.0


def test_what_is_missing_is_queued_once(nb):
    finished(nb, "superposition", 1, represented_dense=4.0)
    reader = open_app(nb)
    jobs = reader.post("/api/v1/claims/superposition/missing").json()["jobs"]
    assert [(job["experiment"], job["seed"], job["state"]) for job in jobs] == [
        ("superposition", 0, "queued"),
        ("superposition", 2, "queued"),
    ]
    again = reader.post("/api/v1/claims/superposition/missing").json()["jobs"]
    assert [job["id"] for job in again] == [job["id"] for job in jobs]
    assert reader.post("/api/v1/claims/nobody/missing").status_code == 400


def sabotage_run(nb: Notebook, name: str, id: str, **results: float):
    """A finished run of one of an experiment's sabotages."""
    kind = find(name)
    work = base.sabotaged(kind, next(s for s in kind.sabotages if s.id == id))
    with nb.start_run(name, base.settings(work), 0, list(kind.claims), sabotage=id) as run:
        run.result(**results)
        run.table("densities", [{"broken": 1}])
    return run


def test_a_claim_that_no_sabotage_broke_is_said_to_have_never_been_seen_to_fail(nb):
    for seed in range(3):
        finished(nb, "superposition", seed, represented_dense=4.0)
    reader = open_app(nb)
    for address in ("/claims", "/x/superposition"):
        assert "never seen to fail (no sabotage has been run)" in reader.get(address).text
    sabotage_run(nb, "superposition", "untrained", represented_dense=14.0)
    assert "never seen to fail (no sabotage has been run)" in reader.get("/claims").text  # the claim does not name it
    sabotage_run(nb, "superposition", "always-sparse", represented_dense=4.0)
    assert "never seen to fail (held under always-sparse)" in reader.get("/claims").text
    sabotage_run(nb, "superposition", "always-sparse", represented_dense=14.0)
    page = reader.get("/claims").text
    assert "broken by always-sparse" in page
    assert "never seen to fail (" not in page
    verdict = reader.get("/api/v1/experiments/superposition").json()["verdicts"][0]
    assert (verdict["condition_broken"], verdict["held_under"]) == (["always-sparse"], [])
    assert (verdict["state"], verdict["values"]) == ("holds", {"0": 4.0, "1": 4.0, "2": 4.0})


def test_a_sabotage_run_is_marked_and_no_block_shows_it(nb):
    page = Page.new("Blocks", "# Blocks\n\n```glassbook\ntable: {experiment: superposition, name: densities}\n```\n")
    nb.write(page)
    run = sabotage_run(nb, "superposition", "untrained", represented_dense=4.0)
    reader = open_app(nb)
    text = reader.get(f"/runs/{run.id}").text
    assert "sabotage: untrained" in text
    assert "it is broken on purpose, and no evidence. The dictionary is trained for one step only" in text
    assert 'class="verdict holds"' not in text
    assert "sabotage: untrained" in reader.get("/runs").text
    assert reader.get("/api/v1/runs").json()["runs"][0]["sabotage"] == "untrained"
    assert "broken" not in reader.get("/p/blocks").text
    finished(nb, "superposition", 0, represented_dense=4.0)
    assert "never seen to fail" not in reader.get(f"/runs/{nb.runs()[0].id}").text  # a run alone does not know


def test_a_margin_below_the_noise_floor_stands_beside_the_claim(nb):
    for seed in range(3):
        finished(nb, "superposition", seed, represented_dense=5.0 - seed)
    assert (
        "the margin to the bound, 1, is below the noise floor of these seeds, 2.484" in open_app(nb).get("/claims").text
    )


def test_audit_b6_stale_seeds_are_queued_again(nb):
    data = nb.folder / "data.txt"
    data.write_text("one")
    kind = find("superposition")
    for seed in range(3):
        with nb.start_run("superposition", base.settings(kind()), seed, list(kind.claims)) as run:
            if seed == 1:
                run.uses("data", "text", path=data)
            run.result(represented_dense=4.0)
    data.write_text("another")
    reader = open_app(nb)
    assert "Run stale seed: 1" in reader.get("/claims").text
    jobs = reader.post("/api/v1/claims/superposition/missing").json()["jobs"]
    assert [job["seed"] for job in jobs] == [1]


def test_quick_runs_are_not_what_claims_are_judged_by(nb):
    kind = find("superposition")
    for seed in range(3):
        with nb.start_run("superposition", base.settings(kind.quick()), seed, list(kind.claims)) as run:
            run.result(represented_dense=1.0)
    entry = next(
        entry for entry in open_app(nb).get("/api/v1/claims").json()["experiments"] if entry["name"] == "superposition"
    )
    assert {verdict["state"] for verdict in entry["verdicts"]} == {"not-run"}
    assert entry["missing"] == [0, 1, 2]
