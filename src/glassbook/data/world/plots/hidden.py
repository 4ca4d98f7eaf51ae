"""Plot of a thing that is hidden and moved, so that not everybody knows where it is."""

from __future__ import annotations

from glassbook.data.world.plots.common import KNOWS, KNOWS_NOT, SAD, WHERE_IT_WAS, End, give_to, put_at
from glassbook.data.world.story import Story
from glassbook.data.world.tables import variants
from glassbook.data.world.writer import Categorical


def hidden(s: Story) -> End:
    """One ranger hides something and another moves it; who did not see that looks at the wrong spot first."""
    x, other, friend = s.thing(), s.stranger(), s.ranger()
    hides, moves = (s.hero, friend) if s.w.flip(0.6) else (friend, s.hero)
    s.t.slots.update(x=x, other=other, friend=friend, a=hides, b=moves)
    s.t(_KEPT)
    give_to(x, s.hero)
    if s.w.flip(0.5):
        s.t(s.of_theme("needs"))
    first = s.spot()
    s.t(_HID, KNOWS, spot=first)
    put_at(x, first)
    x.past = ("had hidden", hides)
    if s.w.flip(0.4):
        s.scene()
    moved = s.w.flip(0.75)
    if moved:
        watched = s.w.flip(0.4)
        s.t(_WATCHED if watched else _WENT_AWAY, to=s.other_place())
        second = s.spot()
        s.t(_MOVED, KNOWS, second=second)
        put_at(x, second)
        x.past = ("had moved", moves)
        s.t(_SAW_IT if watched else _SAW_NOTHING, KNOWS if watched else KNOWS_NOT)
    else:
        watched, second = True, first
        s.t(_NOBODY_TOUCHED, second=second)
    if s.w.flip(0.5):
        s.scene()
    s.t(_WANTED)
    if watched:
        s.t(_STRAIGHT, KNOWS)
        give_to(x, hides)
    else:
        if s.w.flip(0.5):
            if s.w.flip(0.6):
                s.t(_BELIEVED, KNOWS_NOT, told=s.reported(WHERE_IT_WAS, 0.15))
            else:
                s.t(_ASKED_WHERE, KNOWS_NOT)
        s.t(_LOOKED_FIRST, KNOWS_NOT)
        how = s.w.pick(_LEARNT)
        if how == "told":
            s.t(_MOVER_TOLD, KNOWS)
        elif how == "witness":
            s.t(_OTHERS_TOLD, KNOWS, witness=s.ranger(), told=s.reported(_FACT_SECOND))
        elif how == "search":
            s.t(_SEARCHED_ON, third=s.spot())
            s.t(_FOUND_AT_LAST, KNOWS)
        else:
            s.t(_MOVER_GONE, KNOWS_NOT)
            s.t(_TOLD_IN_VAIN)
            return End(False, moods=SAD)
        if how != "search":
            s.t(_FOUND_SECOND, KNOWS)
        give_to(x, hides)
    s.t(_HANDED_OVER_A)
    give_to(x, other)
    return End(True)


