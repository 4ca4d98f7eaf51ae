"""Packing is a pure function of the step, and every token carries the truth of its characters."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from glassbook.data.tokens import ids, label_tokens, pack, sentence_starts, training_rows
from glassbook.data.world import World


class Letters:
    """A tokenizer of one token a character, so that offsets are plain to see."""

    bos, eos = 1, 2

    def encode(self, text):
        return [ord(c) for c in text]

    def offsets(self, text):
        return [(i, i + 1) for i in range(len(text))]


def test_a_document_begins_and_ends():
    assert ids(Letters(), "ab") == [1, 97, 98, 2]


class Marked(Letters):
    """One that reads "^" and "$" as the tokens that begin and end a text."""

    def encode(self, text):
        return [{"^": 1, "$": 2}.get(c, ord(c)) for c in text]


def test_a_document_that_has_its_begin_or_end_gets_no_second_one():
    assert [ids(Marked(), text) for text in ("^ab", "ab$", "^ab$", "^", "a^b$c", "")] == [
        [1, 97, 98, 2], [1, 97, 98, 2], [1, 97, 98, 2], [1, 2], [1, 97, 1, 98, 2, 99, 2], [1, 2],
    ]  # fmt: skip


def test_labels_stay_at_their_tokens_in_such_a_document():
    plain = next(World().stream(-1))
    attributes = World().attributes()
    want = label_tokens(Letters(), [plain], attributes)
    for text, before in ((f"^{plain.text}", 1), (f"{plain.text}$", 0), (f"^{plain.text}$", 1)):
        spans = [span._replace(start=span.start + before, end=span.end + before) for span in plain.spans]
        out = label_tokens(Marked(), [replace(plain, text=text, spans=spans)], attributes)
        assert np.array_equal(out.input_ids, want.input_ids)
        assert np.array_equal(out.labels, want.labels)


def test_rows_are_the_stream_cut_in_equal_pieces():
    world = World()
    rows = pack(Letters(), world.stream(0), 3, 50)
    text = [t for d in islice(world.stream(0), 10) for t in ids(Letters(), d.text)]
    assert rows.shape == (3, 50)
    assert rows.ravel().tolist() == text[:150]


def test_too_few_documents_are_an_error():
    with pytest.raises(ValueError, match="need 1000"):
        pack(Letters(), islice(World().stream(0), 1), 10, 100)


def test_a_batch_depends_on_its_step_and_seed_alone():
    a = training_rows(World(), Letters(), 7, 2, 64)
    assert np.array_equal(a, training_rows(World(), Letters(), 7, 2, 64))
    assert not np.array_equal(a, training_rows(World(), Letters(), 8, 2, 64))
    assert not np.array_equal(a, training_rows(World(), Letters(), 7, 2, 64, seed=1))


def test_labels_are_true_exactly_where_the_spans_are():
    world = World()
    documents = list(islice(world.stream(-1), 40))
    out = label_tokens(Letters(), documents, world.attributes())
    for r, d in enumerate(documents):
        assert out.real[r].sum() == len(d.text) + 2
        for column, (kind, value) in enumerate(world.attributes()):
            expected = np.zeros(len(d.text), bool)
            for s in d.spans:
                if (s.kind, s.value) == (kind, value):
                    expected[s.start : s.end] = True
            assert np.array_equal(out.labels[r, 1 : len(d.text) + 1, column], expected)
    assert not out.labels[~out.real].any()


def test_a_sentence_begins_after_a_full_stop_and_a_capital():
    text = 'One fox. "Where is it?" asked Mira. 12 May. "Go!" said Tam.'
    starts = sentence_starts(text)
    assert [text[a : a + 4].strip() for a in starts] == ["One", '"Whe', "12 M", '"Go!']


def test_every_token_of_a_document_is_in_a_sentence_and_they_are_counted_through():
    documents = list(islice(World().stream(-1), 20))
    out = label_tokens(Letters(), documents, [])
    inside = out.sentence[out.sentence >= 0]
    assert set(inside) == set(range(inside.max() + 1))
    assert (np.diff(inside) >= 0).all()
    assert (out.sentence >= 0).sum() == sum(len(d.text) for d in documents)
