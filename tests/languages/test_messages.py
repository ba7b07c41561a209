"""A message is put into words where it is shown: every one that the code makes has its words, and all their parameters.

Findings of a register carry such messages and no text of their own.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_type_hints

import pytest

from dashboard_api.__main__ import main as api_main
from edge_agent.__main__ import main as agent_main
from ingest.__main__ import main as ingest_main
from ingest.city.__main__ import main as city_main
from ingest.city.decoding_protocol import packed, unpacked
from ingest.city.mapping import read_mapping
from ingest.errors import UnusableError
from ingest.register.issue import FAMILY, Issue
from ingest.schema.city import read_city
from ingest.schema.errors import CityError
from languages.catalogue import Catalogue, load_catalogue
from languages.message import Message, Plain, in_common, said, why

ROOT = Path(__file__).parents[2]
FOLDERS = ("ingest", "dashboard_api", "city_pki", "edge_agent", "firmware_sim")
LANGUAGES = ("en", "id")
SETTING = re.compile(r"(--\w+|\[\w+\] [\w, ]+):")  # is the same in every language
PARAMETER = re.compile(r"\{(\w+)\}")


def trees() -> Iterator[tuple[str, ast.Module]]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "node_modules" not in path.parts and "Message(" in (text := path.read_text(encoding="utf-8")):
                yield str(path.relative_to(ROOT)), ast.parse(text)


def codes_of(node: ast.expr, scope: ast.AST) -> list[str] | None:
    """The ids that an expression may be; None where that cannot be told from the code."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        both = [codes_of(node.body, scope), codes_of(node.orelse, scope)]
        return None if None in both else [code for codes in both for code in codes or ()]
    if isinstance(node, ast.Name):
        given = [
            each.value
            for each in ast.walk(scope)
            if isinstance(each, ast.Assign) and any(ast.unparse(target) == node.id for target in each.targets)
        ]
        found = [codes_of(value, scope) for value in given]
        return None if not found or None in found else [code for codes in found for code in codes or ()]
    return None


def made(where: str, tree: ast.Module) -> Iterator[tuple[str, str, frozenset[str]]]:
    """(place, id, parameters) of each message that a file makes."""
    functions = [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)]
    for call in ast.walk(tree):
        if not (isinstance(call, ast.Call) and ast.unparse(call.func) == "Message"):
            continue
        place = f"{where}:{call.lineno}"
        around = [each for each in functions if call in ast.walk(each)]
        codes = codes_of(call.args[0], around[-1] if around else tree) if len(call.args) == 1 else None
        names = [keyword.arg for keyword in call.keywords]
        assert codes is not None, f"{place}: the id does not stand in the code"
        assert None not in names, f"{place}: the parameters do not stand in the code"
        for code in codes:
            yield place, code, frozenset(filter(None, names))


@pytest.fixture(scope="module")
def messages() -> list[tuple[str, str, frozenset[str]]]:
    # the two that hand on what is a message already: what reads a packed one, and the message of several
    handing_on = {"ingest/city/decoding_protocol.py"}
    return [
        one
        for where, tree in trees()
        for one in (made(where, _without(tree, "unpacked")) if where in handing_on else made(where, tree))
    ]


def _without(tree: ast.Module, function: str) -> ast.Module:
    tree.body = [each for each in tree.body if not (isinstance(each, ast.FunctionDef) and each.name == function)]
    return tree


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_that_is_made_has_words_with_exactly_its_parameters(messages, language):
    words = load_catalogue(language)
    assert len(messages) > 150
    assert {code for _place, code, _names in messages if code.startswith(FAMILY)} > {"finding.no_number"}
    for place, code, names in messages:
        text = words.find(code)
        assert text is not None, f"{place}: {code}: has no words"
        assert set(PARAMETER.findall(text)) == names, f"{place}: {code}: {text}"


