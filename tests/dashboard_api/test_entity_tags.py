"""Lists carry entity tags: the newest answer is not sent twice, and a changed one always is."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ET

import pytest
from ulid import ULID

LISTS = (
    "/api/v1/faults",
    "/api/v1/faults?f=csv",
    "/api/v1/faults?f=gpx",
    "/api/v1/faults?f=geojson",
    "/api/v1/faults?state=any&limit=1",
    "/api/v1/repairs",
    "/api/v1/cabinets",
    "/api/v1/codes",
    "/api/v1/quantities",
    "/api/v1/maintenance",
    "/api/v1/lamps/states",
    "/api/v1/lamps.geojson",
)


@pytest.mark.parametrize("url", LISTS)
def test_a_list_that_the_caller_holds_is_not_sent_again(town, client, url):
    town.darken(1)
    town.write_live([2] * 40)
    first = client.get(url)
    tag = first.headers["etag"]
    for held in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        again = client.get(url, headers={"If-None-Match": held})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag), held
    other = client.get(url, headers={"If-None-Match": '"other"'})
    assert (other.status_code, other.headers["etag"]) == (200, tag)


def test_whatever_changes_an_answer_changes_its_tag(town, client):
    town.write_live([2] * 40)

    def tags():
        return {url: client.get(url).headers["etag"] for url in LISTS}

    def changed(before):
        after = tags()
        return {url for url in LISTS if after[url] != before[url]}, after

    faults, lamps = set(LISTS[:5]), {"/api/v1/lamps/states", "/api/v1/lamps.geojson"}
    before = tags()
    town.darken(1)
    seen, before = changed(before)
    assert seen == faults | lamps
    fault = client.get("/api/v1/faults").json()["items"][0]
    body = {"action_id": str(ULID()), "action": "repair"}
    client.post(f"/api/v1/faults/{fault['id']}/actions", json=body)
    seen, before = changed(before)
    assert seen >= faults | {"/api/v1/repairs"}
    town.write_live([3] * 40, at_us=1_790_000_001_000_000)
    seen, before = changed(before)
    assert seen == {"/api/v1/cabinets", *lamps}
    client.post("/api/v1/maintenance", json={"lamp_id": "L-001", "until": "2026-09-22T00:00:00Z"})
    seen, before = changed(before)
    assert seen == {"/api/v1/maintenance"}


def test_tags_differ_by_language_format_and_page(town, client):
    town.darken(1, 2)
    urls = ["", "?lang=id", "?f=csv", "?f=gpx", "?f=geojson", "?limit=1"]
    assert len({client.get("/api/v1/faults" + url).headers["etag"] for url in urls}) == len(urls)


def test_csv_and_gpx_say_where_what_and_how_many(town, client):
    town.raise_circuit()
    town.darken(1)
    text = client.get("/api/v1/faults?f=csv").content.decode("utf-8-sig")
    rows = {row["code"]: row for row in csv.DictReader(io.StringIO(text))}
    assert (rows["circuitFailure"]["lamps"], rows["lampFailure"]["lamps"]) == ("20", "1")
    assert rows["lampFailure"]["title"] == "Lamp dark"
    gpx = ET.fromstring(client.get("/api/v1/faults?f=gpx").text)
    names = [name.text for name in gpx.iter("{http://www.topografix.com/GPX/1/1}name")]
    assert "L-001 · =Jalan Melati · Lamp dark" in names
