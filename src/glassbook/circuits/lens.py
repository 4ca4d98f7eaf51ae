"""Logit lens and tuned lens: the next-token prediction of each layer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from glassbook.errors import GlassbookError
from glassbook.nets import LanguageModel
from glassbook.notebook.files import write_atomic
from glassbook.trace import read_sites
from glassbook.trace.roles import blocks, final
from glassbook.trace.rows import of_other_weights, told_weights

TUNED_LENS = "tuned-lens.safetensors"
"""Name of the file."""


@torch.no_grad()
def logit_lens(lm: LanguageModel, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The residual stream after each block, through the model's readout: block -> logits [B, T, vocab].

    Source: nostalgebraist 2020, "interpreting GPT: the logit lens".

    Raises:
        GlassbookError: the model has no final norm and head that lead from its last block to its logits, or the
            inputs exceed its context.
    """
    lens = LogitLens(lm)
    return {name: lens(name, x) for name, x in _residuals(lm, inputs).items()}


class LogitLens:
    """Logit lens: lens(name, x) = readout(x), logits [..., vocab] of the stream x [..., d] after any block.

    The readout is that of the last block: final norm, head, and a scale or soft cap of the logits if the model has one.
    """

    def __init__(self, lm: LanguageModel) -> None:
        self._readout = final(lm)

    @torch.no_grad()
    def __call__(self, name: str, x: Tensor) -> Tensor:
        """Logits; the block's name changes nothing."""
        return self._readout(x).float()


class TunedLens(nn.Module):
    """Tuned lens: an affine translator for each block, before the model's readout.

    `lens(name, x)` are logits. Translators start as the identity, which is the logit lens.

    Source: Belrose et al. 2023, arXiv:2303.08112.
    """

    def __init__(self, lm: LanguageModel) -> None:
        super().__init__()
        self._readout = final(lm)  # no module, so that the model's modules do not become modules of the lens
        self._weights = told_weights(lm.model)
        self.names = blocks(lm.model)[:-1]  # after the last block there is nothing to translate
        self.width = d = self._readout.width
        self.translators = nn.ModuleList(nn.Linear(d, d) for _ in self.names)
        for translator in self.translators:
            assert isinstance(translator, nn.Linear)
            nn.init.zeros_(translator.weight)  # of what is added to x
            nn.init.zeros_(translator.bias)
        self.to(lm.device)

    def forward(self, name: str, x: Tensor) -> Tensor:
        """Logits [..., vocab] of the stream x [..., d] after a block; the model may run in half precision."""
        if name in self.names:
            exact = x.float()  # as the translators are
            x = (exact + self.translators[self.names.index(name)](exact)).to(x.dtype)
        return self._readout(x)

    def save(self, path: Path) -> None:
        """Write the translators as safetensors; `load_tuned_lens(lm, path)` reads them."""
        from safetensors.torch import save

        state = {name: x.cpu().contiguous() for name, x in self.state_dict().items()}
        write_atomic(Path(path), save(state, {"weights": self._weights}))


def load_tuned_lens(lm: LanguageModel, path: Path) -> TunedLens:
    """Read a tuned lens: a file that `TunedLens.save` wrote, or a folder of the package tuned-lens.

    In such a folder (config.json and params.pt, as published beside the paper) a translator belongs to the input of
    its block, which is the output of the one before. The first, of the embeddings, is left out. No code is run.

    Raises:
        GlassbookError: the file cannot be read, or is of another model.
    """
    from safetensors import SafetensorError, safe_open

    lens, path = TunedLens(lm), Path(path)
    try:
        if path.is_dir():
            state, told = _published(lens, lm, path), None
        else:
            with safe_open(path, "pt") as file:
                state, told = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118
        if told and of_other_weights(lm.model, told.get("weights")):
            raise GlassbookError(f"{path} is the tuned lens of another model than {lm.name}: its weights differ")
        lens.load_state_dict(state)
    except (OSError, SafetensorError) as problem:
        raise GlassbookError(f"{path} is not a tuned lens: {str(problem).splitlines()[0]}") from None
    except RuntimeError:
        raise GlassbookError(f"{path} is the tuned lens of another model than {lm.name}: its sizes differ") from None
    return lens.eval()


