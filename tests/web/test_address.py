"""Addresses: keys that a page does not have are refused by name, on all pages alike."""

from html import unescape

import pytest
from evidence_book import EVIL, assert_harmless, toy_run

from glassbook.notebook import Page
from glassbook.web.address import READ_WHOLE

PAGES = [*sorted(READ_WHOLE), "/models", "/models/open", "/api/v1/models", "/runs", "/api/v1/runs", "/compare", "/jobs"]
PAGES += ["/search", "/claims", "/pages", "/graph", "/timeline", "/glossary", "/pareto", "/new", "/features"]
PAGES += ["/api/v1/steer/sources"]


@pytest.mark.parametrize("address", PAGES)
@pytest.mark.parametrize("key", ["nonsense", "Model", "q[]"])
def test_an_unknown_key_is_refused_by_its_name(reader, address, key):
    answer = reader.get(address, params={key: "1"})
    assert answer.status_code == 400
    assert f"{key}: there is no such key" in unescape(answer.text)


TWICE = ["/models/open?layer=1&layer=2", "/runs?experiment=a&experiment=b", "/search?q=owl&q=fox"]
TWICE += ["/api/v1/runs?experiment=a&experiment=b", "/pages?kind=term&kind=note", "/compute?flop=1e20&flop=1e21"]


@pytest.mark.parametrize("address", TWICE)
def test_a_key_that_can_have_one_value_only_is_refused_when_it_has_two(reader, address):
    answer = reader.get(address)
    key = address.split("?")[1].split("=")[0]
    assert answer.status_code == 400
    assert f"{key} is in the address 2 times; give it once" in unescape(answer.text)


def test_lists_have_many_values(nb, reader):
    runs = [toy_run(nb).id for _ in range(2)]
    assert reader.get("/runs?column=seed&column=loss").status_code == 200
    assert reader.get("/compare", params={"run": runs}).status_code == 200
    assert reader.get("/pareto?minimise=x&minimise=y").status_code == 200


def test_the_keys_that_there_are_are_told(reader):
    page = reader.get("/models/open?models=builtin")
    assert "there are: model, prompt, write, layer, head, lens" in page.text
    assert "none is asked for here" in reader.get("/models?order=name").text
    assert_harmless(reader.get("/models", params={EVIL: EVIL}).text)
    assert_harmless(reader.get("/compute", params={EVIL: EVIL}).text)


@pytest.mark.parametrize("address", PAGES)
def test_a_servers_token_is_passed_over(reader, address):
    answer = reader.get(address, params={"token": "secret"})
    assert "token: there is no such key" not in answer.text


def test_what_a_models_page_writes_into_its_address_is_known(reader):
    query = {"model": "builtin", "prompt": "The fox", "write": "An owl", "layer": 1, "head": 2, "lens": "tuned"}
    assert reader.get("/models/open", params=query).status_code == 200
    assert reader.get("/models/open", params={"layer": "x"}).status_code == 422


def test_what_is_named_by_its_path_has_no_settings(nb, reader):
    nb.write(Page.new("Fox", "# Fox\n", kind="note"))
    run = toy_run(nb)
    for address in ("/p/fox", f"/runs/{run.id}", "/x/superposition"):
        assert reader.get(address, params={"utm_source": "letter"}).status_code == 200
