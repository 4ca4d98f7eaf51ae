"""Activations in memory: the rows that a model gives at some sites, with the token, sequence and position of each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from glassbook.errors import GlassbookError
from glassbook.trace.rows import note_batch, prepare, refuse_empty, rows

_INDEX = ("tokens", "sequence", "position")


def collect(
    model: nn.Module,
    batches: Iterable[Mapping[str, Any]],
    sites: str | Iterable[str],
    *,
    skip: Collection[int] = (),
) -> Activations:
    """Run a model over batches and keep its activations in memory, on its device, one row for each real token.

    The rows are those of `record`, for what is too small to be worth a file:

        acts = collect(lm.model, batches, "blocks.3.out", skip={lm.tokenizer.bos})
        acts.read("blocks.3.out")                       # [n, d]
        sequence, position = acts.index()               # which text, and which token of it, each row is

    Args:
        model: in eval mode.
        batches: keyword arguments of the model's forward, one mapping for each call.
        sites: site or sites, with globs; as many rows each: of [B, T, d], or in models without
            tokens of [B, d] or the pixels of [B, C, H, W].
        skip: token ids to leave out besides pads (BOS, EOS, ...).

    Raises:
        GlassbookError: training mode, sites of unequal rows, no rows at all.
    """
    names, header = prepare(model, sites, skip)
    parts = [note_batch(header, *rows(model, names, batch, skip)) for batch in batches]
    header["n"] = sum(len(part["tokens"]) for part in parts)
    refuse_empty(header["n"])
    return Activations(header, {key: torch.cat([part[key] for part in parts]) for key in parts[0]})


class Activations:
    """Activations of some sites, one row for each real token, in the order in which the model read them.

    Attributes:
        header: which model, which sites, which tokens were left out; see `rows.describe`.
        sites: full names.
        n: rows.

    Args:
        header: as above.
        columns: "tokens", "sequence" and "position" [n], and each site [n, d].
    """

    def __init__(self, header: dict[str, Any], columns: Mapping[str, Tensor]) -> None:
        self.header, self._columns = header, columns
        self.n, self.sites = int(header["n"]), list(header["sites"])

    def cpu(self) -> Activations:
        """The same in main memory."""
        return Activations(self.header, {key: _joined(self.mapped(key)).cpu() for key in (*_INDEX, *self.sites)})

    @property
    def grid(self) -> tuple[int, ...]:
        """(height, width) of the feature maps that the rows are pixels of; () if they are none."""
        return tuple(self.header.get("grid", ()))

    def dim(self, site: str) -> int:
        """Width d of a site's activations."""
        return int(self.header["dims"][self._checked(site)])

    def read(self, site: str) -> Tensor:
        """All rows of a site, [n, d]."""
        return _joined(list(self._parts(self._checked(site))))

    def tokens(self) -> Tensor:
        """Token id of each row, [n]; -1 for a model without tokens."""
        return _joined(list(self._parts("tokens")))

    def index(self) -> tuple[Tensor, Tensor]:
        """(sequence, position) of each row, [n] each: the number of its text over all batches, its place in that."""
        sequence, position = (_joined(list(self._parts(key))) for key in ("sequence", "position"))
        return sequence, position

    def mapped(self, key: str) -> list[Tensor]:
        """The parts of a site, or of "tokens", "sequence" or "position"; of a recording, mapped from disk."""
        return list(self._parts(key if key in _INDEX else self._checked(key)))

    def _checked(self, site: str) -> str:
        if site not in self.sites:
            raise GlassbookError(f"{site!r} was not recorded; there are {', '.join(self.sites)}")
        return site

    def _parts(self, key: str) -> Iterator[Tensor]:
        yield self._columns[key]


def _joined(parts: list[Tensor]) -> Tensor:
    """The parts as one tensor; a single one is not copied."""
    return parts[0] if len(parts) == 1 else torch.cat(parts)
