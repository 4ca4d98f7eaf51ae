"""Lenses: what their scores say of lenses whose answer is known, which texts they take, what breaks their claims."""

from dataclasses import replace

import pytest
import torch

from glassbook.circuits import JacobianLens, fit_jacobian_lens
from glassbook.errors import GlassbookError
from glassbook.experiments import find, launch
from glassbook.experiments.circuits import _lens_scores as measure
from glassbook.features import reinitialised
from glassbook.nets import LM, LanguageModel, LMConfig, open_model
from glassbook.notebook import Notebook

VOCAB, PLACE = 400, 20
COUNTS = {"fit": 6, "test": 4}
LENGTH = 40


def scored(logits, ids, place=PLACE):
    total, count = measure.foresight(logits, ids, place)
    return total / count


# --- foresight ----------------------------------------------------------------------------------------------------


def apart(n=6, length=60):
    """Rows that share no token with each other, each token of which is new."""
    return torch.arange(n * length).view(n, length)


def zipf(n=32, length=60, seed=0):
    """Rows of tokens of which the low ones are common."""
    g = torch.Generator().manual_seed(seed)
    return (torch.rand(n, length, generator=g) ** 4 * VOCAB).long()


def themes(n=32, length=60, seed=0):
    """Rows with common tokens, and rarer ones that a row keeps to."""
    g = torch.Generator().manual_seed(seed)
    own = torch.randint(10, (n, 1), generator=g) * 30 + 60 + torch.randint(30, (n, length), generator=g)
    return torch.where(torch.rand(n, length, generator=g) < 0.5, zipf(n, length, seed + 1) % 60, own)


def reserve():
    from glassbook.experiments import kit

    return next(kit.reserve_rows(open_model("builtin"), 16, -5, 60))["input_ids"]


TEXTS = [zipf, themes, reserve]


@pytest.mark.parametrize(("how", "expected"), [(1.0, 1.0), (-1.0, -1.0), (0.0, 0.0)])
def test_foresight_of_lenses_that_foresee_foresee_the_opposite_or_know_nothing(how, expected):
    ids = apart()
    logits = torch.zeros(len(ids), ids.numel()).scatter(1, ids[:, PLACE + 2 : PLACE + 2 + measure.SOON], how)
    assert scored(logits, ids) == pytest.approx(expected)


@pytest.mark.parametrize("text", TEXTS)
def test_a_lens_that_ignores_its_text_scores_nothing_whatever_it_says(text):
    ids = text()
    vocab = int(ids.max()) + 1
    says = measure.frequencies(ids, vocab)("block", torch.zeros(len(ids), 3))
    rare, any_ = -says, torch.randn(vocab, generator=torch.Generator().manual_seed(0)).expand(len(ids), -1)
    for logits in (says, rare, any_):
        assert scored(logits, ids) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("text", TEXTS)
def test_a_lens_that_repeats_what_the_text_has_held_or_says_next_scores_nothing(text):
    ids = text()
    read = torch.zeros(len(ids), int(ids.max()) + 1).scatter(1, ids[:, : PLACE + 2], 1.0)
    assert scored(read, ids) == 0
    assert scored(-read, ids) == 0


@pytest.mark.parametrize("text", TEXTS)
def test_random_readouts_stay_within_the_noise(text):
    ids = text()[:16]
    g = torch.Generator().manual_seed(0)
    draws = [scored(torch.randn(len(ids), int(ids.max()) + 1, generator=g), ids) for _ in range(200)]
    spread = torch.tensor(draws).std() / 200**0.5
    assert abs(sum(draws) / 200) < 3 * spread


def test_texts_without_a_new_token_have_nothing_to_compare():
    ids = torch.full((3, 60), 7)
    ids[1] = 8
    assert measure.foresight(torch.zeros(3, VOCAB), ids, PLACE) == (0.0, 0)
    assert measure.foresight(torch.zeros(1, VOCAB), zipf(1), PLACE) == (0.0, 0)


def test_a_repeated_token_counts_once():
    ids = apart(2)
    ids[0, PLACE + 3 : PLACE + 2 + measure.SOON] = ids[0, PLACE + 3]  # two different tokens are coming
    logits = torch.zeros(2, ids.numel())
    logits[0, ids[0, PLACE + 2]] = 1
    logits[0, ids[0, PLACE + 3]] = -1
    assert measure.foresight(logits, ids, PLACE) == (0.0, 2)


# --- scores of lenses ---------------------------------------------------------------------------------------------


def small(layers=3, seed=0):
    """A small random model of 200 tokens."""
    torch.manual_seed(seed)
    return LanguageModel(LM(LMConfig(200, 16, layers, 2, 2, 24, context=64)).eval(), None, "a small one")


def test_divergence_is_zero_from_itself_and_positive_from_anything_else():
    a, b = torch.randn(2, 3, 5, 7, generator=torch.Generator().manual_seed(0)).log_softmax(-1)
    assert measure.divergence(a, a).abs().max() < 1e-6
    assert measure.divergence(a, b).min() > 0


