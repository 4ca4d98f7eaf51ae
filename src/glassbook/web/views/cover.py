"""What the home page offers to click: a feature on one's own sentence, a steered story, a chart with its verdict.

All three are from reference evidence, so that they are there in a new notebook; what is missing is left out.
"""

from __future__ import annotations

import re
from typing import Any

from glassbook.assets.reference import reference_runs
from glassbook.errors import GlassbookError
from glassbook.experiments.evidence import shown_runs
from glassbook.notebook import RunRecord
from glassbook.notebook.runs.feature_dashboard import FeatureDashboard
from glassbook.web.services import Services

LABEL = "time: night"
"""Label of the feature that is offered, if a dashboard has it; else the one with the best score is."""
SENTENCE = "At midnight the owl called over the mill weir. Nobody slept that night, and in the morning it was gone."
EXPERIMENT = "superposition"
"""The experiment whose chart and verdict are shown."""


def offers(services: Services) -> dict[str, Any]:
    """`feature`, `story` and `chart` for templates/home.html; None for what the evidence does not have."""
    builtin = _builtin()
    feature, story = (_feature(builtin), _story(builtin)) if builtin else (None, None)
    return {"feature": feature, "story": story, "chart": _chart(services), "sentence": SENTENCE}


def _builtin() -> tuple[RunRecord, FeatureDashboard] | None:
    """The reference run with a dashboard of the built-in dictionary."""
    for run in reference_runs():
        if not run.sabotage and FeatureDashboard.exists(run.folder):
            dashboard = FeatureDashboard(run.folder)
            if dashboard.header.get("dictionary") == "builtin":
                return run, dashboard
    return None


def _feature(builtin: tuple[RunRecord, FeatureDashboard]) -> dict[str, Any] | None:
    """A feature of the built-in dictionary, and the best of its contexts."""
    run, dashboard = builtin
    rows, _ = dashboard.rows(LABEL, order="score", descending=True, labelled=True, limit=1)
    rows = rows or dashboard.rows(order="score", descending=True, labelled=True, limit=1)[0]
    if not rows:
        return None
    feature = dashboard.feature(rows[0].index)
    return {"run": run, "feature": feature, "context": feature.contexts[0] if feature.contexts else []}


def _story(builtin: tuple[RunRecord, FeatureDashboard]) -> dict[str, Any] | None:
    """The first texts of the tour into which steering with a feature brought its word, and how often it does."""
    dictionary, dashboard = builtin
    kept = {row.index for row in dashboard.rows(limit=dashboard.header["width"])[0]}
    for run in reference_runs("tour"):
        for method in [] if run.sabotage or "steering" not in run.tables else run.table("steering"):
            found = re.search(r"^Feature (\d+) of the shipped dictionary", method["method"])
            texts = {entry["condition"]: entry["texts"] for entry in method["conditions"]}
            if not found or int(found[1]) not in kept or not {"plain", "steered"} <= texts.keys():
                continue
            words = re.compile("|".join(rf"\b{re.escape(word)}\b" for word in method["words"]))
            pairs = list(zip(method["prompts"], texts["plain"], texts["steered"], strict=True))
            for prompt, plain, steered in pairs:
                if words.search(steered) and not words.search(prompt + plain):
                    return {
                        "run": dictionary,
                        "index": int(found[1]),
                        "words": method["words"],
                        "strength": method["strength"],
                        "prompt": prompt,
                        "plain": plain,
                        "steered": _marked(steered, words),
                        "of": len(pairs),
                        "with_plain": sum(words.search(plain) is not None for _, plain, _ in pairs),
                        "with_steered": sum(words.search(steered) is not None for *_, steered in pairs),
                    }
    return None


def _marked(text: str, words: re.Pattern[str]) -> list[tuple[str, bool]]:
    """A text in pieces, with whether each is one of the words."""
    pieces, at = [], 0
    for match in words.finditer(text):
        pieces += [(text[at : match.start()], False), (match[0], True)]
        at = match.end()
    return [*pieces, (text[at:], False)]


def _chart(services: Services) -> dict[str, Any] | None:
    """The first chart of an experiment, and the first of its claims that holds, or its first."""
    try:
        verdicts = services.verdicts.of(EXPERIMENT).verdicts
        run = next((run for run in shown_runs(services.notebook, EXPERIMENT) if run.charts), None)
    except GlassbookError:
        return None
    if run is None or not verdicts:
        return None
    verdict = next((v for v in verdicts if v.state == "holds"), verdicts[0])
    return {"run": run, "name": next(iter(run.charts)), "verdict": verdict, "experiment": EXPERIMENT}
