"""`glassbook features`: what the features of a dictionary fire on."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from glassbook.cli.command import InNotebook, OpensModel, Option, Positional, say
from glassbook.cli.commands.name_features import NameFeatures, OfRun
from glassbook.cli.dictionaries import fit_to, open_dictionary, read_model
from glassbook.cli.output import console, one_line, table
from glassbook.errors import GlassbookError
from glassbook.experiments.tour import cards
from glassbook.notebook.runs.feature_dashboard import FeatureDashboard
from glassbook.web.api.serializers import features_to_json

if TYPE_CHECKING:
    from glassbook.features import Coder
    from glassbook.nets import LanguageModel


@dataclass(frozen=True, kw_only=True)
class Features(InNotebook, OpensModel):
    """List the features of a dictionary: how often each is active, and on what.

    `glassbook features export` writes the feature pages of a run as one file, `glassbook features name` gives names.
    """

    dictionary: Annotated[Positional[str], Option("DICT", "builtin")] = "builtin"
    """ "builtin", or a safetensors file, such as the artifacts/dictionary.safetensors of a run."""
    model: Annotated[str | None, Option("MODEL", "the one that it was trained on")] = None
    """The model whose activations it reads."""
    text: Annotated[Path | None, Option("FILE", "the Reserve, or text that the model writes")] = None
    """A text file to see the features on."""
    site: Annotated[str | None, Option("SITE", "where it was trained")] = None
    """Where the activations are read."""
    run: Annotated[str | None, Option("ID")] = None
    """A run of the notebook: show its feature dashboard, without opening a model."""
    top: Annotated[int, Option("N", "20")] = 20
    """How many to list."""
    search: Annotated[str | None, Option("WORD")] = None
    """Only features with this word in their label, tokens or contexts."""

    def result(self) -> dict[str, Any]:
        if self.top < 1:
            raise GlassbookError(f"--top {self.top}: ask for at least 1")
        if self.run is not None:
            return self._of_run(self.run)
        d = open_dictionary(self.dictionary)
        name = self.model or read_model(d) or ("builtin" if self.dictionary == "builtin" else "")
        if not name:
            raise GlassbookError(f"{self.dictionary} does not say which model it reads; pass --model")
        lm = self.open(name)
        site = fit_to(d, lm, self.site)
        say(f"reading {site} of {name}")
        found = look(lm, d, site, self.text)
        if self.search is not None:
            word = self.search.lower()
            found = [
                card
                for card in found
                if word in " ".join([card["label"] or "", *card["tokens"], *card["contexts"]]).lower()
            ]
        header = {"dictionary": self.dictionary, "model": name, "site": site, "width": d.width}
        return {"header": header, "total": len(found), "features": found[: self.top]}

    def _of_run(self, run: str) -> dict[str, Any]:
        """Features from the dashboard of a run: those with the best labels first."""
        if (
            self.dictionary != "builtin"
            or any((self.model, self.tokenizer, self.text, self.site))
            or ((self.dtype, self.device) != ("float32", "cpu"))
        ):
            raise GlassbookError(
                "--run shows what a run has found, and opens no model; leave out the dictionary, model, text and site"
            )
        record = self.open_notebook().run(run)
        dashboard = FeatureDashboard(record.folder)
        order = "score" if dashboard.rows(labelled=True, limit=0)[1] else "max"
        active = (1e-12, None)
        rows, total = dashboard.rows(self.search or "", order, descending=True, density=active, limit=self.top)
        return features_to_json(record, rows, total)

    def show(self, result: dict[str, Any]) -> None:
        total, features = result["total"], result["features"]
        if not total:
            print(
                f"no feature has {self.search!r} in its label, tokens or contexts" if self.search else "none is active"
            )
            return
        header = result["header"]
        if self.run is not None:  # a list has no contexts
            dashboard = FeatureDashboard(self.open_notebook().run(self.run).folder)
            features = [cards.card(dashboard.feature(feature["index"])) for feature in features]
        labelled = any(card["label"] for card in features)
        rows = []
        for card in features:
            tokens = " ".join(repr(token) for token in card["tokens"][:3])
            label = f"{card['label']} ({card['score']:.2f})" if card["label"] and card["score"] is not None else ""
            name = "; ".join(card["names"]) or label or card["label"] or tokens
            context = one_line(card["contexts"][0], 70) if card["contexts"] else ""
            rows.append((card["index"], f"{card['density']:.2%}", name, context))
        columns = ("feature", "active", "stands for" if labelled else "tokens", "strongest on")
        console().print(table(columns, rows, numbers=("feature", "active"), wide="strongest on"))
        where = f"{header['width']} features at {header['site']} of {header['model']}"
        print(f"\n{len(features)} of {total} shown; {where}")


@dataclass(frozen=True, kw_only=True)
class ExportFeatures(OfRun):
    """Write the feature pages of a run as one HTML file that opens from disk and loads nothing."""

    out: Annotated[Path | None, Option("FILE", "features-RUN.html in this folder")] = None
    """The file to write."""

    def result(self) -> dict[str, Any]:
        record = self.open_notebook().run(self.run)
        from glassbook.web.export import export_features

        place = Path(f"features-{record.id}.html") if self.out is None else self.out
        if place.is_dir():
            raise GlassbookError(f"{place} is a folder; name the .html file to write with --out")
        return {"run": record.id, "path": str(export_features(record, place, self.top).path)}

    def show(self, result: dict[str, Any]) -> None:
        print(f"wrote {result['path']}; open it in a browser")


def look(lm: LanguageModel, d: Coder, site: str, text: Path | None) -> list[dict[str, Any]]:
    """Cards of all features that are active in some text, the most telling first."""
    import torch

    from glassbook.experiments import kit
    from glassbook.experiments.tour import corpus
    from glassbook.features import frozen_random
    from glassbook.features.dashboard import build_dashboard
    from glassbook.features.origin import other_length
    from glassbook.trace import collect

    found = corpus.collect(lm, text, small=True)
    truth, skip = found.documents, kit.special_ids(lm)
    given = truth.batches if truth else corpus.batches(lm, found.learn + found.held_out)
    batches = [{key: x.to(lm.device) for key, x in batch.items()} for batch in given]
    neurons = f"{site.removesuffix('.out')}.mlp.down.in"
    with tempfile.TemporaryDirectory(prefix="glassbook-") as name:
        folder = Path(name)
        acts = collect(lm.model, batches, [site, neurons] if truth else [site], skip=skip).cpu()
        if line := other_length(d.about, acts.header["context"]):
            say(f"note on the dictionary: {line}")
        attributes = []
        if truth is not None:
            x = acts.read(site).float()
            rival = frozen_random(d.d_in, d.width, 8, x.mean(0), torch.Generator().manual_seed(0))
            rows = (x, acts.read(neurons).float(), truth, acts.index(), acts.tokens(), lm.decode)
            attributes = cards.detect_attributes(d, rival, *rows)
        build_dashboard(d, (acts, site), lm, folder / "artifacts", names=cards.names(attributes), contexts=2)
        dashboard, named = FeatureDashboard(folder), cards.named(attributes)
        described = [cards.card(dashboard.feature(i), named.get(i, ())) for i in range(d.width)]
        return cards.ranked([card for card in described if card["tokens"]])


ACTIONS = {"": Features, "export": ExportFeatures, "name": NameFeatures}