def test_a_table_has_each_lens_at_each_block_and_the_frequencies_far_from_the_output_everywhere():
    from glassbook.circuits import LogitLens

    lm, ids = small(), zipf(8, LENGTH) % 200
    table = measure.score(lm, {"logit": LogitLens(lm), "tokens": measure.frequencies(ids, 200)}, ids)
    assert [(row["lens"], row["layer"]) for row in table] == [
        (lens, i) for lens in ("logit", "tokens") for i in (0, 1, 2)
    ]
    assert table[2]["kl"] == pytest.approx(0, abs=1e-6)
    assert min(row["kl"] for row in table[3:]) > 0.1
    assert [row["foresight"] for row in table[3:]] == pytest.approx([0, 0, 0], abs=1e-6)


def test_rows_that_are_all_alike_are_refused():
    lm = small()
    with pytest.raises(GlassbookError, match="none are left to foresee; give another text"):
        measure.score(lm, {"tokens": measure.frequencies(zipf() % 200, 200)}, torch.full((4, LENGTH), 3))


def test_the_middle_lies_before_the_last_block():
    assert [measure.middle("abcdef"[:n], "it") for n in (2, 3, 4, 6)] == ["a", "a", "b", "c"]
    with pytest.raises(GlassbookError, match="a deeper model"):
        measure.middle("a", "it")


# --- agreement of halves ------------------------------------------------------------------------------------------


def jacobian(lm, rows, projections=None, seed=0):
    ids = torch.randint(200, (rows, 24), generator=torch.Generator().manual_seed(seed))
    return fit_jacobian_lens(lm, measure.batches(ids, 1), projections=projections, seed=seed)


def controls(lens, lm):
    fresh = replace(lm, model=reinitialised(lm.model, torch.Generator().manual_seed(1)))
    return {"permuted": lens.permuted(torch.Generator().manual_seed(0)), "untrained": jacobian(fresh, 8)}


def test_halves_of_enough_text_agree_and_a_row_with_one_random_direction_each_breaks_it():
    """The sabotage "noisy" of the experiment, on a small model."""
    [claim] = [claim for claim in find("lenses").claims if claim.id == "halves-agree"]
    [noisy] = [sabotage for sabotage in find("lenses").sabotages if sabotage.id in claim.sabotages]
    lm = small()
    enough, little = jacobian(lm, 8), jacobian(lm, **noisy.settings)
    rows, results = measure.halves(enough, controls(enough, lm))
    assert claim.condition.holds(results["worst_agreement_lead"])
    assert {row["with"] for row in rows} == {"other half", "permuted", "untrained"}
    assert not claim.condition.holds(measure.halves(little, controls(little, lm))[1]["worst_agreement_lead"])


def test_halves_that_agree_no_more_than_with_a_control_have_no_lead():
    lm = small()
    lens = jacobian(lm, 8)
    same = JacobianLens(lm, lens.halves[1], 4)
    _, results = measure.halves(lens, {"same": same, **controls(lens, lm)})
    assert results["worst_agreement_lead"] == pytest.approx(0, abs=1e-6)
    assert results["other_half_agreement"] == pytest.approx(results["same_agreement"])


def test_the_lead_is_that_of_the_worst_layer():
    lm = small()
    lens = jacobian(lm, 8)
    first, second = ({name: J.clone() for name, J in half.items()} for half in lens.halves)
    second["blocks.1"] = 2 * torch.eye(16) - second["blocks.1"]  # the opposite, beyond the identity
    mixed = JacobianLens(lm, lens.matrices, 8, (first, second))
    _, results = measure.halves(mixed, {"none": JacobianLens(lm, {name: torch.eye(16) for name in first}, 1)})
    assert results["worst_agreement_lead"] < -0.9


# --- texts --------------------------------------------------------------------------------------------------------


@pytest.fixture
def a_run(tmp_path):
    with Notebook.create(tmp_path / "notes").start_run("lenses", {}) as run:
        yield run


def keys(rows):
    return {tuple(row) for row in rows.tolist()}


def prose(words):
    return " ".join(f"heron {n} stood at weir {n * n % 97}." for n in range(words))


@pytest.mark.parametrize("counts", [{"fit": 6, "test": 4}, {"a": 3, "b": 3, "c": 9}, {"fit": 2, "test": 13}])
def test_a_file_is_dealt_out_without_overlap(a_run, tmp_path, counts):
    file = tmp_path / "text.txt"
    file.write_text(prose(400))
    dealt = measure.deal(a_run, open_model("builtin"), file, counts, LENGTH)
    assert {name: tuple(rows.shape) for name, rows in dealt.items()} == {n: (k, LENGTH) for n, k in counts.items()}
    assert len(set.union(*map(keys, dealt.values()))) == sum(counts.values())


