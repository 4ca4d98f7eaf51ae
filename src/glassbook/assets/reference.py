"""Reference evidence: compact records of default runs that ship with the package, so that notebooks open with results.

For each experiment `evidence/<name>/` has `runs.json` (settings, results, claims and provenance of each seed, and the
results of its sabotages), `figures.json.gz` (charts, tables and curves of each seed, read when they are first shown)
and, of the first seed, its images as `<seed>/images/*.png` and the best features of its dashboard, if it has one, as
`<seed>/artifacts/features.sqlite`. `make evidence` writes them (tools/evidence.py).
"""

from __future__ import annotations

import functools
import gzip
import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from glassbook.errors import GlassbookError
from glassbook.notebook import RunRecord
from glassbook.notebook.files import write_atomic
from glassbook.notebook.runs.compute import Spent
from glassbook.notebook.runs.feature_dashboard import NAME, FeatureDashboard
from glassbook.notebook.runs.freshness import Dependency
from glassbook.notebook.runs.record import read_claims
from glassbook.notebook.serialization import read_number, to_json

FOLDER = Path(__file__).parent / "evidence"
PREFIX = "reference-"
"""How the id of a reference run begins: `reference-<experiment>-<seed>`, which stays when it is measured again; that of
a sabotage run is `reference-<experiment>-<sabotage>-<seed>`."""
_RUNS, _FIGURES = "runs.json", "figures.json.gz"


@dataclass(frozen=True)
class ReferenceRun(RunRecord):
    """A finished run that others have made, without its folder: `folder` has its images and best features at most.

    Of a sabotage run only the numbers are kept.
    """

    @property
    def reference(self) -> bool:
        """True: it is not a run of this notebook."""
        return True

    @property
    def _figures(self) -> Mapping[str, Any]:
        if self.sabotage:
            return {"metrics": {}, "charts": {}, "tables": {}}
        return _read_figures(self.folder.parent / _FIGURES)[str(self.seed)]

    def metrics(self, name: str) -> tuple[list[int], list[float]]:
        """Steps (ascending) and values of a logged metric, thinned; empty if it was never logged."""
        steps, values = self._figures["metrics"].get(name, ([], []))
        return list(steps), [float(value) for value in values]

    def metric_names(self) -> list[str]:
        """Names of all logged metrics."""
        return list(self._figures["metrics"])

    @property
    def charts(self) -> list[str]:
        """Names of the run's charts."""
        return list(self._figures["charts"])

    @property
    def tables(self) -> list[str]:
        """Names of the run's tables."""
        return list(self._figures["tables"])

    def _read(self, kind: str, name: str, there: list[str], path: str) -> Any:
        self._exists(kind, name, there)
        return self._figures[f"{kind}s"][name]


def reference_runs(experiment: str | None = None) -> list[ReferenceRun]:
    """The reference runs of one experiment, or of all, by experiment and seed, then those of its sabotages.

    Empty if none ship.

    Raises:
        GlassbookError: what ships is damaged.
    """
    names = reference_names()
    if experiment is not None:
        names = [experiment] if experiment in names else []
    return [record for name in names for record in _read_runs(FOLDER / name / _RUNS)]


def reference_names() -> list[str]:
    """Names of the experiments with reference evidence."""
    return _names(FOLDER)


def reference_run(id: str) -> ReferenceRun | None:
    """The reference run with this id; None if there is none."""
    there = reference_runs() if id.startswith(PREFIX) else []
    return next((record for record in there if record.id == id), None)


@functools.cache
def _names(folder: Path) -> list[str]:
    return sorted(path.parent.name for path in folder.glob(f"*/{_RUNS}"))


@functools.cache
def _read_runs(path: Path) -> tuple[ReferenceRun, ...]:
    try:
        kept = json.loads(path.read_bytes())
        rows = [*kept["runs"], *kept.get("sabotages", [])]
        return tuple(_record(row, path.parent) for row in rows)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GlassbookError(f"the reference evidence {path} cannot be read ({error!r}); install it again") from error


@functools.lru_cache(maxsize=16)
def _read_figures(path: Path) -> Mapping[str, Any]:
    try:
        with gzip.open(path) as file:
            return json.load(file)
    except (OSError, EOFError, ValueError) as error:
        raise GlassbookError(f"the reference evidence {path} cannot be read ({error!r}); install it again") from error


