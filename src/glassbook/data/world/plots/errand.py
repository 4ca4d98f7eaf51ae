"""Plot of a thing that must be fetched, and of an obstacle on the way back."""

from __future__ import annotations

from typing import NamedTuple

from glassbook.data.world.grammar import article
from glassbook.data.world.plots.common import DEEDS, HANDED_OVER, SAD, End, a_tool, give_to
from glassbook.data.world.story import Story
from glassbook.data.world.tables import variants
from glassbook.data.world.telling import Template
from glassbook.data.world.writer import Categorical, zipf


class Obstacle(NamedTuple):
    """Something in the way.

    Attributes:
        met: it stops {hero} on the way.
        solved: how each tool helps past it; {tool} is that tool.
    """

    met: Categorical[Template]
    solved: dict[str, Categorical[Template]]


_OBSTACLES = Categorical(
    [
        Obstacle(
            variants("on the way back a fallen tree lay across the path",
                     "halfway back, the storm-felled trunk of a tree blocked the way",
                     "on the way back {hero} came to a great oak that had fallen across the path"),
            {"saw": variants("with {tool.the} {hero.he} cut a way through the branches",
                             "{hero} took {tool.the} and sawed off one branch after the other"),
             "axe": variants("{hero} swung {tool.the} until the way was clear",
                             "with {tool.the} {hero.he} chopped a gap that was wide enough")},
        ),
        Obstacle(
            variants("on the way back the stream was swollen, and the stepping stones were under water",
                     "after much rain in the hills, the stream on the way back ran high and fast",
                     "on the way back {hero} came to a stream whose bridge had been washed away"),
            {"rope": variants("{hero} tied {tool.the} to a tree and held on to it in the water",
                              "holding on to {tool.the}, {hero.he} waded across {=plot_slowly}"),
             "plank": variants("{hero} laid {tool.the} across and walked over {=plot_slowly}",
                               "{tool.the} made a good bridge")},
        ),
        Obstacle(
            variants("on the way back it grew so dark that {hero} could not see the path",
                     "night fell on the way back, and {hero} could hardly see a hand before {hero.his} eyes"),
            {"lamp": variants("{hero} lit {tool.the} and went on {=plot_slowly}",
                              "by the light of {tool.the}, {hero.he} found the path again"),
             "torch": variants("{hero} switched {tool.the} on and went on {=plot_slowly}",
                               "{tool.the} showed {hero.him} every root and stone")},
        ),
        Obstacle(
            variants("on the way back the gate was locked, and the wall beside it was high",
                     "on the way back {hero} stood before a high wall whose gate had been locked"),
            {"ladder": variants("{hero} leaned {tool.the} against the wall and climbed over",
                                "with {tool.the} it was easy to climb over"),
             "rope": variants("{hero} threw {tool.the} over a post and climbed over the wall",
                              "{hero.he} made a loop in {tool.the}, threw it over a post and got across")},
        ),
        Obstacle(
            variants("a landslide of mud and stones had buried the path back",
                     "on the way back the path was deep under mud and stones"),
            {"spade": variants("{hero} took {tool.the} and dug for {=plot_hours} until the path was free",
                               "with {tool.the} {hero.he} shovelled the mud aside"),
             "shovel": variants("{hero} used {tool.the} for {=plot_hours} until there was a path again",
                                "with {tool.the} {hero.he} cleared a narrow path")},
        ),
        Obstacle(
            variants("the way back led up a steep bank, wet and slippery with mud",
                     "on the way back {hero} had to get up a slope that was too steep to walk"),
            {"rope": variants("{hero} threw {tool.the} around a trunk at the top and climbed up {=plot_slowly}",
                              "with the help of {tool.the}, {hero.he} pulled {hero.himself} up"),
             "pickaxe": variants("{hero} took {tool.the} and cut steps into the slope",
                                 "with {tool.the} {hero.he} hacked out one step after the other")},
        ),
    ],
    [3, 3, 2.5, 2, 2, 2],
)  # fmt: skip
_TOOLS: Categorical[str] = zipf("rope,lamp,spade,saw,axe,ladder,plank,shovel,torch,pickaxe".split(","), 0.4)


