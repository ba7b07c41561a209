"""The map of the citizens' form in a real Chromium: three taps to a report, and a form that works without scripts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.dashboard_api.conftest import Town
from tests.dashboard_api.test_page import OFFLINE_FLAGS, serving, why_no_driver

PHONE = {"width": 390, "height": 780}
pytestmark = [pytest.mark.xdist_group("chromium"), pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def browser(require_debian, give_up):
    program = require_debian("chromium")
    if (reason := why_no_driver()) is not None:
        give_up(f"Playwright's driver does not start: {reason}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(program), args=OFFLINE_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    town = Town(tmp_path_factory.mktemp("town"))
    with serving(town.city) as port:
        yield port
    town.engine.dispose()


def test_three_taps_report_the_lamp_where_one_stands(browser, port):
    place = {"longitude": 102.0015, "latitude": 0.79}  # at L-005
    context = browser.new_context(
        viewport=PHONE, has_touch=True, locale="en-GB", geolocation=place, permissions=["geolocation"]
    )
    page = context.new_page()
    failures, loaded = [], []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on("console", lambda message: failures.append(message.text) if message.type == "error" else None)

    def note(response):
        loaded.append(response)

    page.on("response", note)
    page.goto(f"http://127.0.0.1:{port}/lapor")
    with page.expect_response(re.compile("/lapor/lamps\\?bbox")):
        page.get_by_role("button", name="Choose the lamp on a map").tap()
    canvas = page.locator("canvas")
    box = canvas.bounding_box()
    place = page.get_by_label("Lamp id, pole number or street")
    # a tap chooses among the lamps that are drawn, some time after their answer
    for _attempt in range(200):
        canvas.tap(position={"x": box["width"] / 2 + 3, "y": box["height"] / 2 - 3})
        if place.input_value():
            break
        page.wait_for_timeout(100)
    expect(place).to_have_value("L-005")
    expect(page.get_by_role("status")).to_have_text("Lamp L-005")
    n_bytes = sum(len(one.body()) for one in loaded)
    page.get_by_role("button", name="Send").tap()
    page.wait_for_url(re.compile("/lapor/[2-9A-Z]{10}"))
    expect(page.locator("dl")).to_contain_text("L-005")
    assert failures == []
    assert n_bytes < 100_000
    assert {re.sub(":\\d+.*", "", one.url) for one in loaded} == {"http://127.0.0.1"}
    context.close()


def test_without_a_script_the_form_alone_is_there(browser, port):
    context = browser.new_context(viewport=PHONE, java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{port}/lapor?lamp=L-003")
    assert page.locator("#map").is_hidden()
    page.get_by_role("button", name="Send").click()
    expect(page.locator("dl")).to_contain_text("L-003")
    context.close()


def test_a_refused_position_leaves_a_map_of_the_city_to_move_in(browser, port):
    context = browser.new_context(viewport=PHONE, locale="en-GB")
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{port}/lapor")
    with page.expect_response(re.compile("/lapor/lamps$")):
        page.get_by_role("button", name="Choose the lamp on a map").click()
    for name in ("Larger", "Smaller"):
        with page.expect_response(re.compile("/lapor/lamps\\?bbox")):
            page.get_by_role("button", name=name).click()
    canvas = page.locator("canvas")
    canvas.focus()
    with page.expect_response(re.compile("/lapor/lamps\\?bbox")):
        page.keyboard.press("ArrowLeft")
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 180, box["y"] + 140, steps=4)
    with page.expect_response(re.compile("/lapor/lamps\\?bbox")):
        page.mouse.up()
    context.close()
