"""agent.toml: the contract's example, defaults, overrides, and complaints with file, key and reason."""

from pathlib import Path

import pytest

from edge_agent.config import load_config
from edge_agent.errors import ConfigError

EXAMPLE = """
[controller]
group = "terang"
id = "PJU-017"
latitude = 0.7893                # for the sun, with no network
longitude = 102.0489
timezone = "Asia/Jakarta"
[broker]
url = "mqtt://10.0.0.2:1883"
[sweep]
interval_s = 60
slow_s = 900
[outbox]
path = "/var/lib/terang/outbox.db"
retention_days = 30
[[bus]]
name = "A"
port = "/dev/serial/by-id/usb-FTDI_1"
baud = 9600
parity = "N"
lamps = [{ address = 1, lamp_id = "L-0001", profile = "pzem-016" }]
cabinet = { address = 200, profile = "sdm630" }
circuits = [{ address = 201, circuit = "1", profile = "sdm120" }]
io = { address = 210, profile = "cabinet-io" }
[[bus]]
name = "B"
port = "/dev/serial/by-id/usb-FTDI_2"
baud = 2400
lamps = [{ address = 1, lamp_id = "L-0002", profile = "lamp-node" }]
"""


def load(tmp_path: Path, text: str, environment: dict[str, str] | None = None):
    path = tmp_path / "agent.toml"
    path.write_text(text)
    return load_config(path, environment or {})


def test_contracts_example_is_read_whole(tmp_path: Path) -> None:
    config = load(tmp_path, EXAMPLE)
    assert config.controller.id == "PJU-017"
    assert config.broker.urls == ("mqtt://10.0.0.2:1883",)
    assert config.sweep.interval_day_s == 300.0
    assert config.outbox.resend_after_s == 120.0
    assert config.lamp_ids == ("L-0001", "L-0002")
    assert config.circuit_ids == ("1",)
    assert config.buses[1].baud == 2400
    assert config.profile_names == {"pzem-016", "sdm630", "sdm120", "cabinet-io", "lamp-node"}


def test_list_of_brokers_and_client_certificates(tmp_path: Path) -> None:
    for name in ("ca.pem", "me.pem", "me.key"):
        (tmp_path / name).touch()
    urls = 'url = ["mqtts://a.example:8883", "mqtt://b.example"]\nca = "ca.pem"\ncert = "me.pem"\nkey = "me.key"'
    broker = load(tmp_path, EXAMPLE.replace('url = "mqtt://10.0.0.2:1883"', urls)).broker
    assert broker.urls == ("mqtts://a.example:8883", "mqtt://b.example")
    assert broker.ca == tmp_path / "ca.pem"


def test_environment_wins_and_secrets_come_only_from_it_or_a_file(tmp_path: Path) -> None:
    environment = {
        "TERANG_BROKER_URL": "mqtt://other:1884",
        "TERANG_SWEEP_INTERVAL_S": "30",
        "TERANG_CONTROLLER_ID": "17",
        "TERANG_BROKER_PASSWORD": "secret",
        "TERANG_SHARED_DATA": "ignored",
    }
    config = load(tmp_path, EXAMPLE, environment)
    assert config.broker.urls == ("mqtt://other:1884",)
    assert config.sweep.interval_s == 30.0
    assert config.controller.id == "17"
    assert config.broker.password == "secret"
    with pytest.raises(ConfigError, match=r"\[broker\]\.password: unknown key"):
        load(tmp_path, EXAMPLE.replace("[sweep]", 'password = "x"\n[sweep]'))


def test_bad_override_names_the_variable(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\[sweep\]\.interval_s \(from TERANG_SWEEP_INTERVAL_S in the environment\)"):
        load(tmp_path, EXAMPLE, {"TERANG_SWEEP_INTERVAL_S": "often"})


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("address = 201", "address = 200", "200 on bus A belongs to circuit 1 and to cabinet"),
        ("address = 201", "address = 248", "248 is outside 1..247"),
        ("L-0002", "L-0001", "lamp_id 'L-0001' stands there twice"),
        ("usb-FTDI_2", "usb-FTDI_1", "stands there twice"),
        ('id = "PJU-017"', 'id = "PJU/017"', "must not be empty or contain / + #"),
        ("slow_s = 900", "slow_s = 30", "must not be shorter than interval_s"),
        ("Asia/Jakarta", "Asia/Djakarta", "is no time zone"),
        ("baud = 2400", "baud = true", "a whole number is needed, not True"),
        ("interval_s = 60", "interval_s = nan", "a number is needed, not nan"),
        ("mqtt://10.0.0.2:1883", "mqtts://me:pw@host", "a password comes from the environment"),
        ("mqtt://10.0.0.2:1883", "mqtt://host:99999", "is not mqtt://HOST"),
        ('profile = "pzem-016" }', 'profile = "pzem-016", dim = 1 }', "[bus[0].lamps[0]].dim: unknown key"),
    ],
)
def test_complaint_says_file_key_and_reason(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert old in EXAMPLE
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, EXAMPLE.replace(old, new))
    assert str(caught.value).startswith(str(tmp_path / "agent.toml"))
    assert complaint in str(caught.value)


def test_bus_without_any_meter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="bus C has no meter"):
        load(tmp_path, EXAMPLE + '[[bus]]\nname = "C"\nport = "/dev/ttyUSB9"\n')
