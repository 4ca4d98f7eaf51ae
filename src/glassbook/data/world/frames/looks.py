"""Looks of the Reserve's animals: five body plans, and the shape and colours of each species.

An animal is a list of tapered capsules in its own frame: x points where it heads, y up, the ground is y = 0, and its
`Species.size` is the unit. A capsule carries its colour and how much of the coat's pattern shows on it.

To change what a species looks like, change its lines in looks.toml. Many are brown or grey: what a species is cannot be
told from its colour alone.
"""

from __future__ import annotations

import itertools
import math
import random
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import TypeAdapter

Colour = tuple[float, float, float]
Plan = Literal["quadruped", "long", "round", "wader", "bird"]
Pattern = Literal["plain", "spots", "stripes", "speckles", "patches"]


class Capsule(NamedTuple):
    """A segment from a to b, with radius ra at a and rb at b."""

    ax: float
    ay: float
    bx: float
    by: float
    ra: float
    rb: float
    colour: Colour
    patterned: float = 0.0
    """How much of the coat's pattern shows, 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """Shape and colours of a species. Lengths and radii are shares of its size, angles degrees above the horizontal."""

    plan: Plan
    coat: Colour
    belly: Colour
    accent: Colour
    """Legs and bill of a bird; points, mask and mane of a mammal."""
    pattern: Pattern = "plain"
    mark: Colour = (0.12, 0.1, 0.09)
    """Colour of the pattern."""
    length: float = 0.55
    """Of the trunk."""
    depth: float = 0.14
    """Radius of the trunk."""
    hump: float = 0.0
    """Radius of what stands above the shoulders."""
    leg: float = 0.3
    legs_thick: float = 0.03
    neck: float = 0.15
    neck_angle: float = 40
    head: float = 0.08
    snout: float = 0.1
    """Or bill."""
    snout_thick: float = 0.035
    snout_angle: float = -20
    ear: float = 0.06
    ear_thick: float = 0.02
    tail: float = 0.2
    tail_thick: float = 0.03
    tail_angle: float = -30
    tail_tip: float = 1.0
    """Radius of the tail's end, as a share of its beginning."""
    posture: float = 24
    """How upright a bird holds its trunk."""
    crown: Literal["none", "antlers", "palms", "horns", "curved", "tufts", "crest", "mask"] = "none"
    wings: bool = False
    """Seen in flight, with spread wings of skin."""


@dataclass(frozen=True)
class Pose:
    """How an animal holds itself.

    Args:
        step: phase of its gait, radians.
        stride: how far its legs swing, radians; 0 stands.
        down: how far it lowers its head, 0 to 1.
    """

    step: float = 0.0
    stride: float = 0.0
    down: float = 0.0


def body(look: Look, pose: Pose) -> list[Capsule]:
    """The capsules of an animal, the farther ones first."""
    if look.wings:
        return _flier(look, pose)
    if not look.leg:
        return _snake(look, pose)
    return _PLANS[look.plan](look, pose)


def individual(look: Look, rng: random.Random) -> Look:
    """One animal's own look: proportions vary by a few percent, colours by a shade."""
    shade = rng.gauss(1, 0.15)
    return replace(
        look,
        coat=_shaded(look.coat, shade),
        belly=_shaded(look.belly, shade),
        depth=look.depth * rng.gauss(1, 0.06),
        leg=look.leg * rng.gauss(1, 0.04),
        neck=look.neck * rng.gauss(1, 0.06),
        tail=look.tail * rng.gauss(1, 0.08),
    )


def _shaded(colour: Colour, factor: float) -> Colour:
    r, g, b = (min(max(x * factor, 0.0), 1.0) for x in colour)
    return r, g, b


def _from(x: float, y: float, length: float, angle: float) -> tuple[float, float]:
    """The point at a distance from (x, y) in a direction, degrees."""
    return x + length * math.cos(math.radians(angle)), y + length * math.sin(math.radians(angle))


