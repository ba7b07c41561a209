"""city.toml: defaults, overrides, and one clear line for everything that is wrong."""

from __future__ import annotations

import pytest

from ingest.schema.city import read_city
from ingest.schema.codes import BY_CODE, CATALOGUE
from ingest.schema.errors import CityError
from languages.catalogue import load_languages
from tests.contract_codes import CONTRACT_CODES

MINIMAL = '[city]\nname = "Kota Terang"\n'


def write(folder, text):
    (folder / "city.toml").write_text(text, encoding="utf-8")
    return folder


def test_the_name_alone_is_enough(tmp_path):
    city = read_city(write(tmp_path, MINIMAL), {})
    assert city.city.timezone == "Asia/Jakarta"
    assert city.broker.url == "mqtt://127.0.0.1:1883"
    assert city.schedule.on == "sunset+10m"
    assert city.parsed_limits().value("switching_guard") == 600
    assert city.parsed_limits().value("warm_up", "HPS") == 600
    assert city.parsed_limits().value("warm_up", "LED") == 0


def test_the_environment_overrides_single_keys(tmp_path):
    environment = {"TERANG_BROKER_URL": "mqtt://10.0.0.9:1884", "TERANG_TELEMETRY_TOKEN": "s3cret", "TERANG_HOME": "x"}
    city = read_city(write(tmp_path, MINIMAL), environment)
    assert city.broker.url == "mqtt://10.0.0.9:1884"
    assert city.telemetry.token == "s3cret"
    assert "s3cret" not in repr(city)


def test_limits_are_set_in_general_and_per_technology(tmp_path):
    text = MINIMAL + '[limits]\nswitching_guard = "5m"\n[limits.HPS]\nwarm_up = 900\n'
    limits = read_city(write(tmp_path, text), {}).parsed_limits()
    assert limits.value("switching_guard") == 300
    assert limits.value("warm_up", "HPS") == 900
    assert limits.value("warm_up", "MH") == 600


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[city]\n", r"\[city\] name: is required"),
        (MINIMAL + 'nmae = "x"\n', r"\[city\] nmae: unknown key"),
        (MINIMAL + "[brokre]\n", "brokre: unknown key"),
        (MINIMAL + 'timezone = "Mars/Base"\n', r"\[city\] timezone: no such time zone"),
        (MINIMAL + 'group = "a/b"\n', r"\[city\] group: must not"),
        (MINIMAL + '[schedule]\non = "dusk"\n', r"\[schedule\] on: is neither"),
        (MINIMAL + '[schedule]\ndim = [{ at = "25:00", level = 70 }]\n', r"\[schedule\] dim\.0\.at"),
        (MINIMAL + "[limits]\nswitching_gard = 3\n", r"\[limits\] switching_gard: no such limit"),
        (MINIMAL + '[limits]\nswitching_guard = "soon"\n', r"\[limits\] switching_guard: 'soon' is no duration"),
        (MINIMAL + "[limits.HSP]\nwarm_up = 3\n", r"\[limits.HSP\]: no such technology"),
        (MINIMAL + '[telemetry]\ntoken = "x"\n', "secrets come from"),
        ("[city\n", "not TOML"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_its_place(tmp_path, text, said):
    with pytest.raises(CityError, match=said) as caught:
        read_city(write(tmp_path, text), {})
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "city.toml") in str(caught.value)


def test_a_missing_file_says_how_to_make_one(tmp_path):
    with pytest.raises(CityError, match="terang-city init"):
        read_city(tmp_path, {})


def test_every_code_is_reported_in_both_languages_with_advice():
    assert len(BY_CODE) == len(CATALOGUE)
    assert BY_CODE.keys() >= CONTRACT_CODES
    own = [language for language in load_languages() if language.language in {"en", "id"}]
    for code in CATALOGUE:
        for what in ("title", "advice"):
            words = {language.say(f"fault.{code.code}.{what}") for language in own}
            assert len(words) == 2
            assert f"fault.{code.code}.{what}" not in words


def test_the_environment_overrides_limits_and_lists_too(tmp_path):
    environment = {
        "TERANG_LIMITS_SWITCHING_GUARD": "30s",
        "TERANG_LIMITS_LAMP_FAILURE_POWER": "0.25",
        "TERANG_SCHEDULE_DIM": "[{ at = '22:00', level = 70 }]",
    }
    city = read_city(write(tmp_path, MINIMAL), environment)
    assert city.parsed_limits().value("switching_guard") == 30
    assert city.parsed_limits().value("lamp_failure_power") == 0.25
    assert [(step.at, step.level) for step in city.schedule.dim] == [("22:00", 70)]


@pytest.mark.parametrize(
    ("name", "text"),
    [("TERANG_CITY_TIMEZONE", "Mars/X"), ("TERANG_LIMITS_WARM_UP", "soon"), ("TERANG_SCHEDULE_DIM", "[{")],
)
def test_a_wrong_variable_is_reported_by_its_own_name(tmp_path, name, text):
    with pytest.raises(CityError, match=name):
        read_city(write(tmp_path, MINIMAL), {name: text})
