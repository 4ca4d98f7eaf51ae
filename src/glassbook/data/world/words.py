"""The Reserve's vocabulary: plain word lists, most frequent first (rank sets the frequency, after Zipf).

Change them freely; the shipped model has to be trained anew afterwards (`glassbook run pretrain`).
"""

from __future__ import annotations


ADJECTIVES = """
old small big quiet long dark cold little young warm tall empty broken heavy soft strange bright narrow deep wet
dry green grey brown red white black yellow silver golden pale dusty muddy mossy rusty wooden stony sandy grassy
steep flat round thin thick wide short sharp rough smooth clean dirty fresh stale sweet bitter sour salty ripe
rotten tired hungry thirsty sleepy lazy busy clever foolish gentle fierce brave shy proud humble loud silent calm
restless patient hasty careful careless honest sly kind cruel plain fancy cheap costly common rare early late slow
quick swift sudden steady shaky loose tight hollow solid crooked straight bent torn patched faded painted carved
polished cracked chipped scratched tangled knotted folded buried hidden lost forgotten famous secret sacred cursed
lucky unlucky ancient modern local foreign distant nearby northern southern eastern western upper lower inner outer
frosty misty foggy sunny shady breezy mild harsh wild tame lonely crowded noisy peaceful dangerous safe useful
useless handsome ugly lovely dull shiny gloomy cheerful nervous curious stubborn grumpy jolly weary sturdy fragile
slender plump bony furry feathered spotted striped speckled tawny scarlet crimson amber violet purple orange pink
blue ivory copper leathery woolly velvet silken waxy oily sticky slippery prickly thorny leafy barren fertile
wooded marshy rocky hilly snowy icy murky clear shallow brisk drowsy eager earnest faithful fearless flimsy frail
generous giant glossy graceful grand greedy hardy hoarse idle keen lanky lively merry modest odd playful polite
quaint ragged rugged rustic scruffy serene shabby sleek slim snug solemn spare stout tidy timid tiny vast vivid
""".split()

NOUNS = """
path tree stone gate fence bridge river stream pond hill field rock log hut door window roof wall lamp rope basket
box bag book map knife axe bucket barrel table chair bench bed blanket coat hat boot glove scarf shirt cloak belt
ring key lock bell drum cup plate bowl spoon pot kettle jar bottle candle torch lantern match stove fire ladder
hammer nail saw spade rake hoe net hook line boat oar raft sail anchor wheel cart wagon saddle bridle whip cage trap
nest burrow den cave hollow trail track ditch well spring pool marsh meadow orchard garden hedge bush branch leaf
root seed flower petal thorn berry apple pear plum nut acorn mushroom fern reed grass moss bark stump trunk twig
feather fur bone horn hoof claw paw tail wing egg shell skin skull tooth footprint shadow cloud puddle pebble
boulder cliff ledge slope valley ridge tower chimney cellar attic porch yard barn shed stable mill kiln forge well
bucket letter note page pen ink stamp parcel ticket coin purse watch mirror comb brush needle thread button ribbon
cloth sack crate chest drawer shelf cupboard curtain carpet cushion pillow broom mop towel soap bread cheese butter
honey jam soup stew pie cake loaf egg onion carrot cabbage bean pea turnip potato pepper salt sugar flour oats
barley wheat corn hay straw wool leather silver iron copper brass tin glass clay sand gravel mud dust smoke ash coal
whistle compass telescope tripod notebook pencil chart badge flag tent pole stake canvas pack strap buckle cord wire
signpost milestone footbridge stile weir dam culvert drain pump windmill haystack scarecrow beehive birdhouse feeder
""".split()

PERSON_VERBS = """
look walk wait stop turn work rest listen point climb call open close carry drop lift pull push watch follow pass
fill empty clean mend paint measure mark count check move hide show reach touch kick toss wash dry fold pack cover
lock fix carve sharpen polish light load tie stack gather collect pick plant water chop saw rake sweep scrub brush
peel boil bake roast stir taste pour share trade borrow return visit enter leave cross circle search explore
discover notice study sketch copy record describe explain mention remember forget miss need want enjoy admire
praise thank greet welcome help guide warn scare chase guard rescue free trap tease scold blame trust doubt fear
nod smile laugh sigh shout whisper hum whistle yawn cough sneeze shiver stumble slip limp hurry wander march stroll
stretch kneel bow wave clap shrug frown blink stare glance peer dream wonder worry hope pray promise agree argue
complain boast joke chat gossip mumble grumble row paddle camp hike jump skip dance
""".split()

ANIMAL_VERBS = """
move feed rest drink wander pass call wait graze forage sniff dig hunt groom stretch stare listen play nap stalk
trot hop climb splash scratch snort growl bark howl chirp screech hiss chatter whistle pounce circle soar glide
perch roost burrow shelter huddle shiver limp yawn chase flee
""".split()

