"""Plot of something that breaks and is mended with a borrowed tool."""

from __future__ import annotations

from typing import NamedTuple

from glassbook.data.world.grammar import article
from glassbook.data.world.plots.common import SAD, End, a_tool, give_to
from glassbook.data.world.story import Story
from glassbook.data.world.tables import variants
from glassbook.data.world.telling import Template
from glassbook.data.world.writer import Categorical, zipf


class Damage(NamedTuple):
    """Something that breaks.

    Attributes:
        broke: how.
        mended: how each tool helps.
    """

    broke: Categorical[Template]
    mended: dict[str, Categorical[Template]]


_DAMAGES = Categorical(
    [
        Damage(
            variants("suddenly a plank of the footbridge broke under {other.name}",
                     "a board of the footbridge had come loose, and {other.name} nearly fell through"),
            {"hammer": variants("{hero.name} nailed a new board to the bridge with {tool.the}",
                                "{hero.name} swung {tool.the} until the board held"),
             "saw": variants("{hero.name} sawed a new plank with {tool.the} and fitted it in",
                             "with {tool.the}, {hero.name} cut a board of the right length")},
        ),
        Damage(
            variants("a wheel came off {other.name}'s cart", "suddenly the cart of {other.name} lost a wheel"),
            {"hammer": variants("{hero.name} drove the wheel back on with {tool.the}",
                                "three blows of {tool.the}, and the wheel sat firmly"),
             "spanner": variants("{hero.name} screwed the wheel on again with {tool.the}",
                                 "{hero.name} tightened every nut with {tool.the}")},
        ),
        Damage(
            variants("a post of the fence fell over, and nobody could pass",
                     "the wind had blown the fence down, and it lay across the path"),
            {"spade": variants("{hero.name} dug a deep hole with {tool.the} and put the post in",
                               "with {tool.the}, {hero.name} set the fence up again"),
             "rope": variants("{hero.name} tied the fence to a tree with {tool.the}",
                              "{hero.name} pulled the fence up with {tool.the} and made it fast")},
        ),
        Damage(
            variants("the door of the hut was stuck, with {other.name} inside",
                     "the hut had sunk a little, and {other.name} could not open the door"),
            {"crowbar": variants("{hero.name} pushed {tool.the} into the gap, and the door sprang open",
                                 "{hero.name} lifted the door with {tool.the}"),
             "plane": variants("{hero.name} planed the edge with {tool.the} until the door moved",
                               "with {tool.the}, {hero.name} took a little wood off the door")},
        ),
        Damage(
            variants("a leg of the long table broke, just as {other.name} sat down",
                     "the bench broke as soon as {other.name} had sat down on it"),
            {"hammer": variants("{hero.name} nailed a new leg on with {tool.the}",
                                "{hero.name} put in four nails with {tool.the}"),
             "saw": variants("{hero.name} cut a new leg out of a branch with {tool.the}",
                             "with {tool.the}, {hero.name} made all legs equally short")},
        ),
        Damage(
            variants("the roof of the shelter began to leak, and {other.name} got wet",
                     "a gust had torn a shingle from the shelter where {other.name} sat"),
            {"ladder": variants("{hero.name} climbed up {tool.the} and closed the hole",
                                "{hero.name} leaned {tool.the} against the wall and laid a new shingle"),
             "hammer": variants("{hero.name} nailed a shingle over the hole with {tool.the}",
                                "{hero.name} went up with {tool.the} and a mouth full of nails")},
        ),
    ]
)  # fmt: skip
_MENDERS = {id(d): zipf(list(d.mended), 0.5) for d in _DAMAGES.items}


def repair(s: Story) -> End:
    """A thing breaks; the hero borrows a tool from somebody who has it, mends the thing and brings the tool back."""
    other = s.stranger()
    s.t(_CAME_ALONG, other=other)
    if s.w.flip(0.6):
        s.scene()
    damage = s.w.pick(_DAMAGES)
    s.t(damage.broke)
    noun = s.w.pick(_MENDERS[id(damage)])
    s.t(_TRIED, need=f"{article(noun)} {noun}")
    lender, again = s.ranger(), 0.5
    s.t(_ASKED_FOR_TOOL, helper=lender)
    while s.w.flip(again):
        if s.w.flip(0.3):
            s.t(_HAS_NONE_AT_ALL)
            s.t(_NOT_REPAIRED)
            return End(False, moods=SAD)
        following = s.ranger()
        s.t(_SENT_ON, ("speaker", lender.name), following=following, told=s.reported(_FOLLOWING_HAS, 0.2))
        lender, again = following, again * 0.7
        s.t.slots["helper"] = lender
    tool = a_tool(s, noun)
    s.t(_LENT_TOOL, tool=tool)
    give_to(tool, s.hero)
    tool.past = ("had lent", lender)
    s.t(damage.mended[tool.noun])
    if s.w.flip(0.6):
        s.t(_THANKED_FOR_REPAIR)
    if s.w.flip(0.3):
        s.scene()
    s.t(_GAVE_TOOL_BACK)
    give_to(tool, lender)
    return End(True)


_CAME_ALONG = variants(
    "{hero} was talking to {other.him}",
    "{hero} showed {other.him} around",
    "{hero} and {other} had just met",
    "{other} had asked {hero.him} for help",
)
_TRIED = variants(
    "{hero.name} tried to repair it with {=plot_broken_with}, but without {need} it was no use",
    '"For this I need {need}," said {hero.name}',
    "{hero.name} wanted to repair it at once, but had left {need} at home",
    "anybody with {need} could have mended it, but {hero.name} had none",
)
_ASKED_FOR_TOOL = variants(
    "{hero.name} {=walked} to {helper.him} to borrow one",
    '"Can you lend me yours?" {hero.name} asked {helper.him}',
    "{hero.name} asked {helper.him} for one",
)
_FOLLOWING_HAS = variants("{following} had one", "{following} could lend one to {hero.name}")
_SENT_ON = variants(
    "{helper.name} had none, but said that {told}",
    "{helper.name} shook {helper.his} head, but thought that {told}",
)
_HAS_NONE_AT_ALL = variants(
    "{helper.name} had none either, and nobody else was near",
    '"I lost mine last week," said {helper.name}',
    "{helper.name} had one, but it was broken",
    "{helper.name} needed it {helper.himself} and would not lend it",
)
_NOT_REPAIRED = variants(
    "so it stayed broken, and {other} had to manage without",
    "nothing could be done, and {other} was sorry about it",
)
_LENT_TOOL = variants(
    "{helper.name} lent {hero.him} {tool} gladly",
    '"Here, take mine," said {helper.name} and gave {hero.him} {tool}',
    "{helper.name} had {tool} in the shed, and {hero.name} was allowed to take it",
    "{helper.name} went to get {tool} and gave it to {hero.him}",
)
_THANKED_FOR_REPAIR = variants(
    "{other} clapped {other.his} hands",
    '"Thank you!" said {other.name}',
    "{other} {=thanked} {hero.name}",
    "{other} was astonished how fast it was done",
    "{other} tried it at once, and it held",
)
_GAVE_TOOL_BACK = variants(
    "{hero.name} cleaned {tool.the} and brought it back to {helper.name}",
    "in the evening {helper.name} got {tool.the} back",
    "{hero.name} did not forget to return {tool.the} to {helper.name}",
    '"Thank you for {tool.the}," said {hero.name} when {hero.he} gave it back to {helper.name}',
)
