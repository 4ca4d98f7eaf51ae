"""Page of a tour: Markdown and live blocks, written from what its run kept."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from glassbook.experiments.tour._steering import FLUENT, TOP_P
from glassbook.experiments.tour.cards import DETECTORS, shares
from glassbook.experiments.tour.tour import Tour
from glassbook.formatting import escape_markdown
from glassbook.notebook import Notebook, Page, RunRecord


def write(notebook: Notebook, record: RunRecord) -> Page:
    """Write the page of a finished tour into the notebook; the page of an earlier tour is left as it is."""
    [facts] = record.table("tour")
    title = f"Tour of {short_name(facts['model'])}"
    taken = {page.title for page in notebook.pages()}
    numbered = (f"{title}, {n}" for n in range(2, len(taken) + 3))
    title = title if title not in taken else next(t for t in numbered if t not in taken)
    page = Page.new(title, kind="session", tags=["tour"])
    page.body = body(record, title)
    page.extra = {"run": record.id, "date": date.today().isoformat()}
    return notebook.write(page)


def short_name(name: str) -> str:
    """A model's name without the folders before it."""
    return "the built-in model" if name == "builtin" else Path(name).name


def body(record: RunRecord, title: str) -> str:
    """The page's Markdown."""
    attributes = record.table("attributes") if "attributes" in record.tables else []
    parts = [
        f"# {title}",
        _introduction(record),
        _model(record),
        _dictionary(record),
        _features(record, attributes),
        _steering(record),
        _claims(),
        _next(record, bool(attributes)),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _introduction(record: RunRecord) -> str:
    small = " This was a small tour, too short to judge anything." if record.config.get("small") else ""
    return _prose(
        f"""A language model turns text into vectors, layer by layer. This page opens one layer and finds
        directions in it that mean something, without supervision. Then it steers the
        model along two directions, to see whether they do what they seem to mean.{small} Everything here
        was measured by the run [[{record.id}]]."""
    )


def _model(record: RunRecord) -> str:
    [facts] = record.table("tour")
    name = "The built-in model" if facts["model"] == "builtin" else f"`{short_name(facts['model'])}`"
    told = (
        f"{name} has {facts['parameters']:,} parameters and a vocabulary of {facts['vocabulary']:,}. Greedy decoding:"
    )
    return "\n\n".join(
        ["## The model", told, f"> {escape_markdown(_cut(facts['sample'], 400))}", f"Text: {facts['text']}"]
    )


def _dictionary(record: RunRecord) -> str:
    [facts] = record.table("tour")
    scores = {row["dictionary"]: row for row in record.table("scores")}
    meanings = {
        "explained_variance": ("explained variance", "1: exact; 0: no better than the mean"),
        "l0": ("active features per token", f"of {facts['width']:,}"),
        "ce_recovered": ("loss recovered", "1: predicts as well from the reconstruction; 0: as badly as from the mean"),
        "dead": ("features never active", "share of all"),
    }
    rows = [(name, *(_number(row[key]) for row in scores.values()), why) for key, (name, why) in meanings.items()]
    told = f"""At `{facts["site"]}`, each token is a vector of {facts["d_in"]} numbers. A sparse autoencoder of
        {facts["width"]:,} features was trained on {facts["tokens"]:,} such vectors in {facts["steps"]:,} steps. Every
        vector is to be the sum of a few features; whatever makes that possible becomes a feature."""
    parts = [
        "## The dictionary",
        _prose(told),
        _chart(record, "learning"),
        "Scores on held-out text, beside random directions, as many, read by the best encoder there is (orthogonal "
        "matching pursuit)"
        + (", and beside the dictionary that comes with Glassbook:" if "shipped" in scores else ":"),
        _table(("", *scores, "meaning"), rows),
        "The loss recovered is to be read beside that of the random directions: later layers may read the direction of "
        "a reconstruction more than its length, and what counts is how much less one loses than the other.",
    ]
    return "\n\n".join(parts)


def _features(record: RunRecord, attributes: Sequence[Mapping[str, Any]]) -> str:
    if attributes:
        text = _truth(record, attributes)
    else:
        text = (
            "There is no ground truth for this text, so each feature is described by the tokens that it is strongest "
            "on. A feature on few tokens is specific; a feature on many is hard to name.\n\n"
            + _chart(record, "density")
        )
    rows = []
    for card in record.table("features")[:12]:
        tokens = ", ".join(map(_code, card["tokens"][:3]))
        said = [escape_markdown("; ".join(card["names"])) or tokens] if attributes else [tokens, f"{card['share']:.0%}"]
        context = escape_markdown(_cut(card["contexts"][0], 90)) if card["contexts"] else ""
        rows.append(
            (
                f"[{card['index']}](/features/{record.id}/{card['index']})",
                *said,
                f"{card['density']:.2%}",
                context,
            )
        )
    middle = ("detects",) if attributes else ("tokens", "share of the first")
    table = _table(("feature", *middle, "active on", "strongest on"), rows)
    told = "« » marks the token of the activation"
    if attributes:
        told += "; precision and recall are of sentences that chose neither the feature nor its threshold"
    return f"## What the features mean\n\n{text}\n\nSome of them ({told}):\n\n{table}"


def _truth(record: RunRecord, attributes: Sequence[Mapping[str, Any]]) -> str:
    n = len(attributes)
    count = {name: round(share * n) for name, share in shares(list(map(dict, attributes))).items()}
    ours, neuron, random, word = (count[name] for name in DETECTORS)
    hardest = [f"{row['kind']} {row['value']}" for row in sorted(attributes, key=lambda row: row["dictionary"])[:3]]
    kinds = list(dict.fromkeys(row["kind"] for row in attributes))
    told = f"""The ground truth of this text is known for each token: which species, which place, which
        theme. For each of {n} attributes ({_words(kinds)}), the feature that detects it best was chosen by average
        precision on half of the held-out text, with its threshold, and measured on the other half. An attribute counts
        as detected if the F1 there is at least half-way from that of calling every sentence positive to 1. The
        dictionary detects **{ours} of {n}**, the best single neuron {neuron}, the best feature of a random
        dictionary {random}, and the presence of one word or pair of words, without any model, {word}. Hardest for the
        dictionary, by average precision, are {_words(hardest)}."""
    return _prose(told) + "\n\n" + _chart(record, "detection")


def _steering(record: RunRecord) -> str:
    told = """If a direction stands for something, adding it should make the model write about that thing, and a
        random direction of the same norm should not. Direction and strength were chosen on other prompts than
        those reported here. NLL is the negative log-likelihood of the text under the plain model, in nats per token:
        what steering costs."""
    tried = [_one_steering(result) for result in record.table("steering")]
    return "\n\n".join(["## Steering", _prose(told), *tried, _chart(record, "steering")])


def _one_steering(result: Mapping[str, Any]) -> str:
    if result["strength"] is None:
        none = f"""No direction qualifies ({result["how"]}): under the plain model, texts steered along any of them were
            less likely than plain ones by more than {FLUENT:g} nats per token. So nothing was steered."""
        return f"### {escape_markdown(result['method'])}\n\n{_prose(none)}"
    plain, steered, _ = result["conditions"]
    texts = [
        (escape_markdown(_cut(prompt, 60)), _marked(before, result["words"]), _marked(after, result["words"]))
        for prompt, before, after in zip(result["prompts"][:3], plain["texts"], steered["texts"], strict=False)
    ]
    rows = [
        (c["condition"], f"{c['hits']} of {len(c['texts'])}", f"{c['low']:.0%} to {c['high']:.0%}", f"{c['nll']:.2f}")
        for c in result["conditions"]
    ]
    listed = ", ".join(_code(word) for word in result["words"][:6]) + (", ..." if len(result["words"]) > 6 else "")
    return f"""### {escape_markdown(result["method"])}

{result["how"]} Strength {result["strength"]:g}. Counted: texts with {listed}.

{_table(("", "texts with the words", "95 % interval", "NLL"), rows)}

The first three prompts, sampled at temperature 1 and top-p {TOP_P:g}:

{_table(("prompt", "plain", "steered"), texts)}"""


def _claims() -> str:
    # Verdicts are never written into the page: they change with every run.
    blocks = "\n\n".join(f"```glassbook\nclaim: {{experiment: tour, id: {claim.id}}}\n```" for claim in Tour.claims)
    return (
        "## Claims\n\nThe claims of the tour of the built-in model, with what the runs in this notebook say about "
        f"them. `glassbook claims check tour` runs the seeds that are missing.\n\n{blocks}"
    )


def _next(record: RunRecord, themes: bool) -> str:
    name = record.table("tour")[0]["model"]
    pair = '"Once upon a time, there was a" --add " happy" " sad"'
    if themes:
        pair = '"The" --add " bride" " storm" --layer 2'
    lines = [
        f"glassbook open {shlex.quote(name)}",
        f"glassbook steer {shlex.quote(name)} {pair} --temperature 1",
        f"glassbook features --run {record.id}",
        "glassbook run dictionary-learning --help",
        "glassbook claims",
    ]
    read = "[[Dictionary learning]], [[Feature]], [[Activation steering]], [[Features in practice]], [[First steps]]"
    return "## What next\n\n```sh\n" + "\n".join(lines) + f"\n```\n\nTo read: {read}."


def _prose(text: str) -> str:
    """A paragraph on one line."""
    return " ".join(text.split())


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"  # tables hold NaN as text


def _cut(text: str, width: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 3].rstrip() + "..."


def _words(items: Sequence[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def _chart(record: RunRecord, name: str) -> str:
    return f"```glassbook\nchart: {{run: {record.id}, name: {name}}}\n```"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _code(text: str) -> str:
    """Text as code in a table's cell."""
    text = "".join(c if c.isprintable() else "�" for c in text).replace("|", "\\|")
    return escape_markdown(text) if "`" in text else f"`{text}`"


def _marked(text: str, targets: Sequence[str]) -> str:
    """A text with the target words in bold."""
    text = escape_markdown(_cut(text, 220))
    pattern = "|".join(re.escape(escape_markdown(word)) for word in sorted(targets, key=len, reverse=True))
    return re.sub(rf"(?<!\w)({pattern})(?!\w)", r"**\1**", text, flags=re.IGNORECASE) if targets else text
