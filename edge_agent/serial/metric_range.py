"""What the metrics of the wire can carry: Float, UInt32 (whose highest number means "unknown") and UInt64."""

import math

from edge_agent.wire import LAMP_QUANTITIES

FLOAT32_MAX = (2 - 2**-23) * 2.0**127
METRIC_RANGES = {
    **{
        q.name: (0.0, float(q.unknown - 1))
        for q in LAMP_QUANTITIES
        if q.is_from_meter and not q.is_float and q.unknown is not None
    },
    "energy_wh": (0.0, math.nextafter(2.0**64, 0)),  # of a cabinet
    "level": (0.0, 100.0),
}