def _published(lens: TunedLens, lm: LanguageModel, folder: Path) -> dict[str, Tensor]:
    """The state of a lens from a folder of the package tuned-lens.

    Raises:
        GlassbookError: a file is missing, damaged or would run code, or the lens is of another kind or model.
    """
    from glassbook.nets.io.files import read_json

    config_file, file = folder / "config.json", folder / "params.pt"
    if not (config_file.is_file() and file.is_file()):
        raise GlassbookError(f"{folder} is not a tuned lens: it has no config.json and params.pt")
    config = read_json(config_file)
    if config.get("lens_type", "linear_tuned_lens") != "linear_tuned_lens":
        raise GlassbookError(f"{folder} is a {config['lens_type']!r}, and only linear tuned lenses are read")
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
        found = {str(name): x.float() for name, x in state.items()}
    except Exception as problem:
        why = str(problem).partition("\n")[0]
        raise GlassbookError(f"{file} is damaged, or a pickle that would run code ({why}); not loaded") from problem
    blocks_here, sizes = len(lens.names) + 1, (config.get("num_hidden_layers"), config.get("d_model"))
    if sizes != (blocks_here, lens.width):
        raise GlassbookError(
            f"{folder} is the tuned lens of a model of {sizes[0]} blocks and width {sizes[1]}; {lm.name} has "
            f"{blocks_here} and {lens.width}"
        )
    names = {f"{i}.{part}": f"translators.{i - 1}.{part}" for i in range(1, blocks_here) for part in ("weight", "bias")}
    for name in names:
        if name.endswith(".bias") and not config.get("bias", True):
            found[name] = torch.zeros(lens.width)
        elif name not in found:
            raise GlassbookError(f"{file} has no {name}; is it whole?")
    return {ours: found[theirs] for theirs, ours in names.items()}


def fit_tuned_lens(
    lm: LanguageModel,
    batches: Iterable[Mapping[str, Tensor]],
    *,
    lr: float = 1e-3,
    weight_decay: float = 1e-3,
    each: Callable[[], object] = lambda: None,
) -> TunedLens:
    """Train a tuned lens: minimise KL(model || lens) of each block.

    Args:
        lm: the model; it is not changed.
        batches: inputs of its forward; one step of Adam for each.
        lr: learning rate, falling linearly if the number of batches is known.
        weight_decay: pulls the translators towards the identity.
        each: called after each batch, to show progress.
    """
    lens = TunedLens(lm)
    parameters = list(lens.translators.parameters())
    optimiser = torch.optim.AdamW(parameters, lr=lr, weight_decay=weight_decay)
    total = len(batches) if hasattr(batches, "__len__") else None  # type: ignore[arg-type]
    for step, inputs in enumerate(batches):
        residuals = _residuals(lm, inputs)
        with torch.no_grad():
            target = lens(*residuals.popitem()).float().log_softmax(-1)
        real = inputs["attention_mask"].bool() if "attention_mask" in inputs else slice(None)
        # One block after another: logits are large, and those of all blocks at once can be larger than the memory.
        for translator, (name, x) in zip(lens.translators, residuals.items(), strict=True):
            logp = lens(name, x).float().log_softmax(-1)
            loss = nn.functional.kl_div(logp, target, log_target=True, reduction="none").sum(-1)[real].mean()
            own = list(translator.parameters())
            for p, grad in zip(own, torch.autograd.grad(loss, own), strict=True):
                p.grad = grad
        for group in optimiser.param_groups:
            group["lr"] = lr if total is None else lr * (1 - step / total)
        optimiser.step()
        each()
    return lens.eval()


def _residuals(lm: LanguageModel, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The residual stream after each block."""
    if "input_ids" in inputs:
        lm.check_fits(inputs["input_ids"].shape[1])
    found = read_sites(lm.model, inputs, [f"{name}.out" for name in blocks(lm.model)])
    return {site.removesuffix(".out"): x for site, x in found.items()}
