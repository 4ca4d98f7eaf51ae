"""Live blocks of pages: results of runs, learning paths, and panels that ask a model.

A block is YAML data in a fenced block; showing it runs nothing. `KINDS` is the table of the kinds. To add one:

1. an entry in `KINDS`: what it shows, its keys, and a function (services, settings) -> names for the template, which
   can read no other keys; the help of the editor is this table;
2. a template `templates/blocks/<kind>.html`.

A panel is a block that shows a button and computes nothing until the reader presses it (attention, logit lens,
steering). Its function is `_panel(...)`, its template extends `blocks/panel.html`, and it needs one more line: in
`PANELS` of static/js/panels.js, the API route that answers it and the module that shows the answer. What it asks is a
method in model_server/methods.py with a route in views/.

Other packages add kinds through the entry-point group ``glassbook.blocks``: an entry is a function
(services, data) -> Markup.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.resources import files
from typing import Any

from markupsafe import Markup

from glassbook import experiments, extensions
from glassbook.errors import GlassbookError
from glassbook.experiments import evidence
from glassbook.experiments.estimate import expected
from glassbook.experiments.verdicts import tally
from glassbook.model_server import (
    PREFIX,
    ChatSettings,
    LatentSettings,
    chat_query,
    check_latents,
    latents_query,
    read_chat,
    read_latents,
    short_name,
)
from glassbook.notebook import InlineValue, LiveBlock, RunRecord
from glassbook.notebook.pages.learning_path import read_path
from glassbook.notebook.runs.claims import find_claim
from glassbook.notebook.runs.feature_dashboard import FeatureDashboard
from glassbook.notebook.runs.freshness import stale
from glassbook.steer.spec import read_settings
from glassbook.web.learning_paths import shown
from glassbook.web.render.markdown import highlighted
from glassbook.web.render.values import show_value
from glassbook.web.services import Services
from glassbook.web.steering_formats import label_of, to_query
from glassbook.web.templating import render
from glassbook.web.what_if import WhatIf

GROUP: extensions.Group = "glassbook.blocks"
Names = dict[str, Any]


@dataclass(frozen=True)
class Key:
    """A setting of a live block."""

    name: str
    doc: str
    """What it says, in a few words."""
    needed: bool = False
    former: bool = False
    """Whether it is only read to say what is written instead."""


class Settings(dict[str, Any]):
    """What a block says. Only keys that its kind declares can be given, and only these can be read."""

    def __init__(self, kind: str, keys: Sequence[Key], data: Names) -> None:
        super().__init__(data)
        self.keys_declared = {key.name for key in keys}
        for name in data:
            if name not in self.keys_declared:
                offered = ", ".join(key.name for key in keys if not key.former)
                raise GlassbookError(f"a {kind} block has no key {name!r}; it has: {offered}")

    def get(self, key: str, default: Any = None) -> Any:
        assert key in self.keys_declared, f"{key!r} is read and not declared"
        return super().get(key, default)

    def __contains__(self, key: object) -> bool:
        assert key in self.keys_declared, f"{key!r} is read and not declared"
        return super().__contains__(key)


@dataclass(frozen=True)
class Kind:
    """A kind of live block."""

    doc: str
    """What it shows, in a few words."""
    keys: tuple[Key, ...]
    names: Callable[[Services, Settings], Names]
    """Names for the template."""
    example: str = ""
    """A block to begin with; "" for its needed keys without values."""

    def begin(self, name: str) -> str:
        """The text of a block to begin with."""
        return self.example or f"{name}: {{{', '.join(f'{key.name}: ' for key in self.keys if key.needed)}}}"


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
            kind = KINDS[block.kind]
            names = kind.names(services, Settings(block.kind, kind.keys, block.data))
            return Markup(render(f"blocks/{block.kind}.html", **names))
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


def _text(data: Settings, key: str, default: str | None = None) -> str:
    value = data.get(key, default)
    if value is None:
        raise GlassbookError(f"this block needs '{key}: ...'")
    return str(value)


def _number(data: Settings, key: str, default: int | None = None) -> int:
    value = data.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool):
        raise GlassbookError(f"'{key}' of this block must be a whole number")
    return value


def record_of(services: Services, data: Settings, has: Callable[[RunRecord], bool] = lambda record: True) -> RunRecord:
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


def _steps(data: Settings) -> list[tuple[str, str]]:
    """(name, label) of each chart or image that a block shows: of one, or of several to step through."""
    if "names" not in data:
        return [(_text(data, "name"), "")]
    names = data.get("names")
    if not isinstance(names, list) or not names:
        raise GlassbookError("'names' of this block must be a list of names, such as [first, second]")
    labels = data.get("labels", names)
    if not isinstance(labels, list) or len(labels) != len(names):
        raise GlassbookError(f"'labels' of this block must be a list of {len(names)}, one for each of its names")
    return [(str(name), str(label)) for name, label in zip(names, labels, strict=True)]


def _chart(services: Services, data: Settings) -> Names:
    steps = _steps(data)
    return {"steps": steps} | provenance(
        record_of(services, data, lambda record: all(name in record.charts for name, _ in steps))
    )


def _table(services: Services, data: Settings) -> Names:
    name = _text(data, "name")
    record = record_of(services, data, lambda record: name in record.tables)
    rows = record.table(name)
    columns = list(dict.fromkeys(key for row in rows[:100] for key in row))
    return {"name": name, "columns": columns, "rows": rows[: _number(data, "rows", 10)], **provenance(record)}


def _image(services: Services, data: Settings) -> Names:
    steps = _steps(data)
    return {"steps": steps} | provenance(
        record_of(services, data, lambda record: all(name in record.images for name, _ in steps))
    )


def _run(services: Services, data: Settings) -> Names:
    return provenance(record_of(services, data))


def _claims(services: Services, data: Settings) -> Names:
    name = _text(data, "experiment")
    entry = services.verdicts.of(name)
    return {"experiment": name, "verdicts": entry.verdicts, "origin": entry.origin}


def _claim(services: Services, data: Settings) -> Names:
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


def _experiment(services: Services, data: Settings) -> Names:
    name = _text(data, "name")
    kind = experiments.find(name)
    entry = services.verdicts.of(name)
    return {
        "name": name,
        "kind": kind,
        "summary": experiments.summary(name),
        "cost": expected(name).text,
        "verdicts": entry.verdicts,
        "tally": tally(entry.verdicts),
        "origin": entry.origin,
        "runs": services.notebook.runs(name)[:3],
    }


def _has_dashboard(record: RunRecord) -> bool:
    return FeatureDashboard.exists(record.folder)


def _features(services: Services, data: Settings) -> Names:
    record = record_of(services, data, _has_dashboard)
    rows, total = FeatureDashboard(record.folder).rows(order="score", descending=True, limit=_number(data, "rows", 8))
    return {"rows": rows, "total": total, **provenance(record)}


def _feature(services: Services, data: Settings) -> Names:
    record = record_of(services, data, _has_dashboard)
    return {"feature": FeatureDashboard(record.folder).feature(_number(data, "index")), **provenance(record)}


def _panel(*keys: str) -> Callable[[Services, Settings], Names]:
    """A panel whose template shows `keys` of its settings; the model server is called when the button is pressed."""

    def names(services: Services, data: Settings) -> Names:
        return {key: data.get(key, "") for key in keys} | {"model": data.get("model", "builtin"), "data": dict(data)}

    return names


def _lens(services: Services, data: Settings) -> Names:
    return _panel("prompt")(services, data) | {"lens": LENS_NAMES.get(str(data.get("kind", "logit")), "Lens")}


def latents_block(settings: LatentSettings) -> Names:
    """Names for the template of the `latents` block."""
    given = {"picture": settings.picture, "seed": None if settings.seed is None else f"picture number {settings.seed}"}
    return {
        "settings": settings,
        "short": short_name(settings.model),
        "query": latents_query(settings),
        "start": next((text for text in given.values() if text), ""),
        "data": settings.model_dump(mode="json", exclude_none=True),
    }


def chat_block(settings: ChatSettings) -> Names:
    """Names for the template of the `chat` block."""
    return {
        "settings": settings,
        "short": short_name(settings.model),
        "base": short_name(settings.base) if settings.base else "",
        "query": chat_query(settings),
        "data": settings.model_dump(mode="json"),
    }


def _chat(services: Services, data: Settings) -> Names:
    given = {key: value for key, value in data.items() if key not in _FROM_A_RUN}
    if "experiment" in data or "run" in data:
        artifact = _text(data, "artifact")
        record = record_of(services, data, lambda record: artifact in record.artifacts)
        given["model"] = f"{PREFIX}{record.id}/{artifact}"
    return chat_block(read_chat(given))


_FROM_A_RUN = ("experiment", "run", "artifact")
"""Keys by which a block names a model that a run has saved."""


def _latents(services: Services, data: Settings) -> Names:
    given = {key: value for key, value in data.items() if key not in _FROM_A_RUN}
    if "experiment" in data or "run" in data:
        artifact = _text(data, "artifact")
        record = record_of(services, data, lambda record: artifact in record.artifacts)
        given["model"] = f"{PREFIX}{record.id}/{artifact}"
    settings = read_latents(given)
    check_latents(services.notebook, settings)
    return latents_block(settings)


def _steer(services: Services, data: Settings) -> Names:
    settings = read_settings(dict(data))
    return {
        "model": settings.model,
        "sources": [(source, label_of(services.notebook, source)) for source in settings.sources],
        "prompts": settings.prompts,
        "query": to_query(settings),
        "data": settings.model_dump(mode="json"),
    }


def _whatif(services: Services, data: Settings) -> Names:
    asked = WhatIf.read(data)
    return {"answer": asked.rulings(), "address": asked.address()}


def _path(services: Services, data: Settings) -> Names:
    return shown(services.notebook, read_path(data))


LENS_NAMES: dict[str, str] = {
    "logit": "Logit lens",
    "tuned": "Tuned lens",
    "jacobian": "Jacobian lens",
    "permuted": "Jacobian lens, permuted",
}
"""Kinds of lenses as they are called."""

_EXPERIMENT = Key("experiment", "name of an experiment: its newest run at the default settings, else the reference")
_RUN = Key("run", "id of one run, in place of experiment")
_OF_A_RUN = (replace(_EXPERIMENT, needed=True), _RUN)
_MODEL = Key("model", "builtin, a folder or file, or an id at Hugging Face")
_PROMPT = Key("prompt", "the text that the model reads", needed=True)


_WHAT_IF = {
    "parameters": "parameters of the network",
    "tokens": "tokens that it was trained on",
    "active": "share of the parameters that are active for a token",
    "chips": "in place of parameters: how many chips",
    "speed": "peak speed of a chip, such as 989 TFLOP/s",
    "hours": "how long they ran",
    "utilisation": "share of the peak speed that was used, at least",
    "utilisation_to": "and at most",
    "flop": "the amount itself, in place of the rest",
    "base": "training compute of the model that was modified",
    "cost": "dollars that the compute cost",
}
_STEPPED = (
    Key("names", "list of several, in place of name: a slider steps through them"),
    Key("labels", "what each of them is called at the slider"),
)


def _name_of(what: str) -> Key:
    return Key("name", f"name of the {what}, as the run's page shows it", needed=True)


PROGRAMS = {"run.py": "nets/io/run.py"}
"""Programs of the package that a page can show, and where they are."""


def _program(services: Services, data: Settings) -> Names:
    name = _text(data, "name")
    if name not in PROGRAMS:
        raise GlassbookError(f"there is no program {name!r} to show; there are: {', '.join(PROGRAMS)}")
    code = files("glassbook").joinpath(PROGRAMS[name]).read_text("utf-8")
    return {"name": name, "lines": len(code.splitlines()), "code": Markup(highlighted(code, "python"))}


KINDS: dict[str, Kind] = {
    "chart": Kind("a chart of a run, or several to step through", (*_OF_A_RUN, _name_of("chart"), *_STEPPED), _chart),
    "table": Kind(
        "a table of a run", (*_OF_A_RUN, _name_of("table"), Key("rows", "how many of its first rows")), _table
    ),
    "image": Kind("an image of a run, or several to step through", (*_OF_A_RUN, _name_of("image"), *_STEPPED), _image),
    "run": Kind("a run with its results", _OF_A_RUN, _run),
    "claim": Kind(
        "one claim with its verdict",
        (
            Key("experiment", "name of the experiment that makes the claim", needed=True),
            Key("id", "id of the claim, as the experiment's page shows it", needed=True),
            Key("n", "claims were once cited by number", former=True),
        ),
        _claim,
    ),
    "claims": Kind(
        "all claims of an experiment with their verdicts",
        (Key("experiment", "name of the experiment that makes the claims", needed=True),),
        _claims,
    ),
    "experiment": Kind(
        "an experiment, its newest runs and verdicts, and a way to run it",
        (Key("name", "name of the experiment", needed=True),),
        _experiment,
    ),
    "features": Kind("the best features of a dictionary", (*_OF_A_RUN, Key("rows", "how many")), _features),
    "feature": Kind(
        "one feature of a dictionary", (*_OF_A_RUN, Key("index", "number of the feature", needed=True)), _feature
    ),
    "steer": Kind(
        "a panel that steers a model's text",
        (
            _MODEL,
            _PROMPT,
            Key("prompts", "several prompts, in place of prompt"),
            Key("plus", "prompt, or list of texts, to steer towards", needed=True),
            Key("minus", "prompt, or list of texts, to steer away from"),
            Key("site", "where in the model, such as blocks.4.in", needed=True),
            Key("index", "number of a feature, with run"),
            Key("artifact", "name of a saved vector, with run"),
            Key("run", "run of that feature or vector"),
            Key("coeff", "strength"),
            Key("by", "the strength was once called so", former=True),
            Key("sources", "several directions, each with the keys above"),
            Key("where", "which positions are steered"),
            Key("chat", "whether the prompts are put to a chat model"),
            Key("tokens", "how many tokens are generated"),
            Key("temperature", "of the sampling"),
            Key("seed", "of the sampling"),
            Key("random", "whether random vectors are shown beside"),
        ),
        _steer,
        'steer: {prompt: "", plus: "", minus: "", site: blocks.4.in, coeff: 2}',
    ),
    "chat": Kind(
        "a panel that puts a question to an assistant and to a base model",
        (
            replace(_MODEL, doc="a chat model: a folder, or an id at Hugging Face"),
            Key("experiment", "name of an experiment whose newest run saved the model, in place of model"),
            _RUN,
            Key("artifact", "name of the saved model, with experiment or run"),
            Key("base", "the model beside it, which goes on with the question as a text; empty for none"),
            Key("question", "the first question"),
            Key("tokens", "tokens that an answer has at most"),
        ),
        _chat,
        'chat: {model: "", question: "What does the otter eat?"}',
    ),
    "attention": Kind(
        "a panel with a model's attention patterns",
        (
            _MODEL,
            _PROMPT,
            Key("layer", "number of the layer whose head is enlarged, from 0"),
            Key("head", "number of that head"),
        ),
        _panel("prompt", "layer", "head"),
    ),
    "lens": Kind(
        "a panel with a model's prediction after each layer",
        (
            _MODEL,
            _PROMPT,
            Key("kind", "logit, tuned, jacobian, or its control permuted"),
            Key("top", "tokens in a cell"),
        ),
        _lens,
    ),
    "whatif": Kind(
        "an estimate of training compute, and what rules say of it",
        tuple(Key(name, _WHAT_IF[name]) for name in WhatIf.model_fields),
        _whatif,
        "whatif: {parameters: 405e9, tokens: 15.6e12}",
    ),
    "latents": Kind(
        "a panel that moves the latents of a picture, or removes noise from it",
        (
            replace(_MODEL, doc="builtin-vae, or run:ID/NAME of a model that a run has saved"),
            Key("experiment", "name of an experiment whose newest run saved the model, in place of model"),
            _RUN,
            Key("artifact", "name of the saved model, with experiment or run"),
            Key("mode", "decode, which moves latents, or denoise"),
            Key("seed", "number of a picture that the model was not trained on"),
            Key("picture", "a picture's file below pages/, in place of seed"),
            Key("code", "list of a code's numbers, in place of a picture"),
            Key("set", "latents that are moved: {number: spreads from the mean}"),
            Key("strip", "number of a latent that is shown as a strip"),
            Key("noise", "standard deviation of the noise, of pixels from 0 to 1"),
        ),
        _latents,
        "latents: {seed: 1}",
    ),
    "program": Kind(
        "the text of a program that comes with Glassbook",
        (Key("name", "run.py, which `glassbook two-files` writes", needed=True),),
        _program,
        "program: {name: run.py}",
    ),
    "path": Kind(
        "a learning path: levels with steps that can be marked as done",
        (
            Key("title", "its name, unique in the notebook", needed=True),
            Key("guide", "page or address of the guide that it follows"),
            Key("levels", "list of levels, each level: NAME with a list of steps", needed=True),
        ),
        _path,
        "path:\n  title: \n  levels:\n    - level: First\n      steps:\n        - Read this\n        - Try that",
    ),
}
"""Built-in kinds by name; each has a template `templates/blocks/<name>.html`."""


def help_for_blocks() -> list[dict[str, Any]]:
    """All live blocks for the editor: kind, what it shows, its keys (if they are known), and a text to begin with."""
    own = [
        {
            "kind": name,
            "doc": kind.doc,
            "keys": [asdict(key) for key in kind.keys if not key.former],
            "begin": kind.begin(name),
        }
        for name, kind in KINDS.items()
    ]
    added = [
        {"kind": name, "doc": "added by another package", "keys": [], "begin": f"{name}: {{}}"}
        for name in extensions.entries(GROUP)
        if name not in KINDS
    ]
    return own + added
