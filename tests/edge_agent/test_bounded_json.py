"""The JSON reader for documents from outside: limits on size, depth, numbers, texts and names."""

import json
import random
import time

import pytest

from edge_agent.wire import WireError, decode_state, read_json
from tests.growth import check_growth

REFUSED = {
    "nested arrays": "[" * 100_000 + "]" * 100_000,
    "nested objects": '{"a":' * 17 + "1" + "}" * 17,
    "never closed": "[" * 50_000,
    "NaN": '{"a": NaN}',
    "infinity": "[Infinity]",
    "minus infinity": "[-Infinity]",
    "a float beyond its range": "[1e400]",
    "an integer of 5,000 digits": "9" * 5000,
    "an integer of 64 bits": str(1 << 63),
    "a number with 50 decimals": "0." + "1" * 50,
    "a name twice": '{"version": 1, "version": 2}',
    "half of a surrogate pair": '"\\ud800"',
    "half of a surrogate pair in a name": '{"\\udfff": 1}',
    "a NUL": '["\\u0000"]',
    "an escape character": '["\\u001b[31m"]',
    "too long": '"' + "a" * 70_000 + '"',
    "not UTF-8": b'"\xff"',
    "a byte-order mark": b"\xef\xbb\xbf{}",
    "nothing": "",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_beyond_a_limit_is_refused(name: str) -> None:
    with pytest.raises(WireError):
        read_json(REFUSED[name])
    with pytest.raises(WireError):
        decode_state(data if isinstance(data := REFUSED[name], bytes) else data.encode())


def test_what_is_within_the_limits_reads_as_it_is() -> None:
    document = {"a": [1, -2, (1 << 63) - 1, 0.5, True, None, 'brackets [{ and "quotes\\'], "é": {"line": "one\ntwo"}}
    assert read_json(json.dumps(document)) == document
    assert read_json(json.dumps(document, ensure_ascii=False).encode()) == document
    deepest = "[" * 16 + "]" * 16
    assert json.dumps(read_json(deepest)) == deepest


def test_every_document_reads_as_pythons_reader_reads_it_or_is_refused() -> None:
    draw = random.Random(15)
    pieces = ['"', "\\", "[", "]", "{", "}", ":", ",", "1", "-", "e", ".", "a", "\\u0041", "true", "null", " "]
    n_read = 0
    for _ in range(30_000):
        text = "".join(draw.choices(pieces, k=draw.randint(1, 8)))
        try:
            found = read_json(text)
        except WireError:
            continue
        n_read += 1
        assert found == json.loads(text)
    assert n_read > 300


@pytest.mark.parametrize("piece", ['"', '\\"', '"\\', "[", "{}", '"a",', "[1],"])
def test_the_work_grows_no_faster_than_the_document(piece: str) -> None:
    def cost_s(text: str) -> float:
        began = time.process_time()
        with pytest.raises(WireError):
            read_json(text, max_bytes=1 << 24)
        return time.process_time() - began

    small, large = ("[" + piece * (n // len(piece)) for n in (100_000, 400_000))
    check_growth(lambda: cost_s(small), lambda: cost_s(large), factor=8, slack_s=0.05, tries=30)  # 16 if quadratic
