"""The notebook below a path of a proxy: every address in a page leads back to it."""

from __future__ import annotations

import re
from html import unescape

import pytest
from evidence_book import toy_run
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from glassbook.errors import GlassbookError
from glassbook.notebook import Page
from glassbook.web.app import create_app
from glassbook.web.base_path import BasePath, check_base
from glassbook.web.templating import STATIC

BASE = "/user/me@x/proxy/8765"
ADDRESS = re.compile(r'\s(?:href|src|action|formaction)="([^"]*)"')


@pytest.fixture
def reader(nb):
    nb.write(Page.new("Fox", "\nSee [[Hare]] and [[Fox]].\n"))
    nb.write(Page.new("Markup", '\nWrite `<a href="/x">`.\n'))
    toy_run(nb)
    app = create_app(nb, work=False, base=BASE + "/", token="secret")
    return TestClient(app, base_url="http://127.0.0.1", headers={"authorization": "Bearer secret"})


@pytest.mark.parametrize("path", ["/", "/p/fox", "/edit/fox", "/runs", "/search?q=fox", "/nothing-here", "/pages"])
@pytest.mark.parametrize("before", [BASE, ""], ids=["kept", "taken off"])
def test_addresses_of_a_page_begin_with_the_base(reader, path, before):
    page = reader.get(before + path)
    addresses = [text for text in ADDRESS.findall(page.text) if text.startswith("/")]
    assert len(addresses) > 5
    assert [text for text in addresses if not text.startswith(BASE + "/")] == []
    assert int(page.headers["content-length"]) == len(page.content)
    # The same place is marked in the menu as without a base.
    assert (f'href="{BASE}{path}" aria-current="page"' in page.text) == (path in ("/runs", "/pages"))


def test_what_a_page_loads_is_there(reader):
    page = reader.get(f"{BASE}/runs").text
    loaded = [text for text in ADDRESS.findall(page) if "/static/" in text]
    assert len(loaded) > 3
    assert {reader.get(address).status_code for address in loaded} == {200}
    assert reader.get(BASE).status_code == 200
    assert reader.get("/user/me@x/proxy/87650/runs").status_code == 404


def test_text_that_looks_like_an_address_stays(reader):
    code = re.search("<code>(.*?)</code>", reader.get(f"{BASE}/p/markup").text)
    assert code is not None
    assert unescape(code[1]) == '<a href="/x">'


@pytest.mark.parametrize(
    ("html", "right"),
    [
        ('<a href="/x">', '<a href="/b/x">'),
        ('<a class="a>b" href="/x">y href="/z"</a>', '<a class="a>b" href="/b/x">y href="/z"</a>'),
        ('<img alt="x href="/><form action="/">', '<img alt="x href="/><form action="/b/">'),
        ('<a href="//host/x"><a href="#x"><a href="x/y">', '<a href="//host/x"><a href="#x"><a href="x/y">'),
        (
            '<button disabled formaction="/x" data-c="/api">',
            '<button disabled formaction="/b/x" data-c="/api">',
        ),
        ('<img\n  src="/a b.png"\n  title="=">', '<img\n  src="/b/a b.png"\n  title="=">'),
    ],
)
def test_addresses_in_tags_alone_get_the_base(html, right):
    def page(request):
        return HTMLResponse(html)

    app = BasePath(Starlette(routes=[Route("/", page)]), "/b")
    assert TestClient(app).get("/b/").text == right


def test_redirects_stay_below_the_base(reader):
    answer = reader.get(f"{BASE}/p/Fox?token=secret", follow_redirects=False, headers={"authorization": ""})
    assert answer.headers["location"] == f"{BASE}/p/Fox"
    moved = reader.get(f"{BASE}/p/FOX", follow_redirects=False)
    assert moved.headers["location"] == f"{BASE}/p/fox"


def test_json_keeps_the_addresses_of_the_inside(reader):
    assert reader.get(f"{BASE}/api/v1/pages/fox").json()["url"] == "/p/fox"


@pytest.mark.parametrize("base", ["", "/", "/a", "/a/b.c/", "/user/é".replace("é", "%C3%A9")])
def test_a_base(base):
    assert check_base(base) == base.rstrip("/")


@pytest.mark.parametrize("base", ["a", "//a", "/a//b", "/..", "/a/../b", "/a?b", '/a"b', "http://x/a", "/a b"])
def test_what_is_no_base_is_refused(base):
    with pytest.raises(GlassbookError, match="no base path"):
        check_base(base)


def test_every_address_in_the_scripts_is_rooted():
    """Requests are rooted by `ask` and its kin; other addresses have to be where they are used."""
    bare = re.compile(r"""(?:href[:=]|href =|EventSource\(|import\(|fetch\(|"", |leave = )\s*(["`]/)""")
    found = {
        (path.name, line.strip())
        for path in (STATIC / "js").glob("*.js")
        for line in path.read_text().splitlines()
        if bare.search(line)
    }
    assert found == set()
