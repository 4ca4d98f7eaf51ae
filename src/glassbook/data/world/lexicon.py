"""Lexicon of the stories: things, deeds, spots and phrases, with what goes together, so that nobody sharpens a soup.

Words stand in order of frequency. Nouns are countable, but for "bread~" (some bread). No noun is in two kinds, and no
noun begins with an adjective of its kind, so that the text shows what was drawn. `tables.py` makes tables of all this.
"""

from __future__ import annotations

THINGS: dict[str, tuple[str, str]] = {
    "tool": (
        "lamp, rope, hammer, spade, ladder, lantern, shovel, rake, torch, hoe, wrench, mallet, pitchfork, crowbar, "
        "trowel, spanner, screwdriver, drill, pickaxe, pulley, garden fork, measuring tape, magnifying glass, "
        "sledgehammer, spirit level, hand drill, oil can, garden hose, paint roller, clamp, winch, bicycle pump, "
        "iron bar, plumb line, soldering iron, blowtorch, stepladder, grindstone, whetstone, tuning fork, "
        "metal detector, stopwatch, weighing scale, tent peg, barometer, rain gauge, microscope, dibber, "
        "shepherd's crook, barge pole, tow rope, chimney brush, glue gun, staple gun, hand plane, torque wrench, "
        "pair of pliers, plunger, hoist, gimlet, bradawl, ratchet, toolbelt, file, rasp, brace, funnel, wedge, lever, "
        "pump",
        "old, new, useful, sturdy, borrowed, trusty, handy, spare, good, battered, dusty, dirty, reliable, muddy, "
        "simple, second-hand, brand-new, well-made, ordinary, expensive, worn, fine, cheap, shop-bought, serviceable, "
        "grubby",
    ),
    "blade": (
        "axe, knife, saw, hatchet, chisel, scythe, sickle, penknife, pocketknife, handsaw, bread knife, carving knife, "
        "razor, hacksaw, cleaver, billhook, machete, kitchen knife, jackknife, adze, fretsaw, bow saw, drawknife, "
        "pruning knife, scalpel, woodcutter's axe, paring knife, felling axe, cheese knife, hay knife, crosscut saw, "
        "spokeshave, reaping hook, butcher's knife, gouge, paper knife, whittling knife, tenon saw, fish knife",
        "sharp, old, blunt, rusty, shiny, gleaming, new, borrowed, dull, keen, polished, strong, well-oiled, "
        "dangerous, trusty, notched, steel, useful, dirty, sticky",
    ),
    "weapon": (
        "bow, sword, spear, shield, gun, arrow, rifle, dagger, club, slingshot, crossbow, pistol, lance, catapult, "
        "staff, javelin, musket, harpoon, sabre, cutlass, longbow, quiver, cudgel, rapier, blowpipe, shotgun, "
        "tomahawk, mace, pike, trident, halberd, air rifle, scabbard, whip, battleaxe, flintlock, truncheon, "
        "blunderbuss, cannonball, bayonet, revolver, scimitar, bow and arrow, fencing foil",
        "old, dangerous, ancient, fearsome, battered, polished, dusty, antique, borrowed, strange, forbidden, curious, "
        "valuable, historic, unusual, sinister, well-kept, well-crafted, grim-looking, priceless, formidable",
    ),
    "jewel": (
        "ring, necklace, brooch, crown, pearl, diamond, bracelet, locket, medal, pendant, ruby, gem, watch, earring, "
        "emerald, tiara, pocket watch, sapphire, gold coin, amulet, opal, charm, bangle, wristwatch, cameo, "
        "signet ring, amethyst, trinket, topaz, medallion, garnet, coronet, nugget, cufflink, talisman, anklet, "
        "hatpin, silver chain, choker, jade bead, coral bead, turquoise, circlet, moonstone, agate, tiepin, sceptre, "
        "diadem, glass bead, gold buckle, charm bracelet, pearl necklace, silver thimble, aquamarine, lapis bead, "
        "engagement ring",
        "precious, shiny, beautiful, valuable, sparkling, lovely, tiny, gleaming, glittering, fine, old, rare, pretty, "
        "antique, polished, priceless, elegant, magnificent, dainty, costly, exquisite, unusual, delicate, splendid, "
        "dazzling, glistening, shimmering, lustrous, ornate",
    ),
    "clothing": (
        "hat, coat, scarf, glove, boot, shirt, dress, shoe, jacket, cap, cloak, sock, apron, belt, sweater, skirt, "
        "shawl, blouse, vest, jumper, raincoat, mitten, slipper, waistcoat, tie, bonnet, cardigan, overcoat, hood, "
        "robe, straw hat, cape, sandal, pullover, tunic, nightgown, woolly hat, uniform, poncho, beret, kilt, "
        "dressing gown, smock, headscarf, blazer, anorak, fur hat, neckerchief, bow tie, parka, frock, petticoat, "
        "pinafore, sou'wester, jerkin, doublet, sun hat, top hat, balaclava, moccasin, corduroy jacket, turban, "
        "velvet gown, sealskin boot, oilskin, duffel coat, bobble hat, kimono, leotard, romper",
        "red, old, new, blue, brown, torn, green, black, white, grey, clean, dirty, muddy, wet, faded, patched, "
        "yellow, shabby, colourful, elegant, damp, smart, worn-out, ragged, expensive, purple, favourite, "
        "old-fashioned, handmade, crimson, pink, striped, orange, fashionable, scruffy, unwashed, stylish",
    ),
    "cloth": (
        "blanket, towel, flag, sheet, quilt, tablecloth, curtain, rug, handkerchief, banner, ribbon, sail, napkin, "
        "mat, bandage, tarpaulin, silk~, linen~, wool blanket, duster, tea towel, hammock, velvet~, bedspread, "
        "cotton~, pillowcase, dishcloth, lace~, canvas~, felt~, eiderdown, washcloth, muslin~, horse blanket, pennant, "
        "picnic rug, awning, sackcloth~, tweed~, flannel~, satin~, saddle blanket, bath towel, duvet, oilcloth~, "
        "groundsheet, doily, gauze~, hessian~, bunting~, knitted blanket, scrap of leather, strip of calico, "
        "altar cloth, serviette, dust sheet, beach towel",
        "clean, white, old, blue, red, striped, faded, damp, plain, colourful, green, patched, dusty, grey, torn, new, "
        "yellow, embroidered, brown, dirty, frayed, spotted, crumpled, grubby, checked, stained, pink, creased, "
        "wrinkled, moth-eaten, pale",
    ),
    "plant": (
        "rose, fern, flower, lily, daisy, bouquet, tulip, daffodil, poppy, violet, sunflower, bluebell, seedling, "
        "primrose, wreath, lavender~, holly~, heather~, ivy~, mint~, buttercup, snowdrop, dandelion, orchid, foxglove, "
        "sapling, mistletoe~, iris, marigold, cowslip, garland, thyme~, rosemary~, sage~, pansy, clover~, posy, "
        "geranium, carnation, honeysuckle~, peony, bunch of flowers, pot plant, crocus, hyacinth, lilac~, basil~, "
        "jasmine~, cornflower, chrysanthemum, forget-me-not, shrub, dahlia, harebell, aster, hollyhock, camellia, "
        "anemone, snapdragon, sorrel~, chamomile~, begonia, gladiolus, meadowsweet~, comfrey~, nosegay, bog myrtle~, "
        "fuchsia, hydrangea, wildflower, edelweiss",
        "fresh, lovely, beautiful, fragrant, drooping, delicate, green, wilted, pretty, dewy, handsome, pale, fine, "
        "bright, frail, splendid, unusual, limp, withered, graceful, charming, sweet-smelling, trampled, glorious, "
        "dainty",
    ),
    "fruit": (
        "apple, pear, plum, peach, orange, lemon, cherry, melon, banana, apricot, fig, grape, blackberry, strawberry, "
        "quince, raspberry, gooseberry, pineapple, mango, crab apple, damson, lime, nectarine, mulberry, tangerine, "
        "pomegranate, grapefruit, watermelon, kiwi, sloe, elderberry, cranberry, blueberry, clementine, mandarin, "
        "papaya, olive, redcurrant, cooking apple, bilberry, satsuma, greengage",
        "ripe, fresh, sweet, big, small, bruised, unripe, squashed, delicious, perfect, tasty, firm, wrinkled, "
        "freshly picked, rotten, overripe, unwashed, tempting, half-ripe, half-eaten, mouth-watering",
    ),
    "vegetable": (
        "carrot, potato, onion, cabbage, turnip, pumpkin, leek, cucumber, cauliflower, tomato, beetroot, radish, "
        "parsnip, lettuce, marrow, mushroom, pepper, artichoke, courgette, swede, aubergine, shallot, corncob, squash, "
        "horseradish, spring onion, broad bean, sweet potato, yam, gourd, savoy cabbage, runner bean, bunch of celery, "
        "bunch of spinach, head of broccoli, bulb of garlic, stick of rhubarb, bunch of parsley, bundle of asparagus, "
        "bunch of watercress, bunch of chives, bulb of fennel",
        "fresh, big, muddy, small, home-grown, large, tasty, clean, earthy, unwashed, enormous, fine, well-grown, "
        "healthy, locally grown, tiny, prize-winning, cheap, organic, wholesome",
    ),
    "food": (
        "bread~, cheese~, pie, cake, loaf, butter~, jar of honey, pot of jam, sandwich, bun, biscuit, egg, ham~, "
        "sausage, pudding, chocolate~, bacon~, pancake, tart, fudge~, toffee~, muffin, scone, roast chicken, salad, "
        "pasty, gingerbread~, dumpling, flapjack, omelette, doughnut, cream cake, fruit cake, apple pie, cheesecake, "
        "pretzel, crumpet, waffle, salmon~, kipper, meatball, lasagne~, sponge cake, pork pie, shortbread~, pastry, "
        "marzipan~, nougat~, brownie, baguette, pizza, popcorn~, mince pie, oatcake, macaroon, meringue, quiche, "
        "teacake, bagel, treacle tart, cinnamon roll, strudel, pot of marmalade, jar of chutney, bag of sweets, "
        "box of chocolates, jar of pickles",
        "fresh, delicious, tasty, good, tempting, excellent, wonderful, plain, leftover, simple, appetising, "
        "mouth-watering, splendid, cheap, traditional, scrumptious, fine, first-rate, special, shop-bought",
    ),
    "drink": (
        "bottle of milk, flask of tea, jug of cider, bottle of water, bottle of lemonade, flask of coffee, "
        "bottle of wine, jug of milk, can of lemonade, jug of cream, flask of cocoa, bottle of beer, "
        "bottle of ginger beer, flask of soup, bottle of apple juice, jug of buttermilk, bottle of juice, "
        "bottle of cordial, flask of mead, jug of ale, flask of broth, bottle of sherry, bottle of tonic, "
        "flask of brandy, jug of punch, flask of rum, flask of mint tea, bottle of champagne, carton of yoghurt, "
        "pot of nettle tea",
        "full, fresh, half-empty, large, small, welcome, sticky, leaky, precious, dusty, half-full, good, well-wrapped",
    ),
    "paper": (
        "letter, book, map, note, newspaper, notebook, diary, list, ticket, poem, invitation, card, message, recipe, "
        "postcard, magazine, report, page, calendar, story, certificate, dictionary, atlas, poster, bill, notice, "
        "contract, permit, receipt, guidebook, scroll, leaflet, logbook, menu, songbook, telegram, passport, "
        "timetable, birthday card, newsletter, novel, document, storybook, catalogue, prayer book, ledger, licence, "
        "manuscript, pamphlet, cookbook, petition, encyclopedia, label, programme, questionnaire, hymn book, comic, "
        "valentine, textbook, visitors' book, proclamation, almanac, brochure, crossword puzzle, invoice, bestseller, "
        "thriller, biography, bird guide, weather report, gazette, decree",
        "old, important, torn, yellowed, faded, interesting, damp, secret, dusty, creased, stained, strange, "
        "mysterious, smudged, precious, tattered, long, puzzling, ink-stained, curious, rare, soggy, dog-eared, "
        "crinkled, valuable, rain-soaked, fascinating, coffee-stained",
    ),
    "picture": (
        "painting, photograph, drawing, portrait, sketch, watercolour, snapshot, cartoon, self-portrait, engraving, "
        "landscape, etching, woodcut, still life, silhouette, caricature, charcoal drawing, chalk drawing, "
        "family photo, aerial photograph, oil painting, miniature, pencil sketch, illustration, collage, lithograph, "
        "wedding photograph, class photograph, seascape, holiday snap",
        "beautiful, old, faded, lovely, strange, unfinished, small, dusty, famous, valuable, striking, cheerful, "
        "curious, gloomy, clever, charming, amateurish, lifelike, well-known, unsigned, remarkable",
    ),
    "stationery": (
        "pencil, pen, ruler, crayon, chalk~, ink~, paintbrush, pencil case, quill, fountain pen, notepad, paintbox, "
        "eraser, paper clip, writing paper~, stapler, envelope, easel, sealing wax~, blotting paper~, rubber stamp, "
        "inkwell, clipboard, charcoal~, glue~, sticky tape~, pencil sharpener, palette, graph paper~, postage stamp, "
        "ring binder, hole punch, drawing board, penholder, drawing pin, abacus, slate, typewriter, wrapping paper~, "
        "cardboard~, protractor, pocket calculator, globe, blackboard",
        "new, old, useful, spare, cheap, borrowed, handy, ordinary, expensive, dusty, good, brand-new, nice, "
        "excellent, fancy",
    ),
    "instrument": (
        "fiddle, drum, flute, guitar, violin, trumpet, harp, banjo, horn, bell, accordion, recorder, clarinet, "
        "harmonica, tambourine, tin whistle, mandolin, lute, cello, bugle, ukulele, saxophone, trombone, concertina, "
        "oboe, fife, lyre, mouth organ, xylophone, gong, cornet, viola, bassoon, triangle, zither, piccolo, handbell, "
        "tuba, cymbal, dulcimer, hunting horn, bagpipe, hurdy-gurdy, kazoo, ocarina, glockenspiel, French horn, "
        "pan pipe, squeezebox, maraca, balalaika, sitar, bongo, castanet, bass drum",
        "old, fine, battered, polished, new, borrowed, beautiful, handmade, expensive, dusty, handsome, well-loved, "
        "antique, rare, loud, scratched, cheap, splendid, second-hand, valuable, well-made, favourite, old-fashioned, "
        "rented, brand-new",
    ),
    "container": (
        "basket, box, bag, bucket, jar, bottle, sack, chest, jug, suitcase, barrel, tin, crate, purse, pouch, can, "
        "trunk, flask, backpack, pail, case, rucksack, satchel, tub, vase, wallet, hamper, pitcher, handbag, knapsack, "
        "toolbox, carton, briefcase, casket, watering can, birdcage, cask, keg, lunch box, picnic basket, urn, "
        "matchbox, treasure chest, haversack, shoebox, saddlebag, thermos, canister, carpet bag, hatbox, money box, "
        "milk churn, decanter, cauldron, trug, vial, tea caddy, holdall, coal scuttle, fishing basket, kitbag, "
        "biscuit barrel, snuffbox, cool box, pannier, drum case, jewellery box, sewing box, log basket, egg box",
        "empty, small, large, old, heavy, light, full, dusty, battered, sturdy, plain, big, mysterious, muddy, strong, "
        "useful, damp, new, little, curious, grubby, half-empty, brown, odd-looking",
    ),
    "toy": (
        "ball, doll, kite, teddy bear, puzzle, puppet, yo-yo, marble, spinning top, toy boat, football, balloon, "
        "toy train, rag doll, jigsaw, hoop, toy soldier, skipping rope, music box, paper aeroplane, tennis ball, "
        "building block, model ship, tin soldier, rattle, mask, cricket bat, jack-in-the-box, boomerang, toy drum, "
        "hobby horse, pack of cards, kaleidoscope, frisbee, glove puppet, stuffed rabbit, board game, chess set, "
        "clockwork mouse, water pistol, skittle, marionette, snow globe, shuttlecock, beanbag, toy castle, toy car, "
        "toy lamb, model aeroplane, domino, woolly elephant, skateboard, tennis racket, wooden duck, stuffed giraffe, "
        "clockwork frog, toy robot, toy tractor, pinwheel, conker, nesting doll, toy dinosaur, plush penguin",
        "favourite, old, colourful, new, little, battered, red, funny, blue, cheap, cheerful, well-loved, bright, "
        "brand-new, yellow, green, faded, home-made, grubby, charming, old-fashioned, cherished, expensive, treasured, "
        "lovely, splendid",
    ),
    "natural": (
        "stone, feather, stick, shell, pebble, pine cone, log, acorn, leaf, branch, moss~, hay~, straw~, firewood~, "
        "antler, bone, twig, nest, fossil, chestnut, hazelnut, walnut, bark~, wool~, crystal, seashell, honeycomb, "
        "driftwood~, flint, stalk, root, horse chestnut, fir cone, kindling~, seed pod, snail shell, ammonite, "
        "oak gall, beeswax~, resin~, eggshell, quartz~, amber~, lichen~, bird's nest, cobble, seed head, bulrush, "
        "cuttlebone, sandstone~, wasp nest, pumice~, limestone~, granite~, sheaf, thatch~, willow twig, cocoon, "
        "mussel shell, oyster shell, lump of clay, tuft of wool, lump of peat, bundle of reeds, armful of hay, "
        "handful of gravel, piece of turf, strand of seaweed",
        "strange, beautiful, curious, ordinary, damp, pale, unusual, brown, grey, dry, wet, dusty, pretty, "
        "odd-looking, rare, interesting, plain, remarkable, lovely, common, mysterious, dirty",
    ),
    "household": (
        "cup, plate, spoon, pot, bowl, pan, kettle, candle, mug, broom, teapot, mirror, clock, chair, brush, fork, "
        "stool, key, comb, umbrella, frying pan, tray, saucer, candlestick, saucepan, mop, dish, padlock, alarm clock, "
        "hairbrush, ladle, sieve, rolling pin, tumbler, wooden spoon, teaspoon, dustpan, picture frame, footstool, "
        "colander, walking stick, flat iron, corkscrew, whisk, thimble, grater, basin, doorbell, egg cup, pepper pot, "
        "nutcracker, mousetrap, coat hanger, breadboard, hourglass, lampshade, feather duster, milk jug, soup bowl, "
        "toothbrush, pincushion, poker, tankard, oil lamp, ewer, chopping board, cuckoo clock, waffle iron, "
        "butter dish, door handle, jelly mould, bread bin, tin opener, clothes peg, skillet, mortar, pestle, "
        "tea strainer",
        "old, clean, new, plain, dusty, useful, fine, pretty, cheap, borrowed, good, ordinary, antique, second-hand, "
        "handy, favourite, dirty, expensive, grubby, well-used, simple, spotless, decorative, foreign, ugly, handsome",
    ),
    "ornament": (
        "statue, carving, trophy, figurine, horseshoe, paperweight, silver cup, china dog, wind chime, garden gnome, "
        "weathervane, bust, totem, china cat, china swan, wax angel, glass swan, clay dragon, carved owl, "
        "ivory elephant, wooden bear, bronze stag, brass monkey, plaster cherub, marble lion, jade dragon, stone frog, "
        "porcelain shepherdess, copper rooster, gilded eagle, sundial, figurehead, ship in a bottle, china unicorn, "
        "glass orb, mantelpiece clock, plaque, painted egg, dream catcher, carved mask",
        "old, beautiful, ugly, small, curious, valuable, dusty, pretty, strange, handsome, precious, magnificent, "
        "rare, quaint, cheap, antique, splendid, hideous, extraordinary, lopsided",
    ),
    "gear": (
        "saddle, net, fishing rod, oar, compass, paddle, telescope, camera, tent, whistle, sledge, wheel, bridle, "
        "collar, harness, dog lead, life jacket, sleeping bag, ski, ice skate, camp stove, halter, snowshoe, "
        "fishing net, tripod, toboggan, landing net, tyre, stirrup, pair of binoculars, signal lamp, lifebelt, "
        "tent pole, walking pole, climbing rope, megaphone, ice axe, rudder, bird box, buoy, nose bag, "
        "beekeeper's veil, butterfly net, surfboard, dog bowl, cowbell, periscope, anchor, first-aid kit, "
        "fishing line, headlamp, muzzle, walkie-talkie, pony harness, hiking staff, lobster pot, crab net, inner tube, "
        "sextant, rope ladder, camp bed, folding chair, canoe paddle, foghorn, bird feeder, ship's wheel",
        "old, new, sturdy, useful, borrowed, muddy, battered, spare, good, trusty, dusty, strong, second-hand, handy, "
        "damp, reliable, brand-new, expensive, well-used, grubby, serviceable, wet, lightweight, well-made, cheap, "
        "excellent",
    ),
    "medicine": (
        "bottle of medicine, jar of ointment, box of pills, tube of cream, bottle of cough syrup, packet of powder, "
        "roll of gauze, thermometer, stethoscope, jar of salve, ear trumpet, bottle of eye drops, box of plasters, "
        "bag of lozenges, sling bandage, splint, bottle of cod-liver oil, pot of balm, packet of herbs, poultice, "
        "syringe, pair of tweezers, hot-water bottle, bottle of iodine, vial of antidote, ice pack, "
        "sachet of camomile, box of vitamins, flask of tonic",
        "new, useful, expensive, old, small, clean, spare, ordinary, precious, costly, important, little, special",
    ),
    "gift": (
        "present, parcel, gift, package, birthday present, bundle, souvenir, keepsake, surprise parcel, "
        "wedding present, prize, hamper of gifts, lucky bag, farewell gift, secret parcel",
        "small, large, heavy, mysterious, lovely, wonderful, pretty, damp, welcome, colourful, expensive, special, "
        "thoughtful, unexpected, well-wrapped",
    ),
}
"""Kind -> its nouns, all of which can be carried, and adjectives that suit every one of them."""

