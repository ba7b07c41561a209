"""Subscriptions as a context broker sends them."""

from __future__ import annotations

T0 = 1_790_000_000_000_000
SUBSCRIPTIONS = "/ngsi-ld/v1/subscriptions"
WISH = {
    "type": "Subscription",
    "entities": [{"type": "Streetlight"}],
    "notification": {"format": "keyValues", "endpoint": {"uri": "http://broker.example:1026/notify"}},
}
