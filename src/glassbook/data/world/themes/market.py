"""A market."""

from __future__ import annotations

from glassbook.data.world.themes.theme import Theme

MARKET = Theme(
    name="market",
    things={
        "food": "cheese~, honey~, spice~, bread~, plum cake, sausage",
        "fruit": "melon",
        "vegetable": "pumpkin",
        "container": "basket, jug, coin purse, jar, crate",
        "cloth": "carpet, silk~, blanket, linen~, ribbon",
        "clothing": "shawl, hat, cloak, belt",
        "tool": "scale, hammer, whetstone",
        "paper": "ledger, receipt, price list, almanac",
        "household": "teapot, broom, clock, frying pan",
        "jewel": "ring, necklace, amulet",
        "toy": "doll, spinning top",
        "plant": "lavender~, cactus",
        "gear": "whistle",
        "instrument": "mouth organ",
    },
    nouns=(
        "market stall price bargain merchant customer coin discount barrow auction pedlar wares penny shilling "
        "awning trader crowd purse sack queue"
    ),
    roles=(
        "baker, fishmonger, weaver, potter, tanner, greengrocer, cook, innkeeper, cobbler, farmer, basket maker, "
        "apothecary, goose girl"
    ),
    openings=(
        "it was market day at {place}",
        "the first market of {=market_season} was being held at {place}",
        "{=market_traders} had set up their stalls at {place}",
        "at {place} the market was {=market_full}",
        "there was to be an auction at {place}",
        "barrows and stalls stood {=market_row} at {place}",
        "{=market_shoppers} had come to the market at {place}",
        "the market bell had rung at {place}, and prices were already {=market_falling}",
    ),
    needs=(
        "{other} wanted to sell {x} at the market",
        "{other} had already found a customer for {x}",
        "{other} needed {x} before the market closed",
        "{other} had paid a high price for {x}",
        "{other} had promised {x} to a customer, and a promise was a promise",
        "{other} hoped to strike a bargain with {x}",
        "{other} had saved every coin for {x}",
        "{other} could not think of going home from the market without {x}",
    ),
    scenes=(
        "the customers {=market_haggled} over the price of {=market_goods} until {=market_agreed}",
        "{=market_sellers} {=market_praised} their wares: {=market_wares}",
        "a {=market_rickety} barrow of {=market_barrow} {=market_tipped} in the {=market_crowd}",
        "the {=market_greedy} silk merchant {=market_counted} his {=market_coins} behind {=market_curtain}",
        "at the next stall {=market_price_up} {=market_amount}, and that was {=market_cheap}",
        "the auctioneer {=market_banged} his {=market_mallet}, and the auction of {=market_lots} {=market_began}",
        "{=market_bidder} {=market_bid} {=market_sum} for {=market_bidfor} at the auction",
        "a fruit seller {=market_tossed} {=market_customer_one} {=market_fruit} at a {=market_discount} discount",
        "{=market_candlemaker} {=market_gave_discount} {=market_whom_discount} a discount on {=market_discounted}",
        "{=market_cheats} {=market_blamed} the scale and {=market_weighed}",
        "the spice stalls {=market_smelled} {=market_spice} and {=market_spice_two}",
        "{=market_child} {=market_spent} {=market_coin} {=market_near_stall}",
        "the {=market_clerk} {=market_checked} the {=market_scales} and {=market_nodded}",
        "the brass scale on the {=market_stall} stall {=market_tilted} under {=market_heap}",
        "{=market_animals} {=market_strayed} between the stalls and {=market_ate}",
        "the {=market_haughty} customers {=market_sniffed} the {=market_produce} and asked for a {=market_reduction}",
        "{hero} could hear the {=market_criers} {=market_cry} their {=market_low} prices",
        "{=market_passers} {=market_passers_did} in front of a pedlar who {=market_juggled}",
        "{hero} {=market_strolled} past {=market_stalls} {=market_crockery}, for it was market day",
        "an {=market_ancient} knife grinder {=market_sharpened} {=market_scissors} for {=market_customers}",
        "a moneylender {=market_scribbled} {=market_debts} in a {=market_thick} ledger",
        "{=market_entertainers} {=market_drew} between the stalls, and a pickpocket {=market_eyed} {=market_purses}",
        "the {=market_tailors} {=market_lowered} their prices when {=market_rival}",
        (
            "a {=market_scruffy} horse dealer {=market_praised_horse} {=market_horse} and swore that the price was "
            "{=market_fair}"
        ),
        "{=market_women} {=market_filled} {=market_bags} with {=market_shopping} from the market",
        "the awning of a {=market_awning} stall {=market_flapped} and {=market_hid}",
        "a queue of {=market_queue} {=market_waited} at the {=market_hot} stall and jingled {=market_jingled}",
        "{=market_conjurers} {=market_sold} {=market_potions} at {=market_bargain_price}",
        "the {=market_wind} {=market_filled_market} the {=market_busy} market",
        "a pedlar {=market_pedlar} his {=market_pack} and {=market_pedlar_sold}",
        "two {=market_rivals} {=market_quarrelled} about {=market_cause}",
    ),
    losses=(
        "in the crowd of customers {x.the} was knocked out of {hero.his} bag and fell {spot}, and nobody noticed",
        "{hero} put {x.the} {spot} to count out some coins at a stall, and then forgot it there",
        "a passing barrow brushed against {hero.him}, and {x.the} slid out of {hero.his} bundle and landed {spot}",
        "while {hero} watched the auction, a playful dog dragged {x.the} out of {hero.his} pack and dropped it {spot}",
        "{hero} haggled over the price of a bun so eagerly that {x.the} slipped away unnoticed and ended up {spot}",
        (
            "two merchants quarrelled and jostled {hero.him}, and in the confusion {x.the} dropped out of {hero.his} "
            "arms and came to rest {spot}"
        ),
    ),
    good=(
        "the market closed with {=market_songs}, and every stall had sold its wares",
        "it had been the {=market_best} market day of the year",
        "the coins jingled in every purse, and the merchants {=market_treated}",
        "the last auction brought a {=market_record} price, and the whole market {=market_cheered}",
        "the stalls were empty by {=market_evening}, and the customers went home with {=market_bargains}",
        "when the market ended, there was {=market_left} for every child, and even the {=market_misers} smiled",
    ),
    bad=(
        "the market ended early, and the stalls were {=market_packed} by noon",
        "hardly a coin had been earned, and the merchants {=market_grumbled}",
        "prices had {=market_doubled}, and the customers went home with empty {=market_baskets}",
        "the auction was {=market_cancelled}",
        "it was the {=market_worst} market day in {=market_years}",
        "somebody had stolen the {=market_till}, and the market closed in {=market_anger}",
    ),
    tables={
        "market_customer_one": (
            "a customer, a pretty customer, each customer, a bored customer, the vicar, a wide-eyed boy, a friend, "
            "an old lady"
        ),
        "market_season": "spring, the year, autumn, summer, the month",
        "market_traders": "traders, farmers, craftsmen, peasants, hawkers, dozens of shopkeepers",
        "market_full": "full of people, in full swing, busier than ever, crowded, noisy, bustling",
        "market_row": "in three rows, side by side, in a wide circle, close together, in the shade",
        "market_shoppers": "half the village, everyone with a coin to spare, a crowd of shoppers, all the neighbours",
        "market_falling": "falling, rising, being shouted, being discussed",
        "market_haggled": "haggled, bargained, argued, squabbled, bickered",
        "market_goods": "eggs, butter, turnips, wool, candles, onions, firewood, mackerel, goose feathers, rope",
        "market_agreed": (
            "they agreed, they grew hoarse, both sides laughed, a penny was taken off, the seller gave in, they "
            "shook hands, it began to drizzle"
        ),
        "market_sellers": (
            "the stallholders, two hawkers, three brothers, hoarse traders, the market women, two old sisters, some "
            "travelling salesmen"
        ),
        "market_praised": "praised, shouted out, displayed, arranged, advertised, unpacked",
        "market_wares": (
            "fresh herrings, smoked eels, pickled gherkins, salted almonds, copper pans, tin whistles, wooden clogs, "
            "wax candles, leather boots, glass beads"
        ),
        "market_rickety": "rickety, painted, heavy, squeaky, two-wheeled, green, crooked, creaking",
        "market_barrow": (
            "apples, pears, cabbages, carrots, leeks, radishes, potatoes, beetroots, parsnips, plums, cherries"
        ),
        "market_tipped": (
            "tipped over, rolled past, lost a wheel, blocked the way, got stuck, bumped into a stall, stopped"
        ),
        "market_crowd": "crowd, mud, middle of the market, narrow lane, shade, busiest corner",
        "market_greedy": "greedy, wealthy, bearded, thrifty, crafty, foreign, famous, portly",
        "market_counted": "counted, bit, polished, stacked, weighed, hid",
        "market_coins": "gold coins, silver coins, copper coins, shillings, pennies, florins, ducats",
        "market_curtain": "a curtain, a pile of carpets, his stall, a folding screen, a camel, some bales",
        "market_price_up": (
            "a cabbage cost, a pound of nuts cost, a hen cost, a dozen eggs cost, a sack of oats cost, two mackerel "
            "cost, a mug of cider cost"
        ),
        "market_amount": "one coin, two coins, three pennies, half a shilling, four coins, six pence",
        "market_cheap": (
            "a bargain, too much, quite fair, a scandal, cheap, the lowest price in the market, no surprise"
        ),
        "market_banged": "banged, swung, dropped, raised, waved, brandished",
        "market_mallet": "mallet, gavel, stick, bell, hat, catalogue",
        "market_lots": (
            "three heifers, an old grandfather clock, a feather bed, a stuffed bear, two oil paintings, a brass "
            "telescope, a cartload of hay, some garden chairs, a rowing boat"
        ),
        "market_began": "began, went on, ended, was interrupted, drew a crowd",
        "market_bidder": (
            "a deaf colonel, a lady in furs, two rival collectors, the schoolmaster, a yawning banker, the brewer, a "
            "stubborn widow"
        ),
        "market_bid": "bid, offered, paid, promised, at last paid",
        "market_sum": (
            "ten coins, twenty coins, forty shillings, five guineas, a hundred coins, a fat purse, eleven florins"
        ),
        "market_bidfor": (
            "a cracked mirror, a stuffed owl, the bronze candlesticks, a rusty anchor, a parrot cage, a rocking "
            "horse, a tuba, a suit of armour"
        ),
        "market_tossed": "sold, offered, promised, at last sold",
        "market_fruit": (
            "a ripe peach, some grapes, an orange, two lemons, a handful of dates, a quince, dried apricots, a "
            "pomegranate, a bunch of currants"
        ),
        "market_discount": "small, generous, secret, fair, tiny, special",
        "market_candlemaker": (
            "one stallholder, a friendly shopkeeper, an honest trader, a tired hawker, the youngest seller, a chatty "
            "shopgirl"
        ),
        "market_gave_discount": "gave, offered, promised, allowed, refused",
        "market_whom_discount": (
            "two soldiers, the schoolmaster, an old couple, a whole family, three sailors, the bell ringer"
        ),
        "market_discounted": "toffee, candles, white gloves, picture books, marigolds, silk thread, rope ladders",
        "market_cheats": "a customer, a soldier, the grocer, a farmer's wife, a goldsmith, the miller",
        "market_blamed": "blamed, kicked, cursed, distrusted",
        "market_weighed": (
            "asked for another, weighed everything twice, went to the next stall, called the constable, lost the "
            "bargain"
        ),
        "market_smelled": "smelled of, were heaped with, were famous for, had run out of, glowed with",
        "market_spice": (
            "pepper, cinnamon, ginger, cloves, nutmeg, paprika, turmeric, caraway, vanilla, mustard, aniseed"
        ),
        "market_spice_two": (
            "sea salt, bay leaves, dried mint, cardamom, juniper berries, coriander, poppy seeds, garlic, chilli"
        ),
        "market_child": "a small child, two orphans, a ragged boy, a barefoot girl, an errand boy, three schoolboys",
        "market_spent": "spent, lost, found, dropped, begged for, traded a marble for",
        "market_coin": "a coin, a bright penny, a foreign coin, a bent shilling, a lucky coin",
        "market_near_stall": (
            "near the toffee stall, beside the puppet show, among the barrows, at the pancake stall, behind the "
            "bakery stall, in front of the carousel"
        ),
        "market_clerk": "market clerk, tax collector, town crier, constable, market warden, toll keeper",
        "market_checked": "checked, tested, inspected, frowned at, examined, glanced at",
        "market_scales": (
            "scale of the butcher, scales of the cheesemonger, weights on every stall, prices on the slates, ledgers "
            "of the moneylender, licence of the rat catcher, milk churns on the barrows"
        ),
        "market_nodded": (
            "nodded, wrote something down, shook his head, moved on, scratched his chin, cleared his throat"
        ),
        "market_stall": "butcher's, tea seller's, cheesemonger's, grocer's, goldsmith's, tobacconist's",
        "market_tilted": "tilted, swung, trembled, clinked, balanced, sank",
        "market_heap": (
            "a heap of beans, three pounds of liver, a lump of amber, a mound of raisins, a giant trout, a bag of "
            "nails, two marrows"
        ),
        "market_animals": (
            "two goats, a flock of geese, a piglet, a runaway hen, a donkey, some ducklings, a hungry spaniel, a "
            "spotted calf"
        ),
        "market_strayed": "strayed, wandered, ran, squeezed, hurried, blundered",
        "market_ate": (
            "ate a lettuce, upset a barrow, frightened the customers, chased a cat, broke some crockery, drank the "
            "milk, found a buyer at once"
        ),
        "market_haughty": "haughty, fussy, thrifty, stingy, patient, elegant, suspicious",
        "market_sniffed": "sniffed at, pinched, tasted, examined, prodded, picked out, turned over",
        "market_produce": (
            "melons, pickles, mushrooms, oysters, sausages, cucumbers, asparagus, haddock, cheeses, walnuts"
        ),
        "market_reduction": "discount, lower price, taste, better price, bag, bargain",
        "market_criers": (
            "fishwives, hawkers, market women, costermongers, ballad sellers, old-clothes men, chestnut sellers"
        ),
        "market_cry": "cry, bawl, shout, bellow, sing, call",
        "market_low": "low, lowest, best, latest, fair, special",
        "market_passers": (
            "two nursemaids, some students, the postman, a young couple, three cousins, the vicar's sisters"
        ),
        "market_passers_did": "stopped, laughed, stood, waited, crowded together",
        "market_juggled": (
            "juggled with oranges, sold mousetraps, had a tame crow, praised his soap, mended kettles, spoke seven "
            "languages"
        ),
        "market_strolled": "strolled, wandered, squeezed, pushed, ambled, elbowed a way",
        "market_stalls": "a stall of, rows of, tables of, baskets of, crates of",
        "market_crockery": (
            "crockery, old books, lace, tinware, buttons, second-hand shoes, knitted stockings, brooms and brushes, "
            "wooden toys, fur caps"
        ),
        "market_ancient": "old, honest, elderly, ugly, eager, odd",
        "market_sharpened": "sharpened, whetted, ground, honed, polished",
        "market_scissors": "scissors, razors, sickles, carving knives, sheep shears, scythes, skates",
        "market_customers": "the customers, the butchers, the stallholders, two barbers, a tailor, half the market",
        "market_scribbled": "scribbled, ran his finger down, entered, corrected, blotted, added up",
        "market_debts": "old debts, long columns, a neat list, some sums, the profits, every loan",
        "market_thick": "thick, greasy, leather-bound, dusty, black, dog-eared",
        "market_entertainers": (
            "two jugglers, a fire-eater, an acrobat, a fortune-teller, a puppeteer, a stilt walker, a sword swallower"
        ),
        "market_drew": "drew a crowd, collected coins, performed, bowed, passed round a hat, winked",
        "market_eyed": "eyed, studied, watched, admired",
        "market_purses": (
            "the fat purses, the coins, a watch chain, the open tills, the rich merchants, a silver-topped cane"
        ),
        "market_tailors": "tailors, saddlers, glassblowers, blacksmiths, coopers, bookbinders, toymakers",
        "market_lowered": "lowered, raised, doubled, halved, kept, forgot",
        "market_rival": (
            "the crowd grew, a rival opened a stall, noon struck, trade was slow, the mayor walked by, a rich "
            "merchant appeared"
        ),
        "market_scruffy": "bandy-legged, one-eyed, toothless, cheeky, lame, sunburnt, talkative",
        "market_praised_horse": "patted, groomed, showed off, trotted out, saddled, stroked",
        "market_horse": (
            "a grey mare, a shaggy pony, two carthorses, a nervous colt, a piebald stallion, a swaybacked gelding"
        ),
        "market_fair": "a gift, fair, a joke, his last word, ruining him, lower than last year",
        "market_women": (
            "three housewives, two cooks of the manor, some nuns, two maids, six boarding-school girls, some "
            "farmers' wives"
        ),
        "market_filled": "filled, packed, loaded, stuffed, swung, lugged",
        "market_bags": "their bags, string bags, wicker baskets, a handcart, a pram, two sacks",
        "market_shopping": "spinach, mutton, rye flour, lard, artichokes, pork pies, peppercorns, sprats, lentils",
        "market_awning": "flower, cheese, hat, soap, tea, pottery, honey, poultry",
        "market_flapped": "flapped, sagged, collapsed, came loose, slipped",
        "market_hid": (
            "hid the prices, knocked over a jug, made the customers laugh, startled a mule, caught on a lamp post, "
            "brushed against a lady's hat"
        ),
        "market_queue": "customers, sailors, nursemaids, millers, students, grandmothers, monks",
        "market_waited": "waited, shuffled, stood, grumbled, gossiped, yawned",
        "market_hot": "pancake, soup, waffle, sausage, gingerbread, lemonade, doughnut",
        "market_jingled": "coins, pennies, keys and coins, bags of coins, the last of their wages",
        "market_conjurers": "a quack, a sly herbalist, a bald doctor, a self-styled wizard, a travelling dentist",
        "market_sold": "sold, recommended, mixed, offered, demonstrated",
        "market_potions": (
            "cough syrup, hair tonic, wart ointment, love potions, corn plasters, toothpicks, snake oil"
        ),
        "market_bargain_price": "a bargain price, twice the price, half price, a huge discount, a shameless price",
        "market_wind": "breeze, noise, smell of fried fish, sound of hooves",
        "market_filled_market": (
            "drifted through, filled, woke up, swept across, spread over, reached every corner of"
        ),
        "market_busy": "busy, dusty, lively, colourful, bustling, sprawling, smoky",
        "market_pedlar": "opened, put down, unlocked, dragged along, emptied, unstrapped",
        "market_pack": "pack, trunk, heavy chest, tray, bundle, canvas bag",
        "market_pedlar_sold": (
            "showed his wares, sold needles and thread, swapped pins for bread, told tall tales, offered ballads at "
            "a penny, praised his combs and mirrors, sang about his wares"
        ),
        "market_rivals": "carters, porters, drapers, greengrocers, coppersmiths, ropemakers, cheese sellers",
        "market_quarrelled": "quarrelled, shouted at each other, wrestled, shook their fists, argued, fell out",
        "market_cause": (
            "the best place for a stall, a false coin, a stolen customer, a broken barrow, a bad bargain, a rotten "
            "tomato, an unpaid bill"
        ),
        "market_songs": "songs and laughter, a dance, free cakes for all, three cheers, a grand parade",
        "market_best": "best, merriest, busiest, finest, luckiest",
        "market_treated": "treated everyone to cider, shook hands, packed up with a smile, sang all the way home",
        "market_record": "record, splendid, surprising, handsome, fabulous",
        "market_cheered": "cheered, clapped, marvelled, whistled",
        "market_evening": "sunset, noon, four o'clock, teatime, nightfall",
        "market_bargains": "full baskets, a bargain or two, heavy bags, empty purses and happy faces",
        "market_left": "a sweet, a toffee apple, a bright coin, a paper flower",
        "market_misers": "misers, tax collectors, rivals, moneylenders",
        "market_packed": "packed up, taken down, empty, deserted, silent",
        "market_grumbled": "grumbled, sighed, quarrelled, left without a word, shook their heads",
        "market_doubled": "doubled, tripled, gone up and up, risen beyond reason",
        "market_baskets": "baskets, bags, barrows, hands",
        "market_cancelled": "cancelled, a failure, put off, spoiled by rain, ruined by a quarrel",
        "market_worst": "worst, dullest, saddest, gloomiest, poorest",
        "market_years": "years, living memory, a century, a long time",
        "market_till": "money box, best scale, town crier's bell, tax collector's ledger, merchants' strongbox",
        "market_anger": "anger, uproar, shame, confusion",
    },
)
