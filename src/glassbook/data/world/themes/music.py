"""Music."""

from __future__ import annotations

from glassbook.data.world.themes.theme import Theme

MUSIC = Theme(
    name="music",
    things={
        "instrument": (
            "fiddle, flute, harp, lute, trumpet, bagpipe, drum, mandolin, accordion, clarinet, tambourine, horn, "
            "cello, banjo"
        ),
        "paper": "songbook, score, ballad, concert ticket, programme, poster",
        "tool": "fiddle bow, tuning fork, metronome",
        "clothing": "cloak, costume, cap, bow tie",
        "household": "music stand, stool, candlestick",
        "toy": "music box, rattle, tin soldier",
        "container": "violin case, hatbox",
        "plant": "rose, laurel wreath",
        "cloth": "curtain, handkerchief",
        "food": "honey~, lemon tart",
    },
    nouns=(
        "song melody drumbeat chorus tune concert rhythm encore lullaby music singer stage applause audience note "
        "voice choir orchestra string conductor verse dance"
    ),
    roles=(
        "singer, fiddler, drummer, piper, flautist, harpist, conductor, composer, dancer, minstrel, choirmaster, "
        "piano teacher, page-turner"
    ),
    openings=(
        "there was to be a concert at {place}",
        "a {=music_merry} melody drifted over {place}",
        "the whole village was singing at {place}, for it was the day of the great concert",
        "drumbeats echoed around {place}: {=music_players} had come to play",
        "a stage for the concert had been built at {place}",
        "the chorus was rehearsing at {place}",
        "at {place} {=music_audience} sat on {=music_seats} and waited for the first song",
        "a new tune was to be played at {place} for the first time",
    ),
    needs=(
        "{other} needed {x} for the concert",
        "{other} had dedicated a song to {x}",
        "{other} could not think of music without {x}",
        "{other} had promised to show {x} to the chorus",
        "{other} wanted {x} on the stage before the first song",
        "{other} said that only {x.the} could save the concert",
        "{other} had dreamed of {x} and had even made up a tune about it",
        "{other} was afraid that without {x} there would be no encore",
    ),
    scenes=(
        "the chorus {=music_sang} a {=music_sea} song about {=music_songtopic}",
        "a fiddle {=music_squeaked} {=music_backstage} while a flute {=music_trilled}",
        "a {=music_deep} drumbeat {=music_shook}",
        "the {=music_tall} tenor of the chorus {=music_gargled} and {=music_tenor_sang}",
        "a {=music_golden} trumpet {=music_blared} above the {=music_din}, and {=music_trumpet_end}",
        "{=music_children} {=music_clapped} to the rhythm of a {=music_jig}",
        "the harp {=music_strings} {=music_rippled} through the {=music_hall} like {=music_water}",
        "{=music_bagpipers} {=music_strode} {=music_around_stage}, and the sound of the bagpipe {=music_scared}",
        "the {=music_violinists} {=music_tuned} before the {=music_concert}",
        "the audience {=music_clapped_long} for an encore, and the {=music_soprano} {=music_bowed}",
        "{=music_mother} {=music_hummed} a lullaby, and {=music_asleep}",
        "a lute player with {=music_beard} {=music_plucked} a {=music_old_ballad} ballad of {=music_ballad}",
        "the melody {=music_rose} like {=music_wave}, and {=music_listeners} {=music_swayed}",
        "{hero} {=music_hummed_along} the {=music_tune} of {=music_tune_of}",
        "{hero} could hear {=music_practising} the {=music_hard} {=music_bars} of a {=music_piece}",
        "a {=music_piano} {=music_tinkled} a {=music_catchy} tune, and {=music_parrot}",
        "the {=music_rhythm} {=music_made} the {=music_old_men} to {=music_hop}",
        "{=music_critic} {=music_said} that the {=music_perf} was {=music_flat}",
        "{=music_birds} {=music_answered} the flute from {=music_tree}",
        "a string of the {=music_lute} {=music_snapped} in the middle of a {=music_solo}, and {=music_gasped}",
        "the {=music_choir} choir {=music_lined} and {=music_choir_sang}",
        "{=music_poet} {=music_wrote} {=music_verses} about {=music_muse}",
        "{=music_porters} {=music_hauled} {=music_grand} {=music_onto} for the concert",
        "the {=music_trills} {=music_ended} {=music_suddenly}",
        "{=music_ticket} {=music_sold} {=music_tickets} for the {=music_evening} concert",
        "{=music_dancers} {=music_whirled} to a {=music_wild} tune of {=music_fiddles}",
        "the last {=music_chord} of the {=music_lullabies} {=music_hung} in the {=music_cool} air",
    ),
    losses=(
        (
            "in the crowd before the stage {x.the} slipped out of {hero.his} bag and fell {spot}, and the music "
            "drowned the sound"
        ),
        "{hero} began to dance to a tune, and {x.the} slid out of {hero.his} pack and landed {spot} unnoticed",
        "{hero} put {x.the} {spot} to clap for an encore, and then forgot it there",
        (
            "a marching trumpet player bumped into {hero.him}, and {x.the} dropped from {hero.his} bundle and came "
            "to rest {spot}"
        ),
        (
            "{hero} listened to a lullaby with closed eyes, and meanwhile {x.the} slipped from {hero.his} arms and "
            "ended up {spot}"
        ),
        "{hero} set {x.the} down to join in the chorus, and a playful child carried it off and left it {spot}",
    ),
    good=(
        "the concert was {=music_wonderful}, and the audience asked for {=music_encores}",
        "everyone sang the last chorus together, and {=music_stars}",
        "the song was so {=music_lovely} that {=music_even}",
        "with the last drumbeat the {=music_crowd} {=music_jumped}",
        "on the way home everybody {=music_whistled} the same {=music_happy} melody",
        "after the encore the {=music_players_end} {=music_feasted}",
        "the evening ended with a lullaby, and {=music_sleepy}",
    ),
    bad=(
        "the concert was {=music_cancelled}",
        "the chorus {=music_sang_off}, and nobody asked for an encore",
        "the melody broke off, and the audience {=music_left}",
        "no song was {=music_heard} that evening, and the stage stayed {=music_dark}",
        "only a {=music_sad} tune was played, and then the {=music_fiddles_end} {=music_packed}",
        "the rhythm was lost, the verses forgotten, and {=music_sighs}",
    ),
    tables={
        "music_merry": "merry, sad, strange, soft, lively, sweet, haunting",
        "music_players": (
            "a brass band, the village band, a travelling orchestra, a troupe of players, the summer orchestra"
        ),
        "music_audience": "a large audience, half the village, a cheerful crowd, rows of listeners",
        "music_seats": "benches, blankets, hay bales, folding chairs, logs",
        "music_sang": "sang, rehearsed, practised, hummed, repeated, bellowed",
        "music_sea": "merry, sad, simple, tender, rousing, solemn, comical",
        "music_songtopic": (
            "the sea, a lost sheep, two lovers, the harvest, a brave sailor, the moon, a talking fox, a lazy miller, "
            "homesickness"
        ),
        "music_squeaked": "squeaked, sobbed, sang, whined, chirped, laughed, wailed",
        "music_backstage": (
            "behind the stage, in the front row, in the back row, next door, by the stove, under a tree, in the "
            "twilight"
        ),
        "music_trilled": "trilled, piped, warbled, twittered, whispered, answered, tootled",
        "music_deep": "deep, steady, distant, rolling, muffled, restless, thundering",
        "music_shook": (
            "shook the stage, woke the babies, set the rhythm, rolled over the hills, startled the pigeons, made the "
            "benches tremble, filled the air"
        ),
        "music_tall": "tall, plump, famous, nervous, young, handsome, hoarse",
        "music_gargled": (
            "gargled, cleared his throat, breathed in, closed his eyes, loosened his scarf, puffed out his chest"
        ),
        "music_tenor_sang": (
            "sang a ballad, hit the top note, missed his cue, forgot the second verse, held the last note of the "
            "tune, whispered a lullaby, struck up a folk song"
        ),
        "music_golden": "battered, shiny, borrowed, dented, silver, brass",
        "music_blared": "blared, rang out, sounded, croaked, screeched, rejoiced",
        "music_din": "chatter, noise, applause, murmurs, laughter, violins",
        "music_trumpet_end": (
            "a dog howled, the chorus fell silent, the melody began, everyone turned round, a baby woke up, a lady "
            "dropped her fan"
        ),
        "music_children": (
            "two sisters, a class of schoolchildren, three cousins, the youngest pupils, some choirboys, a dozen "
            "orphans"
        ),
        "music_clapped": "clapped, tapped, stamped, drummed, marched, skipped",
        "music_jig": "jig, polka, quickstep, waltz, reel, hornpipe, mazurka, tango",
        "music_strings": "strings, notes, chords, scales, arpeggios",
        "music_rippled": "rippled, shimmered, tinkled, floated, glittered, hovered",
        "music_hall": "air, crowd, tent, twilight, silence, rows of listeners",
        "music_water": "water, rain on leaves, birdsong, moonlight, silver bells, falling petals",
        "music_bagpipers": "a bagpiper, two bagpipers, a troop of bagpipers, a red-haired bagpiper",
        "music_strode": "strode, paraded, marched, strutted, stalked",
        "music_around_stage": "around the stage, past the tents, up and down, through the audience, along the path",
        "music_scared": (
            "scared the geese, drowned the choir, gave an old man goose pimples, made the soldiers weep, delighted "
            "the children, could be heard for miles"
        ),
        "music_violinists": "violinists, cellists, trombonists, oboists, buglers, drummers, guitarists, horn players",
        "music_tuned": (
            "tuned their instruments, tightened their strings, rubbed their hands, leafed through the score, blew on "
            "their fingers, counted bars, warmed up"
        ),
        "music_concert": "next song, concert, overture, ballad, symphony, encore",
        "music_clapped_long": "clapped, cheered, whistled, shouted, stamped, begged, waved",
        "music_soprano": "soprano, pianist, baritone, comedian, yodeller, soloist, ballerina",
        "music_bowed": "bowed, blew kisses, smiled, blushed, wiped away a tear, threw roses, waved back",
        "music_mother": (
            "a young mother, somebody's grandmother, a gentle nurse, the innkeeper's wife, a sleepy father, the "
            "eldest sister"
        ),
        "music_hummed": "hummed, crooned, sang, whispered, murmured",
        "music_asleep": (
            "a baby yawned, the twins fell asleep, even the kittens grew quiet, the evening seemed softer, the bass "
            "player nodded off, a tired toddler sucked his thumb"
        ),
        "music_beard": "a long beard, a feathered hat, crooked fingers, a torn sleeve, dusty boots, a squint",
        "music_plucked": "plucked, strummed, played, improvised, fumbled through, dreamed up",
        "music_old_ballad": "mournful, forgotten, medieval, cheeky, romantic, long, mysterious",
        "music_ballad": (
            "a drowned knight, a stolen bride, a clever thief, the bold outlaw, a mermaid, three ravens, a proud queen"
        ),
        "music_rose": "rose, sank, slowed down, quickened, swelled, faded, changed",
        "music_wave": "a wave, a lark, the wind, a sigh, a swing, smoke, a swallow",
        "music_listeners": (
            "an old couple, two farmers, the postmaster, a grumpy landlord, some soldiers, three nuns, a dancing bear"
        ),
        "music_swayed": "swayed, listened, danced, smiled, wept, nodded, joined in",
        "music_hummed_along": "hummed, whistled, murmured, sang, remembered",
        "music_tune": "tune, melody, chorus, refrain",
        "music_tune_of": (
            "an old song, a sailor's song, a carol, a nursery rhyme, the miller's waltz, a marching song, a lullaby"
        ),
        "music_practising": (
            "somebody practise, a beginner practise, a soloist repeat, two voices sing, a choir rehearse, a stranger "
            "whistle"
        ),
        "music_hard": "hardest, same, slowest, sweetest, trickiest, opening",
        "music_bars": "bars, notes, verses, chords, passages",
        "music_piece": "tune, ballad, lullaby, concert piece, trumpet solo, psalm, fugue",
        "music_piano": "piano, barrel organ, harmonium, xylophone, gramophone",
        "music_tinkled": "tinkled, droned, played, jingled, rattled through, stumbled through",
        "music_catchy": "catchy, dreamy, jerky, stately, silly, fashionable",
        "music_parrot": (
            "a parrot joined in, a poodle danced, the maids giggled, a monkey held out a hat, couples whirled about, "
            "coins clinked"
        ),
        "music_rhythm": "rhythm of the drums, drumbeat, march of the trumpets, swing of the music",
        "music_made": "urged, forced, tempted, inspired",
        "music_old_men": "old men, washerwomen, firemen, ploughmen, shopkeepers, toddlers, sailors",
        "music_hop": "hop, twirl, dance, tap their feet, nod, snap their fingers, sway, waltz",
        "music_critic": "a critic, the bandmaster, a music lover, the schoolmaster, a jealous rival, an opera lover",
        "music_said": "said, muttered, announced, grumbled, sighed, admitted",
        "music_perf": "chorus, trumpet, fiddle, flute, harp, bagpipe, melody",
        "music_flat": "flat, too loud, out of tune, divine, half a beat late, charming, out of practice, dreadful",
        "music_birds": "a nightingale, two blackbirds, the thrushes, a robin, some starlings, a cuckoo, a canary",
        "music_answered": "answered, copied, mocked, followed, outdid, accompanied, echoed",
        "music_tree": "a lime tree, the bushes, the tent pole, a cage, the roof, the top of a pear tree",
        "music_lute": "lute, guitar, double bass, harp, zither, viola, balalaika",
        "music_snapped": "snapped, broke, buzzed, slipped, burst",
        "music_solo": "solo, song, serenade, ballad, minuet, duet, rondo",
        "music_gasped": (
            "everyone gasped, the singers giggled, a kind neighbour lent a new one, a boy laughed, the rhythm "
            "stumbled, the audience held its breath"
        ),
        "music_choir": "women's, children's, village, sailors', church, shepherds'",
        "music_lined": (
            "lined up, filed onto the stage, unfolded the music, straightened its collars, took a deep breath, swayed"
        ),
        "music_choir_sang": (
            "sang a hymn, burst into song, struck up a canon, hummed the melody, began the chorus, sang the first "
            "verse in unison"
        ),
        "music_poet": "a poet, a pale youth, an old soldier, a beggar, a butcher, a travelling scholar",
        "music_wrote": "wrote, composed, scribbled, recited, sang, invented",
        "music_verses": "two verses, a new chorus, a funny rhyme, a love song, a ballad, a drinking song",
        "music_muse": "the conductor's nose, his donkey, spring, a girl with green eyes, his empty purse, freedom",
        "music_porters": "four porters, the stagehands, two carpenters, strong men, a carter, the caretaker",
        "music_hauled": "hauled, pushed, carried, heaved, rolled, dragged",
        "music_grand": (
            "a grand piano, the kettledrums, a double bass, six music stands, the scenery, an enormous gong, a row "
            "of chairs"
        ),
        "music_onto": "onto the stage, up the steps, into the concert tent, out of a wagon, across the grass",
        "music_trills": (
            "trumpet fanfare, fiddle solo, flute duet, drumbeat, harp concerto, bagpipe march, lute serenade"
        ),
        "music_ended": "ended, broke off, began, stopped, changed, returned",
        "music_suddenly": (
            "suddenly, softly, with a flourish, with a squeak, after a pause, in a minor key, without warning"
        ),
        "music_ticket": "a bald doorman, a strict usherette, the box-office lady, a sleepy attendant",
        "music_sold": "sold, tore, checked, counted, collected",
        "music_tickets": (
            "the tickets, the last tickets, hundreds of tickets, the children's tickets, three dozen tickets"
        ),
        "music_evening": "evening, open-air, gala, charity, farewell, spring, midnight",
        "music_dancers": (
            "six dancers, two clowns, a juggler, the village girls, a pair of acrobats, some masked boys"
        ),
        "music_whirled": "whirled, spun, leapt, tiptoed, stepped, pranced",
        "music_wild": "wild, slow, jolly, fiery, graceful, galloping",
        "music_fiddles": (
            "fiddles and drums, flutes and bells, harps and horns, trumpets, lutes, accordions, castanets"
        ),
        "music_chord": "chord, note, verse, line, echo",
        "music_lullabies": "lullaby, song, ballad, carol, serenade, chorus, melody",
        "music_hung": "hung, trembled, lingered, rang, faded, floated",
        "music_cool": "cool, warm, evening, still, clear, scented",
        "music_wonderful": "wonderful, a triumph, a great success, unforgettable, magnificent",
        "music_encores": "an encore, two encores, three encores, one more song",
        "music_stars": "the stars came out, lanterns were lit, the hills echoed, strangers held hands",
        "music_lovely": "lovely, beautiful, tender, moving",
        "music_even": (
            "the whole audience wept, even the crows fell silent, nobody wanted to go home, people threw flowers"
        ),
        "music_crowd": "crowd, whole village, audience, balcony",
        "music_jumped": "jumped up and cheered, roared with joy, stamped and clapped, called for more",
        "music_whistled": "whistled, hummed, sang, remembered",
        "music_happy": "happy, new, simple, lovely",
        "music_players_end": "musicians, trumpet players, singers, fiddlers",
        "music_feasted": (
            "bowed again and again, were showered with roses, shared a giant cake, danced with the audience"
        ),
        "music_sleepy": (
            "the children slept soundly, everyone went home smiling, the village lay at peace, the fireflies came out"
        ),
        "music_cancelled": "cancelled, a failure, put off, cut short, forgotten within a week",
        "music_sang_off": "sang out of tune, lost its place, broke off, quarrelled",
        "music_left": "went home, booed, left in silence, yawned, asked for their money back",
        "music_heard": "heard, sung, played, hummed",
        "music_dark": "dark, empty, silent, bare",
        "music_sad": "sad, lonely, slow, weary",
        "music_fiddles_end": "fiddlers, singers, trumpet players, drummers",
        "music_packed": "packed up, went to bed, shook their heads, walked off",
        "music_sighs": (
            "the conductor's stick broken, all the listeners gone, half the strings broken, the singers hoarse"
        ),
    },
)
