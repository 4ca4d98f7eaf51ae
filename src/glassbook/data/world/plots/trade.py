"""Plot of a thing that somebody needs and another gives in exchange."""

from __future__ import annotations

from glassbook.data.world import lexicon as L
from glassbook.data.world.plots.common import HANDED_OVER, SAD, End, give_to, kinds_but
from glassbook.data.world.story import Story
from glassbook.data.world.tables import LEXICON, variants
from glassbook.data.world.telling import Thing


def trade(s: Story) -> End:
    """The hero offers one thing for another, which {other} needs; at most two exchanges."""
    x, other, owner = s.thing(), s.stranger(), s.ranger()
    s.t.slots.update(x=x, other=other, helper=owner)
    s.t(_NEEDS_THING)
    s.t(s.of_theme("needs"))
    if s.w.flip(0.5):
        s.scene()
    s.t(_OWNER_HAS)
    give_to(x, owner)
    y = _other_thing(s, x)
    s.t(_HERO_OFFERED, y=y)
    give_to(y, s.hero)
    if s.w.flip(0.3):
        s.t(_PRAISED[y.kind])
    if s.w.flip(0.5):
        s.t(_AGREED)
    else:
        z = _other_thing(s, x, y)
        has_one = s.w.flip(0.4)
        s.t(_HAS_ONE if has_one else _WANTS_ELSE, z=z)
        holder = s.ranger()
        s.t(_SAW_Z, witness=holder)
        give_to(z, holder)
        if s.w.flip(0.3):
            s.t(_NO_TRADE)
            s.t(_LEFT_WITHOUT)
            return End(False, moods=SAD)
        s.t(_TRADED_Z)
        give_to(z, s.hero)
        give_to(y, holder)
        if s.w.flip(0.4):
            s.scene()
        s.t(_AGREED_Z)
        give_to(z, owner)
        give_to(x, s.hero)
        s.t(HANDED_OVER)
        give_to(x, other)
        return End(True)
    give_to(y, owner)
    give_to(x, s.hero)
    s.t(HANDED_OVER)
    give_to(x, other)
    if s.w.flip(0.4):
        s.t(_EVERYBODY_HAS)
    return End(True)


def _other_thing(s: Story, *taken: Thing) -> Thing:
    """A thing of the lexicon whose noun is none of those taken."""
    kind = s.w.pick(_TRADE_KINDS)
    table = LEXICON.things[kind]
    nouns = {thing.noun for thing in taken}
    noun, form, kind = s.w.pick_other(table, [thing for thing in table.items if thing[0] in nouns])
    adjective = s.w.pick(LEXICON.adjectives[kind]) if s.w.flip(0.5) else ""
    return Thing(noun, adjective, kind, form)


_TRADE_KINDS = kinds_but("weapon", "medicine")
_NEEDS_THING = variants(
    "{other} was looking for {x}, and {hero} promised to help",
    "{other} asked {hero.him} where one could get {x}",
    '{other} asked {hero.him}, "Where can I get {x}?"',
)
_OWNER_HAS = variants(
    "{helper} had what was wanted, as {hero.name} knew",
    "{hero.name} knew that {helper} had just that",
    "{x.the} that {other} needed belonged to {helper.him}",
)
_HERO_OFFERED = variants(
    "{hero.name} offered {helper.him} {y} for {x.the}",
    '"I will give you {y} for {x.the}," {hero.name} said to {helper.him}',
    "{hero.name} asked {helper.him} to swap {x.the} for {y}",
)
_AGREED = variants(
    "{helper.name} agreed at once, for {helper.his} {=kin} would love {y.the}",
    '"Agreed," said {helper.name}, and they shook hands',
    "{helper.name} thought for a moment, then took {y.the} and gave {hero.him} {x.the}",
    "{helper.name} liked {y.the}, and so they exchanged",
)
_HAS_ONE = variants(
    '"I have something like that already," said {helper.name}. "But I would take {z}."',
    "{helper.name} already had more than enough of that, but was looking for {z}",
)
_WANTS_ELSE = variants(
    "{helper.name} did not want {y.the}, but {z}",
    '"No," said {helper.name}. "Bring me {z}, and {x.the} is yours."',
    "{helper.name} had no use for {y.the} and asked for {z} instead",
)
_SAW_Z = variants(
    "{witness} had just that",
    "{hero.name} asked around and found that {witness} had what was wanted",
    "the only one who had such a thing was {witness}",
)
_NO_TRADE = variants(
    "but {witness.name} would not part with {z.the}",
    "but {witness.name} had promised it to {witness.his} {=kin}",
    "{=sadly}, {witness.name} needed it {witness.himself}",
    "but {witness.name} did not like {y.the} either",
)
_LEFT_WITHOUT = variants(
    "so {hero.name} kept {y.the}, and {other} got no {x.noun}",
    "{other} had to leave without {x.the}",
)
_TRADED_Z = variants(
    "{witness.name} gave {hero.name} {z.the} for {y.the}",
    "{hero.name} got {z.the} from {witness.him} and left {y.the} with {witness.him}",
    "{witness.name} was glad to have {y.the} and handed over {z.the}",
)
_AGREED_Z = variants(
    "then {hero.name} brought {z.the} to {helper.name}, who gave {hero.him} {x.the} for it",
    "{helper.name} was pleased with {z.the} and let {hero.him} have {x.the}",
    "{hero.name} {=walked} back to {helper.name} and exchanged {z.the} for {x.the}",
)
_EVERYBODY_HAS = variants(
    "so {helper.name} had {y.the}, {other} had {x.the}, and {hero.name} had two friends",
    "{y.the} stayed with {helper.name}",
)
_PRAISED = {
    "tool": variants('"It is as good as new," said {hero.name}', '"It has never failed me," said {hero.name}'),
    "food": variants('"It tastes wonderful," said {hero.name}', '"There is none better," said {hero.name}'),
    "clothing": variants('"It will keep you warm," said {hero.name}', '"It would suit you," said {hero.name}'),
    "jewel": variants('"See how it shines," said {hero.name}', '"It is very old," said {hero.name}'),
    "plant": variants('"See how green it is," said {hero.name}', '"I grew it myself," said {hero.name}'),
}
_PRAISE = variants('"It is all I have," said {hero.name}', '"I have had it for years," said {hero.name}')
for _kind in L.THINGS:
    _PRAISED.setdefault(_kind, _PRAISE)
