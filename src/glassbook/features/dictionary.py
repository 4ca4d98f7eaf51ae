"""Sparse autoencoder (SAE), transcoder and crosscoder: one class `Dictionary`, whose sparsity rule is a value.

`features.train.fit` trains one; `features.formats.load` reads those of other programs.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn
from torch.nn.functional import linear, normalize

from glassbook.errors import GlassbookError
from glassbook.features.coder import Coder
from glassbook.features.sparsity import (
    Gated,
    JumpReLU,
    SparsityRule,
    base_rule,
    check_width,
    describe,
    from_description,
)
from glassbook.notebook.files import write_atomic

FORMAT = "glassbook.dictionary"
VERSION = 2


class Dictionary(Coder):
    """Sparse autoencoder, transcoder or crosscoder: z = rule(W_enc (x - b_dec) + b_enc), xh = z W_dec + b_dec.

    A transcoder (`d_out`) reads one site and predicts another; it does not take b_dec off what it reads, and with
    `skip` adds a linear path: y = z W_dec + W_skip x + b_dec (Paulo et al. 2025, arXiv:2501.18823). A crosscoder
    (`parts`) is an autoencoder of several sites at once, x their concatenation (Lindsey et al. 2024).

    Rows of W_dec have norm 1, so a latent's value is the length of what it adds (a crosscoder's have norm 1 in units
    in which every site has E||x||^2 = its dimensions).

    Args:
        d_in: dimensions of the activations that are read.
        width: number of latents F.
        rule: the sparsity rule, such as TopK(32); see `features.sparsity`.
        d_out: dimensions of the activations that are predicted, for a transcoder.
        skip: give a transcoder the linear path.
        parts: dimensions of each site, for a crosscoder; their sum is d_in.

    Attributes:
        W_enc: [F, d_in], starts as a copy of W_dec (tied; a transcoder's is drawn).
        W_dec: [F, d_out], one feature's direction in each row; starts as random unit vectors of torch's generator.
        b_enc: [F]. b_dec: [d_out].
        theta: [F], thresholds of a JumpReLU; else None.
        W_skip: [d_out, d_in], of a transcoder with `skip`; else None.
        gain, b_mag: [F], scale and bias of a Gated dictionary's magnitudes; else None.
        about: what it was trained on (model, site, tokens, ...), kept in the file.
        fresh: whether the weights are those it was made with, which training may start from in its own units.
    """

    def __init__(
        self,
        d_in: int,
        width: int,
        rule: SparsityRule,
        d_out: int | None = None,
        *,
        skip: bool = False,
        parts: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        check_width(rule, width)
        self.d_in, self.width, self.rule = d_in, width, rule
        self.d_out = d_in if d_out is None else d_out
        self.transcodes, self.parts = d_out is not None, tuple(parts or (d_in,))
        if sum(self.parts) != d_in or min(self.parts) < 1:
            raise GlassbookError(f"the parts {self.parts} of a crosscoder must add up to d_in = {d_in}")
        if self.transcodes and len(self.parts) > 1:
            raise GlassbookError("a dictionary predicts another site (d_out) or rebuilds several (parts), not both")
        if skip and not self.transcodes:
            raise GlassbookError("only a transcoder (d_out) can have a path past its latents (skip)")
        self.W_dec = nn.Parameter(normalize(torch.randn(width, self.d_out), dim=1))
        tied = not self.transcodes
        self.W_enc = nn.Parameter(self.W_dec.detach().clone() if tied else normalize(torch.randn(width, d_in), dim=1))
        self.b_enc = nn.Parameter(torch.zeros(width))
        self.b_dec = nn.Parameter(torch.zeros(self.d_out))
        jumps, gated = isinstance(base_rule(rule), JumpReLU), isinstance(rule, Gated)
        self.theta = nn.Parameter(torch.zeros(width)) if jumps else None
        self.W_skip = nn.Parameter(torch.zeros(self.d_out, d_in)) if skip else None
        self.gain = nn.Parameter(torch.ones(width)) if gated else None
        self.b_mag = nn.Parameter(torch.zeros(width)) if gated else None
        self.about: dict[str, Any] = {}
        self.fresh = True

    def extra_repr(self) -> str:
        """Sizes and rule, for print."""
        more = f", d_out={self.d_out}, skip={self.W_skip is not None}" if self.transcodes else ""
        more += f", parts={self.parts}" if len(self.parts) > 1 else ""
        return f"d_in={self.d_in}, width={self.width}, rule={self.rule}{more}"

    def encode(self, x: Tensor) -> Tensor:
        """Latent activations [..., F] of activations x [..., d_in]."""
        return self.rule.dense(self.pre(x), self.theta)

    def encode_sparse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The active latents of x [..., d_in]: (values, indices), [..., m] each; spare values are 0.

        m is k for TopK; for other rules it is the largest number of latents active on a row.
        """
        return self.rule.sparse(self.pre(x), self.theta)

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruction (a transcoder: prediction) [..., d_out] of x [..., d_in]."""
        out = self.decode_sparse(*self.encode_sparse(x))
        return out if self.W_skip is None else out + linear(self.checked(x), self.W_skip)

    def pre(self, x: Tensor) -> Tensor:
        """Pre-activations [..., F]; of a Gated dictionary the magnitudes where the gate is open, else 0."""
        x = self.checked(x)
        pre = linear(x if self.transcodes else x - self.b_dec, self.W_enc, self.b_enc)
        if self.gain is None or self.b_mag is None:
            return pre
        return torch.where(pre > 0, (pre - self.b_enc) * self.gain + self.b_mag, 0.0)

    # --- files --------------------------------------------------------------------------------------------------

    def save(self, path: str | Path, **about: Any) -> None:
        """Write weights and metadata as one safetensors file, whole or not at all.

        Args:
            path: the file.
            about: JSON data beside what `self.about` holds already: model, site, tokens, ...

        Raises:
            GlassbookError: the disk refused.
        """
        tensors = {name: p.detach().float().cpu().contiguous() for name, p in self.named_parameters()}
        facts = {
            "format": FORMAT,
            "version": VERSION,
            "d_in": self.d_in,
            "width": self.width,
            "d_out": self.d_out if self.transcodes else None,
            "skip": self.W_skip is not None,
            "parts": self.parts if len(self.parts) > 1 else None,
            "code": describe(self.rule),
            "about": {**self.about, **about},
        }
        write_atomic(Path(path), to_bytes(tensors, {FORMAT: json.dumps(facts)}))

    @classmethod
    def load(cls, path: str | Path) -> Dictionary:
        """Read what `save` wrote.

        Raises:
            GlassbookError: no such file, damaged, not a dictionary, or with weights that are not finite.
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
            if facts.get("version", 1) > VERSION:
                raise ValueError(f"version {facts['version']} is newer than this program")
            sizes = {"skip": facts.get("skip", False), "parts": facts.get("parts")}
            with torch.random.fork_rng(devices=[]):  # the weights drawn here are replaced
                d = cls(facts["d_in"], facts["width"], from_description(facts["code"]), facts["d_out"], **sizes)
            d.take(tensors)
            d.about = dict(facts["about"])
        except (KeyError, TypeError, ValueError, RuntimeError, GlassbookError) as problem:
            raise GlassbookError(f"{path} does not fit its own description ({problem}); save it again") from problem
        return d

    def take(self, tensors: dict[str, Tensor]) -> None:
        """Take weights by name.

        Raises:
            ValueError: one is missing, has another shape, or is not finite.
        """
        for name, p in self.named_parameters():
            if name not in tensors:
                raise ValueError(f"{name} is missing")
            if tensors[name].shape != p.shape:
                raise ValueError(f"{name} has shape {tuple(tensors[name].shape)}, not {tuple(p.shape)}")
            if not bool(torch.isfinite(tensors[name]).all()):
                raise ValueError(f"{name} holds values that are not finite")
            p.data.copy_(tensors[name])
        self.fresh = False
