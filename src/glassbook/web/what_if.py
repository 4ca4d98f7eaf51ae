"""What-if estimates of training compute, asked by a form, a live block or the API, and what the rules say of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

from pydantic import BeforeValidator, Field

from glassbook.assets.policy import thresholds
from glassbook.errors import GlassbookError
from glassbook.measure.compute import read_count, read_flop, read_speed
from glassbook.measure.thresholds import Estimate, judge_all, of_hardware, of_model
from glassbook.steer.spec import Strict, read_strict

Text = Annotated[str, Field(max_length=60), BeforeValidator(lambda value: str(value).strip())]
"""A number as somebody writes it, with a unit or without."""
MODEL, HARDWARE = ("parameters", "tokens"), ("chips", "speed", "hours")
"""What the two ways to an estimate need."""
WAYS = {
    "the model": (*MODEL, "active"),
    "the hardware": (*HARDWARE, "utilisation", "utilisation_to"),
    "the amount": ("flop",),
}
"""By what an amount is given, and the fields that take part then; `base` and `cost` always do."""


class WhatIf(Strict):
    """A model by its size, or by the hardware that it was trained on, or its compute itself."""

    parameters: Text = ""
    """Parameters of the network."""
    tokens: Text = ""
    """Tokens that it was trained on."""
    active: Text = "1"
    """Share of the parameters that are active for a token; below 1 for a mixture of experts."""
    chips: Text = ""
    """How many chips."""
    speed: Text = ""
    """Peak speed of a chip."""
    hours: Text = ""
    """How long they ran."""
    utilisation: Text = "0.3"
    """Share of the peak speed that was used, at least ..."""
    utilisation_to: Text = "0.5"
    """... and at most."""
    flop: Text = ""
    """The amount itself, in place of the rest."""
    base: Text = ""
    """Training compute of the model that was modified, if it was one."""
    cost: Text = ""
    """Dollars that the compute cost, if that is known."""

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> WhatIf:
        """The question in a query string or a live block; GlassbookError if it has other keys, or is too long."""
        return read_strict(cls, data)

    def given(self) -> dict[str, str]:
        """What is not as it is by default."""
        return self.model_dump(exclude_defaults=True)

    def address(self) -> str:
        """Where it is seen."""
        return "/compute" + (f"?{urlencode(given)}" if (given := self.given()) else "")

    def estimate(self) -> Estimate:
        """The amount.

        Raises:
            GlassbookError: something is missing, or no number of its kind.
        """
        given = {name for name, value in self.given().items() if value}
        used = {way: [name for name in names if name in given] for way, names in WAYS.items()}
        ways = [f"{', '.join(names)} (by {way})" for way, names in used.items() if names]
        if len(ways) > 1:
            raise GlassbookError(f"{' and '.join(ways)} do not go together; give one of these ways, not some of both")
        model, hardware = (any(getattr(self, name) for name in names) for names in (MODEL, HARDWARE))
        if self.flop:
            amount = read_flop(self.flop, "the training compute")
            return Estimate(amount, amount, "as given")
        if not model and not hardware:
            raise GlassbookError("give parameters and tokens, or chips, their speed and hours, or an amount in FLOP")
        if missing := [name for name in (MODEL if model else HARDWARE) if not getattr(self, name)]:
            raise GlassbookError(f"the estimate needs the {' and the '.join(missing)} as well")
        if model:
            n, d = (read_count(getattr(self, name), name) for name in MODEL)
            return of_model(n, d, read_count(self.active or "1", "the active share"))
        low, high = (read_count(text, "the utilisation") for text in (self.utilisation, self.utilisation_to))
        speed = read_speed(self.speed, "the speed of a chip")
        return of_hardware(read_count(self.chips, "chips"), speed, read_count(self.hours, "hours"), low, high)

    def rulings(self) -> dict[str, Any]:
        """The amount, with the base model's, and what each rule says of it; raises as `estimate` does."""
        own = self.estimate()
        base = read_flop(self.base, "the original compute") if self.base else None
        cost = read_count(self.cost, "dollars") if self.cost else None
        whole = own if base is None else own.plus(base)
        rows = [
            {"id": r.threshold.id, "rule": r.threshold.name, "flop": r.threshold.flop, "state": r.state, "text": r.text}
            for r in judge_all(own, thresholds(), base, cost)
        ]
        low, high = whole.low.n, whole.high.n
        return {"low": low, "high": high, "middle": math.sqrt(low) * math.sqrt(high), "how": own.how, "rulings": rows}