DEEDS: dict[str, list[str]] = {
    "tool": [
        "clean {x}", "repair {x}", "inspect {x}", "test {x}", "dry {x}", "try out {x}", "wipe {x} with a rag",
        "check {x} for damage", "put {x} to good use", "wrap {x} in sacking", "scrape the dirt off {x}",
        "mark {x} with a dab of paint", "examine {x} from all sides", "demonstrate {x}",
    ],
    "blade": [
        "sharpen {x}", "clean {x}", "oil {x}", "polish {x}", "wrap {x} in leather", "hone {x}", "wipe {x} with a rag",
        "grind {x} on a stone", "handle {x} with care", "test the edge of {x}", "scour the rust off {x}",
    ],
    "weapon": [
        "clean {x}", "inspect {x}", "polish {x}", "examine {x} from every side", "handle {x} with caution",
        "wrap {x} in sacking", "keep {x} out of reach", "lift {x} with both hands", "point at {x}",
        "hold {x} at arm's length", "describe {x} in a notebook", "hold {x} by two fingers",
    ],
    "jewel": [
        "polish {x}", "admire {x}", "hold {x} up to the light", "show off {x}", "wrap {x} in a handkerchief",
        "gaze at {x}", "rub {x} with a soft cloth", "guard {x}", "breathe on {x}", "examine {x} through a lens",
        "sketch {x}", "treasure {x}", "weigh {x} in one palm", "blow the dust off {x}",
    ],
    "clothing": [
        "brush {x}", "wash {x}", "mend {x}", "clean {x}", "dry {x} by the fire", "pack {x}",
        "shake the dust out of {x}", "scrub a stain off {x}", "brush a few crumbs off {x}", "sponge the mud off {x}",
        "measure {x}", "look for holes in {x}", "praise the colour of {x}",
    ],
    "cloth": [
        "fold {x}", "shake out {x}", "wash {x}", "roll up {x}", "unfold {x}", "mend {x}", "dry {x} in the sun",
        "spread out {x}", "smooth out {x}", "beat the dust out of {x}", "sew a patch on {x}", "rub a spot off {x}",
        "feel {x} between finger and thumb", "measure {x}",
    ],
    "plant": [
        "smell {x}", "sprinkle {x} with water", "admire {x}", "sketch {x}", "shake the dew off {x}", "photograph {x}",
        "wrap {x} in damp moss", "sniff at {x}", "tie a ribbon around {x}", "shield {x} from the wind", "study {x}",
        "paint a picture of {x}", "find a beetle on {x}",
    ],
    "fruit": [
        "smell {x}", "wash {x}", "taste {x}", "admire {x}", "weigh {x} in one hand", "wrap {x} in paper",
        "brush an ant off {x}", "sniff at {x}", "long for a bite of {x}", "rinse {x}", "stare hungrily at {x}",
    ],
    "vegetable": [
        "wash {x}", "smell {x}", "weigh {x} in one hand", "wrap {x} in newspaper", "sniff at {x}", "nibble at {x}",
        "rub the soil off {x}", "pick a slug off {x}", "rinse {x} in a bucket", "taste {x}", "admire {x}",
    ],
    "food": [
        "taste {x}", "smell {x}", "cover {x} with a cloth", "sniff at {x}", "praise {x}", "stare hungrily at {x}",
        "keep {x} away from the wasps", "pack {x} for the journey", "sample {x}", "long for {x}",
        "guard {x} from the ants", "talk about {x}",
    ],
    "drink": [
        "sip from {x}", "sniff at {x}", "keep {x} in the shade", "taste a drop from {x}", "pour a little out of {x}",
        "offer {x} around", "wipe {x} clean", "label {x}", "share {x}", "take a gulp from {x}",
    ],
    "paper": [
        "read {x}", "study {x}", "glance at {x}", "copy {x}", "read {x} aloud", "keep {x} dry", "skim through {x}",
        "read {x} twice", "puzzle over {x}", "hold {x} up to the light", "squint at {x}", "memorise part of {x}",
        "translate part of {x}",
    ],
    "picture": [
        "look at {x}", "admire {x}", "dust {x}", "study {x}", "hold {x} at arm's length", "frame {x}", "copy {x}",
        "wrap {x} in brown paper", "smile at {x}", "sign the back of {x}", "protect {x} from the rain", "describe {x}",
    ],
    "stationery": [
        "try out {x}", "borrow {x} for a minute", "put {x} to use", "find a use for {x}", "check {x}",
        "fiddle with {x}", "keep {x} safe", "show off {x}",
    ],
    "instrument": [
        "play {x}", "practise on {x}", "clean {x}", "polish {x}", "dust {x}", "play {x} softly", "try out {x}",
        "play {x} with great skill", "play {x} very badly", "learn to play {x}", "check {x} for cracks",
        "wrap {x} in a blanket",
    ],
    "container": [
        "look inside {x}", "shake {x}", "peer into {x}", "label {x}", "tap on {x}", "dust {x}", "turn {x} upside down",
        "search {x}", "rest one hand on {x}", "carry {x} with care", "weigh {x} in both hands",
    ],
    "toy": [
        "play with {x}", "clean {x}", "show off {x}", "give {x} a name", "wrap {x} in coloured paper",
        "have fun with {x}", "dust {x}", "admire {x}", "fuss over {x}", "pretend that {x} could talk",
        "invent a game with {x}", "smile at {x}", "fiddle with {x}",
    ],
    "natural": [
        "examine {x}", "look closely at {x}", "sketch {x}", "admire {x}", "study {x}", "photograph {x}",
        "describe {x} in a notebook", "sniff at {x}", "touch {x} with one finger", "compare {x} with a picture",
        "wonder about {x}", "wrap {x} in paper", "feel {x} with both hands",
    ],
    "household": [
        "clean {x}", "dust {x}", "wipe {x} with a cloth", "wrap {x} in newspaper", "examine {x}", "find a use for {x}",
        "mend {x}", "admire {x}", "borrow {x} for an hour", "pack {x} in straw", "inspect {x}", "tap on {x}",
    ],
    "ornament": [
        "dust {x}", "polish {x}", "admire {x}", "stare at {x}", "sketch {x}", "clean {x}", "wrap {x} in a towel",
        "turn {x} around", "handle {x} with care", "show off {x}", "talk to {x}", "stroke {x}", "smile at {x}",
        "guess the age of {x}",
    ],
    "gear": [
        "clean {x}", "inspect {x}", "repair {x}", "test {x}", "dry {x}", "wipe the mud off {x}",
        "lift {x} with one hand", "try out {x}", "explain the use of {x}", "label {x}", "show off {x}", "admire {x}",
    ],
    "medicine": [
        "check {x}", "keep {x} clean", "label {x}", "find a use for {x}", "wrap {x} in a clean cloth",
        "handle {x} with care", "explain the use of {x}", "note down the price of {x}", "examine {x}", "keep {x} ready",
    ],
    "gift": [
        "shake {x}", "weigh {x} in both hands", "tie a bow around {x}", "keep {x} dry", "wonder about {x}",
        "admire {x}", "put a label on {x}", "carry {x} like a baby", "peep at {x}", "wrap {x} in paper", "guard {x}",
        "guess the value of {x}",
    ],
}  # fmt: skip
"""Kind -> what {hero} may do with {x}, a thing of that kind; the first word is a verb in its base form."""