def _mammal(look: Look, pose: Pose) -> list[Capsule]:
    far = 0.62  # the legs of the other side lie in the shade
    thick, up = look.legs_thick, look.leg
    back, front = -look.length / 2, look.length / 2
    spine = up + look.depth * 0.75
    found: list[Capsule] = []

    def leg(x: float, phase: float, shade: float) -> Capsule:
        swing = pose.stride * math.sin(pose.step + phase)
        foot = x + math.sin(swing) * up
        lift = up * (1 - math.cos(swing))
        colour = _shaded(_between(look.coat, look.accent, 0.6), shade)
        return Capsule(x, spine, foot, lift + thick, thick * 1.5, thick * 0.8, colour)

    inset = look.depth * 0.55
    found += [leg(back + inset, math.pi, far), leg(front - inset, 0, far)]
    tip = _from(back, spine + look.depth * 0.3, look.tail, 180 - look.tail_angle)
    found.append(
        Capsule(back, spine + look.depth * 0.3, *tip, look.tail_thick, look.tail_thick * look.tail_tip, look.coat, 0.9)
    )
    found.append(Capsule(back, spine, front, spine + look.depth * 0.12, look.depth * 0.92, look.depth, look.coat, 1))
    if look.hump:
        found.append(
            Capsule(
                front - look.depth, spine + look.depth * 0.45, front, spine + look.depth * 0.3,
                look.hump, look.hump * 0.8, _between(look.coat, look.accent, 0.35), 0.4,
            )
        )  # fmt: skip
    found.append(
        Capsule(
            back + inset * 1.4, spine - look.depth * 0.62, front - inset, spine - look.depth * 0.52,
            look.depth * 0.2, look.depth * 0.32, _between(look.coat, look.belly, 0.75),
        )
    )  # fmt: skip
    angle = look.neck_angle + (-45 - look.neck_angle) * pose.down
    x, y = front - look.depth * 0.1, spine + look.depth * 0.35
    hx, hy = _from(x, y, look.neck + look.depth * 0.6, angle)
    found.append(Capsule(x, y, hx, hy, look.depth * 0.62, look.head * 0.85, look.coat, 0.6))
    nod = look.snout_angle - 40 * pose.down
    found += _crown(look, hx, hy, nod, far=True)
    ears = [(0.75, far), (1.0, 1.0)]
    for lean, shade in ears:
        ex, ey = _from(hx - look.head * 0.3, hy + look.head * 0.5, look.ear + look.head * 0.4, 118 * lean + 10)
        found.append(
            Capsule(
                hx - look.head * 0.3, hy + look.head * 0.4, ex, ey,
                look.ear_thick, look.ear_thick * 0.5, _shaded(look.coat, shade),
            )
        )  # fmt: skip
    found.append(Capsule(hx, hy, *_from(hx, hy, look.head * 0.4, nod), look.head, look.head * 0.8, look.coat, 0.4))
    nx, ny = _from(hx, hy, look.head * 0.5 + look.snout, nod)
    found.append(Capsule(hx, hy, nx, ny, look.head * 0.75, look.snout_thick, _between(look.coat, look.belly, 0.45)))
    if look.snout_thick < look.head * 0.6:
        found.append(Capsule(nx, ny, nx, ny, look.snout_thick * 0.55, look.snout_thick * 0.55, (0.07, 0.06, 0.06)))
    found += _crown(look, hx, hy, nod, far=False)
    found += [leg(back + inset * 0.7, 0, 1.0), leg(front - inset * 0.7, math.pi, 1.0)]
    ex, ey = _from(hx, hy + look.head * 0.28, look.head * 0.55, nod)
    found.append(Capsule(ex, ey, ex, ey, look.head * 0.16, look.head * 0.16, EYE))
    return found


def _snake(look: Look, pose: Pose) -> list[Capsule]:
    """A body without legs, in waves that run backwards."""
    found: list[Capsule] = []
    n = 9
    points = [
        (look.length * (i / n - 0.5), look.depth + 0.05 * (1 + math.sin(pose.step * 2 - i * 1.1)) * min(1.0, i / 3))
        for i in range(n + 1)
    ]
    for i, (a, b) in enumerate(itertools.pairwise(points)):
        thin, thick = (look.depth * min(1.0, 0.35 + (i + k) / 3) for k in (0, 1))
        found.append(Capsule(*a, *b, thin, thick, look.coat, 1))
    x, y = points[-1]
    nose = _from(x, y + 0.02, look.snout, 4)
    found.append(Capsule(x, y + 0.01, *nose, look.head, look.head * 0.6, look.coat, 0.3))
    found.append(Capsule(x + 0.02, y + look.head * 0.5, x + 0.02, y + look.head * 0.5, 0.012, 0.012, EYE))
    return found


