"""What a run will cost before it is made: time and FLOPs as the reference evidence took them, and the data it needs."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from glassbook.assets.reference import machine_of, reference_runs
from glassbook.experiments import base
from glassbook.experiments.verdicts import judging
from glassbook.formatting import flop, seconds


@dataclass(frozen=True)
class Expected:
    """What one run of an experiment at its default settings costs."""

    seconds: float | None
    """None if nobody knows."""
    flop: float | None
    """Of its training; None if nobody knows, or it trains nothing."""
    basis: str
    """What this is taken from, in words."""

    @property
    def text(self) -> str:
        """It in words, as the part of a sentence; "" if nothing is known."""
        parts = [] if self.seconds is None else [f"about {seconds(self.seconds)}"]
        parts += [] if self.flop is None else [flop(self.flop)]
        cost = ", ".join(parts)
        return f"{cost} ({self.basis})" if cost else ""


def expected(name: str, kind: type[base.Experiment] | None = None) -> Expected:
    """The median of an experiment's reference runs at its default settings, else what its recipe says.

    Args:
        name: of the experiment.
        kind: its class, if it is at hand.
    """
    runs = [run for run in judging(name, reference_runs(name)) if run.ended]
    times = [(run.ended - run.started).total_seconds() for run in runs if run.ended]
    costs = [run.flop for run in runs if run.flop is not None]
    if times:
        cost = statistics.median(costs) if costs else None
        return Expected(statistics.median(times), cost, f"the reference, on {machine_of(runs[0])}")
    minutes = (kind or base.find(name)).minutes
    return Expected(None if minutes is None else 60 * minutes, None, "by its recipe, on two processor cores")


def expected_of_all(names: Iterable[str]) -> str:
    """What several runs cost together, in a line: each experiment as often as it is named; "" if nothing is known."""
    counts = Counter(names)
    found = {name: expected(name) for name in counts}
    known = {name: one for name, one in found.items() if one.seconds is not None}
    if not known:
        return ""
    parts = [f"{name} {counts[name]} x {seconds(one.seconds or 0)}" for name, one in known.items()]
    unknown = [name for name in counts if name not in known]
    total = sum(counts[name] * (one.seconds or 0) for name, one in known.items())
    cost = sum(counts[name] * (one.flop or 0) for name, one in known.items())
    said = f"about {seconds(total)} as measured before" + (f", {flop(cost)} of training" if cost else "")
    rest = f"; nobody knows of {', '.join(unknown)}" if unknown else ""
    return f"{said}: {', '.join(parts)}{rest}"


@dataclass(frozen=True)
class Need:
    """A dataset that an experiment needs."""

    name: str
    here: bool
    """Whether its files are on this machine."""
    source: str
    """Where it is from."""
    download: bool
    """Whether it is downloaded when a run starts."""

    @property
    def text(self) -> str:
        """It in words, and what to do if it is not here."""
        if self.here:
            return f"{self.name} (on this machine)"
        if self.download:
            return f"{self.name} (downloaded when the run starts: {self.source})"
        return f"{self.name} (not here; put it into $GLASSBOOK_DATA/{self.name}/: {self.source})"


def needs(kind: type[base.Experiment]) -> list[Need]:
    """The datasets that an experiment needs; nothing is downloaded, and no checksum is made."""
    if not kind.data:
        return []
    from glassbook.data import registry

    found = []
    for name in kind.data:
        dataset = registry.find(name)
        here = all(any((place / name / file.name).is_file() for place in registry.folders()) for file in dataset.files)
        found.append(Need(name, here, dataset.source, all(file.url for file in dataset.files)))
    return found
