# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""The page of controllers that wait for their certificate: seen, let in, refused, and who may do so."""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from playwright.sync_api import expect

from city_pki.authority import create_authority
from city_pki.certificates import new_key
from city_pki.enrolment_records import APPROVAL_TIME
from city_pki.enrolments import Enrolments
from city_pki.issued import read_issued
from dashboard_api.context import wall_us
from edge_agent.wire.enrolment import lookup, request_proof
from tests.dashboard_api.conftest import Town
from tests.dashboard_api.people import PASSWORD, People
from tests.dashboard_api.test_page import browser, serving  # noqa: F401
from tests.dashboard_api.test_page_access import SIZES, axe, findings, without_map  # noqa: F401

pytestmark = [pytest.mark.xdist_group("chromium-page"), pytest.mark.timeout(300)]


class Gate:
    """A city with an authority, and controllers that ask."""

    def __init__(self, folder):
        self.town = Town(folder)
        self.town.write_live([2] * 40)
        pki = self.town.city.folder / "pki"
        create_authority(pki, "Kota Uji", folder / "root.key", datetime.now(UTC))
        self.enrolments = Enrolments(pki)
        self.pki = pki

    def ask(self, controller="PJU-1", at=None):
        """A request with a code; answers it."""
        at = at or datetime.now(UTC)
        key = self.enrolments.new_code(controller, "", at).key
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, controller)])
        signed = x509.CertificateSigningRequestBuilder().subject_name(name).sign(new_key(), hashes.SHA256())
        csr = signed.public_bytes(Encoding.PEM).decode()
        return self.enrolments.ask_with_code(csr, lookup(key), request_proof(key, csr), at)

    def state(self, request):
        return self.enrolments.answer(request.id, "", datetime.now(UTC)).state

    def clear(self):
        for one in self.enrolments.waiting(datetime.now(UTC)):
            self.enrolments.refuse(one.id, "test", datetime.now(UTC))


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    made = Gate(tmp_path_factory.mktemp("kota"))
    yield made
    made.town.engine.dispose()


@pytest.fixture(scope="module")
def address(gate):
    with serving(gate.town.city) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(autouse=True)
def _nobody_waits(gate):
    yield
    gate.clear()


@pytest.fixture
def desk(browser):
    with contextlib.closing(browser.new_context(viewport=SIZES["desktop"], locale="en-GB")) as context:
        yield without_map(context)


@pytest.fixture
def phone(browser):
    with contextlib.closing(browser.new_context(viewport=SIZES["phone"], locale="id-ID", has_touch=True)) as context:
        yield without_map(context)


def shown(page, address):
    page.goto(f"{address}/controllers")
    expect(page.locator(".enrolments h2")).to_be_visible()


def test_one_that_waits_is_let_in_after_a_question(gate, address, desk):
    request = gate.ask()
    shown(desk, address)
    card = desk.locator(f"[data-request='{request.id}']")
    expect(card.locator("h3")).to_have_text("PJU-1")
    expect(card.locator(".key")).to_have_text(" ".join(request.digest[i : i + 4] for i in range(0, 24, 4)))
    expect(card).to_contain_text("Panel 1 · C-1")
    expect(card).to_contain_text("a one-time code")
    expect(card).to_contain_text(re.compile(r"\d+ seconds? ago"))
    card.locator("[data-decide=approve]").click()
    question = desk.locator("dialog.question")
    expect(question).to_contain_text("Let PJU-1 in?")
    expect(question.locator(".key")).to_have_text(card.locator(".key").inner_text())
    assert gate.state(request) == "waiting"  # asked, not done
    question.locator("[data-answer=yes]").click()
    expect(desk.locator(".decided")).to_contain_text("PJU-1 is let in")
    expect(card).to_have_count(0)
    assert gate.state(request) == "approved"
    assert request.digest in {entry.key for entry in read_issued(gate.pki)}


def test_one_is_refused_and_a_question_can_be_left(gate, address, phone):
    request = gate.ask("PJU-2")
    shown(phone, address)
    card = phone.locator(f"[data-request='{request.id}']")
    card.locator("[data-decide=refuse]").click()
    phone.locator("[data-answer=no]").click()
    expect(phone.locator("dialog.question")).to_have_count(0)
    assert gate.state(request) == "waiting"
    card.locator("[data-decide=refuse]").click()
    expect(phone.locator("dialog.question")).to_contain_text("Tolak PJU-2?")
    phone.locator("[data-answer=yes]").click()
    expect(phone.locator(".decided")).to_contain_text("PJU-2 ditolak")
    assert gate.state(request) == "refused"
    assert phone.evaluate("document.documentElement.scrollWidth") <= SIZES["phone"]["width"]


def test_the_list_renews_itself_and_says_when_nobody_waits(gate, address, desk):
    desk.clock.install()
    shown(desk, address)
    expect(desk.locator(".enrolments .empty")).to_contain_text("No controller waits")
    request = gate.ask()
    desk.clock.fast_forward(6_000)
    expect(desk.locator(f"[data-request='{request.id}']")).to_be_visible(timeout=12_000)
    gate.enrolments.refuse(request.id, "somebody else", datetime.now(UTC))
    desk.clock.fast_forward(6_000)
    expect(desk.locator(f"[data-request='{request.id}']")).to_have_count(0)


