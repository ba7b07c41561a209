"""Labels of poles and panels: what their codes hold, and who may print them."""

from __future__ import annotations

import re

import pytest
import segno
from typer.testing import CliRunner

from dashboard_api.__main__ import app
from dashboard_api.formats.label_sheet import PER_SHEET, Label, label_address, label_sheets
from languages.catalogue import load_languages


@pytest.mark.parametrize(
    ("label", "address"),
    [
        (Label("lamp", "L-001", ""), "https://terang.siak.go.id/crew?lamp=L-001"),
        (Label("cabinet", "C-1", ""), "https://terang.siak.go.id/crew?cabinet=C-1"),
        (Label("lamp", "PJU/17 & 3#é", ""), "https://terang.siak.go.id/crew?lamp=PJU%2F17%20%26%203%23%C3%A9"),
    ],
)
def test_a_label_leads_to_its_place_in_the_crews_page(label, address):
    assert label_address("https://terang.siak.go.id/", label) == address


def test_a_sheet_holds_21_labels_and_the_code_of_each():
    labels = [Label("lamp", f"L-{n:03d}", "Jalan <Melati>") for n in range(PER_SHEET + 1)]
    document = "".join(label_sheets(labels, "https://t.id", "Kota & Uji", load_languages()["en"]))
    assert document.count('class="sheet"') == 2
    assert document.count("<svg") == len(labels)
    assert "Jalan &lt;Melati&gt;" in document
    assert "Kota &amp; Uji" in document
    drawn = segno.make_qr("https://t.id/crew?lamp=L-003", error="m").svg_inline(omitsize=True)
    path = re.search(r' d="[^"]+"', drawn).group()
    assert document.count(path) == 1


def test_the_page_prints_a_cabinet_in_the_order_of_its_cables(client):
    answer = client.get("/labels", params={"cabinet_id": "C-1", "lang": "en"})
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    ids = re.findall(r"<b>([^<]+)</b>", answer.text)
    assert ids == ["C-1", *(f"L-{n:03d}" for n in range(20))]
    assert client.get("/labels?cabinet_id=none").status_code == 404
    assert client.get("/labels").status_code == 422
    assert client.get("/labels?cabinet_id=C-1&lamp=x").status_code == 400


def test_the_command_writes_the_whole_city_or_the_cabinets_named(town, tmp_path):
    out = tmp_path / "labels.html"
    arguments = ["labels", "--city", str(tmp_path), "--site", "https://t.id", "--out", str(out)]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert out.read_text(encoding="utf-8").count("<svg") == 42
    assert CliRunner().invoke(app, [*arguments, "--cabinet", "C-2"]).exit_code == 0
    assert out.read_text(encoding="utf-8").count("<svg") == 21


@pytest.mark.parametrize("more", [[], ["--site", "terang"], ["--site", "https://t.id", "--cabinet", "none"]])
def test_the_command_says_what_is_wrong(town, tmp_path, more):
    result = CliRunner().invoke(app, ["labels", "--city", str(tmp_path), *more])
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
