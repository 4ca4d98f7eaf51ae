"""`glassbook features name`: names for the features of a run, scored by detection and fuzzing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from glassbook.cli.command import InNotebook, Option, say
from glassbook.cli.output import console, table
from glassbook.errors import GlassbookError
from glassbook.notebook.notebook import SETTINGS, read_settings
from glassbook.notebook.runs.feature_dashboard import FeatureDashboard
from glassbook.notebook.runs.feature_names import given_by_person

if TYPE_CHECKING:
    from glassbook.features.dashboard.autointerp import Judge

SHOWN = 20
"""Names that are printed."""
MODEL_TOP = 50
"""Features that a language model names by default: each costs a request."""


@dataclass(frozen=True, kw_only=True)
class OfRun(InNotebook):
    """Options of a command about the features of a run."""

    run: Annotated[str, Option("ID")]
    """The run whose feature dashboard it is."""
    top: Annotated[int | None, Option("N", "all")] = None
    """Only so many features."""


@dataclass(frozen=True, kw_only=True)
class NameFeatures(OfRun):
    """Give the features of a run names, score them by detection and fuzzing, and keep them in its feature dashboard.

    Without an endpoint the names are the tokens that carry a feature. With one (--endpoint and --model, or
    [naming] endpoint = "URL" and model = "NAME" in glassbook.toml) a language model names and judges: it is sent the
    texts of the feature pages. Its key, if it needs one, is read from the environment variable GLASSBOOK_API_KEY.
    """

    endpoint: Annotated[str | None, Option("URL", "that of glassbook.toml, else none")] = None
    """An OpenAI-compatible server, such as http://localhost:8080/v1."""
    model: Annotated[str | None, Option("NAME", "that of glassbook.toml")] = None
    """The model to ask there."""
    tokens: bool = False
    """Name by tokens even if glassbook.toml names an endpoint."""
    timeout: Annotated[float, Option("SECONDS", "60")] = 60.0
    """How long to wait for an answer."""
    replace: bool = False
    """Also name features that have a name from the truth or another source, but none from a person."""

    def result(self) -> dict[str, Any]:
        if self.top is not None and self.top < 1:
            raise GlassbookError(f"--top {self.top}: ask for at least 1")
        notebook = self.open_notebook()
        record = notebook.run(self.run)
        dashboard = FeatureDashboard(record.folder)
        judge = self._judge(notebook.folder)
        from glassbook.features.dashboard.autointerp import FromTokens, give_names

        asks = not isinstance(judge, FromTokens)
        chosen = self._chosen(dashboard, judge.source, MODEL_TOP if asks and self.top is None else self.top)
        say(f"naming {len(chosen)} features by {judge.source}")
        names = give_names(dashboard, judge, chosen, tell=lambda n: say(f"{n} of {len(chosen)}") if asks else None)
        return {
            "run": record.id,
            "source": judge.source,
            "asked": len(chosen),
            "named": len(names),
            "names": [
                {"index": index, "label": name.label, "score": name.score, **name.scores}
                for index, name in sorted(names.items(), key=lambda pair: -(pair[1].score or 0))
            ],
        }

    def _chosen(self, dashboard: FeatureDashboard, source: str, top: int | None) -> list[int]:
        """The features to name: active, not named by another source, those that are active most often first."""
        rows, _ = dashboard.rows(order="density", descending=True, density=(1e-12, None), limit=-1)
        free = [
            row.index
            for row in rows
            if (self.replace and not given_by_person(row.names)) or all(name.source == source for name in row.names)
        ]
        return free[:top]

    def _judge(self, folder: Path) -> Judge:
        from glassbook.features.dashboard.autointerp import FromTokens
        from glassbook.features.dashboard.endpoint import KEY, Endpoint

        settings = _settings(folder)
        url, model = self.endpoint or settings.get("endpoint"), self.model or settings.get("model")
        if self.tokens and (self.endpoint or self.model):
            raise GlassbookError("--tokens asks no model; leave out --endpoint and --model")
        if self.tokens or (url is None and model is None):
            return FromTokens()
        if url is None or model is None:
            raise GlassbookError("a language model needs both --endpoint URL and --model NAME")
        return Endpoint(url, model, settings.get("key_env", KEY), self.timeout)

    def show(self, result: dict[str, Any]) -> None:
        rows = [
            (name["index"], name["label"], *(_two(name.get(key)) for key in ("detection", "fuzzing")))
            for name in result["names"][:SHOWN]
        ]
        if rows:
            columns = ("feature", "name", "detection", "fuzzing")
            console().print(table(columns, rows, numbers=("feature", "detection", "fuzzing"), wide="name"))
        print(f"\n{result['named']} of {result['asked']} features named by {result['source']}")


def _two(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _settings(folder: Path) -> dict[str, str]:
    """[naming] of glassbook.toml."""
    settings = read_settings(folder).get("naming", {})
    names = ("endpoint", "model", "key_env")
    if not isinstance(settings, dict) or any(k not in names or not isinstance(v, str) for k, v in settings.items()):
        raise GlassbookError(f"[naming] in {SETTINGS} holds {', '.join(names)}, each a text; fix it")
    return settings
