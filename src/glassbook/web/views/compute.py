"""Compute: the rules on training compute with every run of the notebook beside them, and a what-if form."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from glassbook.assets.builtin import training_flop
from glassbook.assets.policy import moments, thresholds
from glassbook.assets.reference import reference_runs
from glassbook.experiments.lineage import lineage_of
from glassbook.notebook.runs.compute import flop_by_kind
from glassbook.web.address import BadAddress, as_bad_address, query_of
from glassbook.web.api.responses import json_response
from glassbook.web.services import Services, services_of
from glassbook.web.templating import respond
from glassbook.web.what_if import WhatIf

router = APIRouter()
MOST = 3000
"""Runs that are looked at, newest first."""
LISTED = 100
"""Runs in the table, the largest first."""
LEAST = 1e9
"""Where the axis begins, if no run has less."""


def rules(today: date) -> list[dict[str, Any]]:
    """All thresholds as plain data, each with the age of its check where that has to be said."""
    return [
        asdict(rule) | {"checked": rule.checked and rule.checked.isoformat(), "age": rule.age(today)}
        for rule in thresholds()
    ]


@dataclass(frozen=True)
class Costs:
    """The runs of the notebook and of the reference, by whether they recorded what they cost."""

    rows: list[dict[str, Any]]
    """Runs with what they and all they built on have cost, the largest first; runs that cost nothing are left out."""
    not_counted: list[dict[str, Any]]
    """Runs that recorded nothing and go on no more, by experiment; the notebook's own first."""
    not_looked_at: int
    """The notebook's oldest runs, above as many as are looked at."""


def costs(services: Services) -> Costs:
    """Go through the runs. Of the reference's, those of a sabotage are left out, and what only built on others."""
    notebook = services.notebook
    total = lineage_of(notebook)
    own = notebook.index.run_table(archived=False, limit=MOST)
    rows: list[dict[str, Any]] = []
    missing: dict[tuple[bool, str], list[str]] = {}
    for run in [*own.rows, *(run for run in reference_runs() if not run.sabotage)]:
        if not run.compute and run.status != "running":
            missing.setdefault((run.reference, run.experiment), []).append(run.id)
        kinds = flop_by_kind(run.compute)
        if run.reference and not any(kinds.values()):
            continue
        cost = total(run)
        if cost.flop or any(kinds.values()):
            named = {"run": run.id, "experiment": run.experiment, "seed": run.seed, "reference": run.reference}
            spent = {"flop": run.flop, "flop_by_kind": kinds, "flop_total": cost.flop, "unknown": list(cost.unknown)}
            rows.append({**named, **spent})
    groups = [{"experiment": name, "reference": ships, "runs": ids} for (ships, name), ids in sorted(missing.items())]
    rows.sort(key=lambda row: (-row["flop_total"], row["run"]))
    return Costs(rows, groups, own.total - len(own.rows))


def shipped() -> list[tuple[str, float]]:
    """What comes with Glassbook, and FLOP of its own training."""
    return [(f"built-in {name.partition('.')[0]}", flop) for name, flop in training_flop().items()]


def asked_of(request: Request) -> tuple[WhatIf, dict[str, Any] | None]:
    """The what-if of an address, and what the rules say of it; None where nothing is asked.

    Raises:
        BadAddress: it cannot be answered.
    """
    with as_bad_address():
        asked = WhatIf.read(dict(query_of(request)))
        return asked, asked.rulings() if asked.given() else None


@router.get("/api/v1/compute")
def compute_json(request: Request) -> Response:
    """Rules on training compute, runs with what they and all they built on have cost, dated moments, and a what-if.

    The what-if is asked by the query: parameters, tokens, active; or chips, speed, hours, utilisation, utilisation_to;
    or flop; and base, the compute of the model that was modified, and cost in dollars. `flop` and `flop_total` are
    training; `flop_by_kind` has evaluation and generation as well. `not_counted` are runs that recorded no compute.
    """
    services = services_of(request)
    _, answer = asked_of(request)
    data = {"thresholds": rules(date.today()), "moments": [asdict(moment) for moment in moments()]}
    found = costs(services)
    data |= {"runs": found.rows, "not_counted": found.not_counted, "not_looked_at": found.not_looked_at}
    return json_response({**data, "what_if": answer})


@router.get("/compute", include_in_schema=False)
def compute_page(request: Request) -> HTMLResponse:
    services = services_of(request)
    problem, answer, asked = "", None, WhatIf()
    try:
        asked, answer = asked_of(request)
    except BadAddress as error:
        problem = str(error)
        given = {name: str(value)[:60] for name, value in request.query_params.items() if name in WhatIf.model_fields}
        asked = WhatIf(**given)
    found = costs(services)
    runs = found.rows
    return respond(
        request,
        "compute.html",
        status=BadAddress.status if problem else 200,
        title="Compute",
        asked=asked,
        usual=WhatIf(),
        kept={"kind": "whatif", **asked.given()},
        answer=answer,
        problem=problem,
        rules=rules(date.today()),
        runs=runs[:LISTED],
        total=len(runs),
        trained=sum(row["flop_total"] > 0 for row in runs),
        shipped=shipped(),
        not_counted=found.not_counted,
        not_looked_at=found.not_looked_at,
        most=LISTED,
        axis=axis([*({"experiment": name, "flop_total": flop} for name, flop in shipped()), *runs], answer),
    )


def axis(runs: Sequence[dict[str, Any]], answer: dict[str, Any] | None) -> dict[str, Any]:
    """Places on a logarithmic axis, in percent of its width.

    Experiments have a row each; runs whose dots would lie on each other have one.
    """
    amounts = [row["flop_total"] for row in runs] + ([answer["low"], answer["high"]] if answer else [])
    amounts = [n for n in amounts if n > 0]
    low = math.floor(math.log10(min([LEAST, *amounts])))
    high = math.ceil(math.log10(max([1e27, *amounts])))

    def place(n: float) -> float:
        return round(3 + 94 * (math.log10(max(n, 10**low)) - low) / (high - low), 2)

    rows: dict[str, dict[float, int]] = {}
    for row in runs:
        if not row["flop_total"]:  # it evaluated something, and trained nothing
            continue
        places = rows.setdefault(row["experiment"], {})
        x = round(place(row["flop_total"]), 1)
        places[x] = places.get(x, 0) + 1
    every = 3 if high - low <= 24 else 6
    return {
        "ticks": [(place(10.0**k), k) for k in range(low + (-low) % every, high + 1, every)],
        "rows": [(name, sorted(places.items())) for name, places in rows.items()],
        "rules": [(place(rule.flop), rule.name, rule.status) for rule in thresholds()],
        "answer": answer and (place(answer["low"]), place(answer["middle"]), place(answer["high"])),
    }
