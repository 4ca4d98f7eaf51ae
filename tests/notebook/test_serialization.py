"""Data that another program wrote or damaged is read as plain data that nothing stumbles over, or refused."""

import json
import math
import os

import pytest

from glassbook.errors import GlassbookError
from glassbook.notebook.serialization import DEPTH, read_json, read_number, same_data, to_json


@pytest.mark.parametrize("half", ["\ud800", "a\udfffb", os.fsdecode(b"/data/\xff.txt")])
def test_names_that_are_not_unicode_are_kept(half: str):
    text = to_json({half: [half]}, what="it")
    assert read_json(text.encode()) == {half: [half]}


def test_whole_characters_are_written_as_they_are():
    assert to_json("日本 🧪 é", what="it") == '"日本 🧪 é"'


@pytest.mark.parametrize("number", [0, -1, 2**53 + 1, 2**64, -(2**127), 10**308])
def test_whole_numbers_that_a_float_can_hold_stay_exact(number: int):
    assert read_json(json.dumps({"n": [number]})) == {"n": [number]}


@pytest.mark.parametrize("number", [10**309, -(10**400), 2**1024])
def test_larger_ones_are_kept_as_text(number: int):
    assert read_json(json.dumps({"n": number}).encode()) == {"n": str(number)}
    assert read_number(number) is None
    assert same_data({"n": number}, {"n": number})
    assert not same_data({"n": number}, {"n": number + 1})


def test_a_number_with_a_fraction_beyond_all_floats_is_infinite():
    assert read_json("[1e999]") == [math.inf]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"a": "\xff"}', "utf-8"),
        (b"{", "Expecting"),
        (b"\0\0", "Expecting|utf"),
        (b"[" * 100_000 + b"]" * 100_000, "nested deeper"),
        (b"[" * (DEPTH + 1) + b"]" * (DEPTH + 1), "nested deeper"),
        (b'{"a":' * (DEPTH + 1) + b"1" + b"}" * (DEPTH + 1), "nested deeper"),
    ],
)
def test_what_is_no_json_or_nested_too_deep_is_refused(data: bytes, why: str):
    with pytest.raises(ValueError, match=why):
        read_json(data)


def test_depth_counts_nesting_and_not_brackets():
    flat = [[n] for n in range(1000)]
    assert read_json(json.dumps(flat)) == flat
    assert read_json(b"[" * DEPTH + b"]" * DEPTH)


def test_a_number_that_cannot_be_written_is_refused_in_one_line():
    with pytest.raises(GlassbookError, match="not plain data"):
        to_json({"n": 10**5000}, what="the config")