ADVERBS = """
slowly quietly soon again together alone quickly carefully softly often always never once twice early late nearby
away outside inside suddenly gently loudly happily sadly calmly bravely eagerly gladly gravely greedily heavily
hastily honestly idly kindly lazily lightly merrily nervously neatly nicely oddly patiently plainly politely
proudly rarely really roughly rudely safely secretly seldom shyly silently simply sleepily smoothly solemnly
steadily sternly strangely stubbornly sweetly swiftly tightly truly warmly wearily wildly wisely yesterday
everywhere somewhere forward backward upward downward indoors overnight meanwhile afterwards sometimes finally
""".split()

PREPOSITIONS = [
    "near",
    "by",
    "behind",
    "beside",
    "under",
    "over",
    "past",
    "around",
    "below",
    "above",
    "beyond",
]

MOODS = {
    "glad": ["glad", "happy", "pleased", "delighted", "joyful"],
    "sad": ["sad", "gloomy", "tearful", "heartbroken", "sorry"],
    "angry": ["angry", "furious", "cross", "annoyed", "bitter"],
    "afraid": ["afraid", "scared", "frightened", "anxious", "uneasy"],
    "proud": ["proud", "triumphant", "satisfied", "smug", "honoured"],
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

MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December"]  # fmt: skip

NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]

# name: (nouns, verbs, adjectives, roles). Words that colour every sentence of a story on that theme.
THEMES = {
    "wedding": (
        "wedding bride groom vow veil bouquet altar feast toast dowry bridesmaid ceremony garland gown banquet kiss",
        "marry toast embrace vow propose invite adorn bless",
        "bridal festive blushing beloved radiant lacy devoted joyous",
        "priest guest matchmaker mother-in-law",
    ),
    "storm": (
        "storm gale tempest thunderclap downpour squall hailstone lightning-bolt shutter gust torrent cloudburst "
        "weathervane puddle drainpipe raincoat",
        "drench batter rattle soak uproot flood howl hammer",
        "stormy drenched howling thunderous windswept soaked electric sodden",
        "weatherman shepherd rower roofer",
    ),
    "fire": (
        "flame blaze ember spark smoke wildfire cinder soot inferno bonfire ash firebreak alarm hydrant hose scorch",
        "burn scorch ignite smoulder kindle char extinguish crackle",
        "burning smoky blazing charred fiery sooty scorched flaming",
        "firefighter arsonist stoker charcoal-burner",
    ),
    "market": (
        "market stall price bargain merchant customer scale coin discount barrow spice bolt-of-cloth ledger auction "
        "pedlar wares",
        "sell bargain haggle trade weigh purchase auction stock",
        "cheap pricey wholesale bustling imported thrifty secondhand profitable",
        "trader cashier shopkeeper auctioneer",
    ),
    "music": (
        "song melody fiddle flute harp drumbeat chorus tune concert ballad trumpet rhythm lute encore bagpipe lullaby",
        "sing play strum perform rehearse compose harmonise applaud",
        "musical tuneful melodic rhythmic off-key harmonious lilting resonant",
        "singer fiddler drummer conductor",
    ),
    "illness": (
        "fever cough medicine bandage clinic remedy wound potion illness pulse syrup rash sickbed ointment headache "
        "thermometer",
        "cure bandage treat diagnose infect recover faint sneeze",
        "feverish sick ailing contagious healthy bedridden dizzy sore",
        "doctor nurse patient healer",
    ),
    "harvest": (
        "harvest sheaf sickle scythe granary crop wagonload pumpkin plough furrow barnful cider grain thresher stubble "
        "orchard-row",
        "reap thresh harvest sow plough winnow glean ripen",
        "ripened bountiful golden-brown fertile overripe mown bumper seasonal",
        "farmer reaper miller ploughman",
    ),
    "poaching": (
        "snare poacher rifle pelt bullet ivory tusk warrant handcuff ambush cartridge smuggler bait tripwire patrol "
        "evidence",
        "poach snare smuggle arrest shoot ambush confiscate skin",
        "illegal armed guilty stolen wounded suspicious bloodied wanted",
        "warden detective smuggler-chief judge",
    ),
    "winter": (
        "snowdrift icicle sled frost blizzard mitten snowflake hearth avalanche snowball ice-skate thaw igloo sleigh "
        "snowman frostbite",
        "freeze thaw skate shovel shiver melt bury slide",
        "frozen icebound wintry snowbound freezing numb glacial powdery",
        "skater trapper sledder mountaineer",
    ),
    "voyage": (
        "ship harbour captain mast deck voyage compass-rose lighthouse cargo tide island sailor wave rudder gangplank "
        "horizon",
        "sail steer navigate anchor embark dock drift moor",
        "seaworthy salty nautical shipwrecked overseas tidal seasick adrift",
        "helmsman admiral pirate stowaway",
    ),
}

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
    "wood": ["oak wood", "dark pines", "birch grove", "fern hollow", "king's thicket", "yew copse"],
    "rock": ["north ridge", "eagle crag", "grey scree", "wolf pass", "high ledge", "bear cave"],
    "grass": ["south meadow", "hare down", "bison plain", "clover bank", "sheep common", "west pasture"],
}

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
