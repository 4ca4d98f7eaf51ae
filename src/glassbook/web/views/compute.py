"""Compute: the rules on training compute with every run of the notebook beside them, and a what-if form."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from glassbook.assets.builtin import training_flop
from glassbook.assets.policy import moments, thresholds
from glassbook.assets.reference import reference_runs
from glassbook.experiments.lineage import lineage_of
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


def runs_with_compute(services: Services) -> list[dict[str, Any]]:
    """Runs with what they and all they built on have cost, the largest first; runs that cost nothing are left out.

    Of the reference only runs that trained something: the others have what the built-in model took.
    """
    notebook = services.notebook
    total = lineage_of(notebook)
    own = notebook.index.run_table(archived=False, limit=MOST).rows
    found = []
    for run in [*own, *(run for run in reference_runs() if run.flop and not run.sabotage)]:
        cost = total(run)
        if cost.flop:
            named = {"run": run.id, "experiment": run.experiment, "seed": run.seed, "reference": run.reference}
            found.append({**named, "flop": run.flop, "flop_total": cost.flop, "unknown": list(cost.unknown)})
    return sorted(found, key=lambda row: (-row["flop_total"], row["run"]))


def shipped() -> list[tuple[str, float]]:
    """What comes with Glassbook, and FLOP of its own training."""
    return [(f"built-in {name.partition('.')[0]}", flop) for name, flop in training_flop().items()]


def uncounted() -> list[str]:
    """Experiments of the reference that no run says the compute of: they were made before trainings were counted."""
    runs = [run for run in reference_runs() if not run.sabotage]
    counted = {run.experiment for run in runs if run.compute}
    return sorted({run.experiment for run in runs} - counted)


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
    or flop; and base, the compute of the model that was modified, and cost in dollars.
    """
    services = services_of(request)
    _, answer = asked_of(request)
    data = {"thresholds": rules(date.today()), "moments": [asdict(moment) for moment in moments()]}
    data |= {"runs": runs_with_compute(services)}
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
    runs = runs_with_compute(services)
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
        shipped=shipped(),
        uncounted=uncounted(),
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
