"""What the metrics of the wire can carry: Float, UInt32 (whose highest number means "unknown") and UInt64."""

import math

FLOAT32_MAX = (2 - 2**-23) * 2.0**127
METRIC_RANGES = {
    "energy_wh": (0.0, math.nextafter(2.0**64, 0)),
    "burning_hours": (0.0, 2.0**32 - 2),
    "switch_count": (0.0, 2.0**32 - 2),
    "level": (0.0, 100.0),
}
