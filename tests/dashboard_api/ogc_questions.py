"""Questions to the collection of faults."""

from __future__ import annotations

ITEMS = "/ogc/collections/faults/items"


def ask(client, text, **more):
    return client.get(ITEMS, params={"filter": text, "limit": 1000, **more})


def lamps(client, text, **more):
    response = ask(client, text, **more)
    assert response.status_code == 200, response.text
    document = response.json()
    assert document["numberMatched"] == len(document["features"])
    return "".join(one["properties"]["lamp_id"][-1] for one in document["features"])
