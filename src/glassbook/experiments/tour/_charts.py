"""Charts of a tour, each with an SVG beside it for exports and for readers without scripts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from glassbook import charts
from glassbook.experiments import kit
from glassbook.experiments.tour.cards import shares
from glassbook.notebook import Run


def learning(run: Run) -> None:
    """Explained variance while the dictionary learns."""
    rows = kit.curves(run, explained_variance="dictionary_explained_variance")
    _keep(run, "learning", charts.lines(rows, charts.Axis("step", "step"), charts.Axis("value", "explained variance")))


def density(run: Run, densities: Sequence[float]) -> None:
    """How often the features are active: a histogram over orders of magnitude."""
    title = "share of tokens that a feature is active on"
    _keep(run, "density", charts.histogram({"features": densities}, title, "features", 0.25))


def detection(run: Run, attributes: Sequence[dict[str, Any]]) -> None:
    """Share of the attributes of each kind that each detector detects."""
    kinds = dict.fromkeys(row["kind"] for row in attributes)
    groups = {kind: [row for row in attributes if row["kind"] == kind] for kind in kinds}
    rows = [
        {"kind": kind, "detector": name, "share": share}
        for kind, group in groups.items()
        for name, share in shares(group).items()
    ]
    axis = charts.Axis("share", "share of attributes detected", percent=True)
    _keep(run, "detection", charts.bars(rows, axis, "kind", "detector", format=".0%"))


def steering(run: Run, results: Sequence[dict[str, Any]]) -> None:
    """Share of texts with the target words under each condition, with 95 % intervals."""
    rows = [
        {"method": result["method"], **{key: value for key, value in condition.items() if key != "texts"}}
        for result in results
        for condition in result["conditions"]
    ]
    axis = charts.Axis("share", "share of texts with one of the words", percent=True)
    _keep(run, "steering", charts.interval(rows, axis, "condition", "low", "high", "method"))


def _keep(run: Run, name: str, spec: dict[str, Any]) -> None:
    import vl_convert

    # Transparent, and grey that is legible on white and on black.
    grey = {"labelColor": "#808080", "titleColor": "#808080"}
    config = {"background": None, "axis": grey, "legend": grey, "header": grey, "text": {"color": "#808080"}}
    run.chart(name, spec, svg=vl_convert.vegalite_to_svg({**spec, "config": {**spec.get("config", {}), **config}}))
