# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""Every view that the server has is in the table below: axe-core finds nothing in it, and large text fits.

The map's own views are looked at in ``test_page_access.py`` as well, in all languages and schemes. ``TERANG_SOAK=1``
tries every view in every language, scheme and size; else each of them is met once.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import expect
from sqlalchemy import text

from dashboard_api.app import create_app
from dashboard_api.context import wall_us
from tests.dashboard_api.conftest import T0, Town
from tests.dashboard_api.people import People
from tests.dashboard_api.test_page import browser, serving  # noqa: F401
from tests.dashboard_api.test_page_access import SIZES, axe, findings  # noqa: F401

WEB = Path(__file__).parents[2] / "dashboard_api" / "web" / "src"
# a view's name: its address, what is there once it is drawn, and the route of the application that answers it
VIEWS = {
    "list": ("/?lang={lang}", "#faults .row", "/"),
    "fault": ("/?lang={lang}&fault={fault}", ".detail .back", "/"),
    "lamp": ("/lamp/L-003?lang={lang}", ".detail .back", "/lamp/{id:path}"),
    "cabinet": ("/cabinet/C-2?lang={lang}", ".pole", "/cabinet/{id:path}"),
    "controllers": ("/controllers?lang={lang}", ".detail .back", "/controllers"),
    "crew work": ("/crew?lang={lang}", "a.row", "/crew"),
    "crew tour": ("/crew?lang={lang}&view=tour", ".tour a.row", "/crew"),
    "crew repairs": ("/crew?lang={lang}&view=repairs", ".repairs .repaired", "/crew"),
    "crew morning": ("/crew?lang={lang}&view=morning", ".morning a.row", "/crew"),
    "crew outbox": ("/crew?lang={lang}&view=outbox", ".outbox", "/crew"),
    "crew scan": ("/crew?lang={lang}&view=scan", ".scan form", "/crew"),
    "crew print": ("/crew?lang={lang}&view=print", ".paper td", "/crew"),
    "crew checks": ("/crew?lang={lang}&view=checks", "main section", "/crew"),
    "crew fault": ("/crew?lang={lang}&fault={fault}", ".detail h2", "/crew"),
    "crew lamp": ("/crew?lang={lang}&lamp=L-003", ".detail a.row", "/crew"),
    "crew cabinet": ("/crew?lang={lang}&cabinet=C-2", ".detail h2", "/crew"),
    "wall": ("/live?lang={lang}", ".counts", "/live"),
    "report": ("/lapor?lang={lang}", "form", "/lapor"),
    "report's answer": ("/lapor/{report}?lang={lang}", "h1", "/lapor/{number}"),
    "open data": ("/open?lang={lang}", "h1", "/open"),
    "account": ("/sign-in?lang={lang}", "h1", "/sign-in"),
    "link of an account": ("/sign-in/link?lang={lang}&code=none", "h1", "/sign-in/link"),
    "labels": ("/labels?lang={lang}&cabinet_id=C-1", "svg", "/labels"),
    "public layers": ("/ogc?lang={lang}&f=html", "h1", "/ogc"),
    "same": ("/ogc/?lang={lang}&f=html", "h1", "/ogc/"),
    "public layers' list": ("/ogc/collections?lang={lang}&f=html", "h1", "/ogc/collections"),
    "public layer": ("/ogc/collections/lamps?lang={lang}&f=html", "h1", "/ogc/collections/{collection_id}"),
    "public lamps": ("/ogc/collections/lamps/items?lang={lang}&f=html", "h1", "/ogc/collections/{collection_id}/items"),
    "public lamp": (
        "/ogc/collections/lamps/items/L-003?lang={lang}&f=html",
        "h1",
        "/ogc/collections/{collection_id}/items/{feature_id:path}",
    ),
    "public columns": (
        "/ogc/collections/lamps/queryables?lang={lang}&f=html",
        "h1",
        "/ogc/collections/{collection_id}/queryables",
    ),
    "standards kept": ("/ogc/conformance?lang={lang}&f=html", "h1", "/ogc/conformance"),
    "description of layers": ("/ogc/api?lang={lang}&f=html", "h1", "/ogc/api"),
    "description of the API": ("/docs", "h1", "/docs"),
}
EXAMPLES = {"id": "L-003", "collection_id": "lamps", "feature_id": "L-003", "lamp_id": "L-003", "cabinet_id": "C-1"}
FIXED = {"wall", "labels"}  # of a screen's and a paper's size: the wall's own tests measure its letters
WAYS = [("en", "dark", "phone"), ("id", "light", "desktop")]
if os.environ.get("TERANG_SOAK"):
    WAYS = [(lang, scheme, size) for lang in ("en", "id") for scheme in ("dark", "light") for size in SIZES]
pytestmark = [pytest.mark.xdist_group("chromium-page"), pytest.mark.timeout(300)]

