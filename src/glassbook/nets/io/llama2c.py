"""The .bin files of karpathy/llama2.c: a header, then every parameter, one after the other.

Version 0 starts with seven int32 and carries rotary tables; version 1 has a 256-byte header with a magic number, and
version 2 keeps matrices in 8 bits, each as its numbers and then a float32 scale for each group of them (Q8_0).
llama2.c rotates neighbouring channels of a head together, where our LM (like transformers) rotates channel i of the
first half with channel i of the second; so the rows of q and k change places on the way in and out.
"""

import struct
from dataclasses import dataclass
from math import gcd, prod
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from glassbook.errors import GlassbookError
from glassbook.nets.transformer import LM, LMConfig
from glassbook.notebook.files import replacing

_MAGIC = 0x616B3432  # "ak42"
_V1_HEADER = 256
_OWN, _OWN_AT = 0x67623432, 64  # "gb42": a rotary base and an epsilon of the model's own, two float64 at byte 64
_LARGEST = 2**28  # a larger size means that this is no header

_ATTENTION = ("attn.q", "attn.k", "attn.v", "attn.o")
_MLP = ("mlp.gate", "mlp.down", "mlp.up")


@dataclass(frozen=True)
class _Header:
    config: LMConfig
    version: int
    size: int
    group: int = 0

    def order(self) -> list[str]:
        """Names of the tensors in the order of the file; "rotary" stands for version 0's two tables."""
        c = self.config
        layers = {
            part: [f"blocks.{i}.{part}" for i in range(c.n_layers)] for part in ("norm1", "norm2", *_ATTENTION, *_MLP)
        }
        matrices = [name for part in _ATTENTION for name in layers[part]]
        mlp = [name for part in _MLP for name in layers[part]]
        head = [] if c.tied else ["head"]
        if self.version == 0:
            return ["embed", *layers["norm1"], *matrices, *layers["norm2"], *mlp, "norm", "rotary", *head]
        return [*layers["norm1"], *layers["norm2"], "norm", "embed", *matrices, *mlp, *head]

    def promised(self) -> int:
        """Bytes of the file; counted without naming the tensors, of which a false header has many."""
        c = self.config
        layer = sum(self.bytes_of(f"blocks.0.{part}") for part in ("norm1", "norm2", *_ATTENTION, *_MLP))
        others = ["embed", "norm", *([] if c.tied else ["head"]), *(["rotary"] if self.version == 0 else [])]
        return self.size + c.n_layers * layer + sum(map(self.bytes_of, others))

    def quantised(self, name: str) -> bool:
        """Whether a tensor is kept in 8 bits."""
        return self.version == 2 and not name.endswith(("norm", "norm1", "norm2"))

    def bytes_of(self, name: str) -> int:
        """How many bytes of the file a tensor takes."""
        n = prod(self.shape(name))
        return n + 4 * (n // self.group) if self.quantised(name) else 4 * n

    def shape(self, name: str) -> tuple[int, ...]:
        c = self.config
        keys = c.n_kv_heads * c.head_dim
        return {
            "embed": (c.vocab, c.d_model),
            "head": (c.vocab, c.d_model),
            "rotary": (c.context, c.head_dim),
            "attn.q": (c.d_model, c.d_model),
            "attn.k": (keys, c.d_model),
            "attn.v": (keys, c.d_model),
            "attn.o": (c.d_model, c.d_model),
            "mlp.gate": (c.d_hidden, c.d_model),
            "mlp.up": (c.d_hidden, c.d_model),
            "mlp.down": (c.d_model, c.d_hidden),
        }.get(name.split(".", 2)[-1], (c.d_model,))


def read_llama2c(file: Path) -> LM:
    """Read a model, in float32 and eval mode.

    Args:
        file: a llama2.c .bin of version 0, 1 or 2, or one with a rotary base of its own (`write_llama2c`).

    Raises:
        GlassbookError: the file is truncated, too long, of another version, or no llama2.c file at all.

    Source: export.py and run.c of karpathy/llama2.c.
    """
    try:
        with file.open("rb") as stream:
            header = _read_header(file, stream.read(_V1_HEADER))
        size, promised = file.stat().st_size, header.promised()
        if size != promised:
            what = "truncated" if size < promised else "too long, or no llama2.c file"
            raise GlassbookError(f"{file} is {what}: it has {size:,} bytes, its header promises {promised:,}")
        data = np.fromfile(file, dtype=np.uint8, offset=header.size)
    except OSError as error:
        raise GlassbookError(f"{file} cannot be read ({error.strerror})") from error
    state: dict[str, Tensor] = {}
    start = 0
    for name in header.order():
        shape = header.shape(name)
        part = data[start : start + header.bytes_of(name)]
        start += len(part)
        if header.quantised(name):
            whole, scales = part[: prod(shape)].view(np.int8), part[prod(shape) :].copy().view("<f4")
            numbers = whole.reshape(-1, header.group) * scales[:, None]
        else:
            numbers = part.copy().view("<f4")
        tensor = torch.from_numpy(numbers.astype(np.float32)).view(shape)
        if name.endswith(("attn.q", "attn.k")):
            tensor = tensor.view(-1, header.config.head_dim // 2, 2, shape[1]).transpose(1, 2).reshape(shape)
        if name != "rotary":
            state[f"{name}.weight"] = tensor
    if header.config.tied:
        state["head.weight"] = state["embed.weight"]
    model = LM(header.config)
    model.load_state_dict(state)
    return model.eval()


def fits_llama2c(config: LMConfig) -> bool:
    """Whether a model has the rotary base and the epsilon that llama2.c takes for granted."""
    return (config.rope_theta, config.norm_eps) == (1e4, 1e-5)


def write_llama2c(model: LM, file: Path, version: int = 1, own: bool = False, levels: int = 127) -> None:
    """Write a model as a llama2.c .bin, whole or not at all.

    Args:
        model: the model.
        file: where to.
        version: 0, which run.c reads; 1, which export.py writes too; 2, which runq.c reads: matrices in 8 bits.
        own: write the mark "gb42" instead of llama2.c's, and behind the header base and epsilon. llama2.c's programs
            refuse the file; `nets/io/run.py` reads it.
        levels: of version 2: a number is at most this many times the scale of its group. Fewer than 127 are fewer bits
            in the same bytes.

    Raises:
        GlassbookError: the model's rotary base or epsilon is not the one that llama2.c takes for granted.
    """
    c = model.config
    if not (own or fits_llama2c(c)):
        raise GlassbookError("llama2.c knows only rope_theta 1e4 and norm_eps 1e-5; this model has others")
    group = group_size(c)
    header = _Header(c, version, size=_V1_HEADER, group=group)
    sizes = (c.d_model, c.d_hidden, c.n_layers, c.n_heads, c.n_kv_heads)
    state = model.state_dict()
    with replacing(file) as new, new.open("wb") as out:
        if version == 0:
            out.write(struct.pack("<7i", *sizes, c.vocab if c.tied else -c.vocab, c.context))
        else:
            mark = struct.pack("<Ii7iB", _OWN if own else _MAGIC, version, *sizes, c.vocab, c.context, c.tied)
            mark += struct.pack("<i", group) if version == 2 else b""
            base = struct.pack("<2d", c.rope_theta, c.norm_eps) if own else b""
            out.write((mark.ljust(_OWN_AT, b"\0") + base).ljust(_V1_HEADER, b"\0"))
        for name in header.order():
            if name == "rotary":
                out.write(bytes(4 * prod(header.shape(name))))  # two tables that no program reads any more
                continue
            tensor = state[f"{name}.weight"].float().cpu()
            if name.endswith(("attn.q", "attn.k")):
                tensor = tensor.view(-1, 2, c.head_dim // 2, c.d_model).transpose(1, 2)
            if header.quantised(name):
                whole, scales = quantise(tensor.reshape(-1, group), levels)
                out.write(whole.numpy().tobytes() + scales.numpy().astype("<f4").tobytes())
            else:
                out.write(tensor.contiguous().numpy().astype("<f4").tobytes())


def group_size(config: LMConfig) -> int:
    """How many numbers share a scale in version 2: 64, halved until it divides the rows of every matrix.

    export.py looks at the width alone; runq.c then leaves out the end of each row of a hidden width that does not fit.
    """
    return gcd(64, config.d_model, config.d_hidden)


def quantise(groups: Tensor, levels: int = 127) -> tuple[Tensor, Tensor]:
    """Numbers [groups, size] as whole numbers from -levels to levels, int8, and a scale for each group, [groups].

    The scale is the largest size in the group over `levels`; a group of zeros has the scale 0.
    """
    scales = groups.abs().amax(1) / levels
    return (groups / scales.where(scales > 0, 1.0)[:, None]).round().to(torch.int8), scales


def _read_header(file: Path, data: bytes) -> _Header:
    """Make sense of a file's first bytes, or say why they make none."""
    if len(data) < 28:
        raise GlassbookError(f"{file} is truncated: it has only {len(data)} bytes, too few for a header")
    version, size, at, tied, group, base = 0, 28, 0, None, 0, (1e4, 1e-5)
    if (magic := struct.unpack_from("<I", data)[0]) in (_MAGIC, _OWN):
        version, size, at = struct.unpack_from("<i", data, 4)[0], _V1_HEADER, 8
        if version not in (1, 2):
            raise GlassbookError(f"{file} is a llama2.c file of version {version}; only 0, 1 and 2 can be read")
        if len(data) < _V1_HEADER:
            raise GlassbookError(f"{file} is truncated: it has only {len(data)} bytes, too few for a header")
        tied, group = bool(data[36]), struct.unpack_from("<i", data, 37)[0] if version == 2 else 0
        base = struct.unpack_from("<2d", data, _OWN_AT) if magic == _OWN else base
    d_model, d_hidden, n_layers, n_heads, n_kv_heads, vocab, context = struct.unpack_from("<7i", data, at)
    if tied is None:
        tied = vocab > 0  # version 0 marks an untied head by a negative vocabulary
    sizes = (d_model, d_hidden, n_layers, n_heads, n_kv_heads, abs(vocab), context)
    if not all(0 < n < _LARGEST for n in sizes):
        raise GlassbookError(f"{file} is not a llama2.c model: its first numbers make no sense as sizes")
    if version == 2 and (group < 1 or d_model % group or d_hidden % group):
        raise GlassbookError(f"{file} has groups of {group} numbers, which do not divide its rows")
    if not all(0 < number < 1e12 for number in base):
        raise GlassbookError(
            f"{file} has a rotary base of {base[0]:g} and an epsilon of {base[1]:g}, which make no sense"
        )
    try:
        config = LMConfig(abs(vocab), d_model, n_layers, n_heads, n_kv_heads, d_hidden, context, *base, tied=tied)
    except GlassbookError as error:
        raise GlassbookError(f"{file} is not a llama2.c model that can be read: {error}") from error
    return _Header(config, version, size, group)
