"""The Reserve's vocabulary: plain word lists, most frequent first (rank sets the frequency, after Zipf).

Change them freely; the shipped model has to be trained anew afterwards (`glassbook run pretrain`).
"""

from __future__ import annotations

MOODS = {
    "glad": ["glad", "happy", "pleased", "delighted", "joyful"],
    "sad": ["sad", "gloomy", "tearful", "heartbroken", "sorry"],
    "angry": ["angry", "furious", "cross", "annoyed", "indignant"],
    "afraid": ["afraid", "scared", "frightened", "anxious", "uneasy"],
    "proud": ["proud", "triumphant", "satisfied", "contented", "honoured"],
    "tired": ["tired", "weary", "sleepy", "exhausted", "drowsy"],
}

WEATHERS = {
    "sun": ["clear sky", "bright sun", "sunshine"],
    "rain": ["rain", "steady rain", "a drizzle"],
    "fog": ["fog", "thick fog", "mist"],
    "snow": ["snow", "light snow", "sleet"],
    "wind": ["wind", "a strong wind", "gusts"],
    "thunder": ["thunder", "a thunderstorm", "lightning"],
}

TIMES = {
    "dawn": ["at dawn", "at first light", "at sunrise"],
    "morning": ["in the morning", "before noon"],
    "noon": ["at noon", "at midday"],
    "afternoon": ["in the afternoon", "after lunch"],
    "dusk": ["at dusk", "at sunset", "at nightfall"],
    "night": ["at night", "at midnight", "in the small hours"],
}

WEATHER_AT = {
    (weather, time): ["clear sky", "a starry sky", "moonlight"] if (weather, time) == ("sun", "night") else ways
    for weather, ways in WEATHERS.items() for time in TIMES
}  # fmt: skip
"""(weather, time) -> what it is called then: the sun does not shine at night."""

MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December"]  # fmt: skip

NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]

# name: (diel activity, food, kind of place, weight of abundance, size in metres)
SPECIES = {
    "deer": ("dusk", "leaves", "wood", 1.4), "heron": ("day", "fish", "water", 0.9),
    "fox": ("night", "voles", "wood", 0.9), "boar": ("night", "acorns", "wood", 1.3),
    "otter": ("night", "crabs", "water", 0.8), "badger": ("night", "worms", "wood", 0.7),
    "hare": ("dusk", "clover", "grass", 0.5), "owl": ("night", "mice", "wood", 0.4),
    "stork": ("day", "frogs", "water", 1.0), "beaver": ("dusk", "bark", "water", 0.9),
    "squirrel": ("day", "nuts", "wood", 0.3), "marmot": ("day", "herbs", "rock", 0.5),
    "wolf": ("night", "sheep", "rock", 1.2), "eagle": ("day", "lambs", "rock", 0.9),
    "raven": ("day", "carrion", "rock", 0.5), "lynx": ("dusk", "hares", "rock", 1.0),
    "hedgehog": ("night", "slugs", "grass", 0.2), "crane": ("day", "grain", "water", 1.1),
    "weasel": ("day", "rats", "grass", 0.3), "marten": ("night", "eggs", "wood", 0.5),
    "bear": ("dusk", "honey", "rock", 1.9), "moose": ("dusk", "willow", "water", 2.4),
    "bison": ("day", "hay", "grass", 2.6), "falcon": ("day", "pigeons", "rock", 0.4),
    "toad": ("night", "beetles", "water", 0.1), "bat": ("night", "moths", "wood", 0.1),
    "pheasant": ("day", "seeds", "grass", 0.6), "polecat": ("night", "toads", "grass", 0.4),
    "swan": ("day", "pondweed", "water", 1.3), "ibex": ("day", "lichen", "rock", 1.3),
    "wildcat": ("night", "rabbits", "wood", 0.6), "kingfisher": ("day", "minnows", "water", 0.2),
    "dormouse": ("night", "hazelnuts", "wood", 0.1), "quail": ("dusk", "ants", "grass", 0.2),
    "viper": ("day", "lizards", "rock", 0.6), "wolverine": ("night", "bones", "rock", 0.9),
}  # fmt: skip

# Kind of place: names of the reserve's named places of that kind.
PLACES = {
    "water": ["ford", "heron pool", "mill weir", "long marsh", "reed lake", "otter bend"],
    "wood": ["oak wood", "pine dell", "birch grove", "fern hollow", "king's thicket", "yew copse"],
    "rock": ["north ridge", "eagle crag", "grey scree", "wolf pass", "high ledge", "bear cave"],
    "grass": ["south meadow", "hare down", "bison plain", "clover bank", "sheep common", "west pasture"],
}

DANGEROUS = {"wolf", "bear", "boar", "viper", "lynx", "wolverine", "bison"}
"""Species that a ranger may be afraid of."""

# Rangers: name and pronoun.
RANGERS = {
    "Mira": "she", "Tam": "he", "Tamsin": "she", "Osric": "he", "Wren": "she", "Jory": "he", "Edda": "she",
    "Colm": "he", "Ysolde": "she", "Piran": "he", "Linnet": "she", "Garth": "he", "Merrin": "she", "Hob": "he",
    "Sable": "she", "Corin": "he", "Petra": "she", "Dunstan": "he", "Ivy": "she", "Bram": "he", "Una": "she",
    "Silas": "he", "Greta": "she", "Orlo": "he",
}  # fmt: skip

VILLAGES = """
Ashford Millbrook Stonewick Harrowgate Fernley Oldbridge Redcliffe Thornbury Wexcombe Larkhill Dunmere Saltmarsh
Brackley Foxholt Elmstead Kingsdown Norwell Tarnside Hazelby Coldwater Winterbourne Applegarth Marlow Quarrydale
""".split()

# Syllables from which the seldom-seen visitors and far-off hamlets get their names.
NAME_STARTS = "Al Bren Cor Dar El Fen Gal Hal Is Jen Kel Lor Mar Nor Os Per Quin Ros Sal Tor Ul Ver Wil Yor Zel".split()
NAME_ENDS = "a an eth ina ick ora mund wyn is ard elle ivar o une ander ita old ric een us".split()
HAMLET_STARTS = "Ash Beck Crow Dale Elder Flint Gorse Heath Iron Juniper Knoll Lime Moor Nettle Pike Rush Swan".split()
HAMLET_ENDS = "bourne combe dene fell gate ham lea mere nook stow thorpe wick".split()
