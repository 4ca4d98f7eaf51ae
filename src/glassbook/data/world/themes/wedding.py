"""A wedding."""

from __future__ import annotations

from glassbook.data.world.themes.theme import Theme

WEDDING = Theme(
    name="wedding",
    things={
        "jewel": "wedding ring, brooch, crown, pearl necklace",
        "clothing": "veil, gown, sash, lace glove, waistcoat",
        "plant": "bouquet, garland, wreath",
        "food": "wedding cake, loaf, pie",
        "paper": "invitation, vow, marriage licence",
    },
    nouns="wedding bride groom altar feast toast dowry bridesmaid ceremony banquet kiss chapel procession dance",
    roles="priest, bridesmaid, guest, matchmaker, best man, bride, groom",
    openings=(
        "it was the day of the wedding at {place}",
        "{=everyone} had come to {place} for a wedding",
        "a {=bridal} bride and a {=bridal} groom were to marry at {place}",
    ),
    needs=(
        "{other} needed {x} for the ceremony",
        "without {x} there could be no wedding",
        "{other} had promised {x.the} to the bride",
    ),
    scenes=(
        "the bride {=embraced} her {=relative}",
        "the groom {=practised} his vow",
        "the {=guests} {=danced} around the altar",
        "{=musicians} played while the {=guests} {=feasted}",
        "the bridesmaids {=adorned} the {=chapel_part} with {=flowers}",
    ),
    losses=(
        "in the crowd {x} slipped out of {hero.his} hands and fell {spot}",
        "a page boy played with {x} and left it {spot}",
    ),
    good=("the bride kissed the groom, and the feast began", "the priest blessed the couple, and all danced until dawn"),
    bad=("the wedding had to wait until the next day", "the bride cried, and the guests went home"),
    tables={
        "bridal": "happy, radiant, blushing, nervous, devoted, beloved, joyous, young, festive",
        "embraced": "embraced, kissed, thanked, hugged",
        "relative": "mother, father, sister, grandmother, aunt, cousin",
        "practised": "practised, whispered, forgot, repeated, rehearsed",
        "guests": "guests, bridesmaids, cousins, villagers",
        "danced": "danced, sang, gathered, waited",
        "musicians": "a fiddler, two flautists, an old piper, a small band",
        "feasted": "feasted, toasted the couple, ate the banquet",
        "adorned": "adorned, decked, hung",
        "chapel_part": "altar, chapel door, arch, banquet table",
        "flowers": "roses, lilies, ribbons, white garlands, ivy",
    },
)