def _flier(look: Look, pose: Pose) -> list[Capsule]:
    """Skin stretched over long fingers, in the air."""
    found: list[Capsule] = []
    beat = 35 * math.sin(pose.step * 2)
    y = 2.2
    for side, shade in ((180, 0.75), (0, 1.0)):
        sign = -1 if side else 1
        skin = _shaded(look.mark, shade)
        wrist = _from(0, y + 0.08, look.length * 0.55, side + sign * (28 + beat))
        for reach, drop in ((1.0, 6), (0.85, -22), (0.66, -50)):
            tip = _from(*wrist, look.length * 0.5 * reach, side + sign * (drop + beat * 0.4))
            found.append(Capsule(*wrist, *tip, 0.035, 0.012, skin))
            found.append(
                Capsule(0, y - 0.05, *_from(*wrist, 0.2 * reach, side + sign * (drop + beat * 0.4)), 0.09, 0.05, skin)
            )
        found.append(Capsule(0, y + 0.05, *wrist, 0.04, 0.03, _shaded(look.coat, shade)))
    found.append(Capsule(0, y - 0.12, 0, y + 0.06, look.depth * 0.8, look.depth, look.coat))
    for lean in (62, 118):
        found.append(Capsule(0, y + 0.16, *_from(0, y + 0.2, look.ear, lean), look.ear_thick, 0.01, look.coat))
    found.append(Capsule(0, y + 0.16, 0, y + 0.16, look.head, look.head, look.coat))
    found += [Capsule(x, y + 0.18, x, y + 0.18, 0.018, 0.018, EYE) for x in (-0.035, 0.035)]
    return found


def _crown(look: Look, x: float, y: float, nod: float, far: bool) -> list[Capsule]:
    """What stands on a head: antlers, horns, tufts of the ears, or the stripes of a mask."""
    shade = 0.7 if far else 1.0
    bone = _shaded((0.55, 0.47, 0.36), shade)
    lean = 100 if far else 118
    top = (x - look.head * 0.2, y + look.head * 0.7)
    if look.crown == "antlers":
        beam = _from(*top, 0.2, lean)
        end = _from(*beam, 0.17, lean - 45)
        return [
            Capsule(*top, *beam, 0.014, 0.012, bone), Capsule(*beam, *end, 0.012, 0.007, bone),
            Capsule(*_from(*top, 0.08, lean), *_from(*_from(*top, 0.08, lean), 0.11, lean - 70), 0.011, 0.006, bone),
            Capsule(*beam, *_from(*beam, 0.11, lean + 15), 0.011, 0.006, bone),
        ]  # fmt: skip
    if look.crown == "palms":
        stem = _from(*top, 0.1, lean + 5)
        return [
            Capsule(*top, *stem, 0.016, 0.02, bone),
            Capsule(*stem, *_from(*stem, 0.17, lean + 32), 0.045, 0.03, bone),
            Capsule(*stem, *_from(*stem, 0.13, lean - 45), 0.03, 0.012, bone),
        ]
    if look.crown == "horns":
        bend = _from(*top, 0.08, lean + 40)
        return [Capsule(*top, *bend, 0.024, 0.018, bone), Capsule(*bend, *_from(*bend, 0.06, 75), 0.018, 0.006, bone)]
    if look.crown == "curved":
        first = _from(*top, 0.17, lean + 5)
        second = _from(*first, 0.16, lean + 45)
        return [
            Capsule(*top, *first, 0.032, 0.026, bone), Capsule(*first, *second, 0.026, 0.018, bone),
            Capsule(*second, *_from(*second, 0.12, lean + 95), 0.018, 0.008, bone),
        ]  # fmt: skip
    if look.crown == "tufts":
        tip = _from(x - look.head * 0.3, y + look.head * 0.5, look.ear + look.head * 0.5, lean + 8)
        return [Capsule(*tip, *_from(*tip, look.head * 0.55, 95), 0.012, 0.006, look.accent)]
    if look.crown == "mask" and not far:
        eye = _from(x, y + look.head * 0.25, look.head * 0.5, nod)
        back = _from(x, y + look.head * 0.4, look.head * 0.7, nod + 180)
        front = _from(*eye, look.head * 0.3 + look.snout * 0.6, nod)
        white = (0.88, 0.86, 0.8)
        return [
            Capsule(*back, *front, look.head * 0.55, look.snout_thick * 0.8, white),
            Capsule(*back, *front, look.head * 0.24, look.head * 0.14, look.accent),
        ]
    return []


