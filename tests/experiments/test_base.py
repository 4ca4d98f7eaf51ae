"""What every experiment must be: named, documented, cheap to look at, able to say all that its claims read."""

import dataclasses
import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from glassbook.data import registry
from glassbook.errors import GlassbookError
from glassbook.experiments import base
from glassbook.experiments.base import experiment, find, launch, names
from glassbook.notebook import Claim, Notebook

HOME = Path(base.__file__).parent


def test_every_file_below_the_package_that_marks_an_experiment_is_found():
    marked = [path for path in HOME.rglob("*.py") if "\n@experiment(" in path.read_text()]
    assert {path.stem.replace("_", "-") for path in marked} == set(base._own())
    assert set(base._own()) <= set(names())


def test_finding_names_imports_no_recipe():
    code = (
        "import sys\nfrom glassbook.experiments.base import names\nnames()\n"
        "print([m for m in sys.modules if m.startswith('glassbook.experiments.') and m.count('.') > 2])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@experiment(terms=["Toy"], source="Nobody 2026", data=("tinyshakespeare",))
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
    assert find("superposition").data == ()


def test_an_unknown_name_offers_the_nearest():
    with pytest.raises(GlassbookError, match="did you mean superposition"):
        find("superpositon")


def test_a_claim_names_only_sabotages_that_there_are():
    sabotage = base.Sabotage("shuffled", "The labels are shuffled", {})
    claim = Claim("one", "One", "a", ">=", 1, sabotages=("shuffle",))
    with pytest.raises(GlassbookError, match="'one' of Broken names 'shuffle', which is none of its sabotages"):

        @experiment(terms=["Entropy"], source="Shannon 1948")
        @dataclasses.dataclass(frozen=True)
        class Broken:
            claims = (claim,)
            sabotages = (sabotage,)


def test_two_sabotages_with_one_id_are_refused():
    with pytest.raises(GlassbookError, match="two sabotages with the id 'same'"):

        @experiment(terms=["Entropy"], source="Shannon 1948")
        @dataclasses.dataclass(frozen=True)
        class Twice:
            claims = ()
            sabotages = (base.Sabotage("same", "One", {}), base.Sabotage("same", "Two", {}))


def test_two_claims_with_one_id_are_refused():
    with pytest.raises(GlassbookError, match="two claims with the id 'same'"):

        @experiment(terms=["Entropy"], source="Shannon 1948")
        @dataclasses.dataclass(frozen=True)
        class Twice:
            claims = (Claim("same", "One", "a", ">=", 1), Claim("same", "Two", "b", ">=", 1))
