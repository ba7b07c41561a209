"""Coverage-guided fuzzing of what the agent reads from strangers: bytes of a serial line, and messages of a broker.

    pip install atheris protobuf
    PYTHONPATH=. python tests/fuzz/fuzz_edge.py frames CORPUS_DIR -max_total_time=600
    PYTHONPATH=. python tests/fuzz/fuzz_edge.py payload CORPUS_DIR -max_total_time=600
    PYTHONPATH=. python tests/fuzz/fuzz_edge.py command CORPUS_DIR -max_total_time=600

A crash is any exception that the function does not name, or a law broken: a frame that is taken has a valid checksum
and stood in the stream; a payload that decodes encodes again to one that decodes to the same; a command that is taken
keeps to the contract's limits. ``payload`` throws bytes, ``command`` builds well-formed messages of wrong contents,
which random bytes hardly ever reach.
"""

import json
import math
import sys

import atheris

with atheris.instrument_imports(include=["edge_agent"]):
    from edge_agent.control.command import BadCommand, parse_command
    from edge_agent.serial.frames import (
        ReplyScanner,
        Request,
        checksum,
        read_bits,
        read_registers,
        write_coil,
        write_register,
    )
    from edge_agent.serial.plausibility import believable, is_plausible
    from edge_agent.serial.profile import RegisterBlock
    from edge_agent.serial.profile_file import SHIPPED, load_profile
    from edge_agent.wire import (
        CATALOGUE,
        DataType,
        PayloadMessage,
        WireError,
        decode_payload,
        decode_state,
        encode_payload,
        parse_topic,
        unpack_array,
        unpack_strings,
    )
    from edge_agent.wire.schedule import BadSchedule, Timetable, parse_schedule

PROFILE = load_profile("lamp-node", SHIPPED)
DECODE = PROFILE.decoder(RegisterBlock(0, 17))
N_LAMPS = 3
AT_MS = 1_795_000_000_000
ZONES = ("Asia/Jakarta", "America/St_Johns", "Antarctica/Troll", "Nowhere/Land", "")


def pick_request(source: "atheris.FuzzedDataProvider") -> Request:
    address = source.ConsumeIntInRange(1, 255)
    kind = source.ConsumeIntInRange(0, 3)
    first = source.ConsumeIntInRange(0, 0xFF00)
    if kind == 0:
        return read_registers(address, source.ConsumeIntInRange(3, 4), first, source.ConsumeIntInRange(1, 20))
    if kind == 1:
        return read_bits(address, source.ConsumeIntInRange(1, 2), first, source.ConsumeIntInRange(1, 40))
    if kind == 2:
        return write_register(address, first, source.ConsumeIntInRange(0, 0xFFFF))
    return write_coil(address, first, is_on=source.ConsumeBool())


def fuzz_frames(data: bytes) -> None:
    source = atheris.FuzzedDataProvider(data)
    request = pick_request(source)
    scanner = ReplyScanner(request, is_echoing=source.ConsumeBool())
    is_mended = source.ConsumeBool()
    stream, reply, n_fed = b"", None, 0
    while source.remaining_bytes() and reply is None:
        chunk = source.ConsumeBytes(source.ConsumeIntInRange(0, 60))
        if is_mended and len(chunk) > 3:  # a checksum that fits is beyond luck
            head = request.reply_head if source.ConsumeBool() else chunk[:3]
            chunk = head + chunk[3:]
            chunk += checksum(chunk)
        stream += chunk
        n_fed += len(chunk)
        reply = scanner.feed(chunk)
        assert reply is not None or len(scanner._buffer) <= max(request.reply_length, 8), "the buffer grows"
    reply = reply or scanner.finish()
    assert scanner.finish() is None or reply is None, "a reply comes once"
    if reply is None or not request.n_data:
        return
    if reply.exception is not None:
        body = bytes((request.address, request.function | 0x80, reply.exception))
    else:
        assert len(reply.data) == request.n_data
        body = request.reply_head + reply.data
    assert body + checksum(body) in stream, "a frame that was never sent"
    if request.n_data == 34:
        values = DECODE(reply.data)
        is_plausible(PROFILE, values)
        assert all(math.isfinite(value) for value in believable(PROFILE, values).values())


