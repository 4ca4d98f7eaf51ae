"""English word forms: articles, plurals, past tenses and participles."""

from __future__ import annotations


def past(verb: str) -> str:
    """Past tense of a regular verb: "carry" -> "carried", "stop" -> "stopped", "bake" -> "baked"."""
    if verb in _ODD_PASTS:
        return _ODD_PASTS[verb]
    return _stem(verb, "e") + ("d" if verb.endswith("e") else "ed")


def ing(verb: str) -> str:
    """Present participle of a regular verb: "carry" -> "carrying", "stop" -> "stopping", "bake" -> "baking"."""
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    if verb.endswith("e") and not verb.endswith("ee"):
        return verb[:-1] + "ing"
    return (verb if verb.endswith("y") else _stem(verb, "")) + "ing"


def plural(noun: str) -> str:
    """Plural of a noun: "fox" -> "foxes", "berry" -> "berries", "wolf" -> "wolves"."""
    if noun in _ODD_PLURALS:
        return _ODD_PLURALS[noun]
    if noun.endswith(("s", "x", "ch", "sh")):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"


def article(words: str) -> str:
    """ "a" or "an" before `words`, by sound: "an otter", "a useful rope", "an honest man"."""
    if words.startswith(_SILENT_H):
        return "an"
    return "a" if words[0] not in "aeiou" or words.startswith(_SPOKEN_Y) else "an"


_SILENT_H = ("honest", "honour", "hour", "heir")
_SPOKEN_Y = ("use", "usu", "uten", "unic", "unif", "uniq", "unit", "univ", "uku", "eu", "ewe", "one-")

_ODD_PASTS = {
    "hide": "hid", "forget": "forgot", "leave": "left", "sell": "sold", "sing": "sang", "shoot": "shot",
    "freeze": "froze", "sweep": "swept", "slide": "slid", "feed": "fed", "drink": "drank", "dig": "dug", "flee": "fled",
    "hold": "held", "shake": "shook", "hang": "hung", "spread": "spread", "beat": "beat", "give": "gave",
    "find": "found", "keep": "kept", "read": "read", "put": "put", "have": "had", "stand": "stood", "blow": "blew",
    "grind": "ground", "cut": "cut", "draw": "drew", "wear": "wore", "take": "took", "make": "made", "bring": "brought",
    "buy": "bought", "catch": "caught", "choose": "chose", "eat": "ate", "feel": "felt", "get": "got", "go": "went",
    "lay": "laid", "lend": "lent", "lose": "lost", "pay": "paid", "run": "ran", "say": "said", "see": "saw",
    "send": "sent", "set": "set", "shut": "shut", "sit": "sat", "speak": "spoke", "swim": "swam", "swing": "swung",
    "tell": "told", "think": "thought", "throw": "threw", "win": "won", "wind": "wound", "wring": "wrung",
    "write": "wrote", "break": "broke", "steal": "stole",
}  # fmt: skip

_ODD_PLURALS = {
    "wolf": "wolves", "deer": "deer", "leaf": "leaves", "knife": "knives", "loaf": "loaves", "shelf": "shelves",
    "mouse": "mice", "goose": "geese", "sheep": "sheep", "calf": "calves", "ox": "oxen", "foot": "feet", "fish": "fish",
    "moose": "moose", "dormouse": "dormice", "trout": "trout", "scarf": "scarves", "bison": "bison",
    "child": "children",
}  # fmt: skip


def _stem(verb: str, keep: str) -> str:
    if verb.endswith("e") and keep:
        return verb
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return verb[:-1] + "i"
    if verb in _DOUBLING:
        return verb + verb[-1]
    return verb


_DOUBLING = set(
    "stop plan drop grab trap slip nod hum beg chat rub tug wrap step skip clap drag trot hop pat nap chop stir strum "
    "shovel forget shrug scrub char skin hug sip trim tap skim label put cut run set sit shut swim win get jot pin mop "
    "dip swap snap spin grin".split()
)
