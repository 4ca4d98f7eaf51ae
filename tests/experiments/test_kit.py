"""The recipe kit: what it opens is recorded, what it trains or computes resumes, and its text is the Reserve's."""

from pathlib import Path

import pytest
import torch

from glassbook.data.tokens import training_rows
from glassbook.data.world import World
from glassbook.errors import GlassbookError
from glassbook.experiments import kit
from glassbook.experiments.base import launch
from glassbook.experiments.kit import ACTIVATIONS
from glassbook.features import TopK
from glassbook.nets import LM, LMConfig, open_model
from glassbook.notebook import Notebook
from glassbook.notebook.runs.freshness import stale
from glassbook.train import next_token


@pytest.fixture(scope="module")
def lm():
    return open_model("builtin")


@pytest.fixture
def notebook(tmp_path):
    return Notebook.create(tmp_path / "notes", title="Notes")


def start(notebook):
    return notebook.start_run("test", config={}, seed=0, claims=[])


def interrupted(notebook, work):
    """The run in which `work` was interrupted at its end, resumed."""

    def stop(run):
        with run:
            work(run)
            raise KeyboardInterrupt

    run = start(notebook)
    with pytest.raises(KeyboardInterrupt):
        stop(run)
    return notebook.resume_run(run.id)


def test_an_opened_model_is_recorded_as_used(notebook):
    with start(notebook) as run:
        kit.open_model(run, "builtin")
        kit.open_model(run, "builtin", label="mine")
    assert [(used.kind, used.name) for used in notebook.run(run.id).uses] == [("model", "builtin"), ("model", "mine")]


def test_an_opened_dictionary_is_recorded_and_makes_a_run_stale_when_it_changes(notebook, tmp_path):
    with start(notebook) as run:
        shipped = kit.open_dictionary(run, "builtin")
        shipped.save(tmp_path / "mine.safetensors")
        kit.open_dictionary(run, tmp_path / "mine.safetensors", label="mine")
    record = notebook.run(run.id)
    assert [(used.kind, used.name) for used in record.uses] == [("dictionary", "builtin"), ("dictionary", "mine")]
    assert not [line for line in stale(record) if "dictionary" in line]
    with torch.no_grad():
        shipped.b_dec += 1
    shipped.save(tmp_path / "mine.safetensors")
    assert [line for line in stale(record) if "dictionary" in line and "mine" in line]
    with start(notebook) as run, pytest.raises(GlassbookError):
        kit.open_dictionary(run, tmp_path / "none.safetensors")


def test_no_experiment_opens_a_dictionary_past_the_record():
    home = Path(kit.__file__).parent
    assert [path.name for path in home.rglob("*.py") if "features.formats" in path.read_text()] == ["kit.py"]


def test_special_ids_are_those_that_the_tokenizer_has(lm):
    assert kit.special_ids(lm) == {lm.tokenizer.bos, lm.tokenizer.eos, lm.tokenizer.pad}
    with pytest.raises(GlassbookError, match="has no tokenizer"):
        kit.special_ids(type(lm)(lm.model, None, "bare"))


def test_text_of_the_reserve_is_a_function_of_the_step(lm):
    text = kit.reserve(lm.tokenizer, 2, 16, seed=5)
    assert torch.equal(text(3)["input_ids"], torch.from_numpy(training_rows(World(), lm.tokenizer, 3, 2, 16, seed=5)))
    rows = list(kit.reserve_rows(lm, 5, seed=5, length=16, batch_size=2))
    assert [batch["input_ids"].shape for batch in rows] == [(2, 16)] * 3
    assert torch.equal(rows[1]["input_ids"], text(1)["input_ids"])


def test_documents_carry_the_truth_of_their_tokens(lm):
    documents = kit.documents(lm, 70, seed=-1)
    assert [len(batch["input_ids"]) for batch in documents.batches] == [64, 6]
    lengths = torch.cat([batch["attention_mask"].sum(1) for batch in documents.batches])
    assert torch.equal(lengths, lengths.sort().values)
    species = [i for i, (kind, _) in enumerate(documents.attributes) if kind == "species"]
    row, position, column = documents.labels[:64, :, species].nonzero()[0].tolist()
    ids = documents.batches[0]["input_ids"][row]
    speaks = documents.labels[row, : len(ids), species[column]]
    assert documents.attributes[species[column]][1] in lm.decode(ids[speaks]).lower()
    assert documents.sentence[row, position] >= 0
    assert documents.sentence[row, 0] == -1  # the token that begins a text


