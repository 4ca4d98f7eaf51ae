"""A storm."""

from __future__ import annotations

from glassbook.data.world.themes.theme import Theme

STORM = Theme(
    name="storm",
    things={
        "clothing": "raincoat, oilskin, cloak, scarf, hat, boot",
        "household": "umbrella, candle, kettle",
        "cloth": "tarpaulin, blanket, sail, flag, towel",
        "container": "bucket, basket, flask, toolbox",
        "tool": "lantern, rope, barometer, hammer, shovel, ladder",
        "paper": "newspaper, weather chart, logbook, letter",
        "food": "soup~, bread~, apple pie",
        "toy": "kite, toy boat",
        "gear": "whistle",
        "instrument": "horn",
    },
    nouns=(
        "storm gale tempest thunderclap thunder downpour squall hailstone lightning-bolt shutter gust torrent "
        "cloudburst weathervane puddle drainpipe rain wind cloud roof chimney flood branch gutter"
    ),
    roles=(
        "fisherman, sailor, shepherd, miller, farmer, traveller, roofer, widow, postman, ferryman, boatbuilder, "
        "washerwoman, tinker"
    ),
    openings=(
        "a storm was coming up over {place}",
        "black clouds were gathering above {place}, and the first gust {=storm_shook}",
        "a thunderclap {=storm_woke} at {place}",
        "all night a gale had been {=storm_raging} around {place}",
        "a cloudburst turned the path at {place} into a torrent",
        "nobody at {place} had ever seen {=storm_such}",
        "the weathervane was spinning: a tempest was about to break over {place}",
        "it had rained for {=storm_days}, and now a squall was racing towards {place}",
    ),
    needs=(
        "{other} was afraid that the storm might blow {x} away",
        "{other} needed {x} before the gale grew worse",
        "{other} did not want to face the tempest without {x}",
        "{other} wanted {x} safe and dry before the next downpour",
        "{other} had left home without {x}, and the squall would not wait",
        "{other} could not bear to lose {x} in the storm",
        "{other} hoped to carry {x} home between two gusts",
    ),
    scenes=(
        "the gale {=storm_tore} {=storm_torn} off the {=storm_building}",
        "a lightning-bolt {=storm_split} {=storm_oak} with a {=storm_deafening} {=storm_crash}",
        "a hailstone hit {=storm_bald} with a {=storm_clang} and {=storm_rolled_off}",
        "hailstones as big as {=storm_peas} {=storm_drummed} the {=storm_roofs}",
        "a {=storm_sudden} gust {=storm_snatched} {=storm_washing} {=storm_over_hedge}",
        "the downpour {=storm_filled} the {=storm_cellar} within {=storm_minutes}",
        "a torrent of {=storm_muddy} water {=storm_gushed} {=storm_downhill}",
        "the weathervane {=storm_spun} on the {=storm_steeple}, and then it {=storm_stuck}",
        "a shutter {=storm_banged} {=storm_somewhere} in the {=storm_howling} gale",
        "{=storm_ducks} {=storm_splashed} in the {=storm_puddly} puddles that the cloudburst had left",
        "rainwater {=storm_gurgled} out of a {=storm_leaky} drainpipe into {=storm_barrel}",
        "a {=storm_sparrow} {=storm_small_hid} {=storm_behind_pipe} the drainpipe until the {=storm_passed} were over",
        "the squall {=storm_drove} {=storm_boats} against {=storm_bank}",
        "{hero} {=storm_crouched} while the tempest {=storm_raged} {=storm_overhead}",
        "{hero} {=storm_jumped} at a {=storm_near} thunderclap",
        "{=storm_cattle} {=storm_huddled} {=storm_under_tree} as the storm {=storm_approached}",
        "a thunderclap {=storm_rolled} {=storm_hills}, and {=storm_dogs}",
        "{=storm_clouds} {=storm_rolled_in} the {=storm_sun} ahead of the squall",
        "the tempest {=storm_uprooted} {=storm_trees} and {=storm_blocked}",
        "{=storm_villagers} {=storm_fled} {=storm_indoors} from the {=storm_pelting} downpour",
        "water dripped through the {=storm_thatch} onto {=storm_bed} during the {=storm_worst} part of the storm",
        "{=storm_carpenters} {=storm_nailed} the shutters against the {=storm_gales}",
        "the sky {=storm_flashed} {=storm_green} with lightning-bolts above the {=storm_tops}",
        "{=storm_gulls} {=storm_battled} {=storm_against}",
        "a {=storm_wet} {=storm_sank} in the {=storm_mud} that the {=storm_rains} had made",
        "the {=storm_gutters} {=storm_overflowed} after {=storm_burst}",
        "{hero} could hardly {=storm_see} in the {=storm_gusting} rain of the {=storm_storms}",
        "a chimney {=storm_toppled} in the {=storm_gusts}, and {=storm_people}",
        "between two {=storm_thunderclaps} it was so {=storm_still} that {=storm_hush}",
        "the {=storm_wind} wind {=storm_whipped} {=storm_waves} until the gale {=storm_drowned}",
        "{=storm_grandfather} {=storm_swore} that {=storm_worse} had been {=storm_far}",
    ),
    losses=(
        (
            "a gust blew {x.the} out of {hero.his} open pack and dropped it {spot}, but in the noise of the storm "
            "{hero} noticed nothing"
        ),
        "{hero} slipped in a puddle, and {x.the} slid out of {hero.his} bag and ended up {spot} without a sound",
        "at a thunderclap {hero} started to run, and {x.the} bounced out of {hero.his} bundle and landed {spot}",
        "blinded by the downpour, {hero} did not see how {x.the} fell out of {hero.his} arms and came to rest {spot}",
        "{hero} laid {x.the} {spot} while hailstones fell, and in the hurry {hero} forgot it there",
        "{hero} waded through a torrent of rainwater, which carried {x.the} off unseen and left it lying {spot}",
    ),
    good=(
        "by evening the storm was over, and a rainbow {=storm_stood} above the wet fields",
        "the gale died down, the shutters stopped banging, and the {=storm_birds} sang again",
        "the last thunderclap {=storm_faded} far off, and the sun broke through",
        "the tempest had passed, and everyone {=storm_swept}",
        "the downpour turned into a drizzle, and children {=storm_sailed} in the puddles",
        "not one gust was left, and the weathervane {=storm_rested} on its perch",
        "the squall moved on over the hills, and {=storm_stars}",
    ),
    bad=(
        "the storm went on all night, and nobody {=storm_slept}",
        "the gale grew even worse, and the {=storm_bridge} was swept away",
        "the next thunderclap was even louder, and everybody {=storm_hid}",
        "after the downpour the {=storm_meadows} lay under water for {=storm_weeks}",
        "hailstones had {=storm_ruined} the {=storm_crops}",
        "the tempest left nothing but {=storm_ruins}",
    ),
    tables={
        "storm_shook": (
            "shook the trees, flattened the grass, raised the dust, scattered the birds, rattled the fences, bent "
            "the reeds"
        ),
        "storm_woke": (
            "woke everyone, startled the horses, frightened the cattle, silenced the birds, shook the windows"
        ),
        "storm_raging": "howling, raging, roaring, blowing, wailing, whistling",
        "storm_such": "such a tempest, such a downpour, such a squall, such hailstones, such a lightning-bolt",
        "storm_days": "two days, three days, a week, five days and nights",
        "storm_tore": "tore, ripped, wrenched, knocked, blew, pulled",
        "storm_torn": (
            "a drainpipe, a shutter, three tiles, the gutter, a loose board, the shingles, a trellis, a birdhouse"
        ),
        "storm_building": "barn, mill, chapel, boathouse, henhouse, cottage, granary, stable",
        "storm_split": "split, struck, scorched, hit, lit up, blackened",
        "storm_oak": (
            "an old oak, a tall pine, the flagpole, a dead elm, a lonely poplar, the church tower, a haystack, the "
            "topmost branch"
        ),
        "storm_deafening": "deafening, terrible, sharp, mighty, horrible, sudden, fearful",
        "storm_crash": "crash, crack, bang, boom, roar",
        "storm_bald": (
            "the ferryboat, the doorbell, a bald man, the pump, the sundial, a milk churn, a beehive, the garden gnome"
        ),
        "storm_clang": "thud, clang, plop, clatter, clunk, ping, rap",
        "storm_rolled_off": "rolled away, burst, melted, leapt into the air, broke in two, bounced off",
        "storm_peas": "peas, marbles, walnuts, cherries, hazelnuts, plums, eggs, acorns",
        "storm_drummed": "drummed on, hammered on, bounced off, clattered on, pelted, pounded, battered",
        "storm_roofs": "roofs, boats, upturned buckets, wagon, windowpanes, greenhouse, tin shed, cobbles",
        "storm_sudden": "sudden, fierce, cold, wild, spiteful, violent, mighty, stiff",
        "storm_snatched": "snatched, whirled, swept, carried, chased, hurled",
        "storm_washing": (
            "the washing, a straw hat, dry leaves, a bedsheet, some feathers, torn posters, a scarecrow's coat, "
            "loose straw"
        ),
        "storm_over_hedge": (
            "over the hedge, across the yard, into the air, down the lane, up a tree, round the corner"
        ),
        "storm_filled": "filled, flooded, drenched, soaked, swamped, drowned",
        "storm_cellar": "ditches, cellars, furrows, footpaths, cabbage beds, hayfields, rabbit holes, cart tracks",
        "storm_minutes": "minutes, an hour, seconds, moments, half an hour",
        "storm_muddy": "muddy, brown, foaming, icy, dirty, swirling, yellow",
        "storm_gushed": "gushed, poured, rushed, tumbled, raced, surged, streamed",
        "storm_downhill": (
            "down the hill, along the lane, past the houses, over the steps, under the gate, through the orchard, "
            "between the sheds"
        ),
        "storm_spun": "spun, creaked, squealed, whirled, rattled, screeched, trembled, twisted",
        "storm_steeple": "steeple, gable, barn roof, belfry, turret, clock tower, bell tower, chimney",
        "storm_stuck": "stuck, pointed south, bent, turned about, stood still, leaned over, swung north",
        "storm_banged": "banged, clapped, slammed, rattled, thumped, creaked, swung",
        "storm_somewhere": "somewhere, in the dark, upstairs, next door, without a pause, all the while",
        "storm_howling": "howling, rising, bitter, roaring, shrieking, whistling, freezing",
        "storm_ducks": (
            "ducks, two geese, a happy toddler, a wet spaniel, the sparrows, frogs, a bold piglet, some barefoot boys"
        ),
        "storm_splashed": "splashed, paddled, waded, bathed, hopped, wallowed",
        "storm_puddly": "wide, deep, deepest, muddy, brown, shining, endless",
        "storm_gurgled": "gurgled, rushed, roared, trickled, dripped, bubbled, spouted",
        "storm_leaky": "leaky, rusty, bent, blocked, cracked, dented, wobbly",
        "storm_barrel": (
            "a barrel, a deep puddle, the flower bed, a stone trough, a milk pail, the herb garden, a tin bath"
        ),
        "storm_sparrow": (
            "drenched sparrow, tabby cat, frightened mouse, brown toad, bedraggled kitten, shivering squirrel"
        ),
        "storm_small_hid": "hid, cowered, sat, crouched, sheltered",
        "storm_behind_pipe": "behind, beside, under, near",
        "storm_passed": "gusts, hailstones, thunderclaps, worst squalls",
        "storm_drove": "drove, pushed, tossed, swept, flung",
        "storm_boats": (
            "two rowing boats, a small raft, a fishing boat, the ferry, a sailing dinghy, a canoe, an empty punt"
        ),
        "storm_bank": "the bank, the landing stage, a sandbank, some rocks, the pier, the bridge, a tree trunk",
        "storm_crouched": "crouched, ducked, shivered, waited, knelt, stopped, cowered",
        "storm_raged": "raged, howled, roared, thundered, screamed, bellowed, moaned",
        "storm_overhead": "overhead, outside, among the trees, all around, up above, in the treetops",
        "storm_jumped": "jumped, winced, blinked, gasped, flinched, stumbled, shuddered",
        "storm_near": "near, loud, tremendous, rolling, crackling, frightful, booming",
        "storm_cattle": "the cattle, the ponies, some sheep, the donkeys, three goats, the calves, a team of oxen",
        "storm_huddled": "huddled, trembled, crowded together, shook their heads, stood, stamped, sought shelter",
        "storm_under_tree": (
            "under a chestnut tree, behind a wall, in a corner, beside the hayrick, under the eaves, against the "
            "hedge, in the lee of a shed"
        ),
        "storm_approached": "approached, grew, came closer, darkened the sky, broke, thickened",
        "storm_rolled": "rolled, echoed, rumbled, boomed, crashed, growled",
        "storm_hills": (
            "over the hills, from slope to slope, across the valley, along the horizon, through the woods, above the "
            "fields"
        ),
        "storm_dogs": (
            "the dogs barked, a baby cried, the windows rattled, the cat fled, the hens cackled, the horses shied, "
            "the cups jingled on the shelf"
        ),
        "storm_clouds": "black clouds, grey clouds, purple clouds, ragged clouds, towering clouds, leaden clouds",
        "storm_rolled_in": "hid, swallowed, darkened, covered, smothered, blotted out",
        "storm_sun": "sun, sky, hilltops, horizon, daylight, last patch of blue",
        "storm_uprooted": "uprooted, felled, snapped, toppled, flattened, splintered",
        "storm_trees": (
            "a birch, four pear trees, a young larch, an ancient walnut tree, the tallest fir, two cedars, a row of "
            "saplings"
        ),
        "storm_blocked": (
            "blocked the road, broke the fence, cut off the village, crushed a cart, smashed the gate, buried the "
            "footpath, woke the whole village"
        ),
        "storm_villagers": (
            "the farmhands, two monks, three milkmaids, the neighbours, some hikers, a troop of scouts, a party of "
            "cyclists"
        ),
        "storm_fled": "fled, hurried, ran, dashed, scurried, scrambled",
        "storm_indoors": (
            "into a barn, under an awning, into the chapel, beneath a cart, into a cave, under a ledge, into the bakery"
        ),
        "storm_pelting": "pelting, drenching, freezing, streaming, blinding, pitiless",
        "storm_thatch": "thatch, ceiling, rafters, skylight, roof, attic floor, cracked tiles",
        "storm_bed": (
            "a bed, the piano, a plate of biscuits, the armchair, a sleeping cat, the sofa, somebody's bald head, an "
            "open diary"
        ),
        "storm_worst": "worst, heaviest, longest, noisiest, darkest",
        "storm_carpenters": (
            "two carpenters, the sexton, the innkeeper, an old couple, the schoolmaster, a brave girl, the baker's wife"
        ),
        "storm_nailed": "nailed, barred, bolted, fastened, latched, tied",
        "storm_gales": "gale, storm, tempest, next squall, rain and wind, flying branches",
        "storm_flashed": "flashed, glowed, turned, flickered, shone",
        "storm_green": "green, violet, white, yellow, silver, orange",
        "storm_tops": "treetops, rooftops, hills, moor, church, river mist",
        "storm_gulls": "the gulls, some crows, a lone hawk, the rooks, three magpies, the jackdaws, wild geese",
        "storm_battled": "battled, struggled, tumbled, sailed, reeled, screamed",
        "storm_against": (
            "against the gale, through the gusts, before the storm, in the squall, along the edge of the tempest"
        ),
        "storm_wet": "cartload of hay, market wagon, mail coach, wheelbarrow, milk cart, bicycle, tractor",
        "storm_sank": "sank, got stuck, skidded, slid, tipped over, came to a stop",
        "storm_mud": "mud, mire, slush, clay, ruts, puddles",
        "storm_rains": "storm, downpour, torrent, cloudburst, hail, squall",
        "storm_gutters": "gutter, brook, millstream, ditch, spring, canal",
        "storm_overflowed": "overflowed, swelled, burst its banks, foamed, churned, rose to the doorstep",
        "storm_burst": (
            "the cloudburst, an hour of downpour, the first squall, a night of storm, the torrent from the hills"
        ),
        "storm_see": "see, hear, stand, speak, breathe, walk",
        "storm_gusting": "gusting, driving, slanting, whipping, stinging, biting",
        "storm_storms": "storm, gale, tempest, squall, cloudburst",
        "storm_toppled": "toppled, smoked, swayed, crumbled, leaned, hooted like an owl, coughed out soot",
        "storm_gusts": "gusts, gale, storm, squall, tempest",
        "storm_people": (
            "an old man grumbled, the children squealed, the cook screamed, a mouse ran out, the kettle went cold, "
            "everybody stared"
        ),
        "storm_thunderclaps": "thunderclaps, gusts, squalls, lightning-bolts, downpours",
        "storm_still": "still, quiet, calm, silent, peaceful, hushed",
        "storm_hush": (
            "an owl hooted, a cricket chirped, a drip could be heard, a far bell could be heard, the leaves hung "
            "limp, a moth fluttered by"
        ),
        "storm_wind": "north, west, sea, night, autumn, winter, whirling",
        "storm_whipped": "whipped, ruffled, flogged, lashed, combed, churned",
        "storm_waves": "the waves, the tall grass, the willows, the barley, the ponds, the bulrushes, the heather",
        "storm_drowned": (
            "drowned every other sound, sounded like a waterfall, sang in the wires, moaned in the chimneys, "
            "shrieked like a witch"
        ),
        "storm_grandfather": (
            "an old shepherdess, the baker, somebody's grandfather, the clockmaker, a bearded pilgrim, the weaver"
        ),
        "storm_swore": "swore, declared, muttered, remembered, claimed, shouted",
        "storm_worse": (
            "the storm of the great flood, the tempest of the comet year, a gale long ago, last year's squall"
        ),
        "storm_far": "far worse, twice as loud, quite harmless, wetter, shorter, even colder",
        "storm_stood": "stood, arched, glowed, shone, spread",
        "storm_birds": "blackbirds, thrushes, robins, wrens, skylarks",
        "storm_faded": "faded, died away, rumbled, was heard",
        "storm_swept": (
            "swept the yard, mended the roofs, hung up wet clothes, gathered fallen branches, picked up apples, "
            "drank hot tea"
        ),
        "storm_sailed": "sailed paper boats, jumped, splashed, laughed",
        "storm_rested": "rested, gleamed, stood still, dripped, shone",
        "storm_stars": "the stars came out, the moon rose, the air smelled fresh, a mild breeze dried the grass",
        "storm_slept": "slept, dared to go out, lit a fire, felt safe, stayed dry",
        "storm_bridge": "bridge, mill wheel, fence, hen coop, landing stage, footbridge",
        "storm_hid": "hid in the cellars, sat in the dark, covered their ears, shivered, blew out the candles",
        "storm_meadows": "meadows, gardens, roads, kitchens, vegetable beds",
        "storm_weeks": "a week, days, a fortnight, a month",
        "storm_ruined": "ruined, battered, flattened, spoiled",
        "storm_crops": "wheat, grapes, strawberries, oats, cherries",
        "storm_ruins": "puddles and broken branches, splintered boards, muddy floors, roofless sheds, fallen trees",
    },
)
