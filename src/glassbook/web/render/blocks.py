"""Live blocks of pages: results of runs, learning paths, and panels that ask a model.

A block is YAML data in a fenced block; showing it runs nothing. `KINDS` is the table of the kinds. To add one:

1. an entry in `KINDS`: a function (services, data) -> names for the template;
2. a template `templates/blocks/<kind>.html`.

A panel is a block that shows a button and computes nothing until the reader presses it (attention, logit lens,
steering). Its entry is `_panel(...)`, its template extends `blocks/panel.html`, and it needs one more line: in `PANELS`
of static/js/panels.js, the API route that answers it and the module that shows the answer. What it asks is a method in
model_server/methods.py with a route in views/.

Other packages add kinds through the entry-point group ``glassbook.blocks``: an entry is a function
(services, data) -> Markup.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from markupsafe import Markup

from glassbook import experiments, extensions
from glassbook.errors import GlassbookError
from glassbook.experiments import evidence
from glassbook.experiments.verdicts import tally
from glassbook.notebook import InlineValue, LiveBlock, RunRecord
from glassbook.notebook.pages.learning_path import read_path
from glassbook.notebook.runs.claims import find_claim
from glassbook.notebook.runs.feature_dashboard import FeatureDashboard
from glassbook.notebook.runs.freshness import stale
from glassbook.steer.spec import read_settings
from glassbook.web.learning_paths import shown
from glassbook.web.render.values import show_value
from glassbook.web.services import Services
from glassbook.web.steering_formats import label_of, to_query
from glassbook.web.templating import render

GROUP: extensions.Group = "glassbook.blocks"
Names = dict[str, Any]


class NoRunYet(GlassbookError):
    """Nothing is wrong: no run has made yet what the block shows."""

    def __init__(self, message: str, experiment: str) -> None:
        super().__init__(message)
        self.experiment = experiment


def show_live(services: Services, piece: LiveBlock | InlineValue) -> Markup:
    """A live block or an inline value as HTML."""
    return show_value(services, piece) if isinstance(piece, InlineValue) else show_block(services, piece)


def show_block(services: Services, block: LiveBlock) -> Markup:
    """A live block as HTML; a block that cannot be shown says why in its place."""
    try:
        if block.problem:
            raise GlassbookError(block.problem)
        if block.kind in KINDS:
            return Markup(render(f"blocks/{block.kind}.html", **KINDS[block.kind](services, block.data)))
        if block.kind in extensions.entries(GROUP):
            return Markup(extensions.call(GROUP, block.kind, services, block.data))
        raise GlassbookError(f"there is no live block {block.kind!r}; there are: {', '.join(kinds())}")
    except NoRunYet as missing:
        return Markup(render("blocks/no_run_yet.html", message=str(missing), experiment=missing.experiment))
    except GlassbookError as problem:
        return Markup(render("blocks/problem.html", problem=str(problem), line=block.line))


def kinds() -> list[str]:
    """Names of all live blocks, built in or added by another package."""
    return sorted({*KINDS, *extensions.entries(GROUP)})


def _text(data: Names, key: str, default: str | None = None) -> str:
    value = data.get(key, default)
    if value is None:
        raise GlassbookError(f"this block needs '{key}: ...'")
    return str(value)


def _number(data: Names, key: str, default: int | None = None) -> int:
    value = data.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool):
        raise GlassbookError(f"'{key}' of this block must be a whole number")
    return value


def record_of(services: Services, data: Names, has: Callable[[RunRecord], bool] = lambda record: True) -> RunRecord:
    """The run that a block names, or the best of its experiment's that has what the block shows.

    Without a name only runs at the default settings are shown, the notebook's own before the reference.
    """
    if "run" in data:
        return evidence.run(services.notebook, _text(data, "run"))
    name = _text(data, "experiment")
    for record in evidence.shown_runs(services.notebook, name):
        if has(record):
            return record
    others = services.notebook.index.run_table(experiment=name, limit=1).total
    raise NoRunYet("Only runs with other settings or without this result." if others else "No run yet.", name)


def provenance(record: RunRecord) -> Names:
    """Provenance shown under a block: its run, the run's age and origin, and what has changed since."""
    return {"run": record, "stale": stale(record)}


