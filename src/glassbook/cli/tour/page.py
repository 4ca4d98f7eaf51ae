"""The page that a tour writes: it has to read well as plain Markdown, with nothing running."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glassbook.cli.output import number, one_line, words
from glassbook.cli.tour.story import BAR, Story, by_kind, shares
from glassbook.notebook import Notebook, Page, Run

if TYPE_CHECKING:
    from glassbook.cli.tour.steering import Steering


def write(notebook: Notebook, run: Run, story: Story) -> Page:
    """Write the page of a tour into the notebook; an earlier tour's page is left as it is."""
    name = short_name(story.lm.name)
    title = f"Tour of {name}"
    taken = {page.title for page in notebook.pages()}
    numbers = (f"{title}, {n}" for n in range(2, len(taken) + 3))
    title = title if title not in taken else next(t for t in numbers if t not in taken)
    page = Page.new(title, kind="session", tags=["tour"])
    page.body = body(story, run.id, title)
    page.extra = {"run": run.id}
    return notebook.write(page)


def short_name(name: str) -> str:
    """A model's name without the folders before it."""
    return "the built-in model" if name == "builtin" else Path(name).name


def body(story: Story, run: str, title: str) -> str:
    """The page's Markdown."""
    parts = [
        f"# {title}",
        _opening(story, run),
        _model(story),
        _dictionary(story, run),
        _meaning(story, run),
        _steering(story, run),
        _claims(story),
        _next(story),
        _live(story),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _opening(story: Story, run: str) -> str:
    quick = " This was a quick tour, too short to judge anything." if story.quick else ""
    return _prose(
        f"""A language model turns text into numbers, layer by layer. This page opens one layer and finds
        directions in it that mean something, without having been told what to look for. Then it pushes the
        model along two directions, to see whether they do what they seem to mean.{quick} Everything here
        was measured by [run {run}](../../runs/{run}/run.json)."""
    )


def _model(story: Story) -> str:
    lm = story.lm
    name = "The built-in model" if lm.name == "builtin" else f"`{short_name(lm.name)}`"
    sample = f"> {_plain(one_line(story.sample, 400))}"
    told = f"""{name} has {lm.parameters:,} parameters and knows {lm.vocab:,} tokens. Left alone, always taking the
        likeliest token, it writes:"""
    return "\n\n".join(["## The model", _prose(told), sample, f"What it read on this tour: {story.origin}"])


def _dictionary(story: Story, run: str) -> str:
    found, scores, control = story.learnt, story.learnt.scores, story.learnt.control
    d = found.dictionary
    rows = [
        ("explained variance", scores.explained_variance, control.explained_variance,
         "1: exact; 0: no better than the mean"),
        ("active features per token", scores.l0, control.l0, f"of {d.width:,}"),
        ("loss recovered", scores.ce_recovered, control.ce_recovered,
         "1: the model predicts as well from the reconstruction; 0: as badly as from the mean"),
        ("features never active", scores.dead, control.dead, "share of all"),
    ]  # fmt: skip
    told = f"""At `{found.site}`, each token is a list of {d.d_in} numbers. A dictionary of {d.width:,} features
        was learnt from {found.tokens:,} such lists in {found.steps:,} steps ({found.seconds:.0f} seconds).
        Every list is to be the sum of a few features; whatever makes that possible becomes a feature."""
    parts = [
        "## The dictionary",
        _prose(told),
        _image("explained variance while the dictionary learns", run, "learning"),
        "How good it is on text that it has not seen, beside a random dictionary of the same size:",
        _table(("", "learnt", "random", "meaning"), [(a, number(b), number(c), m) for a, b, c, m in rows]),
        "The later layers read the direction of a reconstruction more than its length, so random directions recover "
        "much of the loss as well: what counts is how much less the dictionary loses.",
    ]
    return "\n\n".join(parts)


def _meaning(story: Story, run: str) -> str:
    text = "## What the features mean\n\n"
    if story.detected:
        text += _truth(story, run)
    else:
        text += (
            "Nobody has said what this text is about, so each feature is described by the tokens it is strongest on. "
            "A feature on few tokens is a sharp one; a feature on many is hard to name.\n\n"
            + _image("how often the features are active", run, "density")
            + "\n\n"
        )
    rows = []
    for card in story.cards[:12]:
        label = _plain(card.label) if card.label else ", ".join(_code(t) for t in card.tokens[:3])
        score = f"{card.auroc:.2f}" if card.auroc is not None else f"{card.share:.0%}"
        context = _plain(one_line(card.contexts[0], 90)) if card.contexts else ""
        rows.append((str(card.index), label, score, f"{card.density:.2%}", context))
    head = (
        ("feature", "detects", "AUROC", "active on", "strongest on")
        if story.detected
        else ("feature", "tokens", "share of the first", "active on", "strongest on")
    )
    return text + "Some of them (the token that made the feature fire stands between « and »):\n\n" + _table(head, rows)


def _truth(story: Story, run: str) -> str:
    share, n = shares(story.detected), len(story.detected)
    count = {who: round(value * n) for who, value in share.items()}
    missed = [f"{d.kind} {d.value}" for d in sorted(story.detected, key=lambda d: d.auroc)[:3]]
    kinds = list(dict.fromkeys(row["kind"] for row in by_kind(story.detected)))
    told = f"""The author of this text knows what each token is about: which species, which place, whether a
        speaker lies. For each of {n} attributes ({words(kinds)}), the feature that detects it best was
        picked on half of the held-out text and measured on the other half. With an AUROC of {BAR} as the
        bar, the dictionary detects **{count["dictionary"]} of {n}**; the best single neuron does so for
        {count["best neuron"]}, the best feature of a random dictionary for {count["random dictionary"]}.
        Hardest were {words(missed)}."""
    return _prose(told) + "\n\n" + _image("attributes detected, by kind and detector", run, "detection") + "\n\n"


def _steering(story: Story, run: str) -> str:
    if not story.steerings:
        return "## Steering\n\nNo direction could be tried: no feature had a word of its own that could be counted."
    told = """If a direction stands for something, adding it should make the model write about that thing, and a
        random direction of the same size should not. Which direction and how much of it was decided on
        other prompts than those counted here. Surprise is how unexpected the text is to the plain model, in
        nats per token: what steering costs."""
    parts = ["## Steering", _prose(told)]
    for steering in story.steerings:
        parts.append(_one_steering(steering))
    parts.append(_image("share of texts with the target words: plain, steered, random vector", run, "steering"))
    return "\n\n".join(parts)


def _one_steering(s: Steering) -> str:
    plain, steered, _ = s.arms
    texts = [
        (_plain(one_line(prompt, 60)), _marked(before, s.words), _marked(after, s.words))
        for prompt, before, after in zip(s.prompts[:3], plain.texts, steered.texts, strict=False)
    ]
    rows = [
        (a.name, f"{a.hits} of {len(a.texts)}", f"{a.interval()[0]:.0%} to {a.interval()[1]:.0%}", f"{a.surprise:.2f}")
        for a in s.arms
    ]
    listed = ", ".join(_code(word) for word in s.words[:6]) + (", ..." if len(s.words) > 6 else "")
    return f"""### {_plain(s.method)}

{s.how} Counted: texts with {listed}.

{_table(("", "texts with the words", "95 % interval", "surprise"), rows)}

The first three prompts, at temperature 1:

{_table(("prompt", "plain", "steered"), texts)}"""


def _claims(story: Story) -> str:
    parts = ["## Claims"]
    if story.quick:
        parts.append("A quick tour judges no claim.")
    else:
        parts.append(
            "One run decides nothing: these verdicts are preliminary, with one seed where three are asked for."
        )
        parts.append(_table(("claim", "this run", "condition", "measured", "control"), map(_own_claim, story.claims)))
    tested = [c for c in story.stored if c["values"]]
    if tested:
        parts.append("What the runs in this notebook say about the claims of the experiments:")
        columns = ("experiment", "claim", "verdict", "seeds so far")
        parts.append(
            _table(
                columns, [(c["experiment"], _plain(c["sentence"]), c["state"], str(len(c["values"]))) for c in tested]
            )
        )
    count = Counter(c["experiment"] for c in story.stored if not c["values"])
    if count:
        listed = words([f"`{name}` ({n})" for name, n in count.items()])
        parts.append(
            f"Claims that nothing in this notebook has tested yet: {listed}. `glassbook claims check NAME` runs "
            "what is missing, over three seeds, and judges."
        )
    return "\n\n".join(parts)


def _own_claim(claim: dict[str, Any]) -> tuple[str, ...]:
    measured = ", ".join(number(value) for value in claim["values"].values())
    return _plain(claim["sentence"]), claim["state"], _code(claim["condition"]), measured, _control(claim)


def _control(claim: dict[str, Any]) -> str:
    if not claim["control"]:
        return ""
    measured = ", ".join(number(value) for value in claim["controls"].values())
    return f"{_code(claim['control'])} (measured {measured})"


def _next(story: Story) -> str:
    name = story.lm.name
    pair = '"One evening, Mira went on" --add " wedding" "" --layer 1'
    if not story.detected:
        pair = '"Once upon a time, there was a" --add " happy" " sad"'
    lines = [
        f"glassbook open {shlex.quote(name)}",
        f"glassbook steer {shlex.quote(name)} {pair} --temperature 1",
        "glassbook run dictionary-learning --help",
        "glassbook claims",
    ]
    return "## Going on\n\n```sh\n" + "\n".join(lines) + "\n```"


def _live(story: Story) -> str:
    charts = ["learning", "detection" if story.detected else "density", *(["steering"] if story.steerings else [])]
    blocks = [f"chart: {{experiment: tour, name: {name}}}" for name in charts]
    blocks += [f"claim: {{experiment: tour, id: {claim['id']}}}" for claim in story.claims]
    fenced = "\n\n".join(f"```glassbook\n{block}\n```" for block in blocks)
    return f"## Live\n\nWhere Glassbook shows this page, these blocks show what the newest tour found.\n\n{fenced}"


def _prose(text: str) -> str:
    """A paragraph on one line, as Markdown likes it."""
    return " ".join(text.split())


def _image(alt: str, run: str, name: str) -> str:
    return f"![{alt}](../../runs/{run}/charts/{name}.svg)"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _plain(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    text = "".join(c if c.isprintable() else " " for c in text)
    return re.sub(r"([\\`*_\[\]<>|#~$])", r"\\\1", " ".join(text.split()))


def _code(text: str) -> str:
    """Text as code in a table's cell."""
    text = "".join(c if c.isprintable() else "�" for c in text).replace("|", "\\|")
    if "`" in text:
        return _plain(text)
    return f"`{text}`"


def _marked(text: str, targets: Sequence[str], width: int = 220) -> str:
    """A text with the target words in bold."""
    text = _plain(one_line(text, width))
    pattern = "|".join(re.escape(_plain(word)) for word in sorted(targets, key=len, reverse=True))
    return re.sub(rf"(?<!\w)({pattern})(?!\w)", r"**\1**", text, flags=re.IGNORECASE) if targets else text