def test_every_message_that_is_said_by_its_id_is_given_all_its_parameters():
    words = load_catalogue("en")
    lacking, n_found = [], 0
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            text = path.read_text(encoding="utf-8") if "node_modules" not in path.parts else ""
            for call in ast.walk(ast.parse(text)) if "say(" in text else ():
                if not (
                    isinstance(call, ast.Call) and ast.unparse(call.func).rpartition(".")[2] == "say" and call.args
                ):
                    continue
                given = {keyword.arg for keyword in call.keywords}
                for code in codes_of(call.args[0], ast.Module([], [])) or ():
                    n_found += words.find(code) is not None
                    missing = set(PARAMETER.findall(words.find(code) or "")) - given
                    if missing and None not in given:  # None: **parameters
                        lacking.append((f"{path.relative_to(ROOT)}:{call.lineno}", code, missing))
    assert lacking == []
    assert n_found > 300


def test_the_words_of_findings_differ_between_the_languages():
    english, indonesian = (load_catalogue(language).messages for language in LANGUAGES)
    same = {
        code
        for code, text in english.items()
        if code.startswith((FAMILY, "terminal.error.")) and indonesian[code] == text
    }
    bare = {code: SETTING.sub("", PARAMETER.sub("", english[code])) for code in same}
    assert {code for code, text in bare.items() if re.search(r"[A-Za-z]{3}", text)} <= {"terminal.error.private.token"}


def test_a_finding_carries_a_message_and_no_text(messages):
    assert get_type_hints(Issue)["reason"] is Message
    n_found = 0
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            text = path.read_text(encoding="utf-8") if "node_modules" not in path.parts else ""
            for call in ast.walk(ast.parse(text)) if re.search(r"\b(Issue|refuse|mend|mend_all|fail)\(", text) else ():
                if not isinstance(call, ast.Call):
                    continue
                name = ast.unparse(call.func).rpartition(".")[2]
                at = {"Issue": 3, "refuse": 2, "mend": 2, "mend_all": 1, "fail": 1}.get(name)
                if at is None or len(call.args) <= at:
                    continue
                n_found += 1
                assert not isinstance(call.args[at], ast.Constant | ast.JoinedStr | ast.BinOp), (
                    f"{path}:{call.lineno}: {ast.unparse(call)}"
                )
    assert n_found > 50


def test_a_message_shows_what_others_wrote_in_quotes_escaped_and_cut():
    words = Catalogue("xx", {"a": "{value}, {unit}, {number}, {inner}", "b": "inside"})
    message = Message("a", value="x\x1b[2J" + 100 * "y", unit=Plain("W\n"), number=90.0, inner=Message("b"))
    assert message.say(words) == "'x\\x1b[2J" + 55 * "y" + "…', W\\n, 90, inside"


def test_a_message_is_said_in_the_language_of_whoever_reads_it():
    issue = Issue("lampu.csv", 12, "Daya", Message("finding.no_number", value="abc"), is_refused=True)
    english, indonesian = (load_catalogue(language) for language in LANGUAGES)
    assert str(issue) == issue.say(english) == "lampu.csv:12: Daya: 'abc' is no number; left empty (row refused)"
    assert issue.say(indonesian) == "lampu.csv:12: Daya: 'abc' bukan angka; dikosongkan (baris ditolak)"
    assert issue.code == "no_number"
    error = ValueError(Message("terminal.error.at", where=Plain("x"), reason=issue.message))
    assert said(error, indonesian) == f"x: {issue.say(indonesian)}"
    assert said(ValueError("as it is"), indonesian) == "as it is"
    assert why(error) is error.args[0]
    assert why(OSError(2, "nothing there", "file")) == "nothing there"


def test_messages_of_one_kind_show_together_what_they_have_in_common():
    unit = Plain("W")
    ranges = [Message("finding.outside_unit", value=value, least=0.0, most=9.0, unit=unit) for value in ("10", "11")]
    assert str(in_common(ranges)) == "… is not within … to … W; left empty"
    so = Message("finding.so.empty")
    one, other = Message("finding.no_power", value="x", so=so), Message("finding.no_power", value="y", so=so)
    assert one.kind == other.kind == ("finding.no_power", "finding.so.empty")
    assert str(in_common([one, other])) == "… is no power; left empty"
    assert one.kind != Message("finding.no_power", value="x", so=Message("finding.so.unrated")).kind


