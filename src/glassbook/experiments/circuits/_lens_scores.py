"""Texts for lenses, and scores of a lens: how near to the model's output it is, and what it says of later text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any

from glassbook.errors import GlassbookError
from glassbook.experiments import kit

if TYPE_CHECKING:
    from torch import Tensor

    from glassbook.circuits import JacobianLens
    from glassbook.nets import LanguageModel
    from glassbook.notebook import Run
    from glassbook.train import Batch

SOON = 16
"""Tokens after the next one that count as what is still to come."""
STRIDE = 8
"""Of so many positions one is scored by what is to come."""
TOGETHER = 16
"""Test rows that are read as one batch; what is to come in one is told from what is to come in the others."""

Lens = Callable[[str, "Tensor"], "Tensor"]
"""(block, stream after it [..., d]) -> logits [..., vocab]."""


# --- texts --------------------------------------------------------------------------------------------------------


def deal(run: Run, lm: LanguageModel, text: Path | None, counts: Mapping[str, int], length: int) -> dict[str, Tensor]:
    """Rows of token ids [n, length] for each purpose, in random order; none serves two of them.

    A file is cut into rows, those that say the same are one, and one shuffle deals them out. Without a file, the
    Reserve tells another text for each purpose, to the built-in model only: what other models were trained on is not
    known, and what they write by themselves need not resemble it (assistants write fragments of chats).

    Args:
        run: whose seed shuffles.
        lm: whose tokens they are.
        text: the file.
        counts: purpose -> rows that it needs.
        length: tokens of a row, with the one that begins a text, if the model has one.

    Raises:
        GlassbookError: rows too short or too few to score a lens, no file for a model that needs one, or one that is
            too short or no text.
    """
    import torch

    from glassbook.circuits.jacobian_lens import SKIP

    wanted = sum(counts.values())
    if length < SKIP + SOON + 2:
        raise GlassbookError(f"--length {length} leaves nothing to score; give {SKIP + SOON + 2} tokens or more")
    if few := next((name for name, n in counts.items() if n < 2), None):
        raise GlassbookError(f"{counts[few]} rows for {few} are too few; give 2 or more")
    lm.check_fits(length)
    if text is not None:
        run.uses("data", text.name, path=text)
        rows = _of_a_file(lm, text, length)
        if len(rows) < wanted:
            raise GlassbookError(
                f"{text} holds {len(rows):,} different rows of {length} tokens, and {wanted:,} are needed; give a "
                "longer text, or fewer --rows, --steps and --test-rows"
            )
        order = torch.randperm(len(rows), generator=run.rng("text").torch())[:wanted]
        return dict(zip(counts, rows[order].split(list(counts.values())), strict=True))
    if lm.name != "builtin":
        raise GlassbookError(
            f"what {lm.name} was trained on is not known; pass --text FILE, a plain text of that kind of "
            f"{wanted * length:,} tokens or more"
        )
    dealt = {}
    for name, n in counts.items():
        rng = run.rng(f"text: {name}")
        rows = torch.cat([batch["input_ids"] for batch in kit.reserve_rows(lm, n, -1 - rng.seed, length)])[:n]
        dealt[name] = rows[torch.randperm(n, generator=rng.torch())]  # neighbours continue one document
    return dealt


def _of_a_file(lm: LanguageModel, text: Path, length: int) -> Tensor:
    """The different rows of a file [n, length], each with the token that begins a text, if there is one."""
    import torch

    try:
        ids = torch.tensor(lm.encode(text.read_text(encoding="utf-8"), bos=False), dtype=torch.long)
    except (OSError, UnicodeDecodeError) as problem:
        raise GlassbookError(f"{text} cannot be read as text in UTF-8: {problem}") from None
    begin = torch.tensor(lm.encode(""), dtype=torch.long)
    own = length - len(begin)
    rows = ids[: len(ids) // own * own].view(-1, own)
    return torch.cat([begin.expand(len(rows), -1), rows], dim=1).unique(dim=0)


def batches(ids: Tensor, size: int = TOGETHER) -> list[Batch]:
    """Rows [n, length] as inputs of a model."""
    return [{"input_ids": part} for part in ids.split(size)]


# --- scores -------------------------------------------------------------------------------------------------------


def middle(names: Sequence[str], model: str) -> str:
    """The block in the middle; GlassbookError if the last block is the only one."""
    if len(names) < 2:
        raise GlassbookError(f"{model} has one block, and lenses read what is before the last; choose a deeper model")
    return names[len(names) // 2 - 1]


def frequencies(ids: Tensor, vocab: int) -> Lens:
    """The lens that ignores the model: whatever the stream, the frequencies of the tokens in these rows, plus one."""
    logits = (ids.flatten().bincount(minlength=vocab) + 1).float().log()
    return lambda name, x: logits.to(x.device).expand(*x.shape[:-1], -1)


def score(lm: LanguageModel, lenses: Mapping[str, Lens], ids: Tensor) -> list[dict[str, Any]]:
    """For each lens and block: KL(model || lens) of the next token in nats, and foresight; means over rows [n, length].

    The first positions, which the Jacobian lens leaves out, count for nothing.

    Raises:
        GlassbookError: the rows hold no tokens that foresight could compare.
    """
    import torch

    from glassbook.circuits import LogitLens
    from glassbook.circuits.jacobian_lens import SKIP
    from glassbook.trace.roles import blocks

    names, output = blocks(lm.model), LogitLens(lm)
    kl = {(lens, name): [0.0, 0] for lens in lenses for name in names}
    soon = {key: [0.0, 0] for key in kl}
    with torch.no_grad():
        for part, x in _streams(lm, ids, names):
            target = output(names[-1], x[names[-1]])[:, SKIP:].log_softmax(-1)
            for lens, name in kl:
                logits = lenses[lens](name, x[name]).float()
                far = divergence(target, logits[:, SKIP:].log_softmax(-1))
                seen = [foresight(logits[:, p].cpu(), part, p) for p in range(SKIP, part.shape[1] - SOON - 1, STRIDE)]
                for sums, total, count in [(kl, float(far.sum()), far.numel()), *((soon, *found) for found in seen)]:
                    sums[lens, name][0] += total
                    sums[lens, name][1] += count
    if not all(count for _, count in soon.values()):
        raise GlassbookError("all test rows hold the same tokens, so none are left to foresee; give another text")
    return [
        {"lens": lens, "block": name, "layer": names.index(name), "kl": kl[lens, name][0] / kl[lens, name][1],
         "foresight": soon[lens, name][0] / soon[lens, name][1]}
        for lens, name in kl
    ]  # fmt: skip


def _streams(lm: LanguageModel, ids: Tensor, names: Sequence[str]) -> Iterator[tuple[Tensor, dict[str, Tensor]]]:
    """Rows in batches, each with the streams after the blocks [B, length, d]."""
    from glassbook.trace import read_sites

    for part in ids.split(TOGETHER):
        found = read_sites(lm.model, {"input_ids": part.to(lm.device)}, [f"{name}.out" for name in names])
        yield part, {name: found[f"{name}.out"] for name in names}


def divergence(target: Tensor, guess: Tensor) -> Tensor:
    """KL(target || guess) of log-probabilities [..., vocab], nats."""
    return (target.exp() * (target - guess)).sum(-1)


def foresight(logits: Tensor, ids: Tensor, p: int) -> tuple[float, int]:
    """How well a lens tells the tokens that its own text will hold from those that other texts will hold.

    For each ordered pair of rows, the first row's logits compare the coming tokens of the first with those of the
    second, 2 to `SOON` + 1 places on. Tokens that either row has held, or holds next, and tokens that are coming in
    both, are left out on both sides. The pair's score is the share of comparisons in which the own token is ahead,
    less the share in which the other one is: 1 if a lens foresees, -1 if it foresees the opposite. The two sides are
    chosen alike, and every pair is scored both ways, so the scores of a lens that ignores its text add up to 0,
    whatever it says; and one that repeats what the text has held says nothing of the tokens that are compared.

    Args:
        logits: of the rows at place p [B, vocab].
        ids: the rows [B, T].
        p: the place; T exceeds p + 2.

    Returns:
        the sum of the scores of all pairs that have tokens to compare, and the number of such pairs.
    """
    soon, known = ids[:, p + 2 : p + 2 + SOON], ids[:, : p + 2]
    repeated = (soon[:, :, None] == soon[:, None, :]).tril(-1).any(-1)  # [B, n]: the token came sooner

    def held(part: Tensor) -> Tensor:
        """[i, j, k]: row j's part holds the k-th coming token of row i."""
        return (soon[:, None, :, None] == part[None, :, None, :]).any(-1)

    old = held(known)
    fresh = ~(repeated[:, None] | old | old.diagonal().T[:, None] | held(soon))
    pairs = fresh[..., None] & fresh.transpose(0, 1)[:, :, None]  # [i, j, k, l]: tokens of i and j to compare
    ours, others = logits.gather(1, soon)[:, None, :, None], logits[:, soon][:, :, None, :]
    ahead = (ours > others).float() - (ours < others).float()
    count = pairs.sum((-1, -2))
    scores = (ahead * pairs).sum((-1, -2))[count > 0] / count[count > 0]
    return float(scores.sum()), len(scores)


