"""The command line as the electrician and systemd see it: tables, exit codes, one line for bad input."""

import sys
import time
from pathlib import Path

import pytest

from edge_agent.__main__ import main
from edge_agent.status import AgentStatus, write_status

GOOD = """
[controller]
group = "terang"
id = "PJU-017"
latitude = 0.7893
longitude = 102.0489
timezone = "Asia/Jakarta"
[broker]
url = "mqtt://10.0.0.2:1883"
[outbox]
path = "outbox.db"
[[bus]]
name = "A"
port = "/dev/serial/by-id/none"
lamps = [{ address = 1, lamp_id = "L-0001", profile = "pzem-016" }]
"""


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    path = tmp_path / "agent.toml"
    path.write_text(GOOD)
    return path


@pytest.mark.parametrize(("language", "meaning"), [("en", "dim level"), ("id", "tingkat redup")])
def test_read_shows_a_meter_as_a_table(make_pty_bus, make_node, capsys, monkeypatch, language, meaning) -> None:
    monkeypatch.setenv("TERANG_LANGUAGE", language)
    bus = make_pty_bus([make_node(7)])
    assert main(["read", "--port", str(bus.path), "--address", "7", "--profile", "lamp-node"]) == 0
    shown = capsys.readouterr().out
    assert "voltage" in shown
    assert meaning in shown
    assert "230.0  V" in " ".join(shown.split("\n"))
    assert "dim command" in shown


def test_read_takes_port_and_profile_from_the_agents_file(make_pty_bus, make_node, config_file, capsys) -> None:
    bus = make_pty_bus([make_node(1)])
    config_file.write_text(GOOD.replace("/dev/serial/by-id/none", str(bus.path)))
    assert main(["read", "--config", str(config_file), "--address", "1"]) == 0
    assert "PZEM-016" in capsys.readouterr().out


def test_read_finds_the_profile_and_the_bus_by_itself(make_pty_bus, make_node, config_file, capsys) -> None:
    one, two = make_pty_bus([make_node(1)], "one"), make_pty_bus([make_node(7)], "two")
    assert main(["read", "--port", str(two.path), "--address", "7"]) == 0
    assert "lamp node" in capsys.readouterr().out
    second = f"""[[bus]]
name = "B"
port = "{two.path}"
lamps = [{{ address = 7, lamp_id = "L-0007", profile = "lamp-node" }}]
"""
    config_file.write_text(GOOD.replace("/dev/serial/by-id/none", str(one.path)) + second)
    assert main(["read", "--config", str(config_file), "--address", "7"]) == 0
    assert "lamp node" in capsys.readouterr().out
    assert main(["read", "--config", str(config_file), "--address", "9"]) == 2
    assert main(["scan", "--config", str(config_file), "--last", "8"]) == 0
    assert capsys.readouterr().out.count("1 found") == 2


def test_read_of_a_silent_address_is_one_line_and_exit_code_1(make_pty_bus, make_node, capsys) -> None:
    bus = make_pty_bus([make_node(7)])
    assert main(["read", "--port", str(bus.path), "--address", "8", "--profile", "pzem-016"]) == 1
    assert capsys.readouterr().err == "terang-agent: address 8: no reply\n"


def test_read_of_another_device_warns_that_it_is_implausible(make_pty_bus, make_node, capsys) -> None:
    node = make_node(1)
    node.input = [5, 14100, 55, 2654, 25, 0, 6725, 3175, 23, 0]
    bus = make_pty_bus([node])
    assert main(["read", "--port", str(bus.path), "--address", "1", "--profile", "pzem-004t"]) == 1
    assert "IMPLAUSIBLE" in capsys.readouterr().out


