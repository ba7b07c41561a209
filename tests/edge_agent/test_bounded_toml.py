"""TOML with anything in it: read within limits, or one clear error."""

from __future__ import annotations

import time
import tomllib
from pathlib import Path

import pytest

from edge_agent.wire import WireError, read_toml_text
from edge_agent.wire.bounded_toml import MAX_DEPTH

HOSTILE = {
    "arrays in arrays": "x = " + "[" * 5000 + "]" * 5000,
    "arrays that do not end": "x = " + "[" * 100_000,
    "tables in tables": "x = " + "{a = " * 400 + "1" + "}" * 400,
    "a key of 50,000 parts": "a" + ".a" * 50_000 + " = 1",
    "a key of quoted parts": "a" + ' . "b"' * 50_000 + " = 1",
    "a key of 50,000 parts in a table": "x = {a" + ".a" * 50_000 + " = 1}",
    "a name of 50,000 parts": "[a" + ".a" * 50_000 + "]",
    "a key of 50,000 parts after texts": "x = '''\n\"'''\ny = \"\"\"''' \\\"\"\"\"\na" + ".a" * 50_000 + " = 1",
    "5000 digits": "x = " + "9" * 5000,
    "100,000 hexadecimal digits": "x = 0x" + "f" * 100_000,
    "65 bits": f"x = {1 << 63}",
    "a text of a million": "x = '" + "y" * 900_000 + "'",
    "too long": "#" * 1_000_001,
    "half a file": '[city]\nname = "Kota',
    "UTF-16": "\xff\xfe[\0c\0]\0",
    "not UTF-8": "x = '\xff'",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_toml_is_one_clear_error(kind: str) -> None:
    began = time.process_time()
    with pytest.raises(WireError) as caught:
        read_toml_text(HOSTILE[kind].encode("latin-1"))
    assert len(str(caught.value)) < 300
    assert time.process_time() - began < 1.0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\ufeffx = 1",
        "x = 1\r\ny = 2\r\n",
        "a.b.c.d = [[1, 2], [{x = {y = 1}}]] # [[[[",
        'x = "' + "[" * 100 + '"\ny = \'' + "{" * 100 + "'",
        "z = '''" + "[" * 100 + "\n'''\nu = \"\"\"\\\"" + "[" * 100 + '"""',
        'hosts = ["' + "a." * 60 + 'id"]  # ' + "a." * 100,
        f"x = [{1 << 62}, 0x7f, 1e300, inf, 1979-05-27T07:32:00Z]",
    ],
)  # fmt: skip
def test_what_a_city_may_write_is_read_as_python_reads_it(text: str) -> None:
    assert read_toml_text(text.encode()) == tomllib.loads(text.removeprefix("\ufeff"))


def test_every_toml_file_of_the_project_is_read_alike() -> None:
    root = Path(__file__).parents[2]
    files = [path for folder in ("edge_agent", "ingest", "docs") for path in (root / folder).rglob("*.toml")]
    assert files
    for path in [*files, root / "pyproject.toml"]:
        assert read_toml_text(path.read_bytes()) == tomllib.loads(path.read_text()), path


def test_nesting_is_counted_outside_of_texts_alone() -> None:
    deep = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert read_toml_text(f"x = {deep}\ny = {deep}".encode())
    with pytest.raises(WireError, match="nested"):
        read_toml_text(f"x = [{deep}]".encode())