def test_rows_of_a_file_begin_as_texts_of_the_model_do(a_run, tmp_path):
    file, lm = tmp_path / "text.txt", open_model("builtin")
    file.write_text(prose(400))
    for rows in measure.deal(a_run, lm, file, COUNTS, LENGTH).values():
        assert set(rows[:, 0].tolist()) == set(lm.encode(""))


def test_rows_that_say_the_same_are_one(a_run, tmp_path):
    file, lm = tmp_path / "text.txt", open_model("builtin")
    line = lm.decode(lm.encode("A heron stood there and looked at the mill weir. " * 9)[1:LENGTH])
    file.write_text(line * 500)
    with pytest.raises(GlassbookError, match=r"holds \d+ different rows of 40 tokens, and 10 are needed"):
        measure.deal(a_run, lm, file, COUNTS, LENGTH)


@pytest.mark.parametrize("words", [0, 1, 40])
def test_a_text_that_is_too_short_is_refused_in_one_line(a_run, tmp_path, words):
    file = tmp_path / "text.txt"
    file.write_text(prose(words))
    with pytest.raises(GlassbookError, match="give a longer text, or fewer --rows") as refused:
        measure.deal(a_run, open_model("builtin"), file, COUNTS, LENGTH)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00a"])
def test_what_is_no_text_is_refused(a_run, tmp_path, content):
    file = tmp_path / "text.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(GlassbookError, match="cannot be read"):
        measure.deal(a_run, open_model("builtin"), file, COUNTS, LENGTH)


def test_a_text_is_kept_as_what_the_run_depends_on(a_run, tmp_path):
    file = tmp_path / "text.txt"
    file.write_text(prose(400))
    measure.deal(a_run, open_model("builtin"), file, COUNTS, LENGTH)
    assert "text.txt" in (a_run.folder / "events.jsonl").read_text()


def test_the_reserve_tells_the_built_in_model_another_text_for_each_purpose(a_run):
    dealt = measure.deal(a_run, open_model("builtin"), None, COUNTS, LENGTH)
    assert {name: tuple(rows.shape) for name, rows in dealt.items()} == {n: (k, LENGTH) for n, k in COUNTS.items()}
    assert len(set.union(*map(keys, dealt.values()))) == 10


@pytest.mark.parametrize("name", ["smollm2", "gpt2", "runs/one/artifacts/model"])
def test_another_model_needs_a_text(a_run, name):
    other = replace(open_model("builtin"), name=name)
    with pytest.raises(GlassbookError, match=f"{name} was trained on is not known; pass --text FILE, .* 400 tokens"):
        measure.deal(a_run, other, None, COUNTS, LENGTH)


@pytest.mark.parametrize(
    ("counts", "length", "problem"),
    [
        (COUNTS, 33, "--length 33 leaves nothing to score; give 34"),
        (COUNTS, 300, "300 tokens exceed"),
        ({"fit": 1, "test": 4}, LENGTH, "1 rows for fit are too few"),
        ({"fit": 4, "test": 0}, LENGTH, "0 rows for test are too few"),
    ],
)
def test_rows_that_no_lens_can_be_scored_on_are_refused(a_run, counts, length, problem):
    with pytest.raises(GlassbookError, match=problem):
        measure.deal(a_run, open_model("builtin"), None, counts, length)


# --- the experiment -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    return launch(find("lenses").quick(), Notebook.create(tmp_path_factory.mktemp("notes") / "quick"))


def test_a_run_has_a_row_for_each_rival(quick):
    lenses = {row["lens"] for row in quick.table("lenses")}
    assert lenses == {
        "logit", "tuned", "Jacobian", "Jacobian, permuted", "Jacobian, untrained", "token frequencies"
    }  # fmt: skip


def test_leads_are_over_the_best_of_the_rivals(quick):
    found = quick.results
    best = max(found[f"{name}_foresight"] for name in ("token_frequencies", "jacobian_permuted", "jacobian_untrained"))
    assert found["token_frequencies_foresight"] == pytest.approx(0, abs=1e-6)
    assert found["jacobian_lead_over_controls"] == pytest.approx(found["jacobian_foresight"] - best)
    best = max(found["logit_foresight"], found["tuned_foresight"])
    assert found["jacobian_lead_over_lenses"] == pytest.approx(found["jacobian_foresight"] - best)


@pytest.mark.parametrize("id", ["permuted", "untrained"])
def test_a_stand_in_for_the_jacobian_is_none_of_the_controls(id, quick, tmp_path):
    """What breaks the claims has to be another draw than what they are compared with, or the lead would be 0."""
    [sabotage] = [sabotage for sabotage in find("lenses").sabotages if sabotage.id == id]
    broken = launch(replace(find("lenses").quick(), **sabotage.settings), Notebook.create(tmp_path / "notes"))
    kept = {"jacobian_permuted_foresight", "jacobian_untrained_foresight"}
    assert broken.results["jacobian_foresight"] not in [broken.results[name] for name in kept]
    assert broken.results["jacobian_foresight"] != quick.results["jacobian_foresight"]