# words that are cut off at an edge without a sign of it: "peringatar"
CUT_OFF = """
() => [...document.querySelectorAll("body *")].filter((element) => {
  const { overflowX, textOverflow } = getComputedStyle(element);
  return ["hidden", "clip"].includes(overflowX) && textOverflow !== "ellipsis" && element.clientWidth > 2
    && element.scrollWidth > element.clientWidth + 1 && element.textContent.trim() !== "";
}).map((element) => `cut off: ${element.tagName} ${element.className} ${element.textContent.trim().slice(0, 60)}`)
"""


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """A city with dark lamps, a dead circuit, a repair, and a citizen's report."""
    made = Town(tmp_path_factory.mktemp("views"))
    made.write_live([2] * 40)
    made.darken(3, 4)
    made.raise_circuit()
    with made.engine.connect() as connection:
        ids = dict(connection.execute(text("SELECT lamp_id, id FROM faults WHERE lamp_id IS NOT NULL")).all())
    with TestClient(create_app(made.city, lambda: T0)) as client:
        repair = {
            "action_id": "01JDB2M7Z8Q5W3N4T6V9X0Y1KC",
            "action": "repair",
            "cause": "driver",
            "part": "LED driver",
        }
        assert client.post(f"/api/v1/faults/{ids['L-004']}/actions", json=repair).status_code == 200
        sent = client.post("/lapor", data={"lamp": "L-003", "problem": "dark"}, follow_redirects=False)
    made.names = {"fault": ids["L-003"], "report": sent.headers["location"].partition("?")[0].rpartition("/")[2]}
    yield made
    made.engine.dispose()


def test_every_document_of_the_server_is_in_the_table(town):
    app = create_app(town.city, lambda: T0)
    answered = {template for _address, _there, template in VIEWS.values()}
    found = set()
    with TestClient(app) as client:
        for route in app.router.routes:
            path = getattr(route, "path", "")
            if "GET" not in (getattr(route, "methods", None) or {"GET"}) or not path or path.endswith("/events"):
                continue
            address = re.sub(r"\{(\w+)(:path)?\}", lambda name: EXAMPLES.get(name[1], "x"), path)
            answer = client.get(address, headers={"Accept": "text/html"}, follow_redirects=False)
            if answer.status_code == 200 and answer.headers.get("content-type", "").startswith("text/html"):
                found.add(path)
    assert len(found) > 15
    assert found - answered == set()


def test_every_view_of_both_pages_is_in_the_table():
    crew = re.search(r"VIEWS = \[(.*?)\]", (WEB / "crew" / "crew_route.ts").read_text(encoding="utf-8"))
    views = {f"crew {name}" for name in re.findall(r'"(\w+)"', crew[1])}
    page = re.search(r"type ViewName =(.*?);", (WEB / "app" / "router.ts").read_text(encoding="utf-8"), re.DOTALL)
    views |= set(re.findall(r'"(\w+)"', page[1]))
    assert len(views) >= 13
    assert views - set(VIEWS) == set()


def looked_at(page, axe, is_fixed=False):
    """What is wrong with the view that is open."""
    found = findings(page, axe) + page.evaluate(CUT_OFF)
    if not is_fixed:
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        # what may scroll by itself, such as a table, may be wider
        if page.evaluate("document.documentElement.scrollWidth > innerWidth + 1"):
            found.append("wider than the screen with text of twice the size")
    return found


@pytest.mark.parametrize(("lang", "scheme", "size"), WAYS)
def test_axe_finds_nothing_and_large_text_fits(browser, axe, town, lang, scheme, size):
    found = {}
    options = {"viewport": SIZES[size], "color_scheme": scheme, "reduced_motion": "reduce", "service_workers": "block"}
    with serving(town.city) as port, contextlib.closing(browser.new_context(**options)) as context:
        context.route("**/night_map-*.js", lambda route: route.abort())  # seconds without a graphics card
        context.route("**/wall_map-*.js", lambda route: route.abort())
        page = context.new_page()
        for name, (address, there, _template) in VIEWS.items():
            page.goto(f"http://127.0.0.1:{port}{address.format(lang=lang, **town.names)}")
            expect(page.locator(there).first).to_be_attached()
            found[name] = looked_at(page, axe, is_fixed=name in FIXED)
    wrong = [f"{name}: {one}" for name, each in found.items() for one in each]
    assert wrong == [], "\n".join(wrong)


def test_the_sign_in_is_for_everybody_and_worked_by_keyboard(browser, axe, tmp_path):
    town = Town(tmp_path)
    People(town.city, wall_us).add("budi", "operator")
    with serving(town.city) as port:
        for lang, scheme, size in WAYS:
            options = {"viewport": SIZES[size], "color_scheme": scheme}
            with contextlib.closing(browser.new_context(**options)) as context:
                page = context.new_page()
                page.goto(f"http://127.0.0.1:{port}/sign-in?lang={lang}&next=/crew")
                assert looked_at(page, axe) == []
                page.locator("#name").focus()
                page.keyboard.type("budi")
                page.keyboard.press("Tab")
                page.keyboard.type("not the password")
                page.keyboard.press("Enter")
                expect(page.get_by_role("alert")).to_be_visible()
                assert looked_at(page, axe) == []
    town.engine.dispose()