def _record(row: Mapping[str, Any], folder: Path) -> ReferenceRun:
    results = {name: number for name, value in row["results"].items() if (number := read_number(value)) is not None}
    place = "-".join(filter(None, [row.get("sabotage", ""), str(row["seed"])]))
    return ReferenceRun(
        id=f"{PREFIX}{folder.name}-{place}",
        experiment=folder.name,
        config=row["config"],
        seed=row["seed"],
        status="finished",
        started=datetime.fromisoformat(row["started"]),
        ended=datetime.fromisoformat(row["ended"]),
        results=results,
        code=row["code"],
        environment=row["environment"],
        folder=folder / place,
        claims=read_claims(row),
        uses=Dependency.read(row["uses"]),
        compute=Spent.read(row.get("compute", ())),
        confirmed=_confirmed(row),
        sabotage=row.get("sabotage", ""),
    )


def machine_of(record: RunRecord) -> str:
    """The machine that a run was made on, in a few words: "Linux x86_64, 2 CPUs"."""
    system = str(record.environment.get("platform", "")).partition("-")[0]
    kind, cpus = record.environment.get("machine"), record.environment.get("cpus")
    return ", ".join(filter(None, [f"{system} {kind or ''}".strip(), cpus and f"{cpus} CPUs"])) or "an unknown machine"


# --- writing; the package itself only reads ---------------------------------------------------------------------------

POINTS = 500
"""Points of a curve that are kept at most."""
ROWS = 500
"""Rows of a table that are kept at most."""
FEATURES, FEATURES_OF_BUILTIN = 20, 100
"""Features of the first seed's dashboard that are kept at most: those whose names score best. Of the built-in
dictionary more are kept, since its features can be steered with."""
_ENVIRONMENT = ("python", "implementation", "platform", "machine", "cpus", "packages")
"""What is kept of the machine; its name is not."""


def write_reference(
    records: Sequence[RunRecord], sabotaged: Sequence[RunRecord] = (), dictionary: str | None = None
) -> Path:
    """Write the reference evidence of one experiment. The same runs give the same bytes.

    A dashboard of the built-in dictionary that ships stays, unless the first seed has learnt that dictionary again:
    another processor rounds otherwise, so that the same training ends in another dictionary.

    Args:
        records: finished runs at its default settings, one for each seed.
        sabotaged: finished runs of its sabotages, one for each seed of each; of these only the numbers are kept.
        dictionary: "builtin", if the first seed's dictionary is the one that ships with the built-in model, so that its
            features can be steered with.

    Returns:
        the experiment's folder.
    """
    records = sorted(records, key=lambda record: record.seed)
    sabotaged = sorted(sabotaged, key=lambda record: (record.sabotage, record.seed))
    place = FOLDER / records[0].experiment
    best = place / str(records[0].seed) / "artifacts" / NAME
    stays = dictionary is None and best.is_file() and _dictionary_of(best.parents[1]) == "builtin"
    for old in [path for path in place.rglob("*") if path.is_file() and not (stays and path == best)]:
        old.unlink()
    runs = [_row(record) | {"claims": [claim.to_data() for claim in record.claims]} for record in records]
    _write_runs(place, {"runs": runs, "sabotages": [_sabotage_row(record) for record in sabotaged]})
    figures = to_json({str(record.seed): _kept(record) for record in records}, what="the figures")
    write_atomic(place / _FIGURES, gzip.compress(figures.encode(), mtime=0))
    for name in records[0].images:
        write_atomic(place / str(records[0].seed) / "images" / f"{name}.png", records[0].image(name).read_bytes())
    if FeatureDashboard.exists(records[0].folder) and not stays:
        count = FEATURES_OF_BUILTIN if dictionary == "builtin" else FEATURES
        FeatureDashboard(records[0].folder).write_best(best, count, dictionary)
    return place


def _dictionary_of(folder: Path) -> Any:
    """Which dictionary the dashboard in a run's folder is of."""
    return FeatureDashboard(folder).header.get("dictionary")


def add_sabotages(records: Iterable[RunRecord]) -> None:
    """Add finished sabotage runs of one experiment to its evidence, in place of older runs of the same work."""
    records = list(records)
    place = FOLDER / records[0].experiment
    kept = json.loads((place / _RUNS).read_bytes())
    rows = {(row["sabotage"], row["seed"]): row for row in [*kept["sabotages"], *map(_sabotage_row, records)]}
    _write_runs(place, kept | {"sabotages": [rows[key] for key in sorted(rows)]})


