"""What a run is expected to cost, and the data that it needs, before it is made."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from glassbook.experiments import base
from glassbook.experiments.estimate import Expected, expected, expected_of_all, needs


def reference(*costs):
    """Reference runs of `compute` at its default settings that took (seconds, FLOP)."""
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    return lambda name: [
        SimpleNamespace(
            config=base.default_settings("compute"), sabotage="", flop=f, started=begin, ended=begin + timedelta(0, s),
            environment={"platform": "Linux-6", "machine": "x86_64", "cpus": 2},
        )
        for s, f in costs
    ]  # fmt: skip


def test_time_and_compute_are_the_median_of_the_reference(monkeypatch):
    runs = reference((818, 3e12), (170, 1e12), (177, 2e12))
    monkeypatch.setattr("glassbook.experiments.estimate.reference_runs", runs)
    found = expected("compute")
    assert (found.seconds, found.flop) == (177, 2e12)
    assert found.text == "about 2 min 57 s, 2 TFLOP (the reference, on Linux x86_64, 2 CPUs)"


def test_a_reference_that_trained_nothing_has_a_time_alone(monkeypatch):
    monkeypatch.setattr("glassbook.experiments.estimate.reference_runs", reference((42, None)))
    assert expected("compute").text == "about 42 s (the reference, on Linux x86_64, 2 CPUs)"


def test_without_a_reference_the_recipe_says_it():
    assert expected("compute").seconds == 60
    assert expected("compute").text == "about 1 min (by its recipe, on two processor cores)"
    assert expected("tour") == Expected(None, None, "by its recipe, on two processor cores")
    assert expected("tour").text == ""


def test_several_runs_add_up(monkeypatch):
    known = {"a": Expected(60.0, 1e12, ""), "b": Expected(30.0, None, ""), "c": Expected(None, None, "")}
    monkeypatch.setattr("glassbook.experiments.estimate.expected", known.__getitem__)
    text = expected_of_all(["a", "a", "b", "c"])
    assert text.startswith("about 2 min 30 s as measured before, 2 TFLOP of training")
    assert "a 2 x 1 min" in text
    assert text.endswith("nobody knows of c")
    assert expected_of_all(["c"]) == ""
    assert expected_of_all([]) == ""


@pytest.fixture
def places(monkeypatch, tmp_path):
    monkeypatch.setenv("GLASSBOOK_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "data"


def test_data_is_named_with_what_to_do(places):
    [need] = needs(base.find("monosemanticity"))
    assert (need.name, need.here) == ("stories260k", False)
    assert need.source in need.text
    for name in ("stories260K.bin", "tok512.bin"):
        (places / "stories260k").mkdir(parents=True, exist_ok=True)
        (places / "stories260k" / name).write_bytes(b"")
    assert needs(base.find("monosemanticity"))[0].text == "stories260k (on this machine)"
    assert needs(base.find("tour")) == []


def test_data_without_an_address_has_to_be_brought(places, monkeypatch):
    kind = SimpleNamespace(data=("stories260k",))
    monkeypatch.setattr("glassbook.experiments.estimate.Need", lambda *given: given)
    [(name, here, _, download)] = needs(kind)
    assert (name, here) == ("stories260k", False)
    assert isinstance(download, bool)
