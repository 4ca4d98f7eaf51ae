"""A wedding."""

from __future__ import annotations

from glassbook.data.world.themes.theme import Theme

WEDDING = Theme(
    name="wedding",
    things={
        "clothing": "veil, gown, sash, waistcoat, shawl, cravat",
        "plant": "bouquet, garland, wreath, posy, lily",
        "jewel": "wedding ring, necklace, brooch, tiara, locket, bracelet",
        "food": "wedding cake, gingerbread~, honey cake, marzipan~, trifle",
        "paper": "invitation, marriage licence, guest list, love letter, poem",
        "cloth": "ribbon, tablecloth, napkin, handkerchief",
        "container": "hamper, goblet, flower basket, gift box",
        "household": "candlestick, teapot",
        "instrument": "harp, tambourine",
    },
    nouns=(
        "wedding bride groom vow altar feast toast dowry bridesmaid ceremony banquet kiss chapel procession dance "
        "priest couple choir carriage guest petal present candle waltz honeymoon"
    ),
    roles=(
        "bridesmaid, guest, florist, matchmaker, seamstress, caterer, usher, godmother, organist, page boy, "
        "jeweller, coachman"
    ),
    openings=(
        "it was the day of the wedding at {place}",
        "{=wedding_crowd} had come to {place} for a wedding",
        "a {=wedding_bridal} bride and a {=wedding_groomly} groom were to marry at {place}",
        "in an hour the ceremony would begin: a wedding at {place}",
        "the bells were ringing, for a {=wedding_bridal} bride was to speak her vow at {place}",
        "the altar stood ready at {place}, and the wedding guests {=wedding_took}",
        "at {place} {=wedding_cooks} were preparing a wedding feast",
        "a wedding banquet was to be held at {place}",
    ),
    needs=(
        "{other} needed {x} for the ceremony",
        "{other} could not imagine the wedding without {x}",
        "{other} was waiting for {x}, for the ceremony was about to begin",
        "{other} had promised {x} to the bride",
        "{other} had promised the groom not to forget {x}",
        "{other} was to hand {x} to the bride before the banquet",
        "{other} wished to show {x} to the bride and the groom",
        "the bride had asked for {x}, and {other} did not want to disappoint her",
    ),
    scenes=(
        "the bride {=wedding_embraced} her {=wedding_relative} and {=wedding_wept}",
        "the groom {=wedding_practised} his vow in front of {=wedding_listener}",
        "{=wedding_children} {=wedding_scattered} {=wedding_petals} along the path to the altar",
        "the bridesmaids {=wedding_adorned} the {=wedding_church} with garlands of {=wedding_flowers}",
        "{=wedding_cook} {=wedding_cooked} for the wedding banquet",
        "the best man {=wedding_scribbled} his {=wedding_witty} toast and {=wedding_paced}",
        "{=wedding_band} {=wedding_played} a {=wedding_slow} wedding {=wedding_dance}",
        "the {=wedding_curious} guests {=wedding_admired} the bride's {=wedding_braids}",
        "a {=wedding_coach} wedding carriage {=wedding_arrived} with {=wedding_load}",
        "the bride's {=wedding_elder} {=wedding_counted} the dowry of {=wedding_dowry}",
        "the {=wedding_youngest} bridesmaid {=wedding_tripped} and {=wedding_ran}",
        "the {=wedding_priestly} priest {=wedding_prayed} before the ceremony",
        "{=wedding_kin} raised their {=wedding_vessel} of {=wedding_drink} in a toast to the {=wedding_couple}",
        "{=wedding_servants} {=wedding_carried} the dowry {=wedding_past} in {=wedding_chests}",
        "a flock of {=wedding_doves} {=wedding_fluttered} above the altar",
        "the groom's {=wedding_groomkin} {=wedding_brushed} his {=wedding_suit} for the ceremony",
        "{=wedding_gossips} {=wedding_gossiped} about {=wedding_topic}",
        "the wedding feast smelled of {=wedding_smell} and {=wedding_aroma}",
        "{=wedding_child} {=wedding_snatched} {=wedding_sweet} from the banquet table and {=wedding_scampered}",
        "{=wedding_greatuncle} gave the {=wedding_couple_one} a {=wedding_loud} kiss on the {=wedding_cheek}",
        "the wedding procession {=wedding_wound} {=wedding_along} behind {=wedding_piper}",
        "{hero} could hear the wedding guests {=wedding_cheer} and the {=wedding_bells}",
        "the {=wedding_bridal} bride {=wedding_powdered} and {=wedding_longed}",
        "the {=wedding_groomly} groom {=wedding_combed} and {=wedding_pondered}",
        "{=wedding_lights} {=wedding_flickered} beside the altar in the {=wedding_balmy} air",
        "{=wedding_waiters} laid the banquet table with {=wedding_plates} and {=wedding_cutlery}",
        "a {=wedding_jealous} admirer of the bride {=wedding_sulked} {=wedding_where}",
        "{=wedding_giver} brought the bride and the groom {=wedding_gift} wrapped in {=wedding_wrap}",
        "the {=wedding_stern} aunts of the bride {=wedding_squabbled} over {=wedding_seats}",
        "the {=wedding_piping} choir {=wedding_sang} a {=wedding_hymn} for the wedding",
        "{=wedding_animal_guest} {=wedding_nibbled} {=wedding_target}",
    ),
    losses=(
        "in the crowd of wedding guests {x.the} slipped out of {hero.his} bag and fell {spot}, and nobody noticed",
        "while {hero} watched the bride, {x.the} slid off {hero.his} arm without a sound and landed {spot}",
        (
            "{hero} set {x.the} down to clap for the bride and the groom, and a playful child carried it away and "
            "left it {spot}"
        ),
        (
            "a dancing couple bumped into {hero.him}, and in the laughter nobody saw how {x.the} dropped from "
            "{hero.his} bundle and landed {spot}"
        ),
        (
            "at the first sound of the wedding bells {hero} began to run, and {x.the} bounced out of {hero.his} pack "
            "and came to rest {spot}"
        ),
        "{hero} stopped to taste the wedding soup, laid {x.the} {spot} for a moment, and forgot it there",
    ),
    good=(
        "the bride kissed the groom, and the feast began",
        "the groom spoke his vow, the bride spoke hers, and the guests {=wedding_cheered}",
        "the ceremony was {=wedding_lovely}, and the banquet lasted until midnight",
        "after a long kiss the bride and the groom {=wedding_left}",
        "the wedding was the {=wedding_merriest} that anyone could remember",
        "the best man gave his toast, and the whole feast {=wedding_roared}",
        "the priest blessed the bride and the groom at the altar, and all the bells rang",
    ),
    bad=(
        "the wedding had to wait until the next day",
        "the bride {=wedding_cried}, and the guests went home",
        "the ceremony was {=wedding_spoiled}, and nobody felt like dancing",
        "the groom {=wedding_forgot}, and the bride shook her head",
        "the banquet grew cold, and the bridesmaids {=wedding_went}",
        "there was no toast and no dance at this wedding, only {=wedding_rain}",
    ),
    tables={
        "wedding_couple_one": "bride, groom, smallest bridesmaid, best man, priest, cook",
        "wedding_crowd": (
            "half the village, a crowd of guests, all the neighbours, everyone, a whole procession of aunts"
        ),
        "wedding_bridal": "happy, nervous, radiant, young, blushing, devoted, joyful, dreamy",
        "wedding_groomly": "proud, shy, cheerful, gallant, handsome, bashful, lanky, merry",
        "wedding_took": "took their seats, whispered, waited, chatted, fanned themselves, yawned",
        "wedding_cooks": "ten cooks, the villagers, two families, many hands",
        "wedding_embraced": "embraced, hugged, kissed, thanked, comforted, consoled, teased, greeted",
        "wedding_relative": "mother, father, sister, grandmother, aunt, cousin, niece, stepmother, brother",
        "wedding_wept": "wept a little, laughed, blushed, giggled, beamed, sighed, sniffled, smiled bravely",
        "wedding_practised": (
            "practised, whispered, repeated, rehearsed, murmured, mumbled, stammered, recited, muddled"
        ),
        "wedding_listener": (
            "a mirror, his brother, a patient donkey, two sparrows, the empty benches, a fence post, an old dog, a "
            "snail"
        ),
        "wedding_children": (
            "two small children, three nieces, a pair of twins, some choirboys, four nephews, the village girls, a "
            "few toddlers, six schoolgirls"
        ),
        "wedding_scattered": "scattered, sprinkled, strewed, tossed, spread, threw",
        "wedding_petals": "petals, rice, confetti, daisies, rosebuds, lavender, clover, blossoms",
        "wedding_adorned": "adorned, decked, decorated, trimmed, wreathed, draped",
        "wedding_church": "altar, arch, benches, banquet table, pulpit, carriage, doorway, pillars, canopy",
        "wedding_flowers": (
            "roses, lilies, ivy, jasmine, myrtle, peonies, honeysuckle, carnations, orchids, bluebells"
        ),
        "wedding_cook": (
            "a stout cook, two bakers, the innkeeper, a dozen aunts, a famous chef, three kitchen maids, the butler, "
            "a clumsy scullion"
        ),
        "wedding_cooked": (
            "roasted a goose, glazed a ham, stirred the gravy, basted the pheasants, whipped the cream, iced the "
            "buns, peeled the potatoes, frosted the pastries, seasoned the broth, kneaded the dough, sliced the "
            "melons, shelled the peas, garnished the salmon, spiced the cider, uncorked the wine"
        ),
        "wedding_scribbled": "scribbled, rewrote, shortened, rehearsed, forgot, muttered, crossed out, polished",
        "wedding_witty": "long, witty, clumsy, rhyming, touching, endless, heartfelt, modest",
        "wedding_paced": (
            "paced up and down, cleared his throat, scratched his head, bit his lip, loosened his collar, tugged at "
            "his sleeve, straightened his cuffs, groaned"
        ),
        "wedding_band": (
            "a fiddler, two flautists, three pipers, a small band, a harpist, a string quartet, four trumpeters, an "
            "accordionist"
        ),
        "wedding_played": "rehearsed, played, practised, struck up, tried out",
        "wedding_slow": "slow, merry, lively, stately, graceful, jaunty, dreamy, brisk",
        "wedding_dance": "waltz, reel, jig, polka, minuet, march, serenade, hymn",
        "wedding_curious": "curious, elegant, elderly, noisy, jolly, polite, dainty, tipsy",
        "wedding_admired": "admired, praised, envied, discussed, adored, gazed at, whispered about, marvelled at",
        "wedding_braids": (
            "curls, braids, silk train, satin slippers, lace sleeves, pearl earrings, dimples, embroidered hem, "
            "golden hair"
        ),
        "wedding_coach": "white, gilded, creaking, rattling, painted, splendid, dusty, hired",
        "wedding_arrived": "rolled up, clattered in, drew up, pulled in, rumbled up, lurched to a stop",
        "wedding_load": (
            "six noisy guests, the groom's uncles, the bride's grandparents, a bishop for the ceremony, a heap of "
            "presents, oysters for the feast, a barrel of cider for the banquet, the bridesmaids' trunks"
        ),
        "wedding_elder": "father, uncle, grandfather, brother, guardian, mother, stepfather",
        "wedding_counted": "counted, weighed, guarded, inspected, presented, displayed, boasted about, recounted",
        "wedding_dowry": (
            "linen and silver, twelve goats, fifty florins, three feather beds, six geese, copper kettles, two fat "
            "cows, quilts and pillows, old gold coins"
        ),
        "wedding_youngest": "youngest, tallest, smallest, shyest, boldest, freckled, curly-haired, plumpest",
        "wedding_tripped": (
            "tripped over her hem, curtsied to the bishop, hid behind the altar, lost a slipper, fed the doves, "
            "hummed a hymn, spilled the lemonade, sneezed three times, tore her stocking"
        ),
        "wedding_ran": (
            "giggled, blushed, burst out laughing, hid her face, ran to her mother, looked very innocent, stuck out "
            "her tongue, bit her lip"
        ),
        "wedding_priestly": "old, kindly, bald, solemn, wrinkled, forgetful, cheerful, stooped",
        "wedding_prayed": (
            "leafed through the prayer book, lit the altar candles, rang the chapel bell, swept the altar steps, "
            "dusted the pulpit, smoothed his robe, searched for his spectacles, nodded off"
        ),
        "wedding_kin": (
            "four cousins, two godfathers, the groom's uncles, some old soldiers, two merry widowers, three "
            "fishermen, the groomsmen, some tall barons"
        ),
        "wedding_vessel": "glasses, mugs, tankards, cups, beakers, tumblers",
        "wedding_drink": "wine, cider, punch, lemonade, mead, ale, elderflower cordial, champagne",
        "wedding_couple": "bride, groom, young couple, bridesmaids, cook, wedding feast, two families",
        "wedding_servants": (
            "two sturdy servants, the bride's brothers, four farmhands, some porters, two giants, the gardeners"
        ),
        "wedding_carried": "carried, heaved, lugged, dragged, hoisted",
        "wedding_past": "past the altar, through the crowd, up the path, into the tent, across the grass",
        "wedding_chests": "oak chests, heavy sacks, wicker trunks, painted crates, a handcart",
        "wedding_doves": "white doves, swallows, starlings, sparrows, finches, pigeons, larks, swifts",
        "wedding_fluttered": "fluttered, circled, wheeled, swooped, soared, twittered, darted, glided",
        "wedding_groomkin": "mother, aunt, grandmother, valet, tailor, sister, godson, friend",
        "wedding_brushed": "brushed, ironed, straightened, mended, smoothed, starched, pressed",
        "wedding_suit": "collar, jacket, bow tie, trousers, tailcoat, shirt, lapels, new suit",
        "wedding_gossips": (
            "two of the guests, the coachmen, a few neighbours, the washerwomen, some old ladies, the groomsmen's "
            "wives, several farmers, the choir ladies"
        ),
        "wedding_gossiped": "gossiped, grumbled, chattered, joked, sighed, argued, whispered, murmured",
        "wedding_topic": (
            "the size of the dowry, the groom's big ears, the price of the feast, the length of the ceremony, an "
            "earlier wedding, the honeymoon, the bride's many suitors, the crooked altar, the best man's toast"
        ),
        "wedding_smell": "roast duck, fresh bread, cinnamon, vanilla, saffron, rosemary, thyme, nutmeg",
        "wedding_aroma": (
            "baked apples, warm butter, melted chocolate, buttered leeks, stewed plums, toasted almonds, raspberry "
            "jam, caramel"
        ),
        "wedding_child": (
            "a small boy, a cheeky nephew, a hungry girl, a crafty choirboy, a barefoot toddler, a freckled rascal"
        ),
        "wedding_snatched": "stole, snatched, pinched, nibbled, grabbed, licked, gobbled",
        "wedding_sweet": (
            "a jam tart, a sugared almond, a cream puff, a macaroon, a candied cherry, a slice of melon, a doughnut, "
            "a meringue"
        ),
        "wedding_scampered": (
            "scampered off, grinned, vanished under the bench, was scolded, got hiccups, skipped away, winked, "
            "pulled a face"
        ),
        "wedding_greatuncle": (
            "a toothless great-uncle, a proud grandmother, a weeping aunt, a jolly sea captain, a deaf baroness, a "
            "bearded shepherd"
        ),
        "wedding_loud": "loud, hearty, quick, tender, wet, clumsy, noisy, gentle",
        "wedding_cheek": "cheek, forehead, nose, hand, ear, chin",
        "wedding_wound": "wound its way, paraded, strolled, filed, marched, trooped, danced, shuffled",
        "wedding_along": (
            "down the lane, past the beehives, between the haystacks, over the footbridge, through the clover, along "
            "the hedgerow, around the orchard"
        ),
        "wedding_piper": (
            "a piper, a drummer, a white pony, a flag bearer, two candle bearers, a garlanded ox, a bagpiper, a tiny "
            "trumpeter"
        ),
        "wedding_cheer": "cheer, clap, hum, chatter, sing, laugh, stamp, whistle",
        "wedding_bells": (
            "bells ring, fiddles squeak, glasses clink, drums thump, flutes trill, fiddlers tune up, horses neigh, "
            "babies wail"
        ),
        "wedding_powdered": (
            "powdered her cheeks, pinned up her hair, laced her shoes, dabbed her eyes, fanned herself, plaited her "
            "hair, nibbled an almond, counted the minutes, practised her smile, pricked her thumb on a rose"
        ),
        "wedding_longed": (
            "waited for the ceremony, whispered her vow, dreamed of the feast, thought of the groom, peeped at the "
            "altar, wished for a kiss"
        ),
        "wedding_combed": (
            "combed his beard, polished his boots, shined his buttons, chewed his nails, dropped his hat, trimmed "
            "his moustache, mopped his brow, hiccupped"
        ),
        "wedding_pondered": (
            "pondered his vow, asked for the bride, stared at the altar, longed for the banquet, joked with the "
            "bridesmaids, trembled before the ceremony"
        ),
        "wedding_lights": "tall candles, paper lanterns, oil lamps, thin tapers, coloured lights, torches",
        "wedding_flickered": "flickered, glowed, gleamed, shimmered, glimmered, sputtered, twinkled",
        "wedding_balmy": "mild, cool, scented, balmy, still, hazy, drowsy",
        "wedding_waiters": (
            "nimble waiters, the bride's cousins, two grumpy footmen, the neighbours, kitchen boys, the groom's sisters"
        ),
        "wedding_plates": (
            "white plates, silver trays, painted bowls, crystal jugs, polished platters, porcelain dishes"
        ),
        "wedding_cutlery": (
            "carved spoons, folded fans, salt cellars, forks, bread baskets, fruit bowls, dessert spoons, finger bowls"
        ),
        "wedding_jealous": "jealous, rejected, gloomy, lovesick, sullen, pale, heartbroken, haughty",
        "wedding_sulked": "sulked, moped, brooded, sobbed, pouted, frowned, sighed, lingered",
        "wedding_where": (
            "behind the cider barrels, under the arch, beside the punch bowl, near the coaches, among the hay bales, "
            "by the chapel gate"
        ),
        "wedding_giver": (
            "an old sailor, the miller's family, a rich merchant, the schoolteacher, a shy neighbour, the mayor, the "
            "blacksmith, a travelling tinker"
        ),
        "wedding_gift": (
            "a cradle, a copper kettle, a feather quilt, a cuckoo clock, a spinning wheel, a rocking chair, a butter "
            "churn, a pair of slippers"
        ),
        "wedding_wrap": "tissue paper, red silk, straw, muslin, velvet, old newspaper, sackcloth, gold foil",
        "wedding_stern": "stern, plump, bossy, rival, thrifty, quarrelsome, sharp-tongued",
        "wedding_squabbled": "squabbled, bickered, fussed, quarrelled, fretted, haggled",
        "wedding_seats": (
            "the seats at the banquet, the wedding soup, the hymns for the ceremony, the flowers on the altar, the "
            "cost of the feast, her hairpins, the manners of the groom"
        ),
        "wedding_piping": "village, tiny, tuneful, hoarse, shrill, barefoot, sleepy, robed",
        "wedding_sang": "sang, rehearsed, practised, hummed, warbled, chanted",
        "wedding_hymn": "psalm, carol, love song, blessing, madrigal, canon, chorale, folk song",
        "wedding_animal_guest": (
            "a stray goat, the miller's dog, a tame jackdaw, a greedy piglet, a wandering hen, the priest's cat, a "
            "nosy donkey"
        ),
        "wedding_nibbled": (
            "sniffed at, trotted around, gaped at, crept towards, hurried past, sneaked up to, was chased away from"
        ),
        "wedding_target": (
            "the wedding feast, the bride's train, the altar flowers, the groom's boots, the banquet table, the "
            "bridesmaids' sandwiches"
        ),
        "wedding_cheered": (
            "cheered, applauded, wept for joy, threw their hats into the air, clapped, sang, danced until dawn"
        ),
        "wedding_lovely": "lovely, beautiful, short and sweet, splendid, moving, solemn, unforgettable",
        "wedding_left": (
            "opened the dance, drove off in a carriage, led the first waltz, waved to their guests, drank a toast"
        ),
        "wedding_merriest": "merriest, finest, happiest, loudest, grandest, jolliest",
        "wedding_roared": (
            "roared with laughter, applauded, stamped and cheered, raised a glass, fell silent with emotion"
        ),
        "wedding_cried": "cried, sulked, stamped her foot, hid her face, sighed, fainted",
        "wedding_spoiled": "spoiled, called off, cut short, put off for a week, delayed for hours",
        "wedding_forgot": (
            "stumbled over his vow, forgot his vow, lost his temper, sulked in the carriage, stared at the ground"
        ),
        "wedding_went": "went to bed early, wept, quarrelled, sat in silence, packed their trunks",
        "wedding_rain": "long faces, an awkward silence, cold soup, grumbling guests, weary sighs",
    },
)
