"""Activation tracing: read and edit what flows through any torch module, with forward hooks only."""

from __future__ import annotations

import inspect
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from glassbook.errors import GlassbookError
from glassbook.nets.positions import first_position
from glassbook.trace.at import At
from glassbook.trace.layout import Layout, check_rows, layout, rows_of
from glassbook.trace.positions import Forward
from glassbook.trace.sequences import arguments, decoded_labels, sequence_parts
from glassbook.trace.sites import Place, places
from glassbook.trace.tree import pick, rebuild

Edit = Callable[[Tensor, At], Tensor]


@dataclass(frozen=True)
class allow_identity:
    """Declares that an edit may change nothing: `edit={site: allow_identity(fn)}` is not an error if it does not."""

    fn: Edit

    def __call__(self, x: Tensor, at: At) -> Tensor:
        """What `fn` makes of it."""
        return self.fn(x, at)


def trace(
    model: nn.Module,
    read: str | Iterable[str] = (),
    edit: Mapping[str, Edit] | None = None,
    *,
    stop: bool = False,
    grad: bool = False,
    copy: bool = False,
    positions: bool = False,
) -> Trace:
    """Look inside a model, and change what flows, while it is called in the `with` block.

        with trace(model, read="blocks.*.out", edit={"blocks.6.in": lambda x, at: 0.9 * x}) as t:
            model(**batch)                  # or model.generate(...)
        t["blocks.3.out"]

    A site is "<module path>.in" or ".out", with globs (see `sites.places`), and "#k" for the k-th tensor of what the
    module is given (positional arguments, then keywords) or returns; without it, the first floating-point one.

    Args:
        model: any module; it is neither wrapped nor changed. The hooks are gone after the block.
        read: sites to keep. A site that is also edited is read after the edit.
        edit: site -> fn(x, at) returning the new x of the same shape and dtype, and leaving x itself alone.
            Patterns that meet at a site are applied in order. See `At`.
        stop: end each forward once every site has fired. Because nothing but an exception ends a forward, a call of
            the model then leaves the `with` block too; t.run(...) calls it and stays inside.
        grad: keep reads in the autograd graph; after backward t.grad(site) is the gradient; at an ".in", what comes
            back through that module alone, just as an edit there reaches it alone. Activations that need no gradient
            (a frozen model's) are made to.
        copy: keep copies. Needed for models that overwrite activations in place (ReLU(inplace=True)); without it
            an overwritten read is an error.
        positions: know which tokens each read is of, as edits always do; see `Trace.forward_of`, `Trace.check_rows`.

    Raises:
        GlassbookError: at once for a site that matches nothing; in the forward for an edit that changes shape or
            dtype or works in place; at the end of the block for a site that never fired although the model ran, an
            edit that changed nothing in any call (unless `allow_identity`), a read that was overwritten. A block in
            which the model is not called raises nothing; calling a compiled wrapper of it may look just like that.
    """
    return Trace(model, read, edit or {}, stop, grad, copy, positions)


class _Stop(BaseException):
    """Ends a forward; no Exception, so that a model's own `except Exception` does not catch it."""

    def __init__(self, owner: Trace) -> None:
        super().__init__()
        self.owner = owner


