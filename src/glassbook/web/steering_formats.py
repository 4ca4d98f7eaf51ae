"""Steering panel settings as a query string and a live block, and steered texts as a section of a page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from glassbook.errors import GlassbookError
from glassbook.experiments import evidence
from glassbook.formatting import escape_markdown
from glassbook.notebook import Notebook
from glassbook.notebook.pages.page import flow_text
from glassbook.notebook.runs.feature_dashboard import FeatureDashboard
from glassbook.steer.spec import AnySource, FeatureSource, SteeringSettings, no_such_key
from glassbook.web.steering_sentences import sentences

KEYS = ("source", "prompt", "model", "where", "tokens", "temperature", "seed", "random", "chat", "run", "feature")
KEYS += ("coeff", "strengths")
"""Keys of a panel's address; earlier versions wrote "by" for "coeff"."""
COLUMNS = {"prompt": "prompt", "plain": "plain", "steered": "steered", "random": "random vector"}
"""Texts of a result, and the columns of the table on a page that have them."""


def to_query(settings: SteeringSettings) -> str:
    """The settings as a query string: the panel's permanent address."""
    sources = [json.dumps(source.model_dump(mode="json"), ensure_ascii=False) for source in settings.sources]
    rest = settings.model_dump(mode="json", exclude={"sources", "prompts"})
    return urlencode({**rest, "prompt": list(settings.prompts), "source": sources}, doseq=True)


def to_block(settings: SteeringSettings) -> str:
    lines = ["```glassbook", "steer:", f"  model: {flow_text(settings.model)}", "  sources:"]
    lines += [f"    - {flow_text(source.model_dump(mode='json'))}" for source in settings.sources]
    lines += [f"  where: {flow_text(settings.where)}", "  prompts:"]
    lines += [f"    - {flow_text(prompt)}" for prompt in settings.prompts]
    for name in ("tokens", "temperature", "seed"):
        lines.append(f"  {name}: {flow_text(getattr(settings, name))}")
    lines += [f"  {name}: true" for name in ("random", "chat") if getattr(settings, name)]
    return "\n".join([*lines, "```"])


def from_query(query: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The settings that a query string names, unchecked; all are optional, for a form fills in the rest.

    `run` and `feature` alone stand for one source. Values keep their text; `SteeringSettings` reads numbers from it.
    `strengths` are for the page's script, which compares them.

    Raises:
        GlassbookError: it has another key, or a source is no JSON.
    """
    settings: dict[str, Any] = {"sources": [], "prompts": []}
    source: dict[str, str] = {}
    for key, value in query:
        match key:
            case "source":
                settings["sources"].append(_source(value))
            case "prompt":
                settings["prompts"].append(value)
            case "model" | "where" | "tokens" | "temperature" | "seed" | "random" | "chat":
                settings[key] = value
            case "run" | "feature" | "coeff" | "by":  # earlier versions wrote "by"
                source["coeff" if key == "by" else key] = value
            case "strengths":
                pass
            case _:
                raise GlassbookError(no_such_key(key, KEYS))
    if "run" in source and "feature" in source:
        index = source.pop("feature")
        settings["sources"].append({**source, "index": index})
    return settings


def _source(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise GlassbookError('source: write JSON, such as {"run": ..., "index": 12, "coeff": 4}') from error


# --- saved to a page --------------------------------------------------------------------------------------------------


def label_of(nb: Notebook, source: AnySource) -> str:
    """The label of a source; a feature with the name that its dashboard gives it, if there is one."""
    if not isinstance(source, FeatureSource):
        return source.label
    try:
        name = FeatureDashboard(evidence.run(nb, source.run).folder).feature(source.index).label
    except GlassbookError:
        return source.label  # the run may be gone; the panel that names it is shown all the same
    return f"feature {source.index} ({name})" if name else source.label


def section(nb: Notebook, settings: SteeringSettings, result: Mapping[str, Any]) -> str:
    """A section of a page: what was steered, the panel as a live block, and the texts as a table."""
    rows: Sequence[Mapping[str, Any]] = result["results"]
    label = "; ".join(f"{source.coeff:+g} {label_of(nb, source)}" for source in settings.sources)
    lines = [f"## Steered: {escape_markdown(label)}", "", to_block(settings), ""]
    columns = {name: title for name, title in COLUMNS.items() if all(name in row for row in rows)}
    lines += [f"| {' | '.join(columns.values())} |", "| " + " | ".join("---" for _ in columns) + " |"]
    lines += ["| " + " | ".join(escape_markdown(row[name]) for name in columns) + " |" for row in rows]
    for name, said in sentences(result).items():
        if said:
            lines += ["", f"{name.capitalize()}: {escape_markdown(' '.join(said))}"]
    return "\n".join(lines) + "\n"
