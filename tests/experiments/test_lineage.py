"""What runs have cost with all that they built on."""

import shutil

import pytest

from glassbook.assets.builtin import BUILTIN_DICTIONARY, training_flop
from glassbook.errors import GlassbookError
from glassbook.experiments.lineage import lineage_of
from glassbook.notebook import Notebook

MODEL = BUILTIN_DICTIONARY.parent / "model"


@pytest.fixture
def nb(tmp_path):
    return Notebook.create(tmp_path / "notes", title="Test")


def made(nb, *uses, **costs):
    """A run with some costs, by kind, that leaves a model."""
    with nb.start_run("test", config={}, seed=0, claims=[]) as run:
        run.artifact("model").write_text(run.id)
        for kind, path in uses:
            run.uses(kind, str(path), path=path)
        for kind, flop in costs.items():
            run.spent(kind, flop, 1.0, "said")
    return nb.run(run.id)


def model_of(record):
    return "model", record.artifact("model")


def test_a_run_alone(nb):
    found = lineage_of(nb)(made(nb, training=5.0, evaluation=7.0))
    assert (found.flop, len(found.runs), found.unknown) == (5.0, 1, ())


def test_everything_that_it_built_on_counts_once(nb):
    first = made(nb, training=1e3)
    second = made(nb, model_of(first), training=1e2)
    third = made(nb, model_of(first), model_of(second), training=1e1)
    assert lineage_of(nb)(third).flop == 1110.0
    assert set(lineage_of(nb)(third).runs) == {first.id, second.id, third.id}


def test_the_built_in_model_has_a_cost_and_data_none(nb):
    data = nb.folder / "table.csv"
    data.write_text("1")
    run = made(nb, ("model", MODEL), ("dictionary", BUILTIN_DICTIONARY), ("data", data))
    assert run.flop is None
    assert lineage_of(nb)(run).flop == sum(training_flop().values())
    assert set(training_flop()) == {"model", "dictionary.safetensors"}


def test_what_nobody_knows_is_named(nb, tmp_path):
    downloaded = tmp_path / "downloaded"
    downloaded.write_text("weights")
    gone = made(nb, training=1e3)
    heir = made(nb, model_of(gone), ("model", downloaded), training=1.0)
    shutil.rmtree(gone.folder)
    found = lineage_of(nb)(nb.run(heir.id))
    assert found.flop == 1.0
    assert set(found.unknown) == {str(downloaded), str(gone.folder / "artifacts" / "model")}


@pytest.mark.parametrize(
    ("flop", "seconds"), [(-1.0, 1.0), (float("nan"), 1.0), (1.0, float("inf")), (float("inf"), 1)]
)
def test_costs_that_make_no_sense_are_refused(nb, flop, seconds):
    with nb.start_run("test", config={}, seed=0, claims=[]) as run, pytest.raises(GlassbookError, match="cannot have"):
        run.spent("training", flop, seconds, "said")


def test_a_later_record_of_the_same_part_takes_its_place(nb):
    with nb.start_run("test", config={}, seed=0, claims=[]) as run:
        run.spent("training", 1.0, 1.0, "said", "a")
        run.spent("training", 3.0, 2.0, "said", "a")
        run.spent("training", 5.0, 1.0, "said", "b")
        run.spent("generation", 7.0, 1.0, "said", "a")
        assert run.seconds_spent("training", "a") == 2.0
    record = nb.run(run.id)
    assert record.flop == 8.0
    assert [part.flop for part in record.compute] == [3.0, 5.0, 7.0]
    assert nb.index.run_table(order="flop").rows[0].flop == 8.0
