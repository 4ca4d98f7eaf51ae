"""Nouns, adjectives and verbs of the Reserve's stories, with what goes together: nobody skates a snowman.

Words stand in order of frequency. Nouns are countable, but for "bread~" (some bread).
"""

from __future__ import annotations

THINGS: dict[str, tuple[str, str]] = {
    "tool": ("lamp, rope, axe, hammer, saw, spade, ladder", "rusty, heavy, sharp, old, wooden, borrowed"),
    "jewel": ("ring, brooch", "golden, silver, shiny, precious"),
    "clothing": ("scarf, hat, coat, glove", "woollen, red, warm, torn, new"),
    "plant": ("rose, fern", "fresh, wilted, fragrant"),
    "food": ("bread~, cheese~, apple, pie", "fresh, sweet, warm, stale"),
    "paper": ("letter, map, book", "crumpled, folded, yellowed, important"),
}
"""Kind -> its nouns, all of which can be carried, and adjectives that suit every one of them."""

DEEDS: dict[str, list[str]] = {
    "tool": ["clean {x}", "repair {x}", "oil {x}"],
    "jewel": ["polish {x}", "admire {x}"],
    "clothing": ["fold {x}", "wear {x}", "brush {x}"],
    "plant": ["water {x}", "smell {x}"],
    "food": ["taste {x}", "share {x} with {other}"],
    "paper": ["read {x}", "fold {x}"],
}
"""Kind -> what {hero} may do with {x}, a thing of that kind; the first word is a verb in its base form."""

SPOTS: dict[str, list[str]] = {
    "water": ["under the jetty", "in the reeds", "behind the boathouse", "beside a willow"],
    "wood": ["in a hollow tree", "under the ferns", "behind the woodpile", "beside a stump"],
    "rock": ["under a boulder", "in a crack", "behind the cairn", "on a ledge"],
    "grass": ["under the hedge", "in the long grass", "behind the barn", "beside the trough"],
}
"""Kind of place -> where a thing may be found there: preposition, article, landmark."""

SPOT_ADJECTIVES = "old, mossy, broken, crooked, great"
"""Suit every landmark."""

TABLES: dict[str, str] = {
    "walked": "walked, hurried, went, strolled, rode, hiked, ran",
    "everyone": "everyone, half the village, all the rangers",
    "once": "one day, one morning, one evening, last week, on Sunday, that summer",
}
"""Words for `{=name}` in the templates of all plots."""