def halves(lens: JacobianLens, controls: Mapping[str, JacobianLens]) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """Whether the Jacobian of one half of a text agrees with that of the other more than with controls.

    Agreement is the cosine of what goes beyond the identity (`circuits.jacobian_lens.agreement`).

    Args:
        lens: of which there are halves.
        controls: name -> lens with the same blocks.

    Returns:
        a row for each layer and what the first half is compared with; and the results: the mean agreement with the
        other half and with each control, and `worst_agreement_lead`, the least lead over the layers of the agreement
        with the other half over the best control.
    """
    from glassbook.circuits.jacobian_lens import agreement

    first, second = lens.halves
    rivals = {"other half": second, **{name: control.matrices for name, control in controls.items()}}
    found = {
        rival: [agreement(J, matrices[name].to(J.device)) for name, J in first.items()]
        for rival, matrices in rivals.items()
    }
    rows = [
        {"with": rival, "layer": layer, "cosine": cosine}
        for rival, cosines in found.items()
        for layer, cosine in enumerate(cosines)
    ]
    layers = (dict(zip(found, cosines, strict=True)) for cosines in zip(*found.values(), strict=True))
    lead = min(kit.lead(cosines, "other half") for cosines in layers)
    means = {f"{name.replace(' ', '_')}_agreement": mean(cosines) for name, cosines in found.items()}
    return rows, {"worst_agreement_lead": lead, **means}