def _bird(look: Look, pose: Pose) -> list[Capsule]:
    """Birds on the ground: waders, which have long legs and necks, and the others."""
    up, depth = look.leg, look.depth
    tilt = 8 if look.plan == "wader" else look.posture
    hip = max(up + depth * 0.8, up * 0.5 + look.length * 0.48 * math.sin(math.radians(tilt)))
    rump = _from(0, hip, look.length / 2, 180 + tilt)
    chest = _from(0, hip, look.length / 2, tilt)
    found: list[Capsule] = []
    for phase, shade in ((0.0, 0.65), (math.pi, 1.0)):
        swing = pose.stride * math.sin(pose.step + phase)
        knee = (math.sin(swing) * up * 0.45, up * 0.55)
        foot = (math.sin(swing) * up, look.legs_thick)
        colour = _shaded(look.accent, shade)
        found += [
            Capsule(0, hip - depth * 0.5, *knee, look.legs_thick, look.legs_thick * 0.8, colour),
            Capsule(*knee, *foot, look.legs_thick * 0.8, look.legs_thick * 0.7, colour),
        ]
    tip = _from(*rump, look.tail, 180 - look.tail_angle)
    found.append(Capsule(*rump, *tip, look.tail_thick, look.tail_thick * look.tail_tip, look.mark, 0.5))
    found.append(Capsule(*rump, *chest, depth * 0.72, depth, look.coat, 0.7))
    belly = (rump[0] * 0.3, rump[1] - depth * 0.1), (chest[0], chest[1] - depth * 0.35)
    found.append(Capsule(*belly[0], *belly[1], depth * 0.5, depth * 0.6, look.belly, 0.8))
    wing = _from(*rump, look.tail * 0.35, 180 - look.tail_angle)
    found.append(
        Capsule(
            chest[0] * 0.55, chest[1] + depth * 0.25, *wing, depth * 0.55, depth * 0.2,
            _between(look.coat, look.mark, 0.55), 1,
        )
    )  # fmt: skip
    angle = look.neck_angle + (-50 - look.neck_angle) * pose.down
    x, y = chest[0] - depth * 0.1, chest[1] + depth * 0.4
    if look.plan == "wader":  # the neck is an S
        bend = _from(x, y, look.neck * 0.5, angle + 32)
        hx, hy = _from(*bend, look.neck * 0.55, angle - 18)
        found += [
            Capsule(x, y, *bend, depth * 0.5, look.head * 0.75, look.coat),
            Capsule(*bend, hx, hy, look.head * 0.75, look.head * 0.7, look.coat),
        ]
    else:
        hx, hy = _from(x, y, look.neck, angle)
        found.append(Capsule(x, y, hx, hy, depth * 0.8, look.head * 0.9, look.coat, 0.6))
    nod = look.snout_angle - 40 * pose.down
    if look.crown == "crest":
        back = _from(hx, hy + look.head * 0.5, look.head * 2.2, 172)
        found.append(Capsule(hx, hy + look.head * 0.5, *back, look.head * 0.35, 0.004, look.mark))
    if look.crown == "tufts":
        for lean in (75, 118):
            tuft = _from(hx, hy + look.head * 0.5, look.head * 1.0, lean)
            found.append(Capsule(hx, hy + look.head * 0.5, *tuft, look.head * 0.32, 0.006, look.coat))
    found.append(Capsule(hx, hy, hx, hy, look.head, look.head, _between(look.coat, look.belly, 0.2), 0.3))
    if look.crown == "mask":  # the face of an owl, the cheek of a kingfisher
        face = _from(hx, hy, look.head * 0.4, nod)
        found.append(Capsule(*face, *face, look.head * 0.62, look.head * 0.62, look.belly))
    bill = _from(hx, hy, look.head + look.snout, nod)
    found.append(Capsule(*_from(hx, hy, look.head * 0.7, nod), *bill, look.snout_thick, 0.006, look.accent))
    ex, ey = _from(hx, hy + look.head * 0.25, look.head * 0.5, nod)
    found.append(Capsule(ex, ey, ex, ey, look.head * 0.2, look.head * 0.2, EYE))
    return found


def _between(a: Colour, b: Colour, share: float) -> Colour:
    r, g, c = (x + (y - x) * share for x, y in zip(a, b, strict=True))
    return r, g, c


EYE: Colour = (0.03, 0.02, 0.02)
"""Colour of an eye, by which a frame at night knows what shines."""
_PLANS: dict[Plan, Callable[[Look, Pose], list[Capsule]]] = {
    "quadruped": _mammal, "long": _mammal, "round": _mammal, "wader": _bird, "bird": _bird,
}  # fmt: skip


LOOKS = TypeAdapter(dict[str, Look]).validate_python(
    tomllib.loads((Path(__file__).parent / "looks.toml").read_text("utf-8"))
)
"""The look of each species of `words.SPECIES`."""
