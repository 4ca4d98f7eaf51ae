"""Plot of a ranger who watches for animals beside a camera and counts them."""

from __future__ import annotations

from glassbook.data.world import words as W
from glassbook.data.world.plots.common import AGREES, CONTRADICTS, FALSE, FOODS, NUMBERS, SPECIES, TIRED, TRUE, End
from glassbook.data.world.story import Story
from glassbook.data.world.tables import variants
from glassbook.data.world.telling import Said
from glassbook.data.world.writer import zipf


def night_watch(s: Story) -> End:
    """The hero watches beside a camera, sees animals or none, and writes it down; somebody else may claim otherwise."""
    place = s.place.name
    species = s.w.pick(s.reserve.at_home[s.reserve.ground[place]])
    time = s.w.pick(s.reserve.hours[species.active])
    s.t(_WATCH_BEGAN, camera=_CAMERAS[s.reserve.camera[place]], time=_TIMES[time], species=SPECIES[species.name, 0])
    if s.theme.name not in _OWN_WEATHER and s.w.flip(0.6):
        s.t(_WATCH_SKY, weather=_SKIES[s.w.pick(s.reserve.sky["spring"]), time])
    elif s.w.flip(0.5):
        s.scene()
    s.t(_WAITED)
    if s.w.flip(0.25):
        slept = s.w.flip(0.5)
        s.t(_FELL_ASLEEP if slept else _NOTHING_CAME)
        s.t(_WROTE_NOTHING)
        s.t(_NO_RECORD, AGREES)
        return End(False, matters=False, moods=TIRED)
    if s.w.flip(0.6):
        s.t(_HEARD)
    count = s.w.pick(s.reserve.count)
    s.t.slots.update(n=SPECIES[species.name, count], food=FOODS[species.name])
    s.t(_CAME_ONE if count == 1 else _CAME_MANY, ("count", NUMBERS[count]))
    s.t(_ATE_ONE if count == 1 else _ATE_MANY)
    s.t(_WROTE, AGREES)
    if s.w.flip(0.4):
        s.scene()
    if s.w.flip(0.4):
        witness = s.ranger()
        honest = s.w.flip(s.taken[-1].honesty)
        claimed = count if honest else s.w.pick_other(s.reserve.count, (count,))
        s.t(_CLAIMED, TRUE if honest else FALSE, ("speaker", witness.name), witness=witness,
            claimed=SPECIES[species.name, claimed])  # fmt: skip
        s.t(_CLAIM_HOLDS if honest else _CLAIM_FAILS, AGREES if honest else CONTRADICTS)
    return End(True, matters=False)


_OWN_WEATHER = {"storm", "winter", "fire", "harvest", "voyage"}
_CAMERAS = {n: f"camera {n}" for n in range(1, 41)}
_TIMES = {time: Said("time", time, zipf(ways)) for time, ways in W.TIMES.items()}
_SKIES = {at: Said("weather", at[0], zipf(ways)) for at, ways in W.WEATHER_AT.items()}
_WATCH_BEGAN = variants(
    "{hero} kept watch beside {camera} {time}, for {species} had been seen at {place}",
    "{time} {hero} sat down near {camera} at {place} and waited for {species}",
    "{hero} was to count the {species} at {place} and sat beside {camera} {time}",
    "it was {hero.name}'s turn to watch {camera} {time} and to look out for {species}",
)
_WATCH_SKY = variants(
    "there was {weather} over {place}",
    "the weather report had promised {weather}, and it was right",
    '"{weather}," {hero.name} noted in the book',
)
_WAITED = variants(
    "{hero} waited for {=plot_wait} and {=plot_kept_warm}",
    "for {=plot_wait} nothing happened, and {hero} {=plot_kept_warm}",
    "{hero} {=plot_kept_warm}",
)
_FELL_ASLEEP = variants(
    "then {hero.name} fell asleep, and if anything came, nobody saw it",
    "{hero.name} closed both eyes for a moment and slept until it was all over",
)
_NOTHING_CAME = variants("nothing came that time", "not a single animal came near the camera", "all stayed quiet")
_WROTE_NOTHING = variants(
    '"No animals seen," {hero.name} wrote in the book',
    "{hero.name} put a nought in the list",
    "on the page {hero.name} wrote only the date",
)
_NO_RECORD = variants(
    "the camera had no picture to show either",
    "when {hero.name} looked at the pictures, they were all empty",
)
_HEARD = variants(
    "then there was {=plot_sound}",
    "{=sound}",
    "suddenly {hero.name} heard {=plot_sound}",
    '"What was that?" thought {hero.name}. There had been {=plot_sound}',
)
_CAME_ONE = variants(
    "{n} came out and stood in front of the camera",
    "there was {n}, quite alone",
    "{hero.name} saw {n} come nearer",
)
_CAME_MANY = variants(
    "{n} came out, one after the other",
    "{n} stood in front of the camera",
    "{hero.name} counted {n}",
)
_ATE_ONE = variants("it was looking for {food}", "it had come for {food} and found some", "it was hungry for {food}")
_ATE_MANY = variants(
    "they were looking for {food}", "they had come for {food} and found some", "they were hungry for {food}"
)
_WROTE = variants(
    '"Seen {time}: {n}," {hero.name} wrote in the book',
    "{hero.name} wrote down what {hero.he} had seen: {n}",
    '{hero.name} took the list and wrote "{n}" on it',
    "the camera clicked, and {hero.name} noted {n}",
)
_CLAIMED = variants(
    '"I saw {claimed} there," said {witness.name} the next day',
    "later {witness} said that {witness.he} had been there too and had seen {claimed}",
)
_CLAIM_HOLDS = variants(
    "that was just what stood in {hero.name}'s book",
    "{hero.name} opened the book, nodded and showed the page",
    "the pictures showed the same",
)
_CLAIM_FAILS = variants(
    "but {hero.name} had written down {n}, and the pictures showed the same",
    '"No," said {hero.name} and showed the page. "There was no more and no less than this: {n}."',
    "{hero.name} looked it up: it had been {n}",
)
