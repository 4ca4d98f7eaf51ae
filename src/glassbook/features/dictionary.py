"""The dictionary: everything with `encode` and `decode` here is one class, and the rule of its code is a value."""

from __future__ import annotations

import copy
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn
from torch.nn.functional import embedding_bag, linear, normalize

from glassbook.errors import GlassbookError
from glassbook.features.codes import BatchTopK, Code, TopK
from glassbook.notebook.files import write_atomic

FORMAT = "glassbook.dictionary"
_CODES = {code.__name__: code for code in (TopK, BatchTopK)}


class Dictionary(nn.Module):
    """Sparse autoencoder, or with `d_out` a transcoder: z = code(W_enc (x - b_dec) + b_enc), xh = z W_dec + b_dec.

    A transcoder reads one site and predicts another, and does not subtract b_dec from what it reads. Rows of W_dec
    have norm 1, so a latent's value is the length of what it adds.

    The weights see activations that are centred and scaled to E||x||^2 = d, so that one learning rate fits all
    models: x' = (x - centre) * scale. `encode` and `decode` take and give raw activations and codes in their units
    all the same; `fold` (and `save`) move centre and scale into the biases.

    Args:
        d_in: dimensions of the activations that are read.
        width: number of latents F.
        code: `TopK(k)` or `BatchTopK(k)`.
        d_out: dimensions of the activations that are predicted, for a transcoder.

    Attributes:
        W_enc: [width, d_in], starts as a copy of W_dec (tied; a transcoder's is drawn).
        W_dec: [width, d], one feature's direction in each row; starts as random unit vectors of torch's generator.
        b_enc: [width]. b_dec: [d].
        about: what it was trained on (model, site, tokens, ...), kept in the file.
    """

    centre: Tensor
    scale: Tensor
    centre_out: Tensor
    scale_out: Tensor

    def __init__(self, d_in: int, width: int, code: Code, d_out: int | None = None) -> None:
        super().__init__()
        if width < code.k:
            raise GlassbookError(f"k = {code.k} but the dictionary has only {width} latents; choose a smaller k")
        self.d_in, self.width, self.code = d_in, width, code
        self.d_out = d_in if d_out is None else d_out
        self.transcodes = d_out is not None
        self.W_dec = nn.Parameter(normalize(torch.randn(width, self.d_out), dim=1))
        tied = not self.transcodes
        self.W_enc = nn.Parameter(self.W_dec.detach().clone() if tied else normalize(torch.randn(width, d_in), dim=1))
        self.b_enc = nn.Parameter(torch.zeros(width))
        self.b_dec = nn.Parameter(torch.zeros(self.d_out))
        for name, d in (("", d_in), ("_out", self.d_out)):
            self.register_buffer(f"centre{name}", torch.zeros(d))
            self.register_buffer(f"scale{name}", torch.ones(()))
        self.about: dict[str, Any] = {}

    def extra_repr(self) -> str:
        """Sizes and rule, for print."""
        out = f", d_out={self.d_out}" if self.transcodes else ""
        return f"d_in={self.d_in}, width={self.width}, code={self.code}{out}"

    # --- use ----------------------------------------------------------------------------------------------------

    def encode(self, x: Tensor) -> Tensor:
        """Codes [..., width] of raw activations x [..., d_in]."""
        return self.code.codes(self.pre(x)) / self.scale_out

    def encode_sparse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The active entries of the codes of x [..., d_in]: (values, indices), [..., m] each; spare values are 0.

        m is k for TopK; for BatchTopK it is the largest number of latents active on a row.
        """
        values, indices = self.code.sparse(self.pre(x))
        return values / self.scale_out, indices

    def decode(self, z: Tensor) -> Tensor:
        """Raw activations [..., d_out] from codes z [..., width]."""
        return z @ self.W_dec + self._offset()  # codes are in the units of the output: its scale cancels

    def decode_sparse(self, values: Tensor, indices: Tensor) -> Tensor:
        """Raw activations [..., d_out] from the entries [..., m] of codes; touches m rows of W_dec only."""
        m = indices.shape[-1]
        flat, weights = indices.reshape(-1, m), values.reshape(-1, m)
        out = embedding_bag(flat, self.W_dec, mode="sum", per_sample_weights=weights)
        return out.reshape(*indices.shape[:-1], self.d_out) + self._offset()

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruction (a transcoder: prediction) [..., d_out] of x [..., d_in]."""
        return self.decode_sparse(*self.encode_sparse(x))

    def direction(self, i: int) -> Tensor:
        """What latent `i` adds for each unit of its value: [d_out], of norm 1."""
        if not 0 <= i < self.width:
            raise GlassbookError(f"there is no feature {i}; choose 0 to {self.width - 1}")
        return self.W_dec[i].detach()

    def pre(self, x: Tensor) -> Tensor:
        """Pre-activations [..., width] in the units that the weights see."""
        if x.shape[-1] != self.d_in:
            raise GlassbookError(
                f"the dictionary reads {self.d_in} dimensions, not {x.shape[-1]}; is it the right site?"
            )
        x = (x - self.centre) * self.scale
        return linear(x if self.transcodes else x - self.b_dec, self.W_enc, self.b_enc)

    def _offset(self) -> Tensor:
        return self.b_dec / self.scale_out + self.centre_out

    # --- scale --------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def fold(self) -> Dictionary:
        """Move centre and scale into the weights: the same function, with centre 0 and scale 1. Returns itself."""
        s, t = self.scale.clone(), self.scale_out.clone()
        if self.transcodes:
            self.b_enc.sub_(s * (self.W_enc @ self.centre)).div_(t)
            self.W_enc.mul_(s / t)
        else:
            self.b_enc.div_(t)
        self.b_dec.copy_(self._offset())
        if isinstance(self.code, BatchTopK) and self.code.threshold is not None:
            self.code = BatchTopK(self.code.k, float(self.code.threshold / t))
        for centre, scale in ((self.centre, self.scale), (self.centre_out, self.scale_out)):
            centre.zero_()
            scale.fill_(1.0)
        return self

    @torch.no_grad()
    def look_through(self, centre: Tensor, scale: Tensor) -> None:
        """Let an autoencoder's weights see (x - centre) * scale from now on; what they compute stays what it was."""
        self.fold()
        self.b_enc.mul_(scale)
        self.b_dec.sub_(centre).mul_(scale)
        if isinstance(self.code, BatchTopK) and self.code.threshold is not None:
            self.code = BatchTopK(self.code.k, float(self.code.threshold * scale))
        for name in ("", "_out"):
            getattr(self, f"centre{name}").copy_(centre)
            getattr(self, f"scale{name}").copy_(scale)

    # --- files --------------------------------------------------------------------------------------------------

    def save(self, path: str | Path, **about: Any) -> None:
        """Write weights (folded) and metadata as one safetensors file, whole or not at all.

        Args:
            path: the file.
            about: JSON data beside what `self.about` holds already: model, site, tokens, ...

        Raises:
            GlassbookError: the disk refused.
        """
        folded = copy.deepcopy(self).fold()
        tensors = {name: p.detach().float().cpu().contiguous() for name, p in folded.named_parameters()}
        facts = {
            "format": FORMAT,
            "version": 1,
            "d_in": self.d_in,
            "width": self.width,
            "d_out": self.d_out if self.transcodes else None,
            "code": {"name": type(folded.code).__name__, **asdict(folded.code)},
            "about": {**self.about, **about},
        }
        write_atomic(Path(path), to_bytes(tensors, {FORMAT: json.dumps(facts)}))

    @classmethod
    def load(cls, path: str | Path) -> Dictionary:
        """Read what `save` wrote, ready for raw activations.

        Raises:
            GlassbookError: no such file, damaged, or not a dictionary.
        """
        try:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        except FileNotFoundError as problem:
            raise GlassbookError(f"there is no file {path}; give one that Dictionary.save wrote") from problem
        except (SafetensorError, OSError) as problem:
            raise GlassbookError(f"{path} is damaged or no safetensors file ({problem}); save it again") from problem
        if FORMAT not in metadata:
            raise GlassbookError(f"{path} holds no dictionary; give a file that Dictionary.save wrote")
        try:
            facts = json.loads(metadata[FORMAT])
            rule = dict(facts["code"])
            with torch.random.fork_rng(devices=[]):  # the weights drawn here are replaced
                d = cls(facts["d_in"], facts["width"], _CODES[rule.pop("name")](**rule), facts["d_out"])
            for name, p in d.named_parameters():
                if tensors[name].shape != p.shape:
                    raise ValueError(f"{name} has shape {tuple(tensors[name].shape)}, not {tuple(p.shape)}")
                p.data.copy_(tensors[name])
            d.about = dict(facts["about"])
        except (KeyError, TypeError, ValueError, RuntimeError) as problem:
            raise GlassbookError(f"{path} does not fit its own description ({problem}); save it again") from problem
        return d
