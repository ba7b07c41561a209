"""One row in the declaration is all that a new quantity takes, from the meter to the page's labels."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from dashboard_api.api.city import quantity_items
from edge_agent.wire import CABINET_QUANTITIES, CATALOGUE, CIRCUIT_QUANTITIES, CONTACT_QUANTITIES, LAMP_QUANTITIES
from tests.end_to_end.declared_quantity import LUX

REPOSITORY = Path(__file__).parents[2]
CASES = {
    "UINT16_ARRAY": ("0xFFFF", "<u2", "uint16"),
    "UINT32_ARRAY": ("UNKNOWN_UINT32", "<u4", "uint32"),
    "FLOAT_ARRAY": ("_NAN", "<f4", "float"),
    "DOUBLE_ARRAY": ("_NAN", "<f8", "double"),
}


@pytest.mark.parametrize("datatype", CASES)
@pytest.mark.parametrize("is_slow", [False, True])
def test_a_quantity_goes_all_the_way_by_one_declaration(datatype: str, is_slow: bool, tmp_path: Path) -> None:
    unknown, dtype, stored = CASES[datatype]
    row = (
        f'Quantity("illuminance", "illuminance_lx", "Lamps/Illuminance", 41, DataType.{datatype}, "lx",'
        f' "Illuminance", "Iluminansi", {unknown}, is_slow={is_slow})'
    )
    script = str(REPOSITORY / "tests/end_to_end/declared_quantity.py")
    command = [sys.executable, script, str(tmp_path), row]
    environment = {"PYTHONPATH": str(REPOSITORY)}
    ran = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    is_float = dtype.startswith("<f")
    first, second, _ = LUX
    # decoded, stored and read back: unknown stays unknown, and nothing else is
    assert said["dtype"] == dtype
    unknown_number = {"<u2": 0xFFFF, "<u4": 0xFFFFFFFF}.get(dtype)
    assert said["decoded"] == [first, second, unknown_number]
    assert said["read_back"] == said["written"]
    assert said["parquet"] == stored
    assert said["raw"] == [first, second, None]
    assert said["mean"] == [first, second, None]
    # line protocol: absent where unknown
    suffix = "" if is_float else "i"
    fields = [dict(part.split("=") for part in line.split(" ")[1].split(",")) for line in said["lines"]]
    reported = [values.get("illuminance_lx", "").removesuffix(suffix) for values in fields]
    assert [float(text) if text else None for text in reported] == [first, second, None]
    # thinned: the mean of measured values, the last of whole numbers
    assert said["thinned"] == [[first], [second], [None]]
    how = "mean" if is_float else "last"
    assert f'{how}("illuminance_lx") AS "illuminance_lx"' in said["thin_statement"]
    titles = said["quantity"].pop("title")
    assert (titles["id"], titles["en"]) == ("Iluminansi", "Illuminance")
    assert said["quantity"] == {
        "name": "illuminance_lx",
        "unit": "lx",
        "decimals": 0,
        "summary": "mean",
    }


def test_a_quantity_that_no_catalogue_names_yet_is_called_as_it_is_declared() -> None:
    languages = [SimpleNamespace(language=code, find=lambda _key: None) for code in ("id", "en", "nl")]
    titles = {item["name"]: item["title"] for item in quantity_items(languages)}  # type: ignore[arg-type]
    assert titles["power_factor"] == {"id": "Faktor daya", "en": "Power factor", "nl": "Power factor"}


DECLARATION = "edge_agent/wire/quantities.py"
PRODUCT = ("edge_agent", "ingest", "dashboard_api")
# The live picture holds what detection keeps of the newest reading: a format of its own.
OTHER_LISTS = {"ingest/schema/live.py"}
JUDGES = "ingest/detection/"  # rules name the quantities that they judge
MOST_NAMED = 4


def product_files(*suffixes: str) -> dict[str, str]:
    paths = [path for package in PRODUCT for path in (REPOSITORY / package).rglob("*") if path.suffix in suffixes]
    names = {path.relative_to(REPOSITORY).as_posix(): path for path in paths if "node_modules" not in path.parts}
    return {name: path.read_text(encoding="utf-8") for name, path in names.items() if "/dist/" not in name}


@pytest.mark.parametrize("name", ["burning_hours", "Burning Hours", "Switch Count", "Jam nyala"])
def test_a_quantity_is_named_in_its_declaration_and_where_it_is_judged_alone(name: str) -> None:
    files = product_files(".py", ".ts")
    assert name in files[DECLARATION]
    assert [path for path, text in files.items() if name in text and not path.startswith(JUDGES)] == [DECLARATION]


def test_no_list_of_quantities_stands_beside_the_declaration() -> None:
    names = {word for q in LAMP_QUANTITIES for word in (q.name, q.column, q.metric)} - {"quality"}
    found = []
    for path, text in product_files(".py").items():
        if path == DECLARATION or path in OTHER_LISTS or path.startswith(JUDGES):
            continue
        for node in ast.walk(ast.parse(text)):
            match node:
                case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items):
                    words = {item.value for item in items if isinstance(item, ast.Constant)}
                case ast.Dict(keys=keys):
                    words = {key.value for key in keys if isinstance(key, ast.Constant)}
                case ast.Call(keywords=keywords):
                    words = {keyword.arg for keyword in keywords}
                case ast.ClassDef(body=body):
                    targets = [one.target for one in body if isinstance(one, ast.AnnAssign)]
                    words = {target.id for target in targets if isinstance(target, ast.Name)}
                case _:
                    continue
            if len(words & names) > MOST_NAMED:
                found.append((path, getattr(node, "lineno", 0), sorted(words & names)))
    assert not found


def test_declared_names_and_aliases_are_different() -> None:
    for quantities in (LAMP_QUANTITIES, CIRCUIT_QUANTITIES, CABINET_QUANTITIES, CONTACT_QUANTITIES):
        assert len({q.name for q in quantities}) == len({q.column for q in quantities}) == len(quantities)
    aliases = [spec.alias for spec in CATALOGUE if spec.alias is not None]
    assert len(set(aliases)) == len(aliases)
    assert len({spec.name for spec in CATALOGUE}) == len(CATALOGUE)


# What outboxes, births that agents have sent, segments and InfluxDB hold already: rows may be added, none may change.
STORED = {
    "Lamps/Voltage": (9, "FLOAT_ARRAY", "voltage_v"),
    "Lamps/Current": (10, "FLOAT_ARRAY", "current_a"),
    "Lamps/Power": (11, "FLOAT_ARRAY", "power_w"),
    "Lamps/Power Factor": (12, "FLOAT_ARRAY", "power_factor"),
    "Lamps/Temperature": (13, "FLOAT_ARRAY", "temperature_c"),
    "Lamps/Energy": (14, "UINT32_ARRAY", "energy_wh"),
    "Lamps/Burning Hours": (15, "UINT32_ARRAY", "burning_hours"),
    "Lamps/Switch Count": (16, "UINT32_ARRAY", "switch_count"),
    "Lamps/Dim Level": (17, "UINT8_ARRAY", "level"),
    "Lamps/Status": (18, "UINT8_ARRAY", "status"),
    "Lamps/Quality": (19, "UINT8_ARRAY", "quality"),
    "Cabinet/Voltage": (20, "FLOAT_ARRAY", "voltage_v"),
    "Cabinet/Current": (21, "FLOAT_ARRAY", "current_a"),
    "Cabinet/Power": (22, "FLOAT_ARRAY", "power_w"),
    "Cabinet/Energy": (23, "UINT64", "energy_wh"),
    "Circuits/Voltage": (25, "FLOAT_ARRAY", "voltage_v"),
    "Circuits/Current": (26, "FLOAT_ARRAY", "current_a"),
    "Circuits/Power": (27, "FLOAT_ARRAY", "power_w"),
    "Circuits/Energy": (28, "UINT32_ARRAY", "energy_wh"),
    "Cabinet/Door Open": (29, "BOOLEAN", "is_door_open"),
    "Cabinet/Contactor Closed": (30, "BOOLEAN", "is_contactor_closed"),
    "Cabinet/Supply Present": (31, "BOOLEAN", "is_supply_present"),
}


def test_what_is_stored_keeps_its_metric_alias_datatype_and_column() -> None:
    declared = (*LAMP_QUANTITIES, *CABINET_QUANTITIES, *CIRCUIT_QUANTITIES, *CONTACT_QUANTITIES)
    found = {q.metric: (q.alias, q.datatype.name, q.column) for q in declared}
    assert {metric: found.get(metric) for metric in STORED} == STORED
