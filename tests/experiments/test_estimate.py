"""What a run is expected to cost, and the data that it needs, before it is made."""

from types import SimpleNamespace

import pytest

from glassbook.experiments import base
from glassbook.experiments.estimate import Expected, expected, expected_of_all, needs


def test_time_is_the_median_of_the_reference():
    found = expected("superposition")
    assert found.seconds == 177  # of 818, 170 and 177 s
    assert "reference" in found.text
    assert "2 min 57 s" in found.text


def test_without_a_reference_the_recipe_says_it(monkeypatch):
    monkeypatch.setattr("glassbook.experiments.estimate.reference_runs", lambda name: [])
    assert expected("compute").seconds == 60
    assert "by its recipe" in expected("compute").text
    assert expected("tour") == Expected(None, None, "by its recipe, on two processor cores")
    assert expected("tour").text == ""


def test_several_runs_add_up(monkeypatch):
    known = {"a": Expected(60.0, 1e12, ""), "b": Expected(30.0, None, ""), "c": Expected(None, None, "")}
    monkeypatch.setattr("glassbook.experiments.estimate.expected", known.__getitem__)
    text = expected_of_all(["a", "a", "b", "c"])
    assert text.startswith("about 2 min 30 s as measured before, 2 TFLOP of training")
    assert "a 2 x 1 min 0 s" in text
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
