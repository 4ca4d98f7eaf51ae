"""A fire."""

from __future__ import annotations

from glassbook.data.world.themes.theme import Theme

FIRE = Theme(
    name="fire",
    things={
        "tool": "hose, shovel, ladder, rake, lantern, crowbar, rope, pickaxe",
        "blade": "axe, hatchet",
        "container": "bucket, watering can, jug, canteen, pail, first-aid box, sack",
        "cloth": "blanket, bandage, tarpaulin, towel",
        "clothing": "helmet, glove, jacket, boot, smock, hood",
        "household": "kettle, ladle, stool",
        "paper": "map, logbook, duty list",
        "gear": "whistle",
        "instrument": "bell, horn, bugle",
        "food": "soup~, bread~, cheese~",
    },
    nouns=(
        "fire flame blaze ember spark smoke wildfire cinder soot inferno bonfire ash firebreak alarm hydrant heat "
        "stubble ditch wind heather crew siren"
    ),
    roles=(
        "firefighter, woodcutter, charcoal burner, watchman, farmer, miller, shepherd, camper, beekeeper, nurse, "
        "blacksmith, forester, teacher, stable boy"
    ),
    openings=(
        "smoke was rising above {place}",
        "the alarm was ringing: a wildfire had broken out near {place}",
        "a spark from a {=fire_campfire} bonfire had set the dry grass near {place} on fire",
        "a {=fire_lookout} had seen the glow of a blaze above {place} and given the alarm",
        "flames were creeping slowly towards {place}",
        "after {=fire_drought}, one ember had been enough to start a wildfire near {place}",
        "soot was drifting over {place}, for a {=fire_barn} nearby had burst into flames",
        "the smell of ash hung over {place}, and everybody knew that it was a wildfire",
    ),
    needs=(
        "{other} wanted {x} out of reach of the flames",
        "{other} did not want {x} to turn to ash",
        "{other} needed {x} at the firebreak",
        "{other} was afraid that a spark might fall on {x}",
        "without {x} {other} did not dare to go near the blaze",
        "{other} had rushed off at the alarm without {x}",
        "{other} had been asking for {x} ever since the wildfire began",
    ),
    scenes=(
        "flames {=fire_licked} {=fire_hedges} with a {=fire_crackle}",
        "{=fire_crew} {=fire_dug} a {=fire_wide} firebreak through the {=fire_stubble}",
        "a spark {=fire_flew} over the firebreak and {=fire_lit} {=fire_tuft}",
        "the smoke {=fire_stung} everybody's {=fire_eyes} and smelled of {=fire_resin}",
        "thick {=fire_grey} smoke {=fire_rolled} {=fire_over_fields}",
        "one of the hoses {=fire_leaked}, and {=fire_soaked}, but the flames {=fire_retreated}",
        "{=fire_firemen} {=fire_opened} the {=fire_rusty} hydrant and {=fire_filled}",
        "embers {=fire_glowed} {=fire_in_ash} like {=fire_cats}",
        "a {=fire_lonely} flame {=fire_danced} on {=fire_post}",
        "an ember {=fire_landed} {=fire_hat}, and {=fire_quick}",
        "a hot cinder {=fire_hit} {=fire_mule} on the {=fire_rump}, and {=fire_jumped}",
        "hot cinders {=fire_rained} {=fire_down_on}, and {=fire_stamped}",
        "the alarm {=fire_rang} {=fire_again}, and {=fire_sleepers}",
        "the blaze {=fire_crept} from {=fire_tree} as the wind {=fire_turned}",
        "{=fire_animals} {=fire_fled} from the wildfire towards the {=fire_water}",
        "{hero} {=fire_coughed} in the {=fire_smoky} smoke of the {=fire_fires}",
        "{hero} {=fire_shook} the {=fire_ash} from {hero.his} {=fire_face}",
        "soot {=fire_blackened} the {=fire_faces} of {=fire_men}",
        "the {=fire_nurses} {=fire_bandaged} a burnt {=fire_finger} while the flames {=fire_burned}",
        "the inferno {=fire_grew} like {=fire_dragon} and {=fire_sent}",
        "an inferno of {=fire_burning} {=fire_timber} {=fire_lit_sky}",
        "ash {=fire_fell} {=fire_like} onto {=fire_washing}",
        "{=fire_pumpers} {=fire_pumped} water {=fire_from} onto the blaze",
        "a {=fire_beech} {=fire_toppled} in a {=fire_shower} of sparks",
        "the wildfire {=fire_leapt} the {=fire_road} and {=fire_died_down}",
        "{=fire_herders} {=fire_led} {=fire_cattle} away from the flames",
        "the {=fire_heat} {=fire_melted} {=fire_far}",
        "{=fire_campers} {=fire_poured} the {=fire_remains} of a {=fire_camp} bonfire",
        "the siren of {=fire_engine} {=fire_howled} {=fire_beyond}",
        "a helicopter {=fire_circled} above the wildfire and {=fire_dropped} the {=fire_hottest} flames",
        "the {=fire_captain} {=fire_pointed} {=fire_ahead}",
        "{=fire_owls} {=fire_rose} out of the smoke like {=fire_ghosts}",
        "the {=fire_volunteers} {=fire_drank} {=fire_tea} and watched the {=fire_watched}",
    ),
    losses=(
        "in the thick smoke {x.the} slid out of {hero.his} pack and came to rest {spot}, and {hero} did not see it",
        (
            "{hero} jumped aside from a falling ember, and {x.the} dropped from {hero.his} bundle and landed {spot} "
            "unnoticed"
        ),
        (
            "{hero} set {x.the} down to help at the hydrant, and a hurrying fireman pushed it out of the way, so "
            "that it lay {spot}"
        ),
        "the alarm rang again, and {hero} ran so fast that {x.the} bounced out of {hero.his} bag and ended up {spot}",
        (
            "{hero} put {x.the} {spot} to have both hands free for the hose, and after a shower of sparks {hero} "
            "forgot it there"
        ),
        (
            "blinded by the soot, {hero} stumbled, and {x.the} slipped from {hero.his} arms and fell {spot} without "
            "a sound"
        ),
    ),
    good=(
        "the blaze was out before midnight, and only {=fire_wisps} remained",
        "the firebreak held, and the flames {=fire_died}",
        "rain came at last and {=fire_quenched} the last embers",
        "by dawn the blaze was {=fire_beaten}, and the crew {=fire_slept}",
        "no house had burned, and the alarm fell silent",
        "the wildfire stopped at the {=fire_brook}, and nobody was hurt",
        "green shoots would soon grow through the ash, for the fire was over",
    ),
    bad=(
        "the wildfire burned for {=fire_days}",
        "the blaze jumped the firebreak, and the {=fire_crew_back} had to {=fire_retreat}",
        "nothing was left of the {=fire_barns} but soot and cinders",
        "the hydrant ran dry, and the flames {=fire_won}",
        "the smoke {=fire_hid} for many days",
        "the {=fire_wood} was black with ash, and {=fire_silence}",
    ),
    tables={
        "fire_campfire": "careless, forgotten, lonely, crackling",
        "fire_lookout": "herdsman, birdwatcher, beggar, pilgrim, balloonist, schoolgirl",
        "fire_drought": "a month without rain, two hot weeks, a dry spring, the hottest June in years",
        "fire_barn": "barn, haystack, hayloft, mill, sawmill, storehouse",
        "fire_licked": "licked, climbed, swallowed, devoured, scorched, consumed, singed",
        "fire_hedges": (
            "the hedge, a dry thicket, the bracken, a rotten stump, a stack of planks, the wooden fence, some "
            "brambles, the signpost"
        ),
        "fire_crackle": "crackle, hiss, roar, rustle, whoosh, snarl, sputter",
        "fire_crew": (
            "two fire crews, a squad of volunteers, six firewomen, some soldiers, the village men, a chain of "
            "helpers, the sawmill workers"
        ),
        "fire_dug": "dug, widened, cleared, lengthened, finished, inspected",
        "fire_wide": "wide, long, deep, broad, bare, crooked",
        "fire_stubble": "stubble, heath, young pines, scrub, dry grass, undergrowth, gorse",
        "fire_flew": "flew, drifted, leapt, hopped, sailed, whirled",
        "fire_lit": "lit, kindled, set fire to, singed, set alight",
        "fire_tuft": (
            "a tuft of grass, a bird's nest, a straw hat, a heap of leaves, a pine cone, some thistledown, a "
            "doormat, a bale of hay"
        ),
        "fire_stung": "stung, reddened, hurt, irritated",
        "fire_eyes": "eyes, throats, noses, lungs",
        "fire_resin": "resin, tar, burnt rubber, pine needles, charred wood, hot iron, turpentine",
        "fire_grey": "grey, black, brown, yellow, white, bitter, greasy",
        "fire_rolled": "rolled, billowed, drifted, crawled, poured, spread",
        "fire_over_fields": (
            "over the fields, down the slope, between the trunks, along the ridge, into the valley, through the orchard"
        ),
        "fire_leaked": "leaked, hissed, jerked, burst, wriggled like a snake, dripped, swelled",
        "fire_soaked": (
            "a captain got soaked, two boys held it down, somebody patched it, everyone shouted, a plumber hurried "
            "up, the pressure dropped"
        ),
        "fire_retreated": "kept burning, crept on, leapt higher, did not wait, came nearer",
        "fire_firemen": "two firemen, a young recruit, three volunteers, the mayor, a sooty captain, the plumber",
        "fire_opened": "opened, unscrewed, tested, found, uncovered, repaired",
        "fire_rusty": "rusty, red, old, nearest, last, squeaky",
        "fire_filled": "filled the barrels, cheered, waved, coupled a hose, got wet feet, washed the soot away",
        "fire_glowed": "glowed, smouldered, winked, gleamed, flickered, pulsed",
        "fire_in_ash": (
            "in the ash, under the bark, among the roots, between the stones, beneath the moss, along the track"
        ),
        "fire_cats": "cats' eyes, rubies, tiny lamps, red stars, fireflies, coins",
        "fire_lonely": "single, bold, blue, tiny, hungry, restless, stubborn",
        "fire_danced": "danced, flickered, leapt up, quivered, flared, lingered",
        "fire_post": "a fence post, a windowsill, the roof ridge, a broken branch, a cartwheel, a tree stump",
        "fire_landed": "landed on, dropped onto, settled on, burned a hole in",
        "fire_hat": "somebody's hat, a tent, a straw mattress, a shirt on the line, a horse blanket, a picnic rug",
        "fire_quick": (
            "a boy poured tea on it, it went out, it hissed, a quick hand brushed it away, it began to glow"
        ),
        "fire_hit": "hit, singed, grazed, struck, tickled",
        "fire_mule": "a mule, the bugler, a fat pony, the bailiff, a sleepy tomcat, the drummer boy",
        "fire_rump": "ear, nose, back, foot",
        "fire_jumped": "everyone jumped, there was a yell, the crew laughed for once, nobody had time to laugh",
        "fire_rained": "rained, pattered, fell, floated, dropped, showered",
        "fire_down_on": (
            "onto the roofs, onto the wagons, into the horse trough, onto the road, into the millpond, around the "
            "beehives"
        ),
        "fire_stamped": (
            "boys stamped them out, geese ran off, the water hissed, a tent got holes, a hayrick began to smoke, "
            "somebody yelled"
        ),
        "fire_rang": "rang, clanged, wailed, howled, shrilled, blared, sounded",
        "fire_again": "again, without a pause, in every village, from the tower, twice more, for a whole minute",
        "fire_sleepers": (
            "sleepers fell out of bed, dogs barked, doors flew open, men pulled on their boots, carts rattled up, "
            "engines roared, babies cried"
        ),
        "fire_crept": "crept, raced, jumped, spread, advanced, marched",
        "fire_tree": "tree to tree, bush to bush, roof to roof, hill to hill, ditch to ditch",
        "fire_turned": "turned, grew stronger, changed, freshened, picked up, blew from the east",
        "fire_animals": (
            "deer, hares, two badgers, foxes, field mice, lizards, hedgehogs, squirrels, a family of boars"
        ),
        "fire_fled": "fled, bolted, darted, scurried, hurried, galloped",
        "fire_water": "river, marsh, lake, open fields, rocks, ploughland, gravel pit",
        "fire_coughed": "coughed, sneezed, squinted, choked, wheezed, gasped",
        "fire_smoky": "thick, acrid, swirling, blinding, stifling, oily",
        "fire_fires": "inferno, blaze, fire, burning heather, bonfire of old branches",
        "fire_shook": "shook, brushed, wiped, rubbed, washed",
        "fire_ash": "ash, soot, cinders, dust",
        "fire_face": "face, hair, sleeves, hands, shoulders, eyebrows",
        "fire_blackened": "blackened, covered, smeared, darkened, coated, powdered",
        "fire_faces": "faces, hands, helmets, coats, moustaches, foreheads",
        "fire_men": (
            "the firemen, all the volunteers, the men at the pump, the soldiers, the women with the wet sacks, the "
            "boys with the spades"
        ),
        "fire_nurses": "village nurse, old doctor, chemist, midwife, vet, schoolmistress",
        "fire_bandaged": "bandaged, cooled, cleaned, rubbed ointment on, examined, blew on",
        "fire_finger": "finger, thumb, elbow, paw, ear, wrist, heel",
        "fire_burned": "burned on, crackled, raged, glowed, smouldered, lit the sky",
        "fire_grew": "roared, glowed, hissed, rumbled",
        "fire_dragon": "a dragon, a furnace, a hundred ovens, a volcano, a blacksmith's forge",
        "fire_sent": "sent up sparks, blew out windows, swallowed two sheds, frightened the bravest, hid the stars",
        "fire_burning": "burning, blazing, falling, crackling, glowing, exploding",
        "fire_timber": "beams, branches, barrels, rafters, haycocks, logs, fences",
        "fire_lit_sky": (
            "lit up the sky, roared like the sea, could be seen for miles, drove the crew back, scared the horses, "
            "turned night into day"
        ),
        "fire_fell": "fell, settled, drifted, floated, sifted",
        "fire_like": "like snow, like flour, like feathers, softly, silently, for hours",
        "fire_washing": (
            "the washing, the rooftops, a picnic table, the vegetable beds, a sleeping cow, the church steps, the "
            "parked wagons"
        ),
        "fire_pumpers": (
            "four men, the baker and his sons, some sailors, two strong girls, the blacksmith's apprentices, the "
            "wrestlers"
        ),
        "fire_pumped": "pumped, carried, hauled, passed, poured, scooped",
        "fire_from": (
            "from the stream, out of the well, from the pond, up the hill, through a canvas pipe, over the hedge"
        ),
        "fire_beech": "beech, pine, fir, maple, cedar, spruce, juniper, hawthorn",
        "fire_toppled": "toppled, crashed down, split, burst, flared up, collapsed",
        "fire_shower": "shower, fountain, cloud, storm, flurry, whirl",
        "fire_leapt": "leapt over, reached, neared, skirted, threatened, bypassed",
        "fire_road": "road, vineyard, quarry, railway, ditch, campsite, stone wall, rubbish heap",
        "fire_died_down": (
            "turned north, hissed, found new fuel, left black stubble behind, filled the air with smoke"
        ),
        "fire_herders": "two herders, a farmer's wife, a milkmaid, the drover, some farmhands, a courageous girl",
        "fire_led": "led, drove, chased, dragged, coaxed, guided",
        "fire_cattle": "the cattle, five piglets, a blind mare, the goats, the oxen, a stubborn mule, the geese",
        "fire_heat": "heat of the blaze, glow of the fire, breath of the inferno, scorching wind from the flames",
        "fire_melted": (
            "melted a candle, warped a tin roof, blistered the paint on a gate, cracked two windowpanes, softened "
            "the tar on the road, shrivelled the leaves, curdled the milk in the churn"
        ),
        "fire_far": "from far away, within minutes, within seconds, at a distance",
        "fire_campers": (
            "two campers, some berry pickers, a hermit, a party of hikers, four scouts, the gravedigger, a painter"
        ),
        "fire_poured": "poured water over, stamped on, buried, trampled, smothered, raked apart",
        "fire_remains": "embers, cinders, glowing ash, last sparks",
        "fire_camp": "camp, potato, midsummer, harvest, birthday, picnic",
        "fire_engine": "a fire engine, the old fire wagon, a water cart, the ambulance",
        "fire_howled": "howled, shrieked, whooped, whined, screeched, warbled",
        "fire_beyond": "beyond the hill, in the valley, on the highway, behind the wood, closer and closer",
        "fire_circled": "circled, hovered, clattered, dived, droned, swung",
        "fire_dropped": "dropped water on, poured lake water over, photographed, flew low over, vanished behind",
        "fire_hottest": "hottest, tallest, nearest, widest, brightest, fiercest",
        "fire_captain": "fire captain, gamekeeper, police sergeant, bell ringer, stationmaster, foreman",
        "fire_pointed": "pointed, shouted, waved, whistled, hurried, stumbled",
        "fire_ahead": (
            "towards the flames, along the firebreak, through the smoke, past the hydrant, across the ash, up to the "
            "water cart"
        ),
        "fire_owls": "two owls, some bats, two storks, dusty moths, the jackdaws, four herons, several hawks",
        "fire_rose": "rose, fluttered, flapped, glided, wheeled, flew",
        "fire_ghosts": "ghosts, burnt paper, shadows, black rags, grey leaves",
        "fire_volunteers": "volunteers, soldiers, farmers, scouts, firemen, lumberjacks",
        "fire_drank": "drank, gulped, sipped, shared, swallowed",
        "fire_tea": "cold tea, well water, buttermilk, lemonade, weak coffee",
        "fire_watched": "flames, embers, smoke, glow of the fire, sparks, firebreak",
        "fire_wisps": "wisps of smoke, warm ash, a few embers, black stubble, wet cinders",
        "fire_died": "died down, went out, turned back, sank into the ash, starved",
        "fire_quenched": "quenched, smothered, drowned, put out, soaked",
        "fire_beaten": "beaten, under control, quenched, tamed",
        "fire_slept": "slept, cheered, sang, rolled up the hoses, ate pancakes, washed off the soot",
        "fire_brook": "brook, road, canal, firebreak, river",
        "fire_days": "three more days, another night, a week, two long days",
        "fire_crew_back": "crew, soldiers, villagers, volunteers",
        "fire_retreat": "retreat, flee, start again, cross the river",
        "fire_barns": "barn, old mill, pine wood, watchtower, orchard, lodge",
        "fire_won": "won, rose higher, grew, reached the orchard, spread to the hill",
        "fire_hid": "hid the sun, hung over the valley, filled the houses, darkened the sky",
        "fire_wood": "wood, heath, hillside, clearing",
        "fire_silence": "no bird sang, nobody spoke, people wept, even the dogs were quiet",
    },
)
