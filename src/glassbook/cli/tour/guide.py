"""The tour itself, step by step, as one run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from glassbook.cli.command import say
from glassbook.cli.tour import charts, directions, page
from glassbook.cli.tour.learning import DICTIONARY, Recorded, learn, middle
from glassbook.cli.tour.naming import card_of, names_of, ranked
from glassbook.cli.tour.story import Detected, Learnt, Story, by_kind, shares
from glassbook.cli.tour.text import collect
from glassbook.cli.tour.truth import detect_attributes
from glassbook.experiments.verdicts import Verdict, board, judge
from glassbook.features.dashboard import build_dashboard
from glassbook.notebook import Claim, Notebook, Page, Run, RunRecord
from glassbook.notebook.runs.feature_dashboard import NAME, FeatureDashboard

if TYPE_CHECKING:
    from glassbook.nets import LanguageModel

CLAIMS = (
    Claim(
        "features-explain",
        "A few features a token explain most of the activations",
        "explained_variance",
        ">=",
        0.7,
        control="random_explained_variance <= 0.5",
    ),
    Claim(
        "loss-is-recovered",
        "The model predicts nearly as well from the reconstruction",
        "ce_recovered",
        ">=",
        0.8,
        no_control="random directions recover much of the loss as well; beats-random-loss compares what is lost",
    ),
    Claim(
        "beats-random-loss",
        "Reading the reconstruction, the model loses at most a fifth of what it loses with random directions",
        "ce_lost_over_random",
        "<=",
        0.2,
        no_control="the metric itself compares with the rival",
    ),
    Claim(
        "feature-steers",
        "Adding one feature brings its word into more texts",
        "feature_lift",
        ">=",
        0.2,
        control="feature_random_lift <= 0.1",
    ),
    Claim(
        "pair-steers",
        "Adding a pair's activations brings its words into more texts",
        "pair_lift",
        ">=",
        0.1,
        control="pair_random_lift <= 0.1",
    ),
)
"""What a tour claims of any model."""
OF_THE_WORLD = (
    Claim(
        "attributes-detected",
        "Most attributes of the world have a feature that detects them",
        "attributes_detected",
        ">=",
        0.6,
        no_control="beats-neurons and beats-random compare this number with rivals",
    ),
    Claim(
        "beats-neurons",
        "Features detect clearly more attributes than neurons do",
        "detected_beyond_neurons",
        ">=",
        0.1,
        no_control="the metric itself compares with the rival",
    ),
    Claim(
        "beats-random",
        "Features detect clearly more attributes than random directions do",
        "detected_beyond_random",
        ">=",
        0.1,
        no_control="the metric itself compares with the rival",
    ),
)
"""What it claims beside that where the truth is known."""


def guide(
    lm: LanguageModel, notebook: Notebook, file: Path | None, *, seed: int, quick: bool
) -> tuple[Page, Story, RunRecord]:
    """Take the tour; returns the page, what was seen, and the finished run."""
    config = {"model": lm.name, "text": None if file is None else str(file), "quick": quick}
    known_truth = lm.name == "builtin" and file is None
    claims = (*CLAIMS, *OF_THE_WORLD) if known_truth else CLAIMS
    with notebook.start_run("tour", config, seed, claims) as run:
        say(f"run {run.id} in {notebook.folder}")
        story = _see(lm, file, run, quick=quick)
    record = notebook.run(run.id)
    story.claims = [_row("tour", judge(claim, [record], seeds=1)) for claim in claims]
    story.stored = [_row(e.experiment, v) for e in board(notebook.runs()) if e.installed for v in e.verdicts]
    return page.write(notebook, run, story), story, record


def _row(experiment: str, verdict: Verdict) -> dict[str, Any]:
    claim = verdict.claim
    return {
        "experiment": experiment,
        "id": claim.id,
        "sentence": claim.sentence,
        "state": verdict.label,
        "condition": str(claim.condition),
        "control": claim.control,
        "values": {str(seed): value for seed, value in verdict.values.items()},
        "controls": {str(seed): value for seed, value in verdict.controls.items()},
    }


def _see(lm: LanguageModel, file: Path | None, run: Run, *, quick: bool) -> Story:
    site = middle(lm)
    say(f"{lm.parameters:,} parameters; looking at {site}")
    prompt = "" if lm.tokenizer is not None and lm.tokenizer.bos is not None else "Once"
    sample = prompt + lm.generate([prompt], tokens=40)[0]
    say("collecting text")
    corpus = collect(lm, file, run, quick=quick)
    say("recording its activations, learning a dictionary of them")
    learnt, control, recorded = learn(lm, corpus, site, run, quick=quick)
    say("naming its features")
    detected = (
        detect_attributes(learnt.dictionary, control, recorded, recorded.truth) if recorded.truth is not None else []
    )
    dashboard = _dashboard(run, lm, learnt, recorded, detected)
    features = [dashboard.feature(i) for i in range(learnt.dictionary.width)]
    named = ranked([card_of(feature) for feature in features if feature.density])
    story = Story(lm, sample, corpus.origin, learnt, named, [], detected, quick=quick)
    say("steering")
    effort = directions.effort(lm, quick)
    steered = directions.by_feature(lm, corpus, learnt.dictionary, site, named, detected, run, effort)
    paired = directions.by_pair(lm, corpus, run, effort)
    story.steerings = [s for s in (steered, paired) if s is not None]
    _results(run, story, steered, paired)
    _evidence(run, story, [feature.density for feature in features])
    return story


def _dashboard(
    run: Run, lm: LanguageModel, learnt: Learnt, recorded: Recorded, detected: list[Detected]
) -> FeatureDashboard:
    """All that the held-out text shows of the features, for the tour's page and the notebook's feature pages."""
    build_dashboard(
        learnt.dictionary,
        recorded.activations,
        lm,
        run.artifact(NAME).parent,
        tokens=recorded.token,
        sequence=recorded.sequence,
        names=names_of(detected),
        label_score="AUROC on held-out sentences",
        about={"model": lm.name, "site": learnt.site, "dictionary": DICTIONARY},
    )
    return FeatureDashboard(run.folder)


def _results(run: Run, story: Story, steered: directions.Steering | None, paired: directions.Steering) -> None:
    scores, control = story.learnt.scores, story.learnt.control
    run.result(
        explained_variance=scores.explained_variance,
        l0=scores.l0,
        dead_share=scores.dead,
        ce_recovered=scores.ce_recovered,
        random_explained_variance=control.explained_variance,
        random_ce_recovered=control.ce_recovered,
        ce_lost_over_random=(1 - scores.ce_recovered) / max(1 - control.ce_recovered, 1e-9),
        pair_lift=paired.lift,
        pair_random_lift=paired.random_lift,
    )
    if steered is not None:
        run.result(feature_lift=steered.lift, feature_random_lift=steered.random_lift)
    if story.detected:
        share = shares(story.detected)
        run.result(
            attributes_detected=share["dictionary"],
            neurons_detected=share["best neuron"],
            random_detected=share["random dictionary"],
            detected_beyond_neurons=share["dictionary"] - share["best neuron"],
            detected_beyond_random=share["dictionary"] - share["random dictionary"],
        )


def _evidence(run: Run, story: Story, density: list[float]) -> None:
    """The charts, and the tables and vectors behind them."""
    steps, values = run.metrics("explained_variance")
    charts.keep(run, "learning", charts.learning(steps, values))
    if story.detected:
        charts.keep(run, "detection", charts.detection(by_kind(story.detected)))
        run.table("attributes", [vars(d) for d in story.detected])
    else:
        charts.keep(run, "density", charts.density(density))
    run.table("features", [card.to_data() for card in story.cards])
    if story.steerings:
        charts.keep(run, "steering", charts.steering([row for s in story.steerings for row in s.rows()]))
        run.table("steering", [row for s in story.steerings for row in s.rows()])
    for steering, name in zip(story.steerings, ("vector-1", "vector-2"), strict=False):
        steering.vector.save(run.artifact(f"{name}.safetensors"))
