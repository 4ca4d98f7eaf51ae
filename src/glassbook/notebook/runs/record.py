"""Run records: what a run's folder says, read from its files without the process that wrote them."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from pathlib import Path
from typing import Any, Literal

from glassbook.errors import GlassbookError
from glassbook.notebook.files import is_inside, read_regular
from glassbook.notebook.process import Process
from glassbook.notebook.runs import events
from glassbook.notebook.runs.annotations import NONE, Annotations, read_annotations
from glassbook.notebook.runs.claims import Claim
from glassbook.notebook.runs.compute import Spent, training_flop
from glassbook.notebook.runs.events import Summary
from glassbook.notebook.runs.freshness import Dependency
from glassbook.notebook.serialization import read_json, read_number

STALE = 120.0
"""Seconds without a sign of life after which a run on another machine counts as interrupted."""

LARGEST = 256 << 20
"""Bytes of a header, table or chart that are read."""

Status = Literal["running", "finished", "failed", "interrupted"]


@dataclass(frozen=True)
class RunRecord:
    """One run, as its folder tells it at the moment of reading."""

    id: str
    experiment: str
    config: dict[str, Any]
    seed: int
    status: Status
    started: datetime
    """When the work was first started (UTC)."""
    ended: datetime | None
    """When it finished, failed, or was last known to live if it was interrupted; None while it runs."""
    results: dict[str, float]
    """The final numbers that claims read."""
    code: dict[str, Any]
    """version, commit, dirty, source (hash) of the package that ran; module and digest of the experiment's own code."""
    environment: dict[str, Any]
    folder: Path
    claims: tuple[Claim, ...] = ()
    """The experiment's claims as they were when the run started."""
    error: str | None = None
    """What a failed run died of, in one line."""
    notes: tuple[str, ...] = ()
    progress: dict[str, Any] | None = None
    """label, done, total, unit of the newest progress bar, if the run showed one."""
    resumed: int = 0
    """How often it was resumed."""
    uses: tuple[Dependency, ...] = ()
    """Models and data that the results depend on, as the work named them."""
    compute: tuple[Spent, ...] = ()
    """What each part of the work has cost."""
    confirmed: tuple[str, ...] = ()
    """Digests of later code that was shown to give the same results; only of evidence that ships (decision 37)."""
    sabotage: str = ""
    """Id of the experiment's sabotage whose settings the run has; it is never evidence."""
    annotations: Annotations = NONE
    """What people say about it."""

    @property
    def reference(self) -> bool:
        """Whether it is evidence that came with the package, not a run of this notebook."""
        return False

    @property
    def flop(self) -> float | None:
        """FLOP of all its training, the models that it began with apart; None if it recorded none."""
        return training_flop(self.compute)

    def metrics(self, name: str) -> tuple[list[int], list[float]]:
        """Steps (ascending) and values of a logged metric; empty if it was never logged."""
        return events.read_metrics(self.folder / "events.jsonl", name)

    def metric_names(self) -> list[str]:
        """Names of all logged metrics."""
        return list(events.metric_names(self.folder / "events.jsonl"))

    @property
    def charts(self) -> list[str]:
        """Names of the run's charts."""
        return _names(self.folder / "charts", ".vl.json")

    @property
    def tables(self) -> list[str]:
        """Names of the run's tables."""
        return _names(self.folder / "tables", ".json")

    @property
    def images(self) -> list[str]:
        """Names of the run's images."""
        return _names(self.folder / "images", ".png")

    @property
    def artifacts(self) -> list[str]:
        """Names of the files and folders under artifacts/; large ones may be links to another disk."""
        return _names(self.folder / "artifacts", "", links=True)

    def chart(self, name: str) -> dict[str, Any]:
        """The Vega-Lite spec of a chart; GlassbookError if there is none of that name."""
        return self._read("chart", name, self.charts, f"charts/{name}.vl.json")

    def table(self, name: str) -> list[dict[str, Any]]:
        """The rows of a table; GlassbookError if there is none of that name."""
        return self._read("table", name, self.tables, f"tables/{name}.json")

    def image(self, name: str) -> Path:
        """The PNG file of an image; GlassbookError if there is none of that name."""
        self._exists("image", name, self.images)
        return self.folder / "images" / f"{name}.png"

    def artifact(self, name: str) -> Path:
        """The path of an artifact; GlassbookError if there is none of that name."""
        self._exists("artifact", name, self.artifacts)
        return self.folder / "artifacts" / name

    def svg(self, name: str) -> Path | None:
        """The picture kept beside a chart, if there is one; GlassbookError if there is no chart of that name."""
        self._exists("chart", name, self.charts)
        path = self.folder / "charts" / f"{name}.svg"
        return path if path.is_file() and is_inside(path, self.folder) else None

    def _exists(self, kind: str, name: str, there: list[str]) -> None:
        if name not in there:
            raise GlassbookError(f"run {self.id} has no {kind} {name!r}; it has {', '.join(there) or 'none'}")

    def _read(self, kind: str, name: str, there: list[str], path: str) -> Any:
        self._exists(kind, name, there)
        try:
            return read_json(read_regular(self.folder / path, LARGEST))
        except (OSError, ValueError) as error:
            raise GlassbookError(f"{kind} {name!r} of run {self.id} cannot be read: {error}") from error


