"""What every experiment must be: named, documented, cheap to look at, able to say all that its claims read."""

import dataclasses
import hashlib
import math
import subprocess
import sys
from pathlib import Path

import pytest

from glassbook.data import registry
from glassbook.errors import GlassbookError
from glassbook.experiments import base
from glassbook.experiments.base import experiment, find, launch, names, settings
from glassbook.experiments.verdicts import standing
from glassbook.notebook import Claim, Notebook, same_data
from glassbook.notebook.runs.freshness import freshness

HOME = Path(base.__file__).parent
BUILT_IN = ["activation-addition", "dictionary-learning", "pretrain", "reversal-curse", "superposition"]


def test_every_file_below_the_package_that_marks_an_experiment_is_found():
    marked = [path for path in HOME.rglob("*.py") if "\n@experiment(" in path.read_text()]
    assert {path.stem.replace("_", "-") for path in marked} == set(base._own())
    assert set(BUILT_IN) <= set(names())


def test_finding_names_imports_no_recipe():
    code = (
        "import sys\nfrom glassbook.experiments.base import names\nnames()\n"
        "print([m for m in sys.modules if m.startswith('glassbook.experiments.') and m.count('.') > 2])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@experiment(terms=["Toy"], source="Nobody 2026", data=("tinyshakespeare",), minutes=0.5)
@dataclasses.dataclass(frozen=True, kw_only=True)
class NeedsData:
    """Does it need data?"""

    claims = ()

    @classmethod
    def quick(cls):
        return cls()

    def run(self, run):
        run.result(value=1.0)


def test_data_is_there_before_the_run_and_recorded_with_it(tmp_path, monkeypatch):
    content = b"to be"
    file = registry.DataFile("input.txt", hashlib.sha256(content).hexdigest())
    data = registry.Dataset("tinyshakespeare", (file,), "none", "nowhere to be had", "tests")
    monkeypatch.setitem(registry.OWN, "tinyshakespeare", data)
    monkeypatch.setenv("GLASSBOOK_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    notebook = Notebook.create(tmp_path / "notes", title="Notes")
    missing = r"^tinyshakespeare .*nowhere to be had.*put input.txt into \$GLASSBOOK_DATA/tinyshakespeare/$"
    with pytest.raises(GlassbookError, match=missing):
        launch(NeedsData(), notebook)
    assert notebook.runs() == []
    (tmp_path / "data" / "tinyshakespeare").mkdir(parents=True)
    (tmp_path / "data" / "tinyshakespeare" / "input.txt").write_bytes(content)
    record = launch(NeedsData(), notebook)
    assert [(used.kind, used.name, used.digest) for used in record.uses] == [
        ("data", "tinyshakespeare/input.txt", file.sha256)
    ]
    assert (NeedsData.minutes, find("superposition").data) == (0.5, ())


def test_an_unknown_name_offers_the_nearest():
    with pytest.raises(GlassbookError, match="did you mean superposition"):
        find("superpositon")


@pytest.mark.parametrize("name", BUILT_IN)
def test_an_experiment_is_named_sourced_and_documented(name):
    cls = find(name)
    assert cls.name == name
    assert cls.terms
    assert cls.source
    assert cls.claims
    assert cls.__doc__
    assert cls.__doc__.strip().endswith((".", "?"))
    assert dataclasses.is_dataclass(cls)
    with pytest.raises(dataclasses.FrozenInstanceError):
        cls().model = "x"


def test_looking_at_experiments_imports_nothing_heavy():
    code = (
        "import sys\nfrom glassbook.experiments.base import find, names\n"
        "[find(name) for name in names()]\n"
        "print([m for m in ('torch', 'transformers', 'numpy', 'altair', 'sklearn') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["activation-addition", "dictionary-learning", "pretrain", "superposition"])
def test_a_quick_run_reports_every_number_that_a_claim_reads(name, tmp_path):
    notebook = Notebook.create(tmp_path / "notes", title="Notes")
    cls = find(name)
    work = cls.quick()
    record = launch(work, notebook, seed=0)
    assert record.status == "finished"
    assert same_data(record.config, settings(work))
    for claim in cls.claims:
        for condition in filter(None, (claim.condition, claim.control_condition)):
            assert condition.metric in record.results, condition.metric
    assert all(isinstance(v, float) and not math.isinf(v) for v in record.results.values())
    assert record.charts
    # What the result depends on is on record, so that it can become stale.
    assert [used.name for used in record.uses] == (["builtin"] if "model" in record.config else [])
    assert record.code["root"] == f"{cls.__module__}:{cls.__name__}"
    assert freshness(record) == "fresh"
    # A quick run is no evidence: it judges no claim.
    assert {v.state for v in standing(name, [record]).verdicts} == {"not-run"}


def test_the_same_seed_gives_the_same_numbers(tmp_path):
    notebook = Notebook.create(tmp_path / "notes", title="Notes")
    cls = find("superposition")
    first, again, other = (launch(cls.quick(), notebook, seed=seed).results for seed in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize("name", names())
def test_every_claim_has_a_control_or_a_reason_for_none_and_a_sentence_that_stands_alone(name):
    for claim in find(name).claims:
        assert (claim.control is None) != (not claim.no_control), claim.id
        assert not claim.sentence.startswith("...")


def test_two_claims_with_one_id_are_refused():
    with pytest.raises(GlassbookError, match="two claims with the id 'same'"):

        @experiment(terms=["Entropy"], source="Shannon 1948")
        @dataclasses.dataclass(frozen=True)
        class Twice:
            claims = (Claim("same", "One", "a", ">=", 1), Claim("same", "Two", "b", ">=", 1))
