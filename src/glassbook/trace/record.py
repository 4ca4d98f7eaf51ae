"""Activations on disk: safetensors shards of bounded size and one JSON header, read back lazily."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from glassbook.errors import GlassbookError
from glassbook.trace.rows import about, rows
from glassbook.trace.sites import places

_HEADER = "header.json"


def record(
    model: nn.Module,
    batches: Iterable[Mapping[str, Any]],
    sites: str | Iterable[str],
    to: str | Path,
    *,
    skip: Collection[int] = (),
    shard_bytes: int = 1 << 28,
) -> Recording:
    """Run a model over batches and stream its activations to disk, one row for each real token.

    Pads are dropped. Beside the activations each row has its token id, the number of its sequence (counted over all
    batches) and its position in it without pads. Layers after the last site are not run. Where rows are padded on
    the left and `position_ids` are missing, correct ones are added if the model takes them. Models without tokens
    (ViT, autoencoder) give one row for each vector of [B, d] or [B, T, d], and token id -1.

    Args:
        model: in eval mode.
        batches: keyword arguments of the model's forward, one mapping for each call.
        sites: site or sites, with globs; [B, T, d] each.
        to: folder to make; it must not exist or be empty.
        skip: token ids to leave out as well (BOS, EOS, ...).
        shard_bytes: at most so many bytes of tensors in a shard, at least one row.

    Raises:
        GlassbookError: training mode, a folder that is not empty, sites of unequal rows, no rows at all.
    """
    folder = Path(to)
    if model.training:
        raise GlassbookError("the model is in training mode, where dropout adds noise; call eval() on it")
    if folder.exists() and any(folder.iterdir()):
        raise GlassbookError(f"{folder} is not empty; record into a new folder, or delete it")
    names = [place.name for place in places(model, sites)]
    writer = _Writer(folder, shard_bytes, about(model, names, skip))
    for batch in batches:
        writer.add(*rows(model, names, batch, skip))
    writer.finish()
    return Recording(folder)


class _Writer:
    """Collects rows and writes a shard whenever there are enough; every file appears whole or not at all."""

    def __init__(self, folder: Path, shard_bytes: int, header: dict[str, Any]) -> None:
        self.folder, self.shard_bytes, self.header = folder, shard_bytes, header
        self.waiting: list[dict[str, Tensor]] = []
        self.count = self.per_shard = 0
        folder.mkdir(parents=True, exist_ok=True)
        self._write_header()

    def add(self, rows: dict[str, Tensor], sequences: int) -> None:
        rows = {key: value.cpu() for key, value in rows.items()}
        rows["sequence"] += self.header["sequences"]
        if not self.per_shard:
            self.header["dims"] = {name: rows[name].shape[1] for name in self.header["sites"]}
            self.header["dtype"] = {name: str(rows[name].dtype).removeprefix("torch.") for name in self.header["sites"]}
            row_bytes = sum(value[:1].nbytes or value.element_size() * value.shape[-1] for value in rows.values())
            self.per_shard = max(1, self.shard_bytes // row_bytes)
        self.header["sequences"] += sequences
        if len(rows["position"]):
            self.header["context"] = max(self.header["context"], int(rows["position"].max()) + 1)
        self.waiting.append(rows)
        self.count += len(rows["tokens"])
        if self.count >= self.per_shard:
            self._flush()

    def finish(self) -> None:
        if self.count:
            self._flush(everything=True)
        if not self.header["n"]:
            raise GlassbookError("nothing was recorded: there were no batches, or only pads and skipped tokens")
        self.header["complete"] = True
        self._write_header()

    def _flush(self, everything: bool = False) -> None:
        """Write the waiting rows as full shards; what does not fill one goes on waiting, unless everything must go."""
        whole = {key: torch.cat([part[key] for part in self.waiting]) for key in self.waiting[0]}
        end = self.count if everything else self.count // self.per_shard * self.per_shard
        for start in range(0, end, self.per_shard):
            self._shard({key: value[start : min(start + self.per_shard, end)] for key, value in whole.items()})
        # cloned, so that the rows already on disk are freed
        self.waiting, self.count = [{key: value[end:].clone() for key, value in whole.items()}], self.count - end

    def _shard(self, rows: dict[str, Tensor]) -> None:
        name, n = f"{len(self.header['shards']):05d}.safetensors", len(rows["tokens"])
        part = self.folder / f"{name}.part"
        save_file({key: value.contiguous() for key, value in rows.items()}, part)
        self.header["shards"].append({"file": name, "n": n, "bytes": part.stat().st_size})
        self.header["n"] += n
        os.replace(part, self.folder / name)
        self._write_header()

    def _write_header(self) -> None:
        part = self.folder / f"{_HEADER}.part"
        part.write_text(json.dumps(self.header, indent=1))
        os.replace(part, self.folder / _HEADER)


class Recording:
    """Activations that `record` wrote, read from memory-mapped files when they are asked for.

    Attributes: `header` (the JSON), `sites`, `n` (rows).

    Args:
        folder: where `record` put it.

    Raises:
        GlassbookError: no recording, or one that is incomplete or damaged.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        try:
            self.header: dict[str, Any] = json.loads((self.folder / _HEADER).read_text())
            complete, shards = self.header["complete"], self.header["shards"]
            self.n, self.sites = int(self.header["n"]), list(self.header["sites"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise GlassbookError(f"{self.folder} holds no recording that can be read; record it again") from error
        if not complete:
            raise GlassbookError(f"the recording in {self.folder} was interrupted; delete the folder and record again")
        self._shards = [(self.folder / shard["file"], int(shard["n"])) for shard in shards]
        for shard in shards:
            file = self.folder / shard["file"]
            size = file.stat().st_size if file.exists() else 0
            if size != shard["bytes"]:
                raise GlassbookError(f"{file} has {size} bytes, not {shard['bytes']}; it is damaged, record again")

    def dim(self, site: str) -> int:
        """Width d of a site's activations."""
        return int(self.header["dims"][self._known(site)])

    def read(self, site: str) -> Tensor:
        """All rows of a site, [n, d]; mapped, not loaded, if there is one shard."""
        parts = [x for _, x in self._parts(self._known(site))]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def chunks(self, site: str, rows: int) -> Iterator[Tensor]:
        """A site's rows in order, [rows, d] at a time, the last chunk perhaps shorter; one chunk is in memory."""
        if rows < 1:
            raise GlassbookError(f"a chunk of {rows} rows cannot be read; ask for at least 1")
        return self._chunks(self._known(site), rows)

    def tokens(self) -> Tensor:
        """Token id of each row, [n]; -1 for a model without tokens."""
        return torch.cat([x for _, x in self._parts("tokens")])

    def index(self) -> tuple[Tensor, Tensor]:
        """(sequence, position) of each row, [n] each."""
        sequence, position = (torch.cat([x for _, x in self._parts(key)]) for key in ("sequence", "position"))
        return sequence, position

    def mapped(self, key: str) -> list[Tensor]:
        """The shards of a site, or of "tokens", "sequence" or "position", as tensors that stay on disk until read."""
        known = key if key in ("tokens", "sequence", "position") else self._known(key)
        return [x for _, x in self._parts(known)]

    def _known(self, site: str) -> str:
        if site not in self.sites:
            raise GlassbookError(f"{site!r} was not recorded; there are {', '.join(self.sites)}")
        return site

    def _parts(self, key: str) -> Iterator[tuple[int, Tensor]]:
        """(rows, mapped tensor) of each shard."""
        for file, n in self._shards:
            try:
                with safe_open(file, framework="pt") as shard:
                    x = shard.get_tensor(key)
            except (SafetensorError, OSError) as error:
                raise GlassbookError(f"{file} is damaged ({error}); record again") from error
            yield n, x

    def _chunks(self, site: str, rows: int) -> Iterator[Tensor]:
        held: list[Tensor] = []
        count = 0
        for n, x in self._parts(site):
            at = 0
            while at < n:
                take = min(rows - count, n - at)
                held.append(x[at : at + take])
                at, count = at + take, count + take
                if count == rows:
                    yield held[0] if len(held) == 1 else torch.cat(held)
                    held, count = [], 0
        if held:
            yield held[0] if len(held) == 1 else torch.cat(held)
