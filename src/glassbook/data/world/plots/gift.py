"""Plot of a present that is kept secret."""

from __future__ import annotations

from glassbook.data.world.plots.common import FALSE, KNOWS, KNOWS_NOT, SAD, End, deed_table, give_to, kinds_but, put_at
from glassbook.data.world.story import Story
from glassbook.data.world.tables import variants


def gift(s: Story) -> End:
    """The hero keeps a surprise for another ranger, who finds out or does not."""
    x, friend = s.thing(s.w.pick(_GIFT_KINDS)), s.ranger()
    spoil = s.w.flip(0.45)
    s.t.slots.update(x=x, helper=friend, to=s.other_place())
    s.t(_GIFT_PLAN)
    give_to(x, s.hero)
    if s.w.flip(0.6):
        s.t(_GIFT_DEEDS[x.kind])
    if s.w.flip(0.6):
        s.scene()
    spot = s.spot()
    s.t(_GIFT_HIDDEN, KNOWS, spot=spot)
    put_at(x, spot)
    x.past = ("had hidden", s.hero)
    asked = s.w.flip(0.5)
    if asked:
        s.t(_GIFT_ASKED)
        s.t(_GIFT_DENIED, FALSE, ("speaker", s.hero.name))
    if s.w.flip(0.4):
        s.scene()
    if spoil:
        chance = s.w.flip(0.5)
        if chance:
            s.t(_GIFT_STUMBLED, KNOWS)
        else:
            witness = s.ranger()
            s.t(_GIFT_TOLD, KNOWS, ("speaker", witness.name), witness=witness, told=s.reported(_GIFT_FACT, 0.2))
        if s.w.flip(0.5):
            s.t(_GIFT_PRETENDED)
            s.t(_GIFT_GIVEN)
            give_to(x, friend)
            s.t(_GIFT_PLAYED, KNOWS)
            return End(True, matters=False)
        s.t(_GIFT_SPOILT)
        return End(False, matters=False, moods=SAD)
    s.t(_GIFT_GUESSED_NOT, KNOWS_NOT)
    s.t(_GIFT_GIVEN)
    give_to(x, friend)
    s.t(_GIFT_JOY)
    return End(True, matters=False)


_GIFT_KINDS = kinds_but("weapon", "medicine", "blade", "vegetable", "fruit", "drink", "stationery", "gear")
_GIFT_DEEDS = deed_table("{hero} DEED and smiled")
_GIFT_PLAN = variants(
    "{hero} had found {x} at {to} and wanted to give it to {helper.him}",
    "for {helper.name}'s {=plot_occasion}, {hero} had brought {x} from {to}",
    "{hero} had got {x} at {to}, a present for {helper.him}",
    "{hero} wanted to surprise {helper} with {x} from {to}",
)
_GIFT_HIDDEN = variants(
    "{hero} hid {x} {spot} until the evening",
    "nobody was to see it yet, and so {hero.he} hid {x.the} {spot}",
    "{hero} put {x} {spot}, where {helper.name} would not look",
)
_GIFT_ASKED = variants(
    '{helper.name} came along. "What have you got there?" asked {helper.name}',
    '"What are you hiding?" asked {helper.name}',
    "{helper.name} asked {hero.him} what {hero.he} had been doing",
)
_GIFT_DENIED = variants(
    '"Nothing at all," said {hero.name}',
    '"I was only resting," said {hero.name}',
    "{hero.name} said that there was nothing to see",
)
_GIFT_STUMBLED = variants(
    "but {helper.name} happened to look {spot} and found {x.the}",
    "by chance {helper.name} dropped a coin, bent down and saw {x.the} {spot}",
    "{helper.name} went for a walk and came upon {x.the} {spot}",
)
_GIFT_FACT = variants("there was a present {spot}", "{hero.name} had a surprise {spot}")
_GIFT_TOLD = variants(
    "but {witness} could not keep a secret and told {helper.name} that {told}",
    "then {witness} let slip that {told}, and {helper.name} heard it",
)
_GIFT_PRETENDED = variants(
    "{helper.name} put it back and said nothing",
    "{helper.name} did not want to spoil the surprise and kept quiet",
)
_GIFT_GIVEN = variants(
    'in the evening {hero.name} fetched {x.the}. "This is for you," {hero.he} said to {helper.name}',
    "at last {hero.name} gave {x.the} to {helper.name}",
    "when the evening came, {hero.name} put {x.the} into {helper.name}'s hands",
)
_GIFT_PLAYED = variants(
    "{helper.name} acted as if {helper.he} had known nothing about it",
    '"What a surprise!" cried {helper.name}, and only {helper.he} knew that it was none',
)
_GIFT_SPOILT = variants(
    '"Is that for me?" asked {helper.name}, and the surprise was spoilt',
    "{helper.name} asked {hero.him} about it, and so it was no surprise any more",
    "when {hero.name} came to fetch {x.the}, {helper.name} already had it in {helper.his} hands",
)
_GIFT_GUESSED_NOT = variants(
    "{helper.name} suspected nothing",
    "{helper.name} had no idea what was {spot}",
    "{helper.name} thought of other things and never looked {spot}",
)
_GIFT_JOY = variants(
    "{helper.name} hugged {hero.him}",
    "{helper.name} could hardly believe it",
    '"How did you know that I wanted this?" cried {helper.name}',
    "{helper.name} was so surprised that {helper.he} could not speak",
)