def _chart(services: Services, data: Names) -> Names:
    name = _text(data, "name")
    return {"name": name, **provenance(record_of(services, data, lambda record: name in record.charts))}


def _table(services: Services, data: Names) -> Names:
    name = _text(data, "name")
    record = record_of(services, data, lambda record: name in record.tables)
    rows = record.table(name)
    columns = list(dict.fromkeys(key for row in rows[:100] for key in row))
    return {"name": name, "columns": columns, "rows": rows[: _number(data, "rows", 10)], **provenance(record)}


def _image(services: Services, data: Names) -> Names:
    name = _text(data, "name")
    return {"name": name, **provenance(record_of(services, data, lambda record: name in record.images))}


def _run(services: Services, data: Names) -> Names:
    return provenance(record_of(services, data))


def _claims(services: Services, data: Names) -> Names:
    name = _text(data, "experiment")
    entry = services.verdicts.of(name)
    return {"experiment": name, "verdicts": entry.verdicts, "origin": entry.origin}


def _claim(services: Services, data: Names) -> Names:
    name = _text(data, "experiment")
    entry = services.verdicts.of(name)
    verdicts = entry.verdicts
    claims = [verdict.claim for verdict in verdicts]
    if "id" not in data and "n" in data:
        ids = ", ".join(claim.id for claim in claims) or "none"
        raise GlassbookError(
            f"a claim is cited by its id, not by a number: claim: {{experiment: {name}, id: ...}}; there are: {ids}"
        )
    cited = find_claim(claims, _text(data, "id"), name)
    shown = [verdict for verdict in verdicts if verdict.claim is cited]
    return {"experiment": name, "verdicts": shown, "origin": entry.origin}


def _experiment(services: Services, data: Names) -> Names:
    name = _text(data, "name")
    kind = experiments.find(name)
    entry = services.verdicts.of(name)
    return {
        "name": name,
        "kind": kind,
        "summary": experiments.summary(name),
        "verdicts": entry.verdicts,
        "tally": tally(entry.verdicts),
        "origin": entry.origin,
        "runs": services.notebook.runs(name)[:3],
    }


def _has_dashboard(record: RunRecord) -> bool:
    return FeatureDashboard.exists(record.folder)


def _features(services: Services, data: Names) -> Names:
    record = record_of(services, data, _has_dashboard)
    rows, total = FeatureDashboard(record.folder).rows(order="score", descending=True, limit=_number(data, "rows", 8))
    return {"rows": rows, "total": total, **provenance(record)}


def _feature(services: Services, data: Names) -> Names:
    record = record_of(services, data, _has_dashboard)
    return {"feature": FeatureDashboard(record.folder).feature(_number(data, "index")), **provenance(record)}


def _panel(*keys: str) -> Callable[[Services, Names], Names]:
    """A panel whose template shows `keys` of its settings; the model server is called when the button is pressed."""

    def names(services: Services, data: Names) -> Names:
        return {key: data.get(key, "") for key in keys} | {"model": data.get("model", "builtin"), "data": data}

    return names


def _lens(services: Services, data: Names) -> Names:
    return _panel("prompt")(services, data) | {"lens_kind": data.get("kind", "logit")}


def _steer(services: Services, data: Names) -> Names:
    settings = read_settings(data)
    return {
        "model": settings.model,
        "sources": [(source, label_of(services.notebook, source)) for source in settings.sources],
        "prompts": settings.prompts,
        "query": to_query(settings),
        "data": settings.model_dump(mode="json"),
    }


def _path(services: Services, data: Names) -> Names:
    return shown(services.notebook, read_path(data))


KINDS: dict[str, Callable[[Services, Names], Names]] = {
    "chart": _chart,
    "table": _table,
    "image": _image,
    "run": _run,
    "claim": _claim,
    "claims": _claims,
    "experiment": _experiment,
    "features": _features,
    "feature": _feature,
    "steer": _steer,
    "attention": _panel("prompt"),
    "lens": _lens,
    "path": _path,
}
"""Built-in kinds: name -> function that makes the names for `templates/blocks/<name>.html`."""