@pytest.mark.parametrize(
    "message",
    [
        Message("finding.no_geometry"),
        Message("finding.multipoint", n=3),
        Message("finding.layer", name="x'\n\x1b", others=Plain("'a', 'b'")),
    ],
)
def test_a_message_comes_back_from_the_process_that_opens_foreign_files(message):
    text = packed(message)
    assert "\n" not in text
    found = unpacked(text)
    assert found == message
    assert found is not None
    assert str(found) == str(message)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "[]",
        "{}",
        "null",
        "[" * 100_000,
        '["finding.at", {"where": {"deep": 1}}, []]',
        '["finding.at", [], []]',
        '["problem.city", {}, []]',
        "[1, {}, []]",
        '["finding.at", {"x": 1}, 7]',
        json.dumps(["finding.at", {f"p{i}": i for i in range(100)}, []]),
    ],
)
def test_what_that_process_should_not_say_is_no_message(text):
    assert unpacked(text) is None


def test_errors_of_every_program_are_said_in_the_terminals_language(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TERANG_LANGUAGE", "id")
    (tmp_path / "city.toml").write_text('[city]\nname = "Kota"\ntimezone = "Asia/Solo"\n')
    (tmp_path / "agent.toml").write_text('[controller]\nid = "a/b"\ngroup = "kota"\n')
    for main, arguments, text in (
        (city_main, ["terang-city", "check", tmp_path], "[city] timezone: tidak ada zona waktu itu (diberikan: 'Asia/"),
        (api_main, ["terang-api", "user", "list", "--city", tmp_path], "[city] timezone: tidak ada zona waktu itu"),
        (ingest_main, ["terang-ingest", "--city", tmp_path], "[city] timezone: tidak ada zona waktu itu"),
        (agent_main, ["terang-agent", "check", "--config", tmp_path / "agent.toml"], "tidak boleh kosong atau memuat"),
    ):
        monkeypatch.setattr(sys, "argv", list(map(str, arguments)))
        try:
            code = main()
        except SystemExit as ended:
            code = ended.code
        assert (code, text in capsys.readouterr().err) == (2, True), arguments[0]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ('[telemetry]\nretention_days = "x"', "[telemetry] retention_days: bukan bilangan bulat (diberikan: 'x')"),
        ("[telemetry]\nretention_days = 0", "[telemetry] retention_days: paling sedikit 1 (diberikan: 0)"),
        ("[web]\nhosts = 7", "[web] hosts: bukan daftar (diberikan: 7)"),
        ("[strange]", "strange: kunci tidak dikenal"),
        ('[branding]\naccent = "red"', "[branding] accent: harus berbentuk ^(#[0-9a-fA-F]{6})?$ (diberikan: 'red')"),
        ('[branding]\ntitle = "' + 81 * "x" + '"', "[branding] title: paling banyak 80 karakter"),
        ('[limits]\nwarm_up = "soon"', "[limits] warm_up: 'soon' bukan jangka waktu seperti 90s, 10m, 24h atau 7d"),
    ],
)
def test_what_is_wrong_in_a_citys_settings_is_said_in_indonesian(tmp_path, line, text):
    (tmp_path / "city.toml").write_text(f'{line}\n[city]\nname = "Kota"\n')
    with pytest.raises(CityError) as caught:
        read_city(tmp_path, {})
    assert text in said(caught.value, load_catalogue("id"))


@pytest.mark.parametrize(
    ("mapping", "text"),
    [
        (
            '[lamp]\nlamp_id = { column = "a", constant = "b" }',
            "lamp.lamp_id: berikan sebuah kolom atau sebuah konstanta",
        ),
        ('[lamp]\nlamp_id = { colum = "a" }', "lamp.lamp_id.colum: kunci tidak dikenal"),
        ("[source]\nwhere = 7", 'where: tidak seperti { kind = "lamp" }'),
        ('[lamp]\nnothing = "a"', "[lamp] nothing: tidak ada isian itu; salah satu dari lamp_id, cabinet_id"),
        ('[lamp]\nrated_power_w = { column = "a", unit = "hp" }', "harus salah satu dari 'W', 'kW', 'VA', 'kVA'"),
    ],
)
def test_what_is_wrong_in_a_mapping_is_said_in_indonesian(tmp_path, mapping, text):
    (tmp_path / "map.toml").write_text(mapping)
    with pytest.raises(UnusableError) as caught:
        read_mapping(tmp_path / "map.toml")
    assert text in said(caught.value, load_catalogue("id"))