def errand(s: Story) -> End:
    """Something must be fetched, and the way back is hard; the tool that helps was met before, or is missing."""
    x, other = s.thing(), s.stranger()
    to = s.other_place()
    s.t.slots.update(x=x, other=other, to=to)
    s.t(_SENT)
    if s.w.flip(0.6):
        s.t(s.of_theme("needs"))
    if s.w.flip(0.5):
        s.scene()
    same = x.noun.split()[-1]
    same = _ALIKE.get(same, same)
    hard = s.w.pick_other(_OBSTACLES, _SAME_TOOL[same]) if same in _SAME_TOOL else s.w.pick(_OBSTACLES)
    tool = None
    if s.w.flip(0.65):
        right = s.w.flip(0.7)
        noun = s.w.pick_other(_TOOLS, _WRONG[id(hard)] if right else (*hard.solved, same))
        tool = a_tool(s, noun)
        lent = s.w.flip(0.5)
        if lent:
            s.t.slots["helper"] = s.ranger()
        s.t(_TOOL_LENT if lent else _TOOL_TAKEN, tool=tool)
        give_to(tool, s.hero)
    else:
        lent = False
        s.t(_LEFT_AT_ONCE)
    s.place = to
    s.t(_GOT_THERE)
    give_to(x, s.hero)
    if s.w.flip(0.3):
        s.t(DEEDS[x.kind])
    s.t(hard.met)
    if tool and tool.noun in hard.solved:
        s.t(hard.solved[tool.noun])
    else:
        if tool:
            s.t(_TOOL_NO_USE)
        noun = s.w.pick_other(_TOOLS, _WRONG[id(hard)])
        s.t(_TOOL_MISSING, need=f"{article(noun)} {noun}")
        if s.w.flip(0.55):
            s.t(_GAVE_UP_WAY)
            s.t(_TOO_LATE)
            return End(False, moods=SAD)
        lent, tool = True, a_tool(s, noun)
        s.t(_CAME_WITH, helper=s.ranger(), tool=tool)
        s.t(hard.solved[noun])
    s.place = s.t.slots["place"]
    if s.w.flip(0.4):
        s.scene()
    s.t(HANDED_OVER)
    give_to(x, other)
    if lent and tool and s.w.flip(0.4):
        s.t(_TOOL_BACK)
        give_to(tool, s.t.slots["helper"])
    return End(True)


_SAME_TOOL = {noun: [o for o in _OBSTACLES.items if noun in o.solved] for noun in _TOOLS.items}
_WRONG = {id(o): tuple(tool for tool in _TOOLS.items if tool not in o.solved) for o in _OBSTACLES.items}
_ALIKE = {"lantern": "lamp", "candle": "lamp", "lighter": "lamp", "hatchet": "axe", "stepladder": "ladder",
          "cord": "rope", "board": "plank"}  # fmt: skip
_SENT = variants(
    "{other} asked {hero.him} to fetch {x} from {to}",
    "{other} had left {x} at {to}, and {hero} was to fetch it",
    '"Please fetch me {x} from {to}," said {other.name} to {hero.him}',
    "{hero} offered to fetch {x} from {to} for {other.him}",
)
_TOOL_LENT = variants(
    "{helper} lent {hero.him} {tool} for the way",
    '"You may need this," said {helper.name} and gave {hero.him} {tool}',
    "{hero} borrowed {tool} from {helper.him} before {hero.he} left",
)
_TOOL_TAKEN = variants(
    "{hero} took {tool} along, for one never knows",
    "{hero} set out with {tool}",
    "{hero} packed {tool} before {hero.he} left",
)
_LEFT_AT_ONCE = variants(
    "{hero} set out at once and took nothing along",
    "{hero} left without any tools",
    "{hero} was in such a hurry that {hero.he} set out with empty hands",
)
_GOT_THERE = variants(
    "at {to} {hero} found {x.the} and turned back",
    "{hero} {=hurried} {=along}, came to {to} and picked up {x.the} there",
    "{hero} passed {=passed}, came to {to} and found {x.the} there",
    "{hero} came to {to} without any trouble and got {x.the}",
)
_TOOL_NO_USE = variants(
    "{tool.the} was of no use here",
    "{hero} looked at {tool.the}, but it could not help",
    "what could one do here with {tool.the}?",
)
_TOOL_MISSING = variants(
    "{hero} would have needed {need}, but had none",
    "if only {hero.name} had brought {need}!",
    '"I need {need}," thought {hero.name}',
)
_GAVE_UP_WAY = variants(
    "without one, {hero.name} had to take the long way round",
    "{hero.name} waited for help, but nobody came for {=plot_hours}",
    "{hero.name} tried it without one and failed three times",
)
_TOO_LATE = variants(
    "when {hero.name} came to {other.him} at last, it was too late",
    "so {other} did not get {x.the} in time",
    "{other} waited for {x.the} in vain",
)
_CAME_WITH = variants(
    "{=luck}, {helper} came along with {tool} and lent it to {hero.him}",
    '{helper} heard {hero.him} calling and came running. "Take this," {helper.he} said and gave {hero.him} {tool}',
    "{helper} was working nearby and had {tool}, which {hero.name} was allowed to use",
)
_TOOL_BACK = variants(
    "{helper.name} got {tool.the} back the same day",
    "afterwards {hero.name} brought {tool.the} back to {helper.him}",
)