def test_a_decision_that_comes_too_late_says_so(gate, address, desk):
    request = gate.ask()
    shown(desk, address)
    desk.locator("[data-decide=approve]").click()
    gate.enrolments.refuse(request.id, "somebody else", datetime.now(UTC))
    desk.locator("[data-answer=yes]").click()
    expect(desk.locator(".decided .error")).to_contain_text("PJU-1 no longer waits")
    assert gate.state(request) == "refused"


def test_ages_are_the_servers_on_a_device_whose_clock_is_a_day_off(gate, address, desk):
    gate.ask(at=datetime.now(UTC) - APPROVAL_TIME / 2)
    desk.clock.install(time=datetime.now(UTC).timestamp() + 86_400)
    shown(desk, address)
    card = desk.locator(".request")
    expect(card).to_contain_text(re.compile(r"(6\d|7\d|8\d) seconds ago"))
    expect(card).to_contain_text(re.compile(r"Time left\s*([345]\d) seconds"))


def test_an_answer_without_age_and_cabinets_shows_what_it_has(gate, address, desk):
    request = gate.ask()

    def older(route):
        answer = route.fetch()
        items = [
            {k: v for k, v in item.items() if k not in {"age_s", "asked_at", "cabinets"}}
            for item in answer.json()["items"]
        ]
        route.fulfill(response=answer, json={"items": items, "next_cursor": None})

    desk.route("**/api/v1/enrolments", older)
    shown(desk, address)
    expect(desk.locator(f"[data-request='{request.id}'] .key")).to_be_visible()
    for words in ("null", "undefined", "NaN"):
        expect(desk.locator(".request")).not_to_contain_text(words)


def test_a_controller_is_let_in_by_keyboard_alone(gate, address, desk):
    request = gate.ask()
    shown(desk, address)
    expect(desk.locator(".request")).to_be_visible()

    def tab_to(selector):
        for _ in range(60):
            if desk.evaluate("(s) => document.activeElement.matches(s)", selector):
                return
            desk.keyboard.press("Tab")
        pytest.fail(f"{selector} is not reached by Tab")

    tab_to("[data-decide=approve]")
    desk.keyboard.press("Enter")
    expect(desk.locator("[data-answer=no]")).to_be_focused()  # the harmless answer
    desk.keyboard.press("Escape")
    expect(desk.locator("dialog.question")).to_have_count(0)
    expect(desk.locator("[data-decide=approve]")).to_be_focused()  # still on the page of controllers
    desk.keyboard.press("Enter")
    expect(desk.locator("[data-answer=no]")).to_be_focused()
    tab_to("[data-answer=yes]")
    desk.keyboard.press("Enter")
    expect(desk.locator(".decided")).to_be_focused()
    assert gate.state(request) == "approved"
    desk.keyboard.press("Escape")
    expect(desk.locator("#faults")).to_be_visible()


@pytest.mark.parametrize(
    ("size", "locale", "scheme"),
    [
        ("phone", "id-ID", "light"),
        ("phone", "en-GB", "dark"),
        ("desktop", "en-GB", "light"),
        ("desktop", "id-ID", "dark"),
    ],
)
def test_axe_finds_nothing(browser, axe, gate, address, size, locale, scheme):
    gate.ask()
    with contextlib.closing(
        browser.new_context(viewport=SIZES[size], locale=locale, color_scheme=scheme, reduced_motion="reduce")
    ) as context:
        page = without_map(context)
        shown(page, address)
        expect(page.locator(".request")).to_be_visible()
        assert findings(page, axe) == []
        page.locator("[data-decide=refuse]").click()
        expect(page.locator("dialog.question")).to_be_visible()
        assert findings(page, axe) == []


def test_only_an_operator_sees_and_decides(tmp_path, browser):
    town = Town(tmp_path)
    town.write_live([2] * 40)
    People(town.city, wall_us).add("vivi", "viewer")
    with serving(town.city) as port, contextlib.closing(browser.new_context(locale="en-GB")) as context:
        page = without_map(context)
        page.goto(f"http://127.0.0.1:{port}/controllers")
        expect(page).to_have_url(re.compile(r"/sign-in\?next=%2Fcontrollers"))
        page.fill("#name", "vivi")
        page.fill("#password", PASSWORD)
        page.locator("form").first.locator("button").click()
        expect(page.locator(".enrolments [role=alert]")).to_contain_text("Only an operator")
        expect(page.locator("[data-decide]")).to_have_count(0)
    town.engine.dispose()


def test_the_api_says_when_a_request_came_and_which_cabinets_it_is_about(gate, address, desk):
    asked = datetime.now(UTC) - timedelta(seconds=5)  # of the past: the age is told to a tenth
    request = gate.ask(at=asked)
    (item,) = desk.request.get(f"{address}/api/v1/enrolments").json()["items"]
    assert item["id"] == request.id
    assert abs((datetime.fromisoformat(item["asked_at"]) - asked).total_seconds()) < 1
    assert 5 <= item["age_s"] < 60
    assert item["cabinets"] == [{"cabinet_id": "C-1", "name": "Panel 1"}]
