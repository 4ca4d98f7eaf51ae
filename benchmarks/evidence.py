"""What an outside check of the evidence found, measured again on the built-in model; its figures stand beside.

    python benchmarks/evidence.py

The check was made of the model, the world and the claims before decisions 27 to 31. Tables A2, A5 and B9 are read from
the reference evidence of `dictionary-learning` and `builtin-model`, whose claims they belong to; all others are
measured.
"""

import re
from functools import partial
from itertools import islice
from statistics import fmean

import torch

from glassbook.assets.reference import reference_runs
from glassbook.data.world import World
from glassbook.data.world.themes import THEMES
from glassbook.experiments.kit import documents, special_ids
from glassbook.experiments.language._scores import lexicon, strange_words, verdicts
from glassbook.experiments.tour._steering import _condition
from glassbook.experiments.tour.corpus import of_the_reserve
from glassbook.features import Dictionary, TopK, evaluate
from glassbook.features.classical import OMP, SparseCoder
from glassbook.features.controls import frozen_random
from glassbook.features.detect import BAG, WORD
from glassbook.features.formats import load
from glassbook.nets import LanguageModel, model_path, open_model
from glassbook.steer import actadd
from glassbook.trace import collect

SITE = "blocks.3.out"


def show(title: str, columns: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    """Print a table in Markdown."""
    print(f"\n{title}\n\n| " + " | ".join(columns) + " |\n|" + "---|" * len(columns))
    for row in rows:
        print("| " + " | ".join(f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row) + " |")


def random_directions(lm: LanguageModel) -> None:
    """A1: the same random directions behind encoders from bad to best."""
    kept = documents(lm, 400, seed=-71)
    cut = len(kept.batches) // 2
    special = special_ids(lm)
    learn, test = (collect(lm.model, part, SITE, skip=special) for part in (kept.batches[:cut], kept.batches[cut:]))
    mean, x = learn.read(SITE).mean(0), test.read(SITE)[:4000]
    score = partial(evaluate, activations=x, model=lm.model, site=SITE, batches=kept.batches[cut:], skip=special)
    directions = frozen_random(x.shape[1], 2048, 32, mean, torch.Generator().manual_seed(0))
    tied = Dictionary(x.shape[1], 2048, TopK(32))
    with torch.no_grad():
        tied.W_dec.copy_(directions.W_dec)
        tied.W_enc.copy_(directions.W_dec)
        tied.b_dec.copy_(mean)
    coders = [("tied TopK(32), the old control", tied, "-.82, .96488")]
    olds = {32: ".954, .99949", 16: ".767, .99640", 8: ".519, .96806"}
    coders += [(f"OMP, k = {k}", SparseCoder(directions.W_dec, mean, OMP(k)), old) for k, old in olds.items()]
    shipped = load(model_path("builtin").parent / "dictionary.safetensors")
    coders.append((f"shipped dictionary, k = {shipped.rule.k}", shipped, ".981, .99978 (k = 32)"))
    rows = []
    for name, coder, old in coders:
        found = score(coder)
        rows.append((name, old, found.explained_variance, found.ce_recovered))
    show("Random directions (A1): explained variance and cross-entropy recovered",
         ("2,048 directions", "before", "explained variance", "CE recovered"), rows)  # fmt: skip


def lies(lm: LanguageModel) -> None:
    """A3: what the model itself knows of lies."""
    found = verdicts(lm, World(), 900, seed=-31)
    show("Lies (A3): AUROC of the model's odds after \"That was\"", ("", "before", "now"), [
        ("behind its record, accounts of the same speaker", ".574 (of all speakers)", found["verdict_auroc"]),
        ("behind another record", "", found["verdict_auroc_other_record"]),
    ])  # fmt: skip


def prompts(lm: LanguageModel) -> list[str]:
    """A4: what the tour's prompts begin with."""
    openings = of_the_reserve(lm, 300, 120).openings[:96]
    names = {ranger.name for ranger in World().reserve.rangers}
    both = set(openings[::2]) & set(openings[1::2])
    show("The tour's prompts (A4)", ("", "before", "now"), [
        ("different ones of 96", "23 to 25", len(set(openings))),
        ("without a ranger's name", "72", sum(not names & set(re.findall(r"\w+", text)) for text in openings)),
        ("in both halves", "38 to 43 of 48", len(both)),
    ])  # fmt: skip
    return openings


def strengths(lm: LanguageModel, openings: list[str]) -> None:
    """B1: what steering at each strength costs, where the tour takes the strongest within .3 nats."""
    words, rows = THEMES["wedding"].words, []
    vector = actadd(lm, " wedding", "", "blocks.1.in")
    for strength in (0.0, 0.5, 1.0, 2.0, 4.0):
        found = _condition(lm, "", openings[:48], words, 0, vector * strength if strength else None)
        rows.append((strength, found["hits"], found["nll"]))
    show("Activation addition towards weddings (B1); before, with a feature: 34 of 48 at 2.15 nats, 46 at 3.16 (taken)",
         ("strength", "texts of 48 with its words", "nats per token"), rows)  # fmt: skip


def words(lm: LanguageModel) -> None:
    """B2: words that the world does not have."""
    known, rows = lexicon(), []
    before = {("", 1.0): ".22 %", ("", 0.95): ".07 %", ("One day Mira went", 1.0): ".35 %",
              ("One day Mira went", 0.95): ".07 %"}  # fmt: skip
    for (prompt, top_p), old in before.items():
        texts = lm.generate([prompt] * 192, tokens=120, temperature=1.0, top_p=top_p, seed=1)
        strange, n = strange_words(texts, known)
        rows.append((repr(prompt), top_p, old, f"{100 * len(strange) / n:.3f} %", ", ".join(strange[:4])))
    strange, n = strange_words([d.text for d in islice(World().stream(-17), 2000)], known)
    rows.append(("held-out text", "", "", f"{100 * len(strange) / n:.3f} %", ", ".join(strange[:4])))
    show("Words outside the lexicon (B2)", ("after", "top-p", "before", "now", "such as"), rows)


def detectors() -> None:
    """A2: attributes by how well the best unit of each kind detects them, from the reference evidence."""
    runs = [run for run in reference_runs("dictionary-learning") if not run.sabotage]
    if not runs:
        print("\nDetection (A2): there is no reference evidence of dictionary-learning")
        return
    before = {"features": "35, .632", "neurons": "15, .451", "residual axes": "1, .168",
              "random directions": "2, .366", "one token": "34, .674"}  # fmt: skip
    table = runs[0].table("attributes")
    names = [name for name in table[0] if isinstance(table[0][name], float) and name in {*before, WORD, BAG}]
    rows = []
    for name in names:
        scores = [row[name] for row in table]
        hard = [row[name] for row in table if not row["solved by words"]]
        rows.append((name, before.get(name, ""), sum(ap >= 0.9 for ap in scores), fmean(scores),
                     fmean(hard) if hard else "", len(hard)))  # fmt: skip
    show(f"Detection (A2): average precision of {len(table)} attributes (before: of 117)",
         ("unit", "before: >= .9, mean", ">= .9", "mean", "mean, not solved by words", "of"), rows)  # fmt: skip


def losses() -> None:
    """A5 and B9: loss over entropy of each genre, and the loss of n-gram models, from the reference evidence."""
    runs = [run for run in reference_runs("builtin-model") if not run.sabotage]
    if not runs:
        print("\nLoss by genre (A5) and n-grams (B9): there is no reference evidence of builtin-model")
        return
    before = {"reply": 1.008, "story": 1.016, "note": 1.019, "report": 1.060, "question": 1.098, "facts": 1.139}
    rows = [(row["genre"], before.get(row["genre"], ""), row["loss_over_entropy"]) for row in runs[0].table("genres")]
    show("Loss over entropy by genre (A5)", ("genre", "before", "now"), rows)
    found = runs[0].results
    show("Rivals counted on all training text (B9), nats per token", ("", "before", "now"), [
        ("bigrams", "2.536 (on 100 of 1,500 batches)", found["bigram_loss"]),
        ("the best n-grams, n <= 5", "", found["ngram_loss"]),
        ("the model", 1.378, found["held_out_loss"]),
        ("entropy", 1.345, found["entropy"]),
    ])  # fmt: skip


def main() -> None:
    """Print all tables."""
    lm = open_model("builtin")
    random_directions(lm)
    lies(lm)
    strengths(lm, prompts(lm))
    words(lm)
    detectors()
    losses()


if __name__ == "__main__":
    main()
