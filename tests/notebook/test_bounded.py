"""Calls in a process with limits: results, errors, and what is stopped."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from glassbook.notebook.bounded import KEPT, MEMORY, Bounded, TooCostly, seconds_for


def test_a_call_gives_the_result_or_raises_what_the_function_raises():
    call = Bounded("builtins:int")
    assert call("12", seconds=5) == 12
    with pytest.raises(ValueError, match="invalid literal"):
        call("x", seconds=5)
    assert call("13", seconds=5) == 13
    pid = Bounded("os:getpid")
    assert pid(seconds=5) == pid(seconds=5) != os.getpid()


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|aa)+$b", "(.*)*b"])
def test_an_expression_that_backtracks_is_stopped_and_the_next_call_works(pattern):
    call = Bounded("re:fullmatch")
    begin = time.monotonic()
    with pytest.raises(TooCostly, match="seconds"):
        call(pattern, "a" * 60, seconds=0.2)
    assert time.monotonic() - begin < 30
    assert Bounded("re:escape")("a.b", seconds=5) == "a\\.b"


def test_memory_and_depth_are_limited():
    with pytest.raises(TooCostly):
        Bounded("builtins:bytearray")(2 * MEMORY, seconds=5)
    with pytest.raises(TooCostly):
        Bounded("json:loads")("[" * 100_000, seconds=5)


def test_a_worker_that_ends_is_replaced_and_few_are_kept():
    call = Bounded("os:getpid")
    os.kill(call(seconds=5), 9)
    time.sleep(0.2)
    assert call(seconds=5)
    with pytest.raises(TooCostly):
        Bounded("os:_exit")(0, seconds=5)
    with ThreadPoolExecutor(4) as pool:
        workers = set(pool.map(lambda _: call(seconds=5), range(8)))
    assert os.getpid() not in workers
    assert 1 <= len(call._idle) <= KEPT


def test_time_is_in_proportion_to_the_text():
    assert seconds_for("x" * 100_000) - seconds_for("") == pytest.approx(2)
