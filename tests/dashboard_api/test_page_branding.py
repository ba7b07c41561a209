# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""A city's own title, colour, logo and words on every page, and the menu that leads from one to the other."""

from __future__ import annotations

import base64
import contextlib
import re

import pytest
from playwright.sync_api import expect

from dashboard_api.context import wall_us
from ingest.schema.city import read_city
from tests.dashboard_api.conftest import Town
from tests.dashboard_api.people import PASSWORD, People
from tests.dashboard_api.test_page import browser, serving  # noqa: F401
from tests.dashboard_api.test_page_access import SIZES, axe, findings, without_map  # noqa: F401

pytestmark = [pytest.mark.xdist_group("chromium"), pytest.mark.timeout(180)]
TITLE, ACCENT = "Lampu <Kita>", "rgb(51, 102, 153)"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
OWN = {"page.faults": "Gangguan kita", "crew.mine": "Tugasku", "wall.oldest": "Paling lama padam"}
DOCUMENTS = ("/", "/crew", "/live", "/open", "/lapor", "/sign-in", "/ogc?f=html", "/ogc/collections/lamps/items?f=html")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    town = Town(tmp_path_factory.mktemp("kota"))
    town.write_live([2] * 40)
    town.darken(3)
    folder = town.city.folder
    with (folder / "city.toml").open("a", encoding="utf-8") as file:
        file.write(f'[branding]\ntitle = "{TITLE}"\naccent = "#336699"\nlogo = "branding/logo.png"\n')
    (folder / "branding").mkdir()
    (folder / "branding/logo.png").write_bytes(PIXEL)
    (folder / "languages").mkdir()
    words = "".join(f'msgid "{name}"\nmsgstr "{text}"\n' for name, text in OWN.items())
    (folder / "languages/id.po").write_text(words, encoding="utf-8")
    with serving(read_city(folder, {})) as port:
        yield f"http://127.0.0.1:{port}"
    town.engine.dispose()


@pytest.fixture
def desk(browser):
    with contextlib.closing(
        browser.new_context(viewport=SIZES["desktop"], locale="en-GB", service_workers="block")
    ) as context:
        yield without_map(context)


@pytest.mark.parametrize("path", DOCUMENTS)
def test_title_colour_and_logo_are_on_every_page(address, desk, path):
    refused = []
    desk.on("console", lambda message: refused.append(message.text) if "Content Security" in message.text else None)
    desk.goto(f"{address}{path}")
    expect(desk.locator("body")).to_contain_text(TITLE)
    expect(desk).to_have_title(re.compile(re.escape(TITLE)))
    heading = desk.locator("h1")
    expect(heading).to_have_css("border-bottom-color", ACCENT)
    assert heading.evaluate("each => parseFloat(getComputedStyle(each).borderBottomWidth)") >= 2
    expect(desk.locator("img.logo")).to_have_js_property("naturalWidth", 1)
    assert refused == []


def test_a_logo_that_would_make_the_citizens_page_heavy_is_left_out(tmp_path, town):
    from fastapi.testclient import TestClient  # noqa: PLC0415

    from dashboard_api.app import create_app  # noqa: PLC0415

    folder = town.city.folder
    with (folder / "city.toml").open("a", encoding="utf-8") as file:
        file.write('[branding]\nlogo = "branding/logo.png"\n')
    (folder / "branding").mkdir()
    (folder / "branding/logo.png").write_bytes(PIXEL + bytes(60_000))
    with TestClient(create_app(read_city(folder, {}))) as client:
        assert "logo.png" not in client.get("/lapor").text
        assert "logo.png" in client.get("/sign-in").text


@pytest.mark.parametrize(("path", "word"), [("/crew", "crew.mine"), ("/live", "wall.oldest")])
def test_the_citys_own_words_are_said(address, desk, path, word):
    desk.goto(f"{address}{path}?lang=id")
    expect(desk.locator("body")).to_contain_text(OWN[word])
    desk.goto(f"{address}{path}?lang=en")  # they are of one language
    expect(desk.locator("h1")).to_contain_text(TITLE)
    expect(desk.locator("body")).not_to_contain_text(OWN[word])


def test_a_crew_keeps_the_citys_own_words_without_a_network(address, browser):
    with contextlib.closing(browser.new_context(viewport=SIZES["phone"], locale="id-ID")) as context:
        page = context.new_page()
        page.goto(f"{address}/crew")
        expect(page.locator("body")).to_contain_text(OWN["crew.mine"])
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        page.reload()
        expect(page.locator("body")).to_contain_text(OWN["crew.mine"])
        context.set_offline(True)
        page.reload()
        expect(page.locator("body")).to_contain_text(OWN["crew.mine"])


@pytest.mark.parametrize("size", SIZES)
def test_the_menu_leads_to_the_other_pages(browser, axe, address, size):
    with contextlib.closing(browser.new_context(viewport=SIZES[size], locale="en-GB")) as context:
        page = without_map(context)
        page.goto(address)
        expect(page.locator("#faults .row")).to_have_count(1)
        menu = page.locator(".menu")
        menu.locator("summary").click()
        links = menu.locator("nav a")
        expect(page.get_by_role("link", name="Controllers that wait")).to_be_visible()
        hrefs = links.evaluate_all("all => all.map((each) => each.getAttribute('href').split('?')[0])")
        assert hrefs == ["/crew", "/live", "/open", "/lapor", "/controllers"]
        expect(links.last).to_be_in_viewport()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert findings(page, axe) == []
        top = page.evaluate(
            "(e => document.elementFromPoint(e.x + 20, e.y + 20).closest('.menu') !== null)"
            "(document.querySelector('.menu nav a:last-of-type').getBoundingClientRect())"
        )
        assert top  # nothing lies over it
        page.keyboard.press("Escape")
        expect(links.first).to_be_hidden()
        menu.locator("summary").click()
        page.locator("#content").click(position={"x": 5, "y": 200})
        expect(links.first).to_be_hidden()
        menu.locator("summary").click()
        page.get_by_role("link", name="Controllers that wait").click()
        expect(page.locator(".enrolments h2")).to_be_visible()
        expect(links.first).to_be_hidden()
        page.go_back()
        menu.locator("summary").click()
        page.get_by_role("link", name="Crew's page").click()
        expect(page).to_have_url(f"{address}/crew")


def test_the_menu_signs_out_and_shows_a_viewer_no_page_of_operators(tmp_path, browser):
    town = Town(tmp_path)
    town.write_live([2] * 40)
    People(town.city, wall_us).add("vivi", "viewer")
    with serving(town.city) as port, contextlib.closing(browser.new_context(locale="en-GB")) as context:
        page = without_map(context)
        page.goto(f"http://127.0.0.1:{port}/sign-in")
        page.fill("#name", "vivi")
        page.fill("#password", PASSWORD)
        page.locator("form").first.locator("button").click()
        page.locator(".menu summary").click()
        out = page.locator(".menu").get_by_role("button", name="Sign out")
        expect(out).to_be_visible()
        expect(page.locator(".menu [data-view=controllers]")).to_have_count(0)
        out.click()
        expect(page.locator("#password")).to_be_visible()
        page.goto(f"http://127.0.0.1:{port}/")
        expect(page).to_have_url(re.compile("/sign-in"))
    town.engine.dispose()
