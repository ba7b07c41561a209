"""The wire format: Sparkplug B topics, Terang's metric catalogue, the payload codec, and the schedule's grammar.

Owns what goes over MQTT between an agent and its host, and nothing else: no socket, no file, no clock. Imports
nothing else of the project; everything downstream imports this package and none of its inner modules but ``schedule``,
which brings astral and is not needed by whoever only reads payloads. Source: Sparkplug 3.0 (ISO/IEC 20237) for topics,
payloads and state; the catalogue is Terang's own.
"""

from edge_agent.wire.bounded_json import read_json
from edge_agent.wire.bounded_toml import read_toml_text
from edge_agent.wire.catalogue import (
    BY_ALIAS,
    BY_NAME,
    CATALOGUE,
    COMMAND_LEAVE,
    COMMAND_SCHEDULE,
    PHASES,
    STATUS_DRIVER_FAULT,
    STATUS_RELAY_CLOSED,
    STATUS_RESTARTED,
    STATUS_THERMAL_DERATING,
    STATUS_THERMAL_SHUTDOWN,
    MetricSpec,
    Quality,
)
from edge_agent.wire.datatypes import ARRAY_TYPECODE, DataType
from edge_agent.wire.errors import WireError
from edge_agent.wire.payload import (
    Metric,
    Payload,
    Value,
    decode_payload,
    encode_payload,
    pack_array,
    pack_strings,
    unpack_array,
    unpack_strings,
)
from edge_agent.wire.quantities import CABINET as CABINET_QUANTITIES
from edge_agent.wire.quantities import CIRCUITS as CIRCUIT_QUANTITIES
from edge_agent.wire.quantities import CONTACTS as CONTACT_QUANTITIES
from edge_agent.wire.quantities import LAMPS as LAMP_QUANTITIES
from edge_agent.wire.quantities import LEVEL_UNKNOWN, SHOWN_UNITS, UNKNOWN_UINT32, Quantity, Summary
from edge_agent.wire.sparkplug_pb2 import Payload as PayloadMessage
from edge_agent.wire.topics import (
    MESSAGE_TYPES,
    NAMESPACE,
    NBIRTH,
    NCMD,
    NDATA,
    NDEATH,
    SEQ_MODULUS,
    NodeTopic,
    client_id,
    decode_state,
    encode_state,
    host_client_id,
    parse_topic,
    state_topic,
)

__all__ = [
    "ARRAY_TYPECODE",
    "BY_ALIAS",
    "BY_NAME",
    "CABINET_QUANTITIES",
    "CATALOGUE",
    "CIRCUIT_QUANTITIES",
    "COMMAND_LEAVE",
    "COMMAND_SCHEDULE",
    "CONTACT_QUANTITIES",
    "LAMP_QUANTITIES",
    "LEVEL_UNKNOWN",
    "MESSAGE_TYPES",
    "NAMESPACE",
    "NBIRTH",
    "NCMD",
    "NDATA",
    "NDEATH",
    "PHASES",
    "SEQ_MODULUS",
    "SHOWN_UNITS",
    "STATUS_DRIVER_FAULT",
    "STATUS_RELAY_CLOSED",
    "STATUS_RESTARTED",
    "STATUS_THERMAL_DERATING",
    "STATUS_THERMAL_SHUTDOWN",
    "UNKNOWN_UINT32",
    "DataType",
    "Metric",
    "MetricSpec",
    "NodeTopic",
    "Payload",
    "PayloadMessage",
    "Quality",
    "Quantity",
    "Summary",
    "Value",
    "WireError",
    "client_id",
    "decode_payload",
    "decode_state",
    "encode_payload",
    "encode_state",
    "host_client_id",
    "pack_array",
    "pack_strings",
    "parse_topic",
    "read_json",
    "read_toml_text",
    "state_topic",
    "unpack_array",
    "unpack_strings",
]
