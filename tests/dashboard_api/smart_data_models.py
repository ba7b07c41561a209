"""The parts of Smart Data Models' common schema that the schemas of the three entity types refer to."""

from __future__ import annotations

_PLACE = {"type": "array", "minItems": 2, "maxItems": 3, "items": {"type": "number"}}
# the parts of the common schema that the three schemas refer to, as far as they concern what is written here
COMMON = {
    "definitions": {
        "GSMA-Commons": {
            "properties": {
                "id": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 256,
                    "pattern": "^[A-Za-z][A-Za-z0-9+.-]*:[!-~]+$",
                },
                "name": {"type": "string"},
            },
            "required": ["id"],
        },
        "Location-Commons": {
            "properties": {
                "location": {
                    "type": "object",
                    "required": ["type", "coordinates"],
                    "oneOf": [
                        {"properties": {"type": {"const": "Point"}, "coordinates": _PLACE}},
                        {
                            "properties": {
                                "type": {"const": "MultiPoint"},
                                "coordinates": {"type": "array", "items": _PLACE, "minItems": 1},
                            }
                        },
                    ],
                },
                "address": {
                    "type": "object",
                    "properties": {"streetAddress": {"type": "string"}, "addressLocality": {"type": "string"}},
                    "additionalProperties": False,
                },
                "areaServed": {"type": "string"},
            }
        },
        "PhysicalObject-Commons": {},
        "dateYearLess": {"type": "string"},
    }
}
