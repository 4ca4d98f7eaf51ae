"""What every experiment must be: named, sourced, cheap to look at, able to say all that its claims read."""

import dataclasses
import json
import math
import re
import subprocess
import sys
import time
from functools import cache

import pytest
from quick_runs import fits, newest, run

from glassbook.assets import starter
from glassbook.experiments import forms
from glassbook.experiments.base import _own, find, sabotaged, settings
from glassbook.notebook import Notebook, RunRecord, same_data
from glassbook.notebook.runs.freshness import stale

SECONDS = 60
"""Of processor time that a quick run may take; alone on a machine it ends in a third of them."""
each = pytest.mark.parametrize("name", sorted(_own()))


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """quick(name) -> the record of its quick run, made once, and the seconds that it took."""

    @cache
    def made(name: str) -> tuple[RunRecord, float]:
        if not fits(name):
            pytest.skip("needs the real data: set GLASSBOOK_DATA to its folder")
        folder = Notebook.create(tmp_path_factory.mktemp("notes") / name).folder
        seconds = run(folder, name).processor
        record = newest(folder)
        assert record is not None
        return record, seconds

    return made


@cache
def works() -> list[dict]:
    return json.loads((starter.SOURCE / "references.json").read_text())


def test_looking_at_experiments_imports_nothing_heavy():
    code = (
        "import sys\nfrom glassbook.experiments.base import find, names\n"
        "[find(name).quick() for name in names()]\n"
        "print([m for m in ('torch', 'transformers', 'numpy', 'altair', 'sklearn', 'scipy') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_names_are_listed_in_no_time():
    code = (
        "import time\nt = time.process_time()\n"
        "from glassbook.experiments import names\nnames()\nprint(time.process_time() - t)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(out.stdout) < 1


@each
def test_an_experiment_is_a_frozen_dataclass_with_a_question(name):
    cls = find(name)
    assert cls.name == name
    assert cls.terms
    assert cls.claims
    assert (cls.__doc__ or "").strip().partition("\n")[0].endswith((".", "?"))
    assert dataclasses.is_dataclass(cls)
    with pytest.raises(dataclasses.FrozenInstanceError):
        cls().steps = 1
    assert settings(cls()) != settings(cls.quick())


@each
def test_its_sources_are_works_that_the_starter_knows(name):
    sources = [find(name).source, *(claim.source for claim in find(name).claims if claim.source)]
    ids = {work["id"] for work in works()}
    for source in "; ".join(sources).split("; "):
        named = re.findall(r"(?:arXiv:)?(\d{4}\.\d{4,5})|doi:(\S+)", source)
        assert {arxiv or doi for arxiv, doi in named} <= ids, source
        if not named:
            authors, year = re.findall(r"[A-Z][a-z]+", source), re.findall(r"\b(?:19|20)\d\d\b", source)
            assert any(
                str(work["issued"]["date-parts"][0][0]) in year
                and {author.get("family") for author in work.get("author", [])} & set(authors)
                for work in works()
            ), source


@each
def test_every_claim_has_a_control_or_a_reason_for_none_and_a_sentence_that_stands_alone(name):
    for claim in find(name).claims:
        assert (claim.control is None) != (not claim.no_control), claim.id
        assert not claim.sentence.startswith("...")


@each
def test_every_claim_names_its_sabotages_or_a_reason_for_none(name):
    without = [claim.id for claim in find(name).claims if not claim.sabotages and not claim.no_sabotage]
    assert not without, without


@each
def test_every_sabotage_is_asked_for_and_has_settings_of_its_own(name):
    cls = find(name)
    asked = {id for claim in cls.claims for id in claim.sabotages}
    assert asked == {sabotage.id for sabotage in cls.sabotages}
    for sabotage in cls.sabotages:
        for quick in (False, True):
            work = sabotaged(cls, sabotage, quick)
            assert forms.build(cls, sabotage.settings, quick) == work
            assert settings(work) != settings(cls.quick() if quick else cls())


@each
def test_a_quick_run_gives_every_number_that_a_claim_reads(name, quick):
    record, seconds = quick(name)
    assert seconds < SECONDS
    assert record.status == "finished"
    assert same_data(record.config, settings(find(name).quick()))
    for claim in find(name).claims:
        for condition in filter(None, (claim.condition, claim.control_condition)):
            # Of no pairs at all a share is not a number; so few tokens may hold none that an ablation costs anything.
            pairs = record.results.get(condition.metric.replace("_beats_", "_pairs_"), 1)
            assert math.isfinite(record.results[condition.metric]) or pairs == 0, condition.metric


@each
def test_a_quick_run_keeps_what_pages_may_show(name, quick):
    record, _ = quick(name)
    outputs = find(name).outputs
    assert sorted(outputs.charts) == sorted(record.charts)
    assert sorted(outputs.tables) == sorted(record.tables)
    assert sorted(outputs.images) == sorted(record.images)
    assert outputs.charts or outputs.images


@each
def test_what_a_result_depends_on_is_on_record(name, quick):
    record, _ = quick(name)
    cls = find(name)
    used = {(dependency.kind, dependency.name) for dependency in record.uses}
    if "model" in record.config:
        assert ("model", record.config["model"]) in used
    assert {dataset.partition("/")[0] for kind, dataset in used if kind == "data"} == set(cls.data)
    assert record.code["root"] == f"{cls.__module__}:{cls.__name__}"
    assert all(dependency.path for dependency in record.uses)
    assert stale(record) == []


@pytest.mark.parametrize("name", ["reversal-curse", "superposition"])
def test_the_seed_makes_a_difference(name, quick):
    record, _ = quick(name)
    folder = record.folder.parent.parent
    time.sleep(0.01)  # runs are ordered by their time
    run(folder, name, seed=1)
    other = newest(folder)
    assert other is not None
    assert other.seed == 1
    assert other.results != record.results
