"""No message shows the user part of a URL, whoever wrote it where."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.config import load_config, parse_config
from edge_agent.enrolment_server import Server
from edge_agent.errors import ConfigError, Fatal
from ingest.schema.city import read_city
from ingest.schema.errors import CityError
from languages.hidden import place_alone, without_user_part
from languages.message import Message, Plain, document_of
from tests.edge_agent.test_hostile_registers import BASE
from tests.ingest.city_stand import write_city

SECRET = "s3cr3t-Pa55"
URLS = (
    f"mqtt://user:{SECRET}@broker:99999999",
    f"mqtt://{SECRET}@broker:x",
    f"postgresql+psycopg://u:{SECRET}@[::1/db",
    f"postgresql+psycopg://u:a/{SECRET}@h:port/db",
    f"mqtt:/u:{SECRET}@h",
    f"http://u:{SECRET}@x y/",
    f"http://u:{'x' * 80}{SECRET}@host",
    f"mqtt://u:@{SECRET}@h",
)
AGENT_VARIABLES = ("BROKER_URL", "SWEEP_INTERVAL_S", "CONTROLLER_TIMEZONE", "CONTROLLER_LATITUDE", "CONTROLLER_GROUP")
CITY_VARIABLES = (
    "DATABASE_URL",
    "BROKER_URL",
    "TELEMETRY_URL",
    "CITY_TIMEZONE",
    "CITY_LANGUAGE",
    "CITY_GROUP",
    "LIMITS_SWITCHING_GUARD",
    "SCHEDULE_DIM",
    "SCHEDULE_ON",
    "WEB_HOSTS",
)


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("name", AGENT_VARIABLES)
def test_the_agent_names_the_variable_and_not_the_secret(name: str, url: str) -> None:
    bus = {"name": "A", "port": "/dev/A", "lamps": [{"address": 1, "lamp_id": "L-1", "profile": "sdm120"}]}
    with pytest.raises(ConfigError) as caught:
        parse_config({**BASE, "bus": [bus]}, Path("agent.toml"), {f"TERANG_{name}": url})
    assert f"TERANG_{name}" in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("url", [*URLS, f"https://u:{SECRET}@127.0.0.1:1", f"http://{SECRET}@h"])
def test_a_server_for_enrolment_is_asked_without_a_user(url: str) -> None:
    with pytest.raises(Fatal) as caught:
        Server(url)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("url", URLS)
def test_what_stands_in_the_agents_file_is_not_shown_either(tmp_path: Path, url: str) -> None:
    (tmp_path / "agent.toml").write_text(f'[broker]\nurl = "{url}"\n[controller]\nlatitude = "{url}"\n')
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "agent.toml", {})
    assert SECRET not in str(caught.value)


@pytest.fixture(scope="module")
def city_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_city(tmp_path_factory.mktemp("city") / "city", n_controllers=1, n_lamps=1, broker_port=1)


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("name", CITY_VARIABLES)
def test_the_servers_do_not_show_it(city_folder: Path, name: str, url: str) -> None:
    said = ""
    try:
        read_city(city_folder, {f"TERANG_{name}": url})
    except CityError as error:
        said = str(error)
    assert SECRET not in said


@pytest.mark.parametrize("url", URLS)
def test_messages_hide_it_in_words_and_for_programs(url: str) -> None:
    for value in (url, Plain(url), Message("terminal.error.at", where=Plain("x"), reason=Plain(f"cannot ask {url}"))):
        message = Message("terminal.error.at", where=Plain("city.toml"), reason=value)
        assert SECRET not in str(message)
        assert SECRET not in str(document_of(message))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mqtt://10.0.0.2:1883", "mqtt://10.0.0.2:1883"),
        ("write to a@b.example or see http://b.example/x", "write to a@b.example or see http://b.example/x"),
        ("http://a:b@c and http://d:e@f", "http://***@c and http://***@f"),
        ("http://a@b@c", "http://***@c"),
        ("", ""),
    ],
)
def test_other_texts_stay_as_they_are(text: str, shown: str) -> None:
    assert without_user_part(text) == shown


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("mqtt://broker:99999", "mqtt://broker:99999"),
        ("10.0.0.2:1883", "10.0.0.2:1883"),
        ("http://[::1]:80/", "http://[::1]:80/"),
        ("mqtt://u:pw", "mqtt://***"),
        ("hunter2", "***"),
        ("mqtt://h/?password=x", "mqtt://***"),
    ],
)
def test_of_an_unusable_url_only_its_place_is_shown(url: str, shown: str) -> None:
    assert place_alone(url) == shown
