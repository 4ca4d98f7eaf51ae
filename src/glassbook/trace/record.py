"""Activations on disk: safetensors shards of bounded size and one JSON header, read back lazily."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from glassbook.errors import GlassbookError
from glassbook.notebook.files import replacing, write_atomic
from glassbook.trace.collect import Activations
from glassbook.trace.rows import note_batch, prepare, refuse_empty, rows

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
    (ViT, autoencoder) give one row for each vector of [B, d] or [B, T, d], convolutions one for each pixel of
    [B, C, H, W], with position = row * W + column and `grid: [H, W]` in the header; token id -1.

    Args:
        model: in eval mode.
        batches: keyword arguments of the model's forward, one mapping for each call.
        sites: site or sites, with globs; as many rows each.
        to: folder to make; it must not exist or be empty.
        skip: token ids to leave out as well (BOS, EOS, ...).
        shard_bytes: at most so many bytes of tensors in a shard, at least one row.

    Raises:
        GlassbookError: training mode, a folder that is not empty, sites of unequal rows, no rows at all.
    """
    folder = Path(to)
    if folder.exists() and any(folder.iterdir()):
        raise GlassbookError(f"{folder} is not empty; record into a new folder, or delete it")
    names, header = prepare(model, sites, skip)
    writer = _ShardWriter(folder, shard_bytes, header)
    for batch in batches:
        writer.add(*rows(model, names, batch, skip))
    writer.finish()
    return Recording(folder)


class _ShardWriter:
    """Collects rows and writes a shard whenever there are enough; every file appears whole or not at all."""

    def __init__(self, folder: Path, shard_bytes: int, header: dict[str, Any]) -> None:
        self.folder, self.shard_bytes, self.header = folder, shard_bytes, header
        self.waiting: list[dict[str, Tensor]] = []
        self.count = self.per_shard = 0
        folder.mkdir(parents=True, exist_ok=True)
        self._write_header()

    def add(self, rows: dict[str, Tensor], sequences: int, grid: tuple[int, ...]) -> None:
        rows = {key: value.cpu() for key, value in note_batch(self.header, rows, sequences, grid).items()}
        if not self.per_shard:
            row_bytes = sum(value[:1].nbytes or value.element_size() * value.shape[-1] for value in rows.values())
            self.per_shard = max(1, self.shard_bytes // row_bytes)
        self.waiting.append(rows)
        self.count += len(rows["tokens"])
        if self.count >= self.per_shard:
            self._flush()

    def finish(self) -> None:
        if self.count:
            self._flush(everything=True)
        refuse_empty(self.header["n"])
        self.header["complete"] = True
        self._write_header()

    def _flush(self, everything: bool = False) -> None:
        """Write the waiting rows as full shards; the rest waits for more, unless `everything` is written."""
        whole = {key: torch.cat([part[key] for part in self.waiting]) for key in self.waiting[0]}
        end = self.count if everything else self.count // self.per_shard * self.per_shard
        for start in range(0, end, self.per_shard):
            self._shard({key: value[start : min(start + self.per_shard, end)] for key, value in whole.items()})
        # cloned, so that the rows already on disk are freed
        self.waiting, self.count = [{key: value[end:].clone() for key, value in whole.items()}], self.count - end

    def _shard(self, rows: dict[str, Tensor]) -> None:
        name, n = f"{len(self.header['shards']):05d}.safetensors", len(rows["tokens"])
        with replacing(self.folder / name) as file:
            save_file({key: value.contiguous() for key, value in rows.items()}, file)
        self.header["shards"].append({"file": name, "n": n, "bytes": (self.folder / name).stat().st_size})
        self.header["n"] += n
        self._write_header()

    def _write_header(self) -> None:
        write_atomic(self.folder / _HEADER, json.dumps(self.header, indent=1).encode())


class Recording(Activations):
    """Activations on disk, as `record` wrote them; the shards are memory-mapped and read when they are needed.

    Args:
        folder: where `record` put it.

    Raises:
        GlassbookError: no recording, or one that is incomplete or damaged.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        try:
            header = json.loads((self.folder / _HEADER).read_text())
            complete, shards = header["complete"], header["shards"]
            super().__init__(header, {})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise GlassbookError(f"{self.folder} holds no recording that can be read; record it again") from error
        if not complete:
            raise GlassbookError(f"the recording in {self.folder} was interrupted; delete the folder and record again")
        self._shards = [self.folder / shard["file"] for shard in shards]
        for file, shard in zip(self._shards, shards, strict=True):
            size = file.stat().st_size if file.exists() else 0
            if size != shard["bytes"]:
                raise GlassbookError(f"{file} has {size} bytes, not {shard['bytes']}; it is damaged, record again")

    def _parts(self, key: str) -> Iterator[Tensor]:
        for file in self._shards:
            try:
                with safe_open(file, framework="pt") as shard:
                    x = shard.get_tensor(key)
            except (SafetensorError, OSError) as error:
                raise GlassbookError(f"{file} is damaged ({error}); record again") from error
            yield x
