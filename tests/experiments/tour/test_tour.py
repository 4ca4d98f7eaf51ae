"""What the tour counts, chooses and writes."""

from glassbook.experiments.tour import _steering, cards, page


def test_target_words_are_whole_words():
    assert _steering.holds("The Otter swam.", ("otter", "otters"))
    assert not _steering.holds("An ottery place", ("otter",))
    assert _steering.holds("a mother-in-law!", ("mother-in-law",))


def test_text_of_a_model_cannot_break_the_page():
    assert page._marked("so happy now\n# [[d]]", ("happy",)) == r"so **happy** now \# \[\[d\]\]"


def test_cards_are_ranked_one_of_each_kind_in_turn():
    def one(index, label, auroc):
        return {"index": index, "label": label, "auroc": auroc, "tokens": ["a"], "share": 0.5, "density": 0.1}

    given = [one(0, None, None), one(1, "a: x", 0.9), one(2, "a: y", 0.95), one(3, "b: z", 0.8)]
    assert [card["index"] for card in cards.ranked(given)] == [2, 3, 1, 0]


def test_shares_count_detections_at_the_bar():
    rows = [
        {"dictionary": 0.95, "best neuron": 0.9, "random dictionary": 0.5},
        {"dictionary": 0.91, "best neuron": 0.89, "random dictionary": 0.5},
    ]
    assert cards.shares(rows) == {"dictionary": 1.0, "best neuron": 0.5, "random dictionary": 0.0}
    assert cards.results(rows)["detected_beyond_neurons"] == 0.5