def confirm(experiment: str, before: str, after: str) -> int:
    """Let the evidence of an experiment be fresh after a change of code that changes no result.

    Args:
        experiment: its name.
        before: the digest of its code before the change.
        after: the digest after it, which is added to each run that was made with the code before, or was confirmed
            for it.

    Returns:
        how many runs these are.
    """
    place = FOLDER / experiment
    kept = json.loads((place / _RUNS).read_bytes())
    rows = [row for row in [*kept["runs"], *kept["sabotages"]] if before in (row["code"]["digest"], *_confirmed(row))]
    for row in rows:
        row["confirmed"] = [*_confirmed(row), after]
    _write_runs(place, kept)
    return len(rows)


def remove(experiment: str) -> None:
    """Remove the evidence of an experiment that is no more."""
    shutil.rmtree(FOLDER / experiment)
    _forget()


def _write_runs(place: Path, rows: Mapping[str, Any]) -> None:
    write_atomic(place / _RUNS, f"{json.dumps(rows, indent=1, ensure_ascii=False)}\n".encode())
    _forget()


def _forget() -> None:
    for cache in (_names, _read_runs, _read_figures):
        cache.cache_clear()


def _confirmed(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(row.get("confirmed", ()))


def _sabotage_row(record: RunRecord) -> dict[str, Any]:
    return _row(record) | {"sabotage": record.sabotage}


def _row(record: RunRecord) -> dict[str, Any]:
    assert record.ended is not None
    uses = [
        {"kind": used.kind, "name": used.name, "digest": used.digest, "size": used.size, "path": used.path}
        for used in record.uses
    ]
    return {
        "seed": record.seed,
        "run": record.id,
        "started": record.started.isoformat(timespec="seconds"),
        "ended": record.ended.isoformat(timespec="seconds"),
        "config": record.config,
        "results": {name: json.loads(to_json(value, what=name)) for name, value in record.results.items()},
        "compute": [asdict(part) for part in record.compute],
        "code": record.code,
        "environment": {name: record.environment.get(name) for name in _ENVIRONMENT},
        # Places outside the package mean nothing on another machine.
        "uses": [use if use["path"].startswith("package:") else {**use, "path": ""} for use in uses],
    }


def _kept(record: RunRecord) -> dict[str, Any]:
    curves = {name: record.metrics(name) for name in record.metric_names()}
    return {
        "charts": {name: _rounded(_thin_chart(record.chart(name))) for name in record.charts},
        "tables": {name: _rounded(record.table(name)[:ROWS]) for name in record.tables},
        "metrics": {name: [_thin(steps), _rounded(_thin(values))] for name, (steps, values) in curves.items()},
    }


def _thin(items: Sequence[Any]) -> list[Any]:
    """At most `POINTS` of the items, evenly spaced, the first and the last among them."""
    if len(items) <= POINTS:
        return list(items)
    return [items[round(i * (len(items) - 1) / (POINTS - 1))] for i in range(POINTS)]


def _thin_chart(spec: Any) -> Any:
    """A chart with at most `POINTS` rows of each series: rows of one dataset whose texts are the same."""
    if isinstance(spec, list):
        return [_thin_chart(item) for item in spec]
    if not isinstance(spec, dict):
        return spec
    thin = {key: _thin_chart(item) for key, item in spec.items() if key not in ("values", "datasets")}
    if "values" in spec:
        thin["values"] = _thin_rows(spec["values"])
    if "datasets" in spec:
        thin["datasets"] = {name: _thin_rows(rows) for name, rows in spec["datasets"].items()}
    return thin


def _thin_rows(rows: Any) -> Any:
    if not isinstance(rows, list) or len(rows) <= POINTS or not all(isinstance(row, dict) for row in rows):
        return rows
    series: dict[tuple[Any, ...], list[int]] = {}
    for i, row in enumerate(rows):
        series.setdefault(tuple(value for value in row.values() if isinstance(value, str)), []).append(i)
    return [rows[i] for i in sorted(i for places in series.values() for i in _thin(places))]


def _rounded(value: Any) -> Any:
    """Numbers with six significant digits, which is more than a figure shows."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, Iterable) and not isinstance(value, str) else value


def evidence_size(folder: Path | None = None) -> int:
    """Bytes of all reference evidence, or of what is in `folder`."""
    return sum(path.stat().st_size for path in (folder or FOLDER).rglob("*") if path.is_file())