def test_any_documents_make_a_batch(lm):
    documents = kit.documents(lm, 70, seed=-1)
    batch = documents.batch(torch.tensor([69, 3]))
    assert batch["attention_mask"].sum(1).tolist() == [
        int(documents.batches[1]["attention_mask"][5].sum()), int(documents.batches[0]["attention_mask"][3].sum())
    ]  # fmt: skip
    assert batch["input_ids"].shape[1] == batch["attention_mask"].sum(1).max()
    n = int(batch["attention_mask"][1].sum())
    assert torch.equal(batch["input_ids"][1, :n], documents.batches[0]["input_ids"][3, :n])


@pytest.mark.parametrize("memory", [kit.MEMORY, 1])
def test_activations_are_the_same_in_memory_and_on_disk_and_leave_no_folder_behind(notebook, lm, memory, monkeypatch):
    monkeypatch.setattr(kit, "MEMORY", memory)
    site = "blocks.0.out"
    reads = []

    class Collecting:
        name, data, claims = "collecting", (), ()

        def run(self, run):
            acts = kit.collect(run, "text", lm, kit.reserve_rows(lm, 2, seed=0, length=16, batch_size=2), site)
            assert (run.folder / ACTIVATIONS).exists() == (memory == 1)
            assert not kit.special_ids(lm) & set(acts.tokens().tolist())
            reads.append(acts.read(site).clone())

    monkeypatch.setattr("glassbook.experiments.base.settings", lambda work: {})
    record = launch(Collecting(), notebook)  # pyright: ignore
    assert not (record.folder / ACTIVATIONS).exists()
    assert reads[0].shape[1] == 128


def test_a_resumed_run_finds_activations_on_disk_and_writes_broken_ones_again(notebook, lm, monkeypatch):
    monkeypatch.setattr(kit, "MEMORY", 1)
    site, text = "blocks.0.out", list(kit.reserve_rows(lm, 2, seed=0, length=16, batch_size=2))
    run = interrupted(notebook, lambda run: kit.collect(run, "text", lm, text, site))
    with run:
        first = kit.collect(run, "text", lm, iter(()), site)  # the model does not run
        (run.folder / ACTIVATIONS / "text" / "header.json").write_text("{")
        assert torch.equal(kit.collect(run, "text", lm, text, site).read(site), first.read(site))


def test_a_stage_is_computed_once(notebook):
    value = {"rows": [{"a": 0.1, "b": float("inf")}], "x": torch.arange(3), "pair": (1, None, "t"), "empty": []}
    calls = []

    def work():
        calls.append(1)
        return value

    def same(found):
        assert torch.equal(found["x"], value["x"])
        assert {k: v for k, v in found.items() if k != "x"} == {k: v for k, v in value.items() if k != "x"}

    run = interrupted(notebook, lambda run: same(kit.stage(run, "part", work)))
    with run:
        same(kit.stage(run, "part", work))
        kit.stage(run, "another part", work)
    assert len(calls) == 2


def test_models_and_dictionaries_resume_where_they_were(notebook):
    ids = torch.arange(64).reshape(4, 16) % 8
    made = []

    def make():
        made.append(torch.initial_seed())
        return LM(LMConfig(8, 16, 1, 1, 1, 32, context=16))

    def work(run):
        settings = {"steps": 4, "lr": 1e-2}
        model = kit.train_model(run, "net", make, next_token(), lambda step: {"input_ids": ids}, seed=7, **settings)
        x = torch.randn(64, 16, generator=torch.Generator().manual_seed(0))
        sae = kit.train_sae(run, "sae", x, 16, 32, TopK(2), batch_size=8, seed=7, **settings)
        return [p.detach().clone() for p in (*model.parameters(), *sae.parameters())], model.training

    with start(notebook) as run:
        whole, training = work(run)
    assert not training
    assert made == [7]
    resumed = interrupted(notebook, work)
    with resumed:
        for file in (resumed.folder / "checkpoints" / "sae").iterdir():
            file.unlink()  # killed before its first checkpoint
        again, _ = work(resumed)
    assert all(torch.equal(a, b) for a, b in zip(whole, again, strict=True))
    assert notebook.run(run.id).metrics("net_loss")[0] == [4]


def test_leads_and_lags():
    scores = {"a": 3.0, "b": 1.0, "c": 2.0}
    assert (kit.lead(scores, "a"), kit.lead(scores, "b")) == (1.0, -2.0)
    assert (kit.lag(scores, "b"), kit.lag(scores, "a")) == (1.0, -2.0)


def test_curves_are_rows_of_logged_metrics(notebook):
    with start(notebook) as run:
        run.log(1, a=0.5)
        run.log(2, a=0.25, b=1.0)
        assert kit.curves(run, first="a", two_words="b") == [
            {"step": 1, "value": 0.5, "curve": "first"},
            {"step": 2, "value": 0.25, "curve": "first"},
            {"step": 2, "value": 1.0, "curve": "two words"},
        ]