SPOTS: dict[str, list[str]] = {
    "water": [
        "under the jetty", "behind the boathouse", "beside a willow", "under the footbridge", "in a patch of reeds",
        "behind the mooring post", "beneath an upturned boat", "in the rowing boat", "beside the landing stage",
        "under the bank", "under an alder", "behind the water mill", "near the sluice gate", "in a clump of rushes",
        "behind a sandbank", "beside the ferry bell", "behind a lifeboat shed", "under the fishing platform",
        "in the punt", "behind a heap of driftwood", "beside the weir", "behind a bulrush", "in the ferry",
        "near the beaver dam", "under a poplar", "behind the fisherman's hut", "behind the ticket booth",
        "beside the lock gate", "in a canoe", "under a bench", "under the drying nets", "near a swan's nest",
        "behind the bathing hut", "on the raft", "beside the duck house", "below the slipway", "in a bed of watercress",
        "under the aqueduct",
    ],
    "wood": [
        "in a hollow tree", "behind the woodpile", "beside a stump", "under a clump of ferns", "under an oak",
        "behind a fallen trunk", "in the charcoal burner's hut", "beneath a holly bush", "beside the badger sett",
        "in a heap of leaves", "under the tree house", "behind the woodcutter's shed", "beside an anthill",
        "near the saw pit", "under a beech", "behind a hazel bush", "in the timber cart", "beside a ring of toadstools",
        "under a rhododendron", "in a thicket", "beneath a yew", "behind a bramble bush", "behind a log",
        "in a hollow log", "near a woodpecker's tree", "in a heap of brushwood", "under a pine",
        "beside the forester's bench", "in a bush", "behind the hunting lodge", "in a patch of bluebells",
        "beside a molehill", "under the sycamore", "behind the bird hide", "in a nest of roots", "beneath a spruce",
        "near a birch", "behind the feeding rack",
    ],
    "rock": [
        "under a boulder", "behind the cairn", "on a ledge", "under an overhang", "in the shepherd's hut",
        "beside a rock pool", "behind a pillar of stone", "in a cave", "in a gully", "beneath the cliff",
        "near the summit cross", "behind a flat rock", "behind the climbing hut", "beside a gnarled pine",
        "in a heap of stones", "under the rope bridge", "beside the trig point", "in the quarry", "in a bed of heather",
        "behind a slab", "in a fold of rock", "near the mine entrance", "beside a mountain spring", "under a rowan",
        "in a ravine", "behind a ruined tower", "below the waterfall", "behind a juniper", "beside the boundary stone",
        "in a hollow", "near the eagle's perch", "in a clump of gorse", "behind the signal tower", "in a mining cart",
        "beside the lookout post", "under a thorn bush", "beneath a pile of rubble",
    ],
    "grass": [
        "under the hedge", "behind the barn", "beside the trough", "in a haystack", "behind the stile",
        "in a clump of clover", "under an apple tree", "beside the gatepost", "in the hay cart", "behind a stone wall",
        "near the scarecrow", "beside the well", "under the hawthorn", "in a ditch", "behind the sheepfold",
        "in a patch of nettles", "behind the fence", "behind the kissing gate", "beside the beehive", "in a furrow",
        "behind the milking shed", "under a chestnut tree", "near the signpost", "in the henhouse", "behind a hay bale",
        "behind the shepherd's caravan", "beside a duck pond", "under a rose bush", "in the wheelbarrow",
        "behind a manure heap", "beside the milestone", "in a flower bed", "under the farm wagon",
        "beside the windmill", "in a tuft of grass", "near the dovecote", "in a hollow stump", "behind the greenhouse",
    ],
}  # fmt: skip
"""Kind of place -> where a thing may be found there: preposition, article, landmark."""