def test_scan_finds_who_is_there_and_tells_nodes_from_meters(make_pty_bus, make_node, capsys) -> None:
    meter = make_node(3)
    meter.input = meter.input[:10]
    meter.holding = []
    bus = make_pty_bus([make_node(2), meter])
    assert main(["scan", "--port", str(bus.path), "--last", "5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "2 found" in lines[0]
    assert lines[3].split()[:2] == ["2", "lamp-node"]
    assert lines[4].split()[:4] == ["3", "pzem-016", "or", "pzem-004t"]


def test_check_says_how_long_a_sweep_takes(config_file, capsys) -> None:
    assert main(["check", "--config", str(config_file)]) == 0
    shown = capsys.readouterr().out
    assert "PJU-017" in shown
    assert "/dev/serial/by-id/none is not there now" in shown


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("latitude = 0.7893", "latitude = 91"), "[controller].latitude: 91 is outside -90..90"),
        (("timezone", "time_zone"), "[controller].time_zone: unknown key"),
        (("pzem-016", "pzem-017"), "pzem-017.toml: no such profile; shipped are"),
        (("[broker]", "[broker"), "not valid TOML"),
        (("address = 1,", ""), "[bus[0].lamps[0]].address: is missing"),
        (("mqtt://", "http://"), "[broker].url: 'http://10.0.0.2:1883' is not mqtt://"),
    ],
)
def test_broken_file_is_one_line_and_exit_code_2(config_file, capsys, change, complaint) -> None:
    config_file.write_text(GOOD.replace(*change))
    for command in ("check", "run", "status") if "profile" not in complaint else ("check", "run"):
        assert main([command, "--config", str(config_file)]) == 2
        error = capsys.readouterr().err
        assert complaint in error
        assert error.count("\n") == 1


def test_missing_file_is_one_line_and_exit_code_2(tmp_path, capsys) -> None:
    assert main([str(tmp_path / "none.toml")]) == 2
    assert "No such file" in capsys.readouterr().err


def test_status_of_a_running_and_of_a_dead_agent(config_file, capsys) -> None:
    now_ms = time.time_ns() // 1_000_000
    status = AgentStatus(
        at_ms=now_ms - 5000,
        started_ms=now_ms - 90_000_000,
        pid=4711,
        version="0.1.0",
        controller_id="PJU-017",
        n_lamps=125,
        n_good=124,
        last_sweep_ms=now_ms - 5000,
        last_sweep_s=6.9,
        outbox_pending=3,
        outbox_sequence=1500,
        errors={"A": {"7": 12}},
    )
    path = config_file.with_name("outbox.db.status.json")
    write_status(path, status)
    assert main(["status", "--config", str(config_file)]) == 0
    shown = capsys.readouterr().out
    assert "PJU-017, agent 0.1.0, process 4711" in shown
    assert "124 of 125 lamps good" in shown
    assert "3 of 1500 records held" in shown
    assert "address 7: 12" in shown
    assert "1 d 1 h" in shown
    path.write_text(path.read_text().replace(str(now_ms - 5000), str(now_ms - 600_000)))
    assert main(["status", "--config", str(config_file)]) == 1
    assert "stopped or stuck" in capsys.readouterr().out


def test_status_without_an_agent_is_one_line(config_file, capsys) -> None:
    assert main(["status", "--config", str(config_file)]) == 1
    assert "no agent has run" in capsys.readouterr().err


def test_agent_modules_load_neither_numpy_nor_server_parts() -> None:
    import subprocess  # noqa: PLC0415 - only here

    code = "import edge_agent.__main__, edge_agent.serial.sweep, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "fastapi", "sqlalchemy", "typer", "rich"} & set(loaded)


def test_commands_in_the_wiring_guide_are_ones_that_exist() -> None:
    import re  # noqa: PLC0415 - only here

    from edge_agent.__main__ import COMMANDS, _parser  # noqa: PLC0415 - as above

    text = (Path(__file__).parents[2] / "docs/wiring.md").read_text()
    lines = [
        line for line in re.findall(r"terang-agent ((?:scan|read|check|status|run)[^#`\n]*)", text) if "--" in line
    ]
    assert len(lines) >= 5
    for line in lines:
        assert _parser().parse_args(line.split()).command in COMMANDS


def test_check_says_that_a_key_is_open_to_others(config_file, tmp_path, capsys) -> None:
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("x")
    (tmp_path / "key.pem").chmod(0o644)
    config_file.write_text(GOOD.replace("[outbox]", 'cert = "cert.pem"\nkey = "key.pem"\n[outbox]'))
    assert main(["check", "--config", str(config_file)]) == 0
    assert "key.pem can be read by others" in capsys.readouterr().out
    (tmp_path / "key.pem").chmod(0o600)
    assert main(["check", "--config", str(config_file)]) == 0
    assert "can be read by others" not in capsys.readouterr().out