class Trace:
    """What `trace` returns: the reads, by site."""

    def __init__(
        self,
        model: nn.Module,
        read: str | Iterable[str],
        edit: Mapping[str, Edit],
        stop: bool,
        grad: bool,
        copy: bool,
        positions: bool,
    ) -> None:
        self.model, self.stop, self.wants_grad, self.copy = model, stop, grad, copy
        # Which tokens there are, where somebody asks: of the model's own call, or of the part that is running.
        self.tracks = positions or bool(edit)
        self._taps: dict[str, _Tap] = {}
        for pattern, fn in edit.items():
            for place in places(model, pattern):
                self._tap(place).edits.append(fn)
        for place in places(model, read) if read else []:
            self._tap(place).reads = True
        self._handles: list[Any] = []
        self._pending = set(self._taps)
        self._ran = False
        self._names = tuple(inspect.signature(model.forward).parameters) if self.tracks else ()
        self._parts = sequence_parts(model) if self.tracks else {}
        self._first = (first_position(model) or 0) if self.tracks else 0
        self.forward: Forward | None = None
        self._before: dict[nn.Module, Forward] = {}  # each one's last forward
        self._running: list[tuple[Forward, Forward | None]] = []  # the calls that go on, and what held around each
        self._encoder: Forward | None = None
        self._encoded: Any = None  # what the decoder is given of the encoder
        self._labels: Tensor | None = None
        self._thread = threading.get_ident()

    def _tap(self, place: Place) -> _Tap:
        return self._taps.setdefault(place.name, _Tap(self, place))

    @property
    def sites(self) -> list[str]:
        """Full names of the sites that are read."""
        return [name for name, tap in self._taps.items() if tap.reads]

    def elsewhere(self) -> bool:
        """Whether this is another thread than the trace's: what runs the model there is none of its business."""
        return threading.get_ident() != self._thread

    def __enter__(self) -> Trace:
        self._thread = threading.get_ident()
        self._handles.append(self.model.register_forward_pre_hook(self._begin, with_kwargs=True))
        for part in self._parts:
            self._handles.append(part.register_forward_pre_hook(self._begin_part, with_kwargs=True))
        for tap in self._taps.values():
            module = tap.place.module
            if tap.place.side == "in":
                self._handles.append(module.register_forward_pre_hook(tap.on_input, with_kwargs=True))
            else:
                self._handles.append(module.register_forward_hook(tap.on_output))
        for part in self._parts:
            self._handles.append(part.register_forward_hook(self._end_part, always_call=True))
        if self.tracks:
            self._handles.append(self.model.register_forward_hook(self._end, always_call=True))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> bool | None:  # a plain bool would tell type checkers that every block may end early, and only `stop` does
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self.forward = self._encoder = self._encoded = self._labels = None
        self._before.clear()
        self._running.clear()
        stopped = isinstance(error, _Stop) and error.owner is self
        if error is None or stopped:
            self._check()
        return stopped

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Call the model; its output, or None if `stop` ended the forward. The `with` block goes on either way."""
        try:
            return self.model(*args, **kwargs)
        except _Stop as error:
            if error.owner is not self:
                raise
            return None

    def calls(self, site: str) -> list[Tensor]:
        """What was read at a site, one tensor for each time it fired."""
        tap = self._taps.get(site)
        if tap is None or not tap.reads:
            raise GlassbookError(f"{site!r} is not read in this trace; it reads {', '.join(self.sites) or 'nothing'}")
        if not tap.kept:
            raise GlassbookError(f"{site} has not fired; call the model inside the with block first")
        tap.check_unchanged()
        return [x for x, _ in tap.kept]

    def __getitem__(self, site: str) -> Tensor:
        """What was read at a site that fired once."""
        calls = self.calls(site)
        if len(calls) != 1:
            raise GlassbookError(f"{site} fired {len(calls)} times; t.calls({site!r}) has one tensor for each")
        return calls[0]

    def forward_of(self, site: str) -> Forward:
        """The call whose tokens the last activation read at a site is of, in a trace with `positions`."""
        self.calls(site)
        if (forward := self._taps[site].forwards[-1]) is None:
            raise GlassbookError(f"which tokens {site} was read for is not known; use trace(positions=True)")
        return forward

    def check_rows(self, site: str) -> None:
        """GlassbookError unless it is proved that the last axis of what was read at a site holds the features."""
        check_rows(site, self.calls(site)[-1], self._taps[site].layout, self.forward_of(site))

    def rows_of(self, site: str) -> Tensor:
        """What was last read at a site, features in the last axis: [B, T, d], [B, d], or [B, H, W, C] of a feature map.

        Raises:
            GlassbookError: which axis holds the features is not proved.
        """
        return rows_of(site, self.calls(site)[-1], self._taps[site].layout, self.forward_of(site))[0]

    def grad(self, site: str) -> Tensor:
        """The gradient, with respect to what was read at a site, of what backward was called on."""
        grad = self[site].grad if self.wants_grad else None
        if grad is None:
            raise GlassbookError(f"there is no gradient at {site}; use trace(grad=True) and call backward on a result")
        return grad

    def _begin(self, _module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if self.elsewhere():
            return
        self._ran = True
        if self.stop:
            self._pending = set(self._taps)
        if not self.tracks:
            return
        # zip ends with the arguments that were given; names of *args do not matter here
        inputs = {**dict(zip(self._names, args, strict=False)), **kwargs}
        self._running.clear()  # what an interrupted call left
        if "decoder" in self._parts.values():
            self._labels = decoded_labels(inputs)
            self._enter(self.model, {})  # the halves say which tokens there are
        else:
            self._enter(self.model, inputs)

    def _end(self, _module: nn.Module, _args: Any, output: Any) -> None:
        if self.elsewhere():
            return
        self._leave(output)
        self.forward = None  # a part called on its own later has no positions, rather than the last ones

    def _begin_part(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if self.elsewhere():
            return
        inputs = {**dict(zip(arguments(type(module)), args, strict=False)), **kwargs}
        if self._parts[module] == "decoder":
            self._encoded = inputs.get("encoder_hidden_states")
            if self._labels is not None and inputs.get("attention_mask") is None:
                inputs["attention_mask"] = self._labels
        self._enter(module, inputs)
        if self._parts[module] == "encoder":
            self._encoder = self.forward

    def _end_part(self, module: nn.Module, _args: Any, output: Any) -> None:
        if self.elsewhere():
            return
        around = self._leave(output)
        # What the model does after its decoder, it does with the decoder's tokens.
        if self._parts[module] != "decoder" or not self._running:
            self.forward = around

    def _enter(self, module: nn.Module, inputs: Mapping[str, Any]) -> None:
        apart = self._parts.get(module) == "encoder"  # it never goes on with what it read before
        forward = Forward(inputs, None if apart else self._before.get(module), self._first)
        self._before[module] = forward
        self._running.append((forward, self.forward))
        self.forward = forward

    def _leave(self, output: Any) -> Forward | None:
        """Ends the innermost call; what held around it."""
        if not self._running:
            return None
        forward, around = self._running.pop()
        forward.gave(output)
        return around

    def sequence(self, x: Tensor, given: Any) -> Forward | None:
        """The forward whose tokens an activation x is of.

        Args:
            x: the activation.
            given: what its module was given.
        """
        here, encoder = self.forward, self._encoder
        if here is None or encoder is None or not here.sequence:
            return here
        # Keys and values of cross-attention are made of what the encoder gave.
        first = pick(given, None) if self._encoded is not None else None
        of_encoder = first is not None and first[1] is self._encoded
        if encoder.sequence and x.shape[:2] == (encoder.batch, encoder.length):
            of_encoder = of_encoder or encoder.length != here.length
        return encoder if of_encoder else here

    def fired(self, site: str) -> None:
        """Told by each tap: ends the forward if nothing more is wanted of it."""
        self._pending.discard(site)
        if not self._pending:
            raise _Stop(self)

    def _check(self) -> None:
        taps = self._taps.values()
        if self._ran or any(tap.fired for tap in taps):
            for tap in taps:
                tap.check_fired()
        for tap in taps:
            tap.check_unchanged()


class _Tap:
    """The hook of one site."""

    def __init__(self, owner: Trace, place: Place) -> None:
        # The owner holds its taps. If they held it, what was read would stay in memory until garbage is collected.
        self.owner, self.place = weakref.proxy(owner), place
        self.edits: list[Edit] = []
        self.reads = False
        self.fired = 0
        self.changed: set[int] = set()  # which edits have changed something
        self.kept: list[tuple[Tensor, int | None]] = []  # with the version at reading; None for copies
        self.forwards: list[Forward | None] = []  # of each of them
        self.layout: Layout = layout(owner.model, place) if owner.tracks else "unknown"

    def on_output(self, _module: nn.Module, args: Any, output: Any) -> Any:
        return None if self.owner.elsewhere() else self._visit(output, args)

    def on_input(self, _module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return None if self.owner.elsewhere() else self._visit((args, kwargs), (args, kwargs))

    def _visit(self, value: Any, given: Any) -> Any:
        """Edit and read; the new structure, or None (which hooks return for "as it was") if nothing changed."""
        found = pick(value, self.place.leaf)
        if found is None:
            raise GlassbookError(f"{self.place.name}: there is no such tensor; sites(model, ...) lists what there is")
        path, leaf = found
        x, forward = leaf, self.owner.sequence(leaf, given)
        for i, fn in enumerate(self.edits):
            x = self._edit(i, fn, x, forward)
        if self.reads:
            x = self._keep(x)
            self.forwards.append(forward)
        self.fired += 1
        if self.owner.stop:
            self.owner.fired(self.place.name)
        return None if x is leaf else rebuild(value, path, x)

    def _edit(self, i: int, fn: Edit, x: Tensor, forward: Forward | None) -> Tensor:
        site = self.place.name
        # Tensors of inference mode keep no version, so there a copy is what shows a write.
        before = x.clone() if x.is_inference() else x._version
        new = fn(x, At(site, self.fired, forward if forward and forward.sequence else None, self.layout))
        if not _same(before, x) if isinstance(before, Tensor) else x._version != before:
            raise GlassbookError(f"the edit of {site} writes into x; return a new tensor instead (x + v, not x += v)")
        if not isinstance(new, Tensor):
            raise GlassbookError(f"the edit of {site} returned {type(new).__name__}; return the new tensor")
        if (new.shape, new.dtype, new.device) != (x.shape, x.dtype, x.device):
            raise GlassbookError(
                f"the edit of {site} made {tuple(x.shape)} {x.dtype} on {x.device} into "
                f"{tuple(new.shape)} {new.dtype} on {new.device}; keep shape, dtype and device"
            )
        if i not in self.changed and new is not x:
            if not _same(new, x):
                self.changed.add(i)
            elif not new.requires_grad:
                # Modules may ask for identity: MultiheadAttention projects query, key and value in one product only
                # while they are one tensor, so a clone in place of one of them could change the last bit.
                return x
        return new

    def _keep(self, x: Tensor) -> Tensor:
        """Remember x for the reader; returns what flows on."""
        if not self.owner.wants_grad:
            y = x.detach()
            copy = self.owner.copy or y.is_inference()
            self.kept.append((y.clone(), None) if copy else (y, y._version))
            return x
        if not (torch.is_grad_enabled() and (x.is_floating_point() or x.is_complex())):
            raise GlassbookError(f"{self.place.name} can have no gradient: not a floating tensor, or under no_grad")
        if not x.requires_grad:
            x = x.detach().requires_grad_()
        elif self.place.side == "in":
            x = x.view_as(x)  # others may be given the same tensor; this module's share of the gradient is asked for
        x.retain_grad()
        self.kept.append((x, x._version))
        return x.clone() if self.owner.copy else x

    def check_fired(self) -> None:
        site = self.place.name
        if not self.fired:
            raise GlassbookError(
                f"{site} never fired although the model ran: this module was not called (or it is compiled, "
                "and then hooks do not run; call and trace the original module)"
            )
        for i, fn in enumerate(self.edits):
            if i not in self.changed and not isinstance(fn, allow_identity):
                raise GlassbookError(
                    f"the edit of {site} changed nothing in {self.fired} calls; fix it, or declare that it may: "
                    "allow_identity(fn)"
                )

    def check_unchanged(self) -> None:
        if any(version is not None and x._version != version for x, version in self.kept):
            raise GlassbookError(f"{self.place.name} was overwritten in place after it was read; use trace(copy=True)")


def _same(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors of one shape are equal, NaN counting as equal to NaN."""
    with torch.no_grad():
        return torch.equal(a, b) or bool(((a == b) | ((a != a) & (b != b))).all())