SPOT_ADJECTIVES = (
    "big, small, old, large, little, muddy, damp, wet, familiar, lonely, half-hidden, odd-looking, sheltered, shady"
)
"""Suit every landmark."""

TABLES: dict[str, str] = {
    # {hero} _ (on) to the ford / _ all the way back; no pace, so that every `how` suits
    "walked": (
        "walked, went, hiked, rode, ran, tramped, cycled, trekked, travelled, jogged, headed, journeyed, pedalled, "
        "marched, galloped"
    ),
    # {hero} _ to the ford, in haste; no adverb after it
    "hurried": (
        "hurried, rushed, dashed, raced, sped, bolted, hastened, tore, scurried, scampered, charged, hurtled, bounded, "
        "scooted"
    ),
    # {hero} _ along the path, at leisure; no adverb after it
    "strolled": (
        "strolled, wandered, ambled, trudged, plodded, sauntered, rambled, roamed, limped, shuffled, crept, tiptoed, "
        "meandered, dawdled, stumbled, lumbered, drifted"
    ),
    # {hero} had to _ home
    "walk": (
        "walk, go, hurry, ride, run, hike, trudge, limp, march, cycle, wander, trot, creep, tramp, plod, dash, "
        "shuffle, jog, squelch, hobble"
    ),
    # _ had come
    "everyone": (
        "everyone, half the village, all the rangers, the whole valley, many people, all the children, old and young, "
        "half the county, a great crowd, the whole parish, all the neighbours, a hundred people, dozens of visitors, "
        "people from far and wide, almost everybody, young and old alike, entire families, quite a crowd"
    ),
    # _ {hero} was at the ford; _, ...
    "once": (
        "one day, one morning, one evening, last week, on Sunday, one afternoon, yesterday, early one morning, "
        "late one evening, on Friday, a month ago, last Tuesday, one windy day, not long ago, on a cloudy Monday, "
        "some time ago, one misty morning, the other day, on a quiet Saturday, the day before yesterday, "
        "one grey afternoon, a fortnight ago, last Wednesday, one bright morning, years ago, "
        "on a dull Thursday, one drizzly evening"
    ),
    # _ {hero} came back; the same day
    "later": (
        "later, an hour later, after a while, soon afterwards, that same day, before long, a little later, at last, "
        "some minutes later, after a rest, in due course, by and by, after a good while, presently, "
        "half an hour later, in the end, sooner than expected, shortly afterwards, eventually, a moment later, "
        "without delay, at long last"
    ),
    # _ {hero} came back
    "next_day": (
        "the next day, the next morning, a week later, two days later, the following evening, some days later, "
        "a month later, the day after, the following week, a fortnight later, weeks later, on the third day, "
        "after seven days, the very next afternoon, before the month was over"
    ),
    # {hero} walked _ to the ford; also in front of a deed: {hero} _ folded {x}
    "how": (
        "quietly, happily, silently, cheerfully, eagerly, calmly, gladly, bravely, proudly, sadly, wearily, gloomily, "
        "nervously, anxiously, dutifully, merrily, patiently, obediently, thoughtfully, boldly, sleepily, joyfully, "
        "gratefully, crossly, unhappily, solemnly, willingly, cautiously, contentedly, fearlessly, grumpily, "
        "hopefully, angrily, dreamily, doggedly, reluctantly, secretly, confidently, steadily, discreetly, "
        "light-heartedly, impatiently, absent-mindedly, doubtfully, sulkily, excitedly, stubbornly, tirelessly, "
        "valiantly, glumly, furiously, unwillingly, fretfully, carelessly, jauntily, mournfully, blissfully, drowsily, "
        "gingerly, courageously, dolefully, stoically, timidly, noiselessly, wistfully, moodily, peacefully, "
        "worriedly, resolutely, heroically, watchfully"
    ),
    # said {hero} _
    "how_spoken": (
        "quietly, softly, loudly, kindly, firmly, gently, politely, angrily, cheerfully, gravely, sadly, sternly, "
        "shyly, proudly, warmly, coldly, hoarsely, dryly, gruffly, earnestly, sweetly, hastily, breathlessly, "
        "sheepishly, brightly, sharply, frankly, modestly, impatiently, bluntly, soothingly, drily, wearily, "
        "indignantly, truthfully, crisply, tenderly, awkwardly, apologetically, airily"
    ),
    # "...," _ {hero}; of a statement
    "said": (
        "said, whispered, called, replied, explained, answered, murmured, shouted, announced, muttered, cried, "
        "declared, remarked, reported, mumbled, stated, observed, insisted, recalled, admitted, exclaimed, confided, "
        "mentioned, stammered, confirmed, maintained, croaked, gasped, panted, assured everyone"
    ),
    # "...?" _ {hero}
    "asked": (
        "asked, wondered, inquired, demanded, called, wanted to know, whispered, begged to know, shouted, queried, "
        "ventured, mumbled"
    ),
    # "_!" said {hero}; of a surprise, good or bad
    "exclaimed": (
        "oh, look, goodness, my word, good heavens, well I never, bless my soul, dear me, how strange, gracious, "
        "fancy that, upon my word, aha, what a day, incredible, good gracious, heavens above, what is this, "
        "who would have thought it, wait, how odd, blow me down, stop, hey, that beats everything, I say, "
        "how extraordinary"
    ),
    # {other} _ {hero.him}
    "greeted": (
        "greeted, met, welcomed, waved to, nodded to, smiled at, spoke to, stopped, saluted, hailed, beckoned to, "
        "shook hands with, bowed to, called out to, winked at, chatted with, hugged, recognised, bumped into"
    ),
    # {hero} _ for {x}
    "looked": (
        "looked, searched, hunted, hunted high and low, looked carefully, searched for an hour, looked and looked, "
        "groped about, rummaged around, scouted, peered about, looked long and hard, rooted around, "
        "searched patiently, combed the whole place, foraged, cast about, poked about with a stick, ferreted about, "
        "prowled about, searched on hands and knees, felt around, watched out, kept an eye open"
    ),
    # {other} _ {hero.him}
    "thanked": (
        "thanked, hugged, embraced, praised, blessed, rewarded, warmly thanked, shook hands with, beamed at, "
        "smiled at, clapped for, sincerely thanked, bowed to, congratulated, cheered, applauded, was grateful to, "
        "sang a song for, baked a cake for, promised never to forget, heartily thanked, politely thanked, "
        "laughed with, danced with, wrote a poem for, would always remember"
    ),
    # {other} _ {hero.him}
    "scolded": (
        "scolded, blamed, frowned at, grumbled at, glared at, shouted at, lectured, snapped at, shook a finger at, "
        "wagged a finger at, complained about, turned away from, sulked with, would not look at, "
        "was disappointed with, teased, reproached, tutted at, rebuked, had harsh words for, refused to speak to, "
        "criticised, nagged, chided"
    ),
    # "_!" said {other}
    "praise": (
        "well done, thank you, good work, how kind, many thanks, that was clever, what a help, how lucky we are, "
        "you are a true friend, bless you, you are a treasure, nobody could have done it better, "
        "what a good heart you have, I am in your debt, you have saved the day, three cheers for the rangers, "
        "I shall never forget this, what a good eye you have, excellent, magnificent, capital, you are a marvel, "
        "that was brave, a thousand thanks, how thoughtful, first-class"
    ),
    # "_," said {witness}
    "consoled": (
        "never mind, it cannot be helped, tomorrow is another day, these things happen, nobody is perfect, do not cry, "
        "better luck next time, it was not your fault, cheer up, there is no use in grumbling, "
        "it might have been worse, accidents will happen, you did your best, every cloud has a silver lining, "
        "let us have some tea, time heals everything, we all make mistakes, chin up, there are worse things, "
        "what is done is done"
    ),
    # _, as they say in the valley
    "proverb": (
        "better late than never, haste makes waste, honesty pays, many hands make light work, practice makes perfect, "
        "all is well that ends well, finders are not always keepers, a friend in need is a friend indeed, "
        "patience is a virtue, actions speak louder than words, every little helps, the early bird catches the worm, "
        "look before you leap, where there is a will there is a way, no news is good news, "
        "one good turn deserves another, it never rains but it pours, slow and steady wins the race, "
        "least said is soonest mended, a stitch in time saves nine, forewarned is forearmed, still waters run deep, "
        "birds of a feather flock together, two heads are better than one"
    ),
    # {animal} _, and is still there: any animal of any size
    "animal_did": (
        "listened, waited, kept still, crept closer, watched, came a little closer, looked up, rested for a while, "
        "turned around, stayed in the shade, froze, moved a little, looked hungry, hesitated, seemed curious, stared, "
        "turned its head, dozed, hid behind a bush, came out of hiding, did not move, searched for food, "
        "ate something small, stayed close by, drank from a puddle, looked around, watched from a distance, "
        "showed no fear, lay low, seemed to be asleep, made a small noise, stirred, woke up, shivered, settled down, "
        "stretched, looked sleepy, opened its mouth, warmed itself in a patch of light, kept its distance, "
        "shook itself, turned its back, looked straight ahead, cleaned itself, found a tasty morsel, took no notice, "
        "trembled a little, stopped to look, seemed restless, lingered, looked well fed, stayed on guard, "
        "went on eating, swallowed something, made a rustling sound, moved in a circle, seemed puzzled, "
        "looked rather cross, stood its ground, enjoyed the quiet, looked left and right, chose a comfortable place, "
        "stayed alert, sheltered under a branch, guarded its food, edged nearer, moved without a sound, looked thin, "
        "seemed tame, left a trail in the dust, sensed something, seemed at home, nosed about, looked magnificent, "
        "tensed, relaxed, kept watch, seemed bored, paused, gave a start, looked ready to flee, explored, "
        "waited for something, went round and round, stayed put, looked suspicious, played with a leaf, "
        "appeared to listen, breathed fast, gazed into the distance"
    ),
    # {animal} _
    "animal_came": (
        "appeared, came into view, came near, showed itself, turned up, came out of the bushes, crossed the path, "
        "came along, came out of the shadows, arrived without a sound, was sitting there, emerged from cover, "
        "came from the left, came out into the open, was already there, crept up, came to look, "
        "surfaced from among the leaves, approached, came by, was passing, came from behind, peered out, "
        "strayed across the track, ventured out"
    ),
    # {animal} _, and is gone
    "animal_left": (
        "vanished into the undergrowth, slipped away, disappeared, fled, went away, hurried off, made off, "
        "was gone in a flash, vanished, hid somewhere, left without a sound, retreated, was soon out of sight, "
        "melted into the shadows, took fright and fled, went its own way, moved on, escaped, darted off, departed, "
        "vanished among the leaves, withdrew, made itself scarce, was never seen again, returned to its den, "
        "sneaked off, was off like an arrow, took to its heels, drew back and was gone, went in search of food, "
        "dashed away, scuttled off, whisked out of sight, went home, backed away and left"
    ),
    # _ , a sentence: weather that suits any season and hour of day
    "sky": (
        "it began to rain, the sun came out, the wind rose, a cloud hid the sun, the wind dropped, the sky grew dark, "
        "mist drifted in, a few drops fell, the clouds parted, it cleared up, it started to drizzle, "
        "the air smelled of rain, a rainbow appeared, a gust shook the branches, thunder rumbled far off, "
        "grey clouds gathered, a breeze sprang up, the sky turned pale, the light faded a little, it grew chilly, "
        "dark clouds rolled in, a shower passed over, the sun shone through a gap, the sky brightened, "
        "the air was still, it poured for a minute, the wind changed, a storm was brewing, the sky was blue again, "
        "the weather held, raindrops pattered on the leaves, the horizon vanished in haze, it looked like thunder, "
        "sunshine flooded the valley, the wind whistled, the clouds raced by, lightning flashed far away, "
        "it turned milder"
    ),
    # _, a sentence: what is heard
    "sound": (
        "a twig snapped, a dog barked, a bell rang in the distance, a bird sang, leaves rustled, somebody whistled, "
        "a branch creaked, a crow cawed, an owl hooted, a gate banged, a cock crowed, the wind howled, a stone rolled, "
        "a horse neighed, somebody shouted far away, water gurgled, a cow mooed, a woodpecker drummed, "
        "a cart rattled by, a sheep bleated, somebody laughed, a pigeon cooed, a motor droned, a door slammed, "
        "an acorn dropped, a donkey brayed, a magpie chattered, a seagull screamed, a train hooted, a goose honked, "
        "a jay screeched, a mouse squeaked, a church clock chimed, a chainsaw whined, something splashed, "
        "a hinge squealed, a horn blared, a duck quacked, footsteps crunched on gravel, something thudded, "
        "a kettle hissed somewhere, a hen clucked, an echo answered"
    ),
    # there was a smell of _
    "smell": (
        "wet earth, smoke, wild garlic, pine needles, hay, mushrooms, honey, damp wool, rain, fresh bread, wood smoke, "
        "mint, leather, horses, roasting chestnuts, mud, apples, tar, cut grass, thyme, resin, soap, burnt toast, "
        "onions, fried fish, moss, seaweed, cinnamon, peat, rotten leaves, vinegar, boiled cabbage, beeswax, ginger, "
        "candle wax, manure, mothballs, sawdust, petrol, varnish"
    ),
    # {hero} _: a small deed, complete in itself, which changes nothing
    "person_did": (
        "rested for a while, tied a bootlace, hummed a tune, looked at the clouds, took a deep breath, "
        "sat down on a stump, yawned, smiled, drank some water, sneezed, thought about supper, scratched one ear, "
        "stretched, counted to ten, looked around, sighed, listened to the birds, whistled, ate a biscuit, "
        "stopped to think, threw a pebble, shivered, coughed, laughed out loud, rubbed both hands together, "
        "leaned against a tree, wrote a few lines in a notebook, drew a circle in the dust, jumped over a puddle, "
        "shrugged, admired the view, nodded, kicked a stone, stubbed a toe, felt a drop of rain, buttoned up, "
        "cleaned a muddy boot, paused, closed both eyes for a moment, sang a verse of an old song, munched an apple, "
        "stroked the bark of a tree, blinked, wiped one cheek, cut a walking stick, told a joke to a crow, "
        "got a splinter, removed a thorn, stepped in a puddle, climbed onto a rock, fed the sparrows, noted the time, "
        "shaded both eyes, crossed a ditch, ducked under a branch, rolled up one sleeve, tripped over a root, "
        "slipped in the mud, waved at a passing cart, sniffed the air, blew on cold fingers, chuckled, cracked a nut, "
        "balanced on a log, brushed off some burrs, examined a footprint, filled a bottle at a spring, "
        "gazed into the distance, greeted a robin, hiccuped, imitated an owl, juggled three pine cones, "
        "nibbled a crust, opened a gate, picked up some litter, recited a poem, untangled a bramble, "
        "wished for a cup of tea, zipped up a pocket, adjusted a strap, bit into a sandwich, dreamed of a holiday, "
        "fell silent, grinned at a sheep, hopped across some stones, inspected a fence, loosened a collar, "
        "mended a bird box, muttered a few words, peeled an orange, polished a badge, remembered an old rhyme, "
        "shook off the rain, spread out a map, straightened a signpost, turned up a collar, unpacked some cheese, "
        "warmed up a little, waited for the wind to drop, checked a compass, collected some feathers, emptied a boot, "
        "emptied a pocket, glanced at the sky, hung up a damp scarf, licked a sticky thumb, oiled a hinge, "
        "put on a hat, ran a few steps, sharpened a pencil, skimmed a flat stone, splashed through a stream, "
        "sucked a peppermint, swung on a gate, tidied a rucksack, wound a watch"
    ),
    # {hero} still had to _ / promised to _
    "chore": (
        "mend a fence, chop wood, fetch water, feed the hens, sweep the path, milk the goats, count the sheep, "
        "write a report, paint a gate, clear a ditch, wash the dishes, stack the logs, empty the traps, "
        "check the nest boxes, repair a roof, plant a hedge, oil the hinges, mow the lawn, pick the beans, "
        "peel the potatoes, bake a loaf, darn some socks, sharpen the axes, post a letter, groom the pony, "
        "light the stove, clean the stable, weed the garden, iron a shirt, dig a well, pay a bill, count the herons, "
        "label the jars, fill the lamps, trim the wicks, collect the eggs, water the beans, prune the roses, "
        "sort the post, fold the laundry, rake the leaves, salt the fish, shear a lamb, spin some yarn, tar a boat, "
        "grease a wheel, pluck a goose, churn the butter, patch a tent, stuff a cushion, varnish a bench, "
        "whitewash a wall, beat the carpets, shell the peas, string the onions, unblock a drain, wind the clock, "
        "card the wool, dust the shelves, brush the dog, tune the piano, draw a map, net the cherries, "
        "scrub the steps, shoe the mare, bottle the plums, brew the cider, grind the corn, order more paint, "
        "lock the gates, take down the bunting, test the bridge, tie up the boats, visit an aunt, wake the cook"
    ),
    # {hero} liked _ / spent the evening _
    "hobby": (
        "reading, fishing, singing, knitting, cooking, baking, dancing, painting, gardening, sewing, sailing, "
        "swimming, riding, drawing, carving, climbing, skating, cycling, camping, whittling, stargazing, embroidering, "
        "juggling, weaving, photographing moths, playing chess, collecting stamps, telling stories, writing letters, "
        "birdwatching, keeping bees, brewing cider, solving riddles, flying kites, mending clocks, pressing flowers, "
        "fencing, wrestling, bowling, playing draughts, learning Latin, doing crosswords, yodelling, doing handstands, "
        "making puppets, rowing, ringing bells, digging for fossils, arguing, drumming, crocheting, canoeing, "
        "catching crabs, breeding pigeons, polishing shells, binding books, blowing bubbles, gossiping, eavesdropping, "
        "snoozing"
    ),
    # {hero} and {other} talked about _ / {hero} thought about _
    "topic": (
        "the weather, old times, dinner, the harvest, money, holidays, the price of wool, football, bees, music, "
        "the news, horses, school, ghosts, books, fishing, family, birthdays, dreams, cooking, politeness, the moon, "
        "gardening, history, trains, the neighbours, dragons, the sea, friendship, toothache, arithmetic, pirates, "
        "astronomy, taxes, medicine, jam, volcanoes, poetry, spelling, elephants, giants, the future, woodwork, "
        "mushrooms, knitting, geography, justice, inventions, shipwrecks, luck, dentists, kings and queens, chess, "
        "comets, the circus, compost, dinosaurs, electricity, engines, lullabies, magic, mermaids, mountaineering, "
        "nightmares, omelettes, parrots, philosophy, pyramids, earthquakes, rheumatism, steamships, submarines, "
        "trousers, unicorns, windmills, yesterday, lawnmowers, lighthouses, moustaches, camels, deserts, icebergs, "
        "castles, bridges, opera, spiders, spring cleaning, cousins, kangaroos, grammar, gravity, wallpaper"
    ),
    # {hero} passed _: what stands at a path anywhere
    "passed": (
        "a fallen tree, a signpost, a wooden bench, an old stone wall, a gate, a puddle, a heap of stones, "
        "a broken fence, a spider's web, a flock of sparrows, a mossy boulder, a bird box, a blackberry bush, "
        "an empty hut, a beehive, a muddy ditch, a milestone, a hollow tree, a flock of geese, an abandoned cart, "
        "a rotten plank, a picnic table, a camera station, a wooden cross, a litter bin, a well, a row of poplars, "
        "a nest of ants, a snail on a leaf, a lost shoe, a sleeping shepherd, a troop of schoolchildren, "
        "a rusty bicycle, a charred log, a lightning-struck oak, a family of ducks, a trickle of water, "
        "a weather-beaten shed, a collapsed shelter, a noticeboard, a cyclist, a couple of joggers, a hunter's hide, "
        "a painter at an easel, a peddler with a cart, a stranded tractor, a crumbling chimney, a woman with twins, "
        "a man with a parrot, a boy on stilts, a nun on a donkey, a postman, two surveyors, three anglers, a caravan, "
        "a tumbledown cottage, a shrine, a drystone bridge, a cattle grid, a mulberry tree, a kissing gate, "
        "a weighbridge, a flagpole, a lime kiln"
    ),
    # {hero} walked _: the way
    "along": (
        "along the path, down the lane, over the hill, through the trees, up the slope, across the field, "
        "along the stream, past the mill, down a narrow track, through the mud, around the bend, across the bridge, "
        "over the stile, along the hedge, through the bracken, past the chapel, along the old road, through the gate, "
        "over the stones, down the steps, through tall grass, along the cart track, by a short cut, past the quarry, "
        "through a puddle, the long way round, up and down, between two hedges, along the boundary, "
        "past the last house, through the heather, under the branches, along the railway line, past a farm, "
        "over rough ground, through the drizzle, along the canal, across the common, past the crossroads, "
        "over the ridge, along the embankment, through the orchard, down the valley, through the brambles, "
        "past the windmill, along the ditch, beside the wall, over the bank, past the blacksmith's, along the drove"
    ),
    # _ sang nearby; not in winter
    "songbird": (
        "a blackbird, a robin, a thrush, a wren, a lark, a nightingale, a finch, a linnet, a starling, a blackcap, "
        "a warbler, a goldfinch, a bunting, a blue tit, a chaffinch, a bullfinch, a dunnock, a yellowhammer, "
        "a nuthatch, a redstart, a pipit, a whitethroat, a siskin, a greenfinch, a wagtail, a song thrush, "
        "a stonechat, a chiffchaff, a treecreeper, an oriole, a canary, a flycatcher"
    ),
    # _ crawled over a leaf; not in winter
    "insect": (
        "an ant, a fly, a beetle, a ladybird, a spider, a bee, a wasp, a moth, a butterfly, a gnat, a cricket, "
        "a bumblebee, a grasshopper, a dragonfly, a midge, an earwig, a hoverfly, a daddy-long-legs, a mayfly, "
        "a hornet, a weevil, a greenfly, a lacewing, a cockchafer, a damselfly, a horsefly, a mosquito, a firefly, "
        "a crane fly, a peacock butterfly, a cinnabar moth, a shield bug"
    ),
    # under _: a tree
    "tree": (
        "an oak, a pine, a birch, a beech, an ash, a willow, a fir, an elm, a maple, a larch, an alder, a chestnut, "
        "a rowan, a yew, a poplar, a lime tree, a hawthorn, a hazel, a spruce, a cherry tree, an aspen, a cedar, "
        "a sycamore, a holly, a hornbeam, an elder, a juniper, a walnut tree, a pear tree, a crab apple tree, "
        "a mulberry tree, a blackthorn, a plane tree, a whitebeam, a monkey puzzle, a cypress, a laburnum, a medlar, "
        "a hemlock, a redwood"
    ),
    # _ were in bloom / {hero} picked some _; not in winter
    "wildflower": (
        "daisies, poppies, buttercups, violets, bluebells, dandelions, primroses, cornflowers, cowslips, foxgloves, "
        "daffodils, thistles, orchids, marigolds, snowdrops, anemones, harebells, irises, forget-me-nots, crocuses, "
        "wild roses, campions, lupins, clovers, honeysuckles, gentians, bindweeds, celandines, periwinkles, mallows, "
        "teasels, knapweeds, speedwells, buddleias, ox-eye daisies, willowherbs, kingcups, toadflaxes, saxifrages"
    ),
    # a _ cloth; begins with a consonant
    "colour": (
        "red, blue, green, white, black, yellow, brown, grey, pink, purple, golden, silver, crimson, violet, scarlet, "
        "turquoise, cream-coloured, maroon, navy blue, lilac, beige, mustard-yellow, jet-black, bottle-green, "
        "rust-coloured, salmon-pink, tawny, buff, sky-blue, blood-red, lavender, peach-coloured, khaki, russet, "
        "copper-coloured, chestnut-brown, snow-white, mauve, magenta, cherry-red"
    ),
    # they had _ for supper
    "supper": (
        "soup, stew, bread and cheese, fish, roast potatoes, pancakes, porridge, rabbit pie, beans on toast, "
        "omelettes, vegetable soup, sausages, boiled eggs, mushroom pie, dumplings, pumpkin soup, fried trout, "
        "macaroni, mutton, cabbage rolls, lentil stew, noodles, goulash, cold ham, risotto, cauliflower cheese, curry, "
        "baked apples, onion tart, rice pudding, barley broth, fishcakes, spaghetti, leek soup, apple dumplings, "
        "meatballs, roast pheasant, ravioli, hotpot, shepherd's pie, liver and onions, plum pudding, ratatouille, "
        "toasted crumpets, treacle pudding, pickled herring, venison, stuffed peppers, gooseberry fool, cheese on toast"
    ),
    # {hero.his} uncle was _: an occupation
    "trade": (
        "a farmer, a teacher, a baker, a doctor, a miller, a tailor, a carpenter, a nurse, a blacksmith, a shepherd, "
        "a sailor, a butcher, a painter, a gardener, a cobbler, a postman, a potter, a weaver, a fisherman, a cook, "
        "a mason, a clockmaker, a lawyer, a vet, a plumber, a builder, a soldier, a thatcher, a barber, a librarian, "
        "a beekeeper, a judge, a glazier, an engineer, a grocer, a saddler, a joiner, a chemist, a bricklayer, "
        "a dentist, an actor, a printer, a ferryman, a cooper, a roofer, an artist, a basket maker, a hatter, "
        "a locksmith, a milkman, a surgeon, a wheelwright, a jeweller, an electrician, a chimney sweep, a bookbinder, "
        "a clerk, an architect, a waiter, a brewer, a mechanic, a pilot, a furrier, a glass-blower, a coachman, "
        "a juggler, an innkeeper, a sculptor, an optician, a poet, a tanner, a tinker, a rat-catcher, a lamplighter, "
        "a quarryman, a lumberjack, a cabinetmaker, a confectioner, an upholsterer, a piano tuner"
    ),
    # {hero.his} _
    "kin": (
        "mother, father, sister, brother, uncle, aunt, grandmother, cousin, grandfather, neighbour, nephew, niece, "
        "godmother, best friend, great-aunt, landlady, stepbrother, old teacher, godfather, half-sister, "
        "father-in-law, great-uncle, sister-in-law, stepmother, twin, schoolfriend, guardian, foster mother, "
        "pen friend, second cousin"
    ),
    # "_," said {other}; why somebody came late
    "excuse": (
        "I overslept, I lost my way, my watch stopped, the ferry was late, I met an old friend, the bridge was closed, "
        "my boots pinch, I had to feed the cat, the road was flooded, my bicycle broke down, I forgot the time, "
        "the bull was on the path, I had a nosebleed, the alarm did not ring, my horse went lame, I twisted my ankle, "
        "I took the wrong turning, a tree lay across the road, I was stung by a wasp, the cows were in the lane, "
        "I had to queue, my umbrella blew away, I dozed off, the goat ate my timetable, the chain snapped, "
        "I had hiccups"
    ),
    # {hero} was as _
    "like": (
        "quiet as a mouse, busy as a bee, proud as a peacock, stubborn as a mule, brave as a lion, happy as a lark, "
        "sly as a fox, gentle as a lamb, hungry as a wolf, cool as a cucumber, free as a bird, pale as a ghost, "
        "light as a feather, white as a sheet, red as a beetroot, good as gold, sound as a bell, merry as a cricket, "
        "thin as a rake, strong as an ox, wise as an owl, quick as lightning, steady as a rock, patient as a saint, "
        "wet as a fish, slippery as an eel, snug as a bug in a rug, bright as a button, bold as brass, "
        "keen as mustard, solemn as a judge, limp as a rag, fit as a fiddle, stiff as a poker, warm as toast, "
        "deaf as a post, tough as leather, cross as two sticks, dry as dust"
    ),
    # _, a sentence that ends a day
    "evening": (
        "the sun went down, it was getting dark, the stars came out, the moon rose, night fell, the lamps were lit, "
        "dusk fell, the shadows grew long, the village windows glowed, the bells rang for evening, the day was over, "
        "the hills turned purple, smoke rose from the chimneys, the rooks flew home, the last light faded, "
        "the birds fell silent, the sheep were driven home, twilight crept over the fields, "
        "the ferry made its last crossing, the evening star twinkled, the dew began to fall, the gates were locked, "
        "the sky turned orange, the shops shut, the owls woke up"
    ),
    # that night {hero} _
    "slept": (
        "slept well, slept like a log, dreamed of otters, lay awake for hours, went to bed early, slept badly, "
        "dreamed of the sea, wrote it all down, slept soundly, told the story twice, snored, sat by the stove, "
        "read until midnight, dreamed of flying, slept until noon, had strange dreams, drank hot milk, "
        "fell asleep at once, watched the stars, tossed and turned, dreamed about a talking fish, hardly slept a wink, "
        "played cards, slept in the hayloft, soaked both feet in warm water, slept with a smile, counted sheep, "
        "dreamed of a banquet, curled up like a dormouse, listened to the rain"
    ),
    # _ , a short remark of the teller: of a happy turn
    "luck": (
        "what luck, luckily, by good fortune, as luck would have it, by a stroke of luck, happily, fortunately, "
        "to the relief of all, as if by magic, by pure chance, thank goodness, against all hope, mercifully, "
        "by a happy accident, miraculously, wonder of wonders"
    ),
    # _, {hero} found nothing: of an unhappy turn
    "sadly": (
        "sadly, alas, unfortunately, unluckily, by bad luck, as bad luck would have it, to make things worse, "
        "worst of all, regrettably, of all things, much to the annoyance of everyone, sorry to say, unhappily, "
        "for some reason, tragically"
    ),
    # {hero} was _ {mood}
    "very": (
        "very, so, quite, rather, really, truly, a little, terribly, most, extremely, awfully, a bit, thoroughly, "
        "deeply, immensely, fairly, dreadfully, more than a little, pretty, exceedingly, enormously, remarkably, "
        "extraordinarily, somewhat, uncommonly"
    ),
    # {hero} counted _ geese
    "quantity": (
        "two, three, four, five, six, seven, eight, nine, ten, eleven, twelve, a dozen, a few, several, fifteen, "
        "twenty, countless, thirteen, nearly thirty, about forty, fourteen, sixteen, exactly seventeen, "
        "at least eighteen, nineteen, fifty, a hundred, sixty, seventy, eighty, ninety, twenty-one"
    ),
    # {other} wore _: recognised by it, no part of the plot
    "wore": (
        "a red hat, a green coat, a grey shawl, round glasses, muddy boots, a straw hat, a white apron, "
        "a leather jacket, a blue scarf, a feather in the hat, rubber boots, a velvet coat, striped socks, "
        "a patched cloak, silver earrings, a checked shirt, a monocle, wooden clogs, a sheepskin coat, "
        "a carnation in the buttonhole, a pinstriped suit, braces, an eyepatch, snakeskin shoes, tweed breeches, "
        "a polka-dot tie, a bowler hat, spurs, oilskins, odd stockings, a fringed shawl, a necklace of shells, "
        "a lambswool jumper, denim overalls, a tartan kilt, galoshes, plaits, a knitted bonnet"
    ),
    # "_!" said {hero}; of something good
    "rejoiced": (
        "hurrah, what luck, splendid, at last, hooray, wonderful, how marvellous, bravo, what a relief, "
        "thank goodness, this is my lucky day, how lovely, good news, we did it, yippee, victory, fantastic, "
        "that is grand, how delightful, glory be, eureka"
    ),
    # "_!" said {hero}; of something bad
    "lamented": (
        "oh dear, oh no, what a pity, just my luck, bother, alas, what a shame, good grief, oh bother, fiddlesticks, "
        "how annoying, what rotten luck, this is dreadful, drat, how terrible, woe is me, what a mess, poor me, "
        "what a nuisance, how stupid of me, confound it, what a disaster"
    ),
    # the same, but not in winter: {hero} _
    "person_did_summer": (
        "picked a daisy, watched a beetle, swatted a fly, chewed a blade of grass, lay down on the moss, "
        "tasted a berry, followed a butterfly, looked for four-leaf clovers, made a daisy chain, "
        "freed a bee from a web, swallowed a midge, watched the swifts, lost count of the swallows, "
        "clapped to scare off a wasp, knelt to look at an ant, sketched a snail, trod on a thistle, "
        "measured the height of a thistle, sniffed at a wild rose, blew on a dandelion clock, "
        "counted the spots of a ladybird, ate some wild strawberries, chased a grasshopper, listened to the crickets, "
        "fanned a hot face with a leaf, found a bumblebee in a foxglove, lay in the grass for a while, "
        "plaited three rushes, slapped at a mosquito, admired a dragonfly, put a buttercup in a buttonhole, "
        "scratched a gnat bite, shooed away a hornet, rescued a caterpillar"
    ),
    # what is heard, but not in winter: a sentence
    "sound_summer": (
        "a bee buzzed, a frog croaked, a cricket chirped, a fly hummed, a cuckoo called, grasshoppers whirred, "
        "a lark sang high above, a mosquito whined, bees droned in the clover, a swallow twittered, "
        "a corncrake rasped, a hornet buzzed past, a nightjar churred, a dragonfly hummed by, leaves whispered, "
        "a chick peeped, a lamb bleated, a toad grunted, a warbler sang, wasps buzzed around a plum"
    ),
    # {hero} had _ in one pocket: small things, no part of the plot
    "pocket": (
        "a handkerchief, a pencil stub, a piece of string, an apple, two nuts, a button, some crumbs, a peppermint, "
        "a penny, an old ticket, a paper clip, a candle end, three acorns, a lucky pebble, a rubber band, "
        "a safety pin, some birdseed, a bent nail, a toffee, a broken comb, a shopping list, a conker, a marble, "
        "a tiny screwdriver, some fluff, a plaster, a dog biscuit, a pair of dice, a thimble, a cork, "
        "a sprig of heather, a raisin, a fuse, a spare bootlace, a matchstick, a cough drop, a fishhook in a tin, "
        "a postage stamp, an elastic bandage, a hazelnut, a stick of liquorice, a chewed pen, a doorknob, a magnet, "
        "a walnut shell, a hairpin, some dried peas"
    ),
}
"""Name -> what `{=name}` stands for in the templates of plots and themes; above each, a sentence that it fits."""
