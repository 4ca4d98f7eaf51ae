"""Residual blocks: the repeated blocks of a transformer, and the sites of the stream between them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any, Literal
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from glassbook.errors import GlassbookError
from glassbook.nets.devices import input_device
from glassbook.trace.sites import evaluating
from glassbook.trace.tree import pick

_FOUND: WeakKeyDictionary[nn.Module, tuple[list[tuple[str, int]], list[str]]] = WeakKeyDictionary()


def blocks(model: nn.Module, *args: Any, **kwargs: Any) -> list[str]:
    """Names of a transformer's residual blocks: "blocks.0", "transformer.h.0", "model.layers.0", ...

    They are the members of a ModuleList or Sequential that carry the residual stream, which a run of the model proves:
    they run one after the other, each is given what the one before it gave (perhaps times a number), and gives back
    the same shape. They need not be of one class (attention and state-space layers in turns). Of several such lists,
    those inside another's members do not count (experts, adapters), nor do shorter ones (T5: of encoder and decoder,
    equally long, the encoder's).

    Args:
        model: a transformer. What was found is kept as long as its modules stay the same.
        args, kwargs: an input of its forward; without one, a few tokens or one grey image.

    Raises:
        GlassbookError: the model has no such list, or does not run on a made-up input.
    """
    modules = [(name, id(module)) for name, module in model.named_modules()]
    if model in _FOUND and _FOUND[model][0] == modules:
        return list(_FOUND[model][1])
    lists = {
        name: [f"{name}.{key}".removeprefix(".") for key in module._modules]
        for name, module in model.named_modules()
        if isinstance(module, (nn.ModuleList, nn.Sequential)) and len(module) > 0
    }
    lists = {name: members for name, members in lists.items() if _have_parts(model, members)}
    runs = _record_runs(model, lists, args, kwargs) if lists else {}
    proved: dict[str, list[str]] = {}
    for name, members in lists.items():
        inside = any(name.startswith(f"{outer}.") or not outer for outer in proved)
        if not inside and _carry_a_stream(runs[name], len(members)):
            proved[name] = members
    if not proved:
        raise GlassbookError(f"{type(model).__name__} has no list of repeated blocks; name the sites yourself")
    found = max(proved.values(), key=len)
    _FOUND[model] = modules, found
    return list(found)


def made_up_input(model: Any) -> dict[str, Tensor]:
    """A small input for a model of tokens or of images."""
    device, dtype = input_device(model), next(model.parameters()).dtype
    config: Any = getattr(model, "config", None)
    if getattr(model, "main_input_name", "input_ids") == "pixel_values":
        size = config.image_size
        height, width = size if isinstance(size, (tuple, list)) else (size, size)
        ramp = torch.linspace(-1, 1, width, device=device, dtype=dtype)
        return {"pixel_values": ramp.expand(1, config.num_channels, height, width)}
    vocab = getattr(config, "vocab_size", None) or getattr(config, "vocab", 8)
    ids = torch.arange(8, device=device)[None] % vocab
    return {"input_ids": ids} | ({"decoder_input_ids": ids} if getattr(config, "is_encoder_decoder", False) else {})


def residual_site(model: nn.Module, layer: int, side: Literal["in", "out"] = "out") -> str:
    """The site of the residual stream at a block, such as "blocks.3.out".

    Args:
        model: a transformer.
        layer: number of the block; -1 is the last.
        side: before ("in") or after ("out") what the block adds.

    Raises:
        GlassbookError: the model has no such block.
    """
    names = blocks(model)
    if not -len(names) <= layer < len(names):
        raise GlassbookError(f"there is no layer {layer}; this {type(model).__name__} has layers 0 to {len(names) - 1}")
    return f"{names[layer]}.{side}"


class _Run:
    """What one member of a list was given and gave, in one call."""

    def __init__(self, number: int, given: Tensor | None) -> None:
        self.number, self.given = number, given
        self.gave: Tensor | None = None


def _have_parts(model: nn.Module, members: list[str]) -> bool:
    """Whether every member can be called and has parts of its own."""
    modules = [model.get_submodule(name) for name in members]
    return all(any(True for _ in m.children()) and type(m).forward is not nn.Module.forward for m in modules)


@torch.no_grad()
def _record_runs(
    model: nn.Module, lists: dict[str, list[str]], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, list[_Run]]:
    """The calls of each list's members in one run of the model, in order."""
    runs: dict[str, list[_Run]] = {name: [] for name in lists}
    handles = []

    def before(calls: list[_Run], number: int, _module: nn.Module, args: Any, kwargs: Any) -> None:
        found = pick((args, kwargs), None)
        calls.append(_Run(number, None if found is None else found[1].clone()))

    def after(calls: list[_Run], number: int, _module: nn.Module, _args: Any, output: Any) -> None:
        found = pick(output, None)
        run = next(run for run in reversed(calls) if run.number == number)
        run.gave = None if found is None else found[1].clone()

    made_up = not args and not kwargs
    try:
        for name, members in lists.items():
            for number, member in enumerate(members):
                module = model.get_submodule(member)
                see: Callable[..., None] = partial(before, runs[name], number)
                handles.append(module.register_forward_pre_hook(see, with_kwargs=True))
                handles.append(module.register_forward_hook(partial(after, runs[name], number)))
        with evaluating(model), torch.random.fork_rng(devices=[]):
            model(*args, **(made_up_input(model) if made_up else kwargs))
    except (RuntimeError, TypeError, ValueError, AttributeError, IndexError, KeyError, StopIteration) as error:
        if not made_up:
            raise
        why = str(error).strip().partition("\n")[0][:100]
        raise GlassbookError(
            f"a run that proves the blocks of {type(model).__name__} failed on a made-up input ({why}); give its input"
        ) from error
    finally:
        for handle in handles:
            handle.remove()
    return runs


def _carry_a_stream(runs: list[_Run], members: int) -> bool:
    """Whether the members of a list ran in their order, each on what the one before it gave, in one shape."""
    if not runs or [run.number for run in runs] != [i % members for i in range(len(runs))] or len(runs) % members:
        return False
    if any(run.given is None or run.gave is None or run.given.shape != run.gave.shape for run in runs):
        return False
    return all(_same_but_for_scale(a.gave, b.given) for a, b in pairwise(runs))


def _same_but_for_scale(a: Tensor | None, b: Tensor | None) -> bool:
    """Whether b is a times a number above zero, up to rounding: some models halve the stream now and then."""
    assert a is not None
    assert b is not None
    if a.shape != b.shape:
        return False
    a, b = a.to(b.device).double().flatten(), b.double().flatten()
    return torch.equal(a, b) or float(a @ b) >= (1 - 1e-6) * float(a.norm() * b.norm()) > 0