def _names(folder: Path, suffix: str, links: bool = False) -> list[str]:
    """Names of what lies in a folder of a run; no pipes or devices, and without `links` nothing that lies elsewhere."""
    run = folder.parent
    if not links and not is_inside(folder, run):
        return []
    try:
        with os.scandir(folder) as entries:
            files = sorted(
                entry.name
                for entry in entries
                if (entry.is_file() or entry.is_dir())
                and (links or not entry.is_symlink() or is_inside(entry.path, run))
            )
    except OSError:
        return []
    return [name[: len(name) - len(suffix)] for name in files if name.endswith(suffix) and not name.startswith(".")]


def read_header(folder: Path) -> dict[str, Any]:
    """What run.json says.

    Raises:
        GlassbookError: there is none, or it cannot be read.
    """
    try:
        header = read_json(read_regular(folder / "run.json", LARGEST))
    except (OSError, ValueError) as error:
        raise GlassbookError(f"{folder / 'run.json'} cannot be read: {error}") from error
    if not isinstance(header, dict):
        raise GlassbookError(f"{folder / 'run.json'} holds no run")
    return header


def read_record(
    folder: Path,
    header: Mapping[str, Any] | None = None,
    summary: Summary | None = None,
    annotations: Annotations | None = None,
) -> RunRecord:
    """The run in `folder`, read from its files, or from a header, summary and annotations that were read before.

    Raises:
        GlassbookError: run.json cannot be read.
    """
    header = read_header(folder) if header is None else header
    summary = events.summarise(folder / "events.jsonl") if summary is None else summary
    annotations = read_annotations(folder) if annotations is None else annotations
    status = _status(folder, summary)
    end = summary.end or {}
    # An interrupted run has no end record: the last sign of life stands for it.
    ended = None if status == "running" else _utc(read_number(end.get("time"))) or _utc(_last_sign(folder, summary))
    started = _moment(header.get("created")) or _utc(summary.first) or _utc(_modified(folder / "run.json"))
    return RunRecord(
        id=folder.name,
        experiment=str(header.get("experiment", "")),
        config=_mapping(header.get("config")),
        seed=_whole(header.get("seed")),
        status=status,
        started=started or datetime.fromtimestamp(0, UTC),
        ended=ended,
        results={k: v for k, given in summary.results.items() if (v := read_number(given)) is not None},
        code=_mapping(header.get("code")),
        environment=_mapping(header.get("environment")),
        folder=folder,
        claims=read_claims(header),
        error=end.get("error") if isinstance(end.get("error"), str) else None,
        notes=tuple(summary.notes),
        progress=summary.progress,
        resumed=max(summary.starts - 1, 0),
        uses=Dependency.read(summary.uses),
        compute=Spent.read(summary.compute),
        sabotage=text if isinstance(text := header.get("sabotage"), str) else "",
        annotations=annotations,
    )


def read_claims(header: Mapping[str, Any]) -> tuple[Claim, ...]:
    """The claims that a run's header states; one that only a later version understands is passed over."""
    claims, given = [], header.get("claims")
    for data in given if isinstance(given, list) else []:
        with contextlib.suppress(GlassbookError):
            claims.append(Claim.from_data(data))
    return tuple(claims)


def _status(folder: Path, summary: Summary) -> Status:
    if summary.end is not None:
        state = summary.end.get("state")
        return state if state in ("finished", "failed") else "interrupted"
    process = Process.from_data(summary.start)
    alive = process.alive() if process else None
    if alive is None:
        alive = time.time() - _last_sign(folder, summary) < STALE
    return "running" if alive else "interrupted"


def _last_sign(folder: Path, summary: Summary) -> float:
    """Time of the newest sign of life: the log's own clock or the file's, whichever is later and not in the future.

    Clocks of two machines differ, and a copied file may be younger than what it says.
    """
    signs = [_modified(folder / "events.jsonl"), summary.last or 0.0]
    return max((sign for sign in signs if sign < time.time() + STALE), default=0.0)


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _moment(text: Any) -> datetime | None:
    try:
        return _possible(datetime.fromisoformat(text).astimezone(UTC))
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _utc(seconds: float | None) -> datetime | None:
    try:
        return None if seconds is None else _possible(datetime.fromtimestamp(seconds, UTC))
    except (ValueError, OverflowError, OSError):
        return None


def _possible(moment: datetime) -> datetime | None:
    """None for a moment in the first or the last year that there is: in other time zones it may be none at all."""
    return moment if MINYEAR < moment.year < MAXYEAR else None


def _mapping(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}


def _whole(value: Any) -> int:
    return int(value) if isinstance(value, int) else 0