_LEARNT = Categorical(["told", "witness", "search", "not"], [2, 1.5, 1.5, 1.2])
_KEPT = variants(
    "{other} had asked {hero.him} and {friend} to look after {x}",
    "{hero} and {friend} were guarding {x} for {other.him}",
    "{hero} was looking after {x} for {other.him}, and {friend} kept {hero.him} company",
    "{other} gave {hero.him} {x} to look after, and {friend} stood beside {hero.him}",
)
_HID = variants(
    "{a.name} hid {x.the} {spot}, so that nobody could steal it",
    "so that nothing could happen to it, {a.name} put {x.the} {spot}",
    '"It will be safe here," said {a.name} and hid {x.the} {spot}',
    "{a.name} did not want to carry {x.the} about all day and put it {spot}",
)
_WENT_AWAY = variants(
    "then {a.name} {=walked} to {to} to {=chore}",
    "{a.name} left for {to} to {=chore}",
    "after that, {a.name} had to go to {to} to {=chore}",
)
_WATCHED = variants(
    "{a.name} wanted to go to {to}, but turned round once more",
    "on the way to {to}, {a.name} stopped and looked back",
    "{a.name} meant to leave for {to}, but sat down nearby first",
)
_MOVED = variants(
    "{b.name} took {x.the} out and put it {second} instead",
    "{b.name} thought of a better place and moved {x.the}: now it was {second}",
    "because anyone could see it there, {b.name} took {x.the} and hid it {second}",
    "to play a trick, {b.name} hid {x.the} {second}",
)
_SAW_IT = variants(
    "{a.name} saw that and said nothing",
    "{a.name} had seen it all",
    "{a.name} watched {b.him} do it",
    '"I saw that," {a.name} called to {b.him}',
)
_SAW_NOTHING = variants(
    "{a.name} was far away and saw nothing of that",
    "{a.name} knew nothing about that",
    "nobody told {a.name}",
    "{a.name} was not there to see it",
)
_NOBODY_TOUCHED = variants(
    "nobody else touched it, and it stayed {second}",
    "all day it lay {second}, and nobody came near it",
    "{b.name} kept away from it, so it was still {second}",
)
_WANTED = variants(
    "then {other} came and asked {a.him} for {x.the}",
    'in the end {other} needed it. "Where is {x.the}?" asked {other.name}',
    "soon it was time to give {other} {x.the}, and {a.name} set out to get it",
    "when {other} wanted {x.the} back, {a.name} went to get it",
)
_STRAIGHT = variants(
    "{a.name} went straight to it and took {x.the} out: it was {second}, of course",
    "{a.name} knew that {x.the} was {second} and found it at once",
    "{a.name} did not have to search and got {x.the}, which was {second}",
)
_BELIEVED = variants(
    "{a.name} still thought that {told}",
    "{a.name} was sure that {told}",
)
_ASKED_WHERE = variants(
    'somebody asked, "Where will you look?" {a.name} answered, "{spot}, where I put it."',
    '"I know where {x.the} is: {spot}," said {a.name}',
)
_LOOKED_FIRST = variants(
    "{a.name} looked {spot}, but there was {=plot_empty}",
    "so {a.name} searched {spot}, where it was no longer, and was surprised",
    "{a.name} went to look {spot} and found {=plot_empty}",
)
_MOVER_TOLD = variants(
    '"I moved it," said {b.name}. "It is {second}."',
    "{b.name} laughed and said that {x.the} was {second}",
    "now {b.name} told {a.him} that {x.the} was {second}",
)
_FACT_SECOND = variants("{x.the} was {second}", "{x.the} lay {second}", "{b.name} had put {x.the} {second}")
_OTHERS_TOLD = variants(
    "{witness} told {a.him} that {told}",
    "{a.name} asked {witness.him}, who said that {told}",
)
_SEARCHED_ON = variants(
    "{a.name} searched {third} as well, but it was not there either",
    "next {a.name} looked {third}, again in vain",
)
_FOUND_SECOND = variants(
    "{a.name} looked {second} and found {x.the}",
    "and there it was, {second}",
    "so {a.name} looked {second} and was glad to see {x.the}",
)
_FOUND_AT_LAST = variants(
    "{a.name} went on searching and at last found {x.the} {second}",
    "{second}, {a.name} found {x.the} at last",
    "only then did {a.name} think of looking {second}, and there it was",
)
_MOVER_GONE = variants(
    "{b.name}, who knew where it was, had gone home",
    "{a.name} called for {b.him}, but {b.name} was no longer there",
)
_TOLD_IN_VAIN = variants(
    "so {other} did not get {x.the} in time",
    "{a.name} had to tell {other} that {x.the} was gone",
    "{other} could not wait any longer and left without {x.the}",
)
_HANDED_OVER_A = variants(
    "{a.name} gave {x.the} to {other.him}",
    "{other} got {x.the} from {a.him} in time",
    '"Here it is," said {a.name} and handed {other.him} {x.the}',
    "{other} got {x.the} and {=thanked} {a.name}",
)
