"""Words inside runs of letters without spaces, and signs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbook.notebook import Page
from glassbook.notebook.index.words import can_be_found, spread

PAGES = {
    "zh": "今天讨论了部署方案,重跑gen-itgc后清零。",
    "ja": "今日はサンドボックスの修正テストをした。",
    "ko": "오늘 데이터베이스를 설치했습니다.",
    "th": "การเรียนรู้ของเครื่องเป็นสาขาหนึ่ง",
    "ar": "التعلم العميق والشبكات العصبية",
    "km": "ការរៀនម៉ាស៊ីន",
    "emoji": "lab 👩‍🔬 heart ❤️ → done",
}


@pytest.mark.parametrize(
    ("text", "page"),
    [("部署", "zh"), ("方案", "zh"), ("itgc", "zh"), ('"重跑gen"', "zh"), ("修正テスト", "ja"), ("ボックス", "ja"),
     ("데이터", "ko"), ("설치", "ko"), ("เครื่อง", "th"), ("عميق", "ar"),
     ("شبكات", "ar"), ("រៀន", "km"), ("👩‍🔬", "emoji"),
     ("🔬 heart", "emoji"), ("❤", "emoji"), ("❤️", "emoji"), ("→", "emoji"), ("部署 清零", "zh")],
)  # fmt: skip
def test_words_inside_runs_are_found(nb, text, page):
    for name, body in PAGES.items():
        nb.write(Page.new(name, body))
    hits = nb.index.search(text)
    assert [hit.id for hit in hits] == [page]
    assert hits[0].text.strip() == PAGES[page]


@pytest.mark.parametrize("text", ["方部", "署部", "トステ", "🧪", "터데이"])
def test_other_orders_are_not(nb, text):
    for name, body in PAGES.items():
        nb.write(Page.new(name, body))
    assert nb.index.search(text) == []


def test_titles_in_such_scripts_are_found_and_completed(nb):
    nb.write(Page.new("機械学習ノート", "x"))
    assert [hit.title for hit in nb.index.search("学習")] == ["機械学習ノート"]
    assert [found.title for found in nb.index.complete("学習")] == ["機械学習ノート"]


def test_what_needs_nothing_takes_no_room():
    assert spread("plain", "naïve Straße Ёлка") == ""
    assert not can_be_found("-*()")


@given(st.text())
def test_any_text_is_spread(text):
    assert "\ufe0f" not in spread(text)


SIGNS = (
    "C++ C# .NET node.js don't state-of-the-art a_b /usr/bin x=y 50% R&D naïve straße İstanbul Erdős–Rényi λ 10.1038/x"
    " 1e-4 v2.11.0 2024-01-05 3,000"
)


@pytest.mark.parametrize("word", SIGNS.split())
def test_words_with_signs_accents_and_numbers_are_found(nb, word):
    nb.write(Page.new("All", SIGNS))
    nb.write(Page.new("None", "Nothing of that."))
    for said in {word, word.lower(), f"{word} {SIGNS.split()[0]}"}:
        assert [hit.id for hit in nb.index.search(said)] == ["all"], said