def fuzz_payload(data: bytes) -> None:
    try:
        payload = decode_payload(data)
    except WireError:
        payload = None
    if payload is not None:
        try:
            again = decode_payload(encode_payload(payload))
        except WireError:
            again = None
        if again is not None:
            assert len(again.metrics) == len(payload.metrics)
            assert again.seq == payload.seq
        for metric in payload.metrics:
            if isinstance(metric.value, bytes):
                for datatype in (DataType.FLOAT_ARRAY, DataType.UINT32_ARRAY, DataType.BOOLEAN):
                    attempt(unpack_array, datatype, metric.value)
                attempt(unpack_strings, metric.value)
    attempt(parse_command, data, N_LAMPS)
    attempt(decode_state, data)
    text = data.decode("utf-8", "replace")
    attempt(parse_topic, text)
    attempt(parse_schedule, text)


def fuzz_command(data: bytes) -> None:
    source = atheris.FuzzedDataProvider(data)
    message = PayloadMessage()
    for _ in range(source.ConsumeIntInRange(1, 6)):
        metric = message.metrics.add()
        spec = CATALOGUE[source.ConsumeIntInRange(0, len(CATALOGUE) - 1)]
        if source.ConsumeBool():
            metric.name = spec.name
        if source.ConsumeBool() and spec.alias is not None:
            metric.alias = spec.alias
        if source.ConsumeBool():
            metric.datatype = source.ConsumeIntInRange(0, 40)
        fill(metric, source)
    wire = message.SerializeToString()
    try:
        command = parse_command(wire, N_LAMPS)
    except BadCommand:
        return
    if command.dim is not None:
        assert len(command.dim.levels) == N_LAMPS
        assert all(level <= 100 or level >= 254 for level in command.dim.levels)
    if command.acknowledged is not None:
        assert all(isinstance(number, int) and number >= 0 for number in command.acknowledged)
    if command.schedule is not None:
        try:
            schedule = parse_schedule(command.schedule)
        except BadSchedule:
            return
        assert 0 <= Timetable(schedule, 0.8, 102.0).level(AT_MS) <= 100


def fill(metric, source: "atheris.FuzzedDataProvider") -> None:
    match source.ConsumeIntInRange(0, 7):
        case 0:
            metric.int_value = source.ConsumeUInt(4)
        case 1:
            metric.long_value = source.ConsumeUInt(8)
        case 2:
            metric.double_value = source.ConsumeFloat()
        case 3:
            metric.boolean_value = source.ConsumeBool()
        case 4:
            metric.string_value = source.ConsumeUnicodeNoSurrogates(40)
        case 5:
            metric.bytes_value = source.ConsumeBytes(source.ConsumeIntInRange(0, N_LAMPS + 1))
        case 6:
            metric.is_null = True
        case 7:
            step = {"at": moment(source), "level": source.ConsumeIntInRange(-1, 101)}
            document = {"version": source.ConsumeInt(4), "timezone": ZONES[source.ConsumeIntInRange(0, len(ZONES) - 1)]}
            document |= {"on": moment(source), "off": moment(source), "dim": [step] * source.ConsumeIntInRange(0, 2)}
            metric.string_value = json.dumps(document)


def moment(source: "atheris.FuzzedDataProvider") -> str:
    kind = ("sunset", "sunrise", "")[source.ConsumeIntInRange(0, 2)]
    sign = "+-"[source.ConsumeBool()]
    clock = f"{source.ConsumeIntInRange(0, 24):02}:{source.ConsumeIntInRange(0, 60):02}"
    return f"{kind}{sign}{source.ConsumeIntInRange(0, 1000)}m" if kind else clock


def attempt(function, *arguments) -> None:
    try:
        function(*arguments)
    except (WireError, BadCommand, BadSchedule):
        return


if __name__ == "__main__":
    target = {"frames": fuzz_frames, "payload": fuzz_payload, "command": fuzz_command}[sys.argv.pop(1)]
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()
