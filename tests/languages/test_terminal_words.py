"""What the command lines say stands in the catalogues: their help, and what they print."""

from __future__ import annotations

import ast
import re
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import typer

import dashboard_api.__main__
import firmware_sim.__main__
import ingest.__main__
import ingest.city.__main__
from firmware_sim.control import ControlSocket
from firmware_sim.fleet.town import read_town
from firmware_sim.fleet.world import World
from firmware_sim.injector import Injector
from languages.catalogue import FALLBACK, load_catalogue
from languages.terminal import translate_help
from tests.firmware_sim.injection_city import write_city

ROOT = Path(__file__).parents[2]
NIGHT_US = 1_790_000_000_000_000
PROGRAMS = {
    "terang-city": ingest.city.__main__,
    "terang-ingest": ingest.__main__,
    "terang-api": dashboard_api.__main__,
    "terang-sim": firmware_sim.__main__,
}
FILES = [
    *sorted(ROOT.glob("ingest/city/*.py")),
    ROOT / "ingest/replay.py",
    ROOT / "ingest/energy/report.py",
    ROOT / "ingest/__main__.py",
    *sorted(ROOT.glob("dashboard_api/terminal/*.py")),
    ROOT / "dashboard_api/__main__.py",
    *sorted(ROOT.glob("firmware_sim/*.py")),
    *sorted(ROOT.glob("firmware_sim/demo/*.py")),
    ROOT / "edge_agent/__main__.py",
    ROOT / "edge_agent/printout.py",
]
PROGRAM_FILES = [
    *(ROOT / f"ingest/city/{name}.py" for name in ("__main__", "pki_commands", "controllers", "handover")),
    *FILES[FILES.index(ROOT / "ingest/__main__.py") : -1],
]
PRINTERS = {"print", "typer.echo", "typer.confirm", "print_lines", "_print", "rich.print", "console.print"}
WORD = re.compile(r"(?<![-A-Za-z])[A-Za-z]{2,}")  # an option such as --code is none
# Calls that still print English from the code, by file: the numbers may only fall.
STILL_ENGLISH = {
    "ingest/city/pki_commands.py": 1,  # lines of a settings file
}


def calls(path):
    return [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]


def literals(node):
    """The texts that an expression is put together from, without the ids of messages."""
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("say"):
        return []
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "Message":
        return [text for keyword in node.keywords for text in literals(keyword.value)]
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.FormattedValue):
        return literals(node.value)
    return [text for child in ast.iter_child_nodes(node) for text in literals(child)]


def english_errors(path):
    """Errors of a command line that are put together from texts of the code, and not from the catalogue."""
    raised = [node.exc for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Raise)]
    found = []
    for error in raised:
        # the first argument of a method that makes the error is the key at fault
        is_made_by_method = isinstance(error, ast.Call) and ast.unparse(error.func) in {"self._error", "self._refused"}
        given = (
            [*error.args[is_made_by_method:], *(each.value for each in error.keywords if each.arg != "param_hint")]
            if isinstance(error, ast.Call)
            else []
        )
        if any(WORD.search(text) for argument in given for text in literals(argument)):
            found.append(ast.unparse(error))
    return found


def english_prints(path):
    found = []
    for call in calls(path):
        if ast.unparse(call.func) in PRINTERS:
            words = [text for argument in call.args for text in literals(argument) if WORD.search(text)]
            # the program's own name before an error, and what a file or a shell takes, are no words
            if [text for text in words if not re.fullmatch(r"(terang(-\w+:? ?)?|https?(://)?)", text)]:
                found.append(ast.unparse(call))
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_command_line_prints_comes_from_the_catalogue(path):
    found = english_prints(path)
    assert len(found) == STILL_ENGLISH.get(str(path.relative_to(ROOT)), 0), found


@pytest.mark.parametrize("path", PROGRAM_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_an_error_of_a_command_line_comes_from_the_catalogue(path):
    assert english_errors(path) == []


def test_a_text_that_is_printed_from_the_code_is_found(tmp_path):
    (tmp_path / "a.py").write_text(
        'print(f"{folder}: nothing changed")\nprint(words.say("terminal.x", n=1))\nprint(f"terang-city: {error}")\n'
        'typer.echo("done" if is_done else text)\nprint(f"{one:>6}  {two}")\n'
    )
    assert len(english_prints(tmp_path / "a.py")) == 2
    (tmp_path / "b.py").write_text(
        'raise UnusableError(f"{path}: is no file")\nraise\nraise X(words.say("terminal.x"))\nraise X(f"{a}: {b}")\n'
        'raise X(Message("terminal.x", a=b))\nraise X(Message("terminal.x", a="no file"))\n'
    )
    assert english_errors(tmp_path / "b.py") == [
        "UnusableError(f'{path}: is no file')",
        "X(Message('terminal.x', a='no file'))",
    ]


def test_every_help_text_is_a_message():
    known = load_catalogue(FALLBACK)
    for path in FILES[:-2]:  # the agent's are said when its parser is made
        for call in calls(path):
            for keyword in call.keywords:
                if keyword.arg == "help":
                    assert known.find(ast.literal_eval(keyword.value)) is not None, ast.unparse(call)


def every(command):
    yield command
    for each in getattr(command, "commands", {}).values():
        yield from every(each)


@pytest.mark.parametrize("language", ["en", "id"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_the_help_of_every_command_and_option_is_in_the_terminals_language(program, language):
    words, english = load_catalogue(language), load_catalogue(FALLBACK)
    command = typer.main.get_command(PROGRAMS[program].app)
    translate_help(command, words)
    texts = [each.help for each in every(command)]
    texts += [p.help for each in every(command) for p in each.params if getattr(p, "help", None) and p.name != "help"]
    assert len(texts) > 5
    assert all(texts)
    assert [text for text in texts if text.startswith("terminal.")] == []
    if language != FALLBACK:
        assert set(texts).isdisjoint(english.messages.values())


def test_terang_city_speaks_indonesian_where_the_terminal_does(tmp_path, run):
    folder, source, mapping = tmp_path / "kota", tmp_path / "a.csv", tmp_path / "m.toml"
    rows = "".join(f"{i},{0.5 + i / 1000},102\n" for i in range(20))
    source.write_text(f"No,Lat,Lon\n{rows}21,,102\n")
    mapping.write_text('[lamp]\nlamp_id = "No"\nlatitude = "Lat"\nlongitude = "Lon"\n')
    assert "ditulis; berikutnya: terang-city import" in run("init", folder)
    assert "tidak ada yang berubah" in run("import", folder, source, "--map", mapping, "--dry-run")
    said = run("import", folder, source, "--map", mapping)
    assert "20  lampu diterima" in said
    assert "daftar lampu versi 1 berlaku" in said
    source.write_text("No,Lat,Lon\n1,0.5,102\n")
    said = run("import", folder, source, "--map", mapping)
    assert "19 dari 20 lampu akan hilang dari daftar, 1 akan ada; tidak ada yang berubah: pakai --yes" in said
    assert "dibanding daftar yang berlaku: 19 lampu hilang: 0, 2, 3, 4, 5 …" in said
    assert "hal salah" in run("check", folder)
    assert "Ganti daftar lampu kota" in run("import", "--help")


def test_findings_are_said_in_indonesian_on_the_terminal_in_the_report_and_on_the_map(tmp_path, run):
    folder, source, mapping = tmp_path / "kota", tmp_path / "a.csv", tmp_path / "m.toml"
    report, preview = tmp_path / "f.csv", tmp_path / "m.html"
    rows = "".join(f"{i},{0.5 + i / 1000},102,{i}{'/' if i % 2 else ' dan '}70\n" for i in range(20, 40))
    source.write_text(f"No,Lat,Lon,Daya\n{rows}41,,102,70\n")
    mapping.write_text('[lamp]\nlamp_id = "No"\nlatitude = "Lat"\nlongitude = "Lon"\nrated_power_w = "Daya"\n')
    run("init", folder)
    said = run("import", folder, source, "--map", mapping, "--dry-run", "--report", report, "--preview", preview)
    assert "a.csv:22: Lat: kosong, padahal wajib (baris ditolak)" in said
    assert "a.csv:2: Daya: '20 dan 70' bermakna ganda: 2 angka; daya dikosongkan" in said
    assert "dan 15 lagi seperti itu di a.csv: Daya: … bermakna ganda: … angka; daya dikosongkan" in said
    first, *found = report.read_text(encoding="utf-8-sig").splitlines()
    assert first == "file,line,column,reason,outcome,code"
    assert len(found) == 21
    assert found[0] == 'a.csv,22,Lat,"kosong, padahal wajib",refused,required'
    assert found[1].endswith("bermakna ganda: 2 angka; daya dikosongkan,mended,several_powers")
    assert "kosong, padahal wajib (baris ditolak)" in preview.read_text(encoding="utf-8")
    source.write_text("Nomor,Lat,Lon,Daya\n1,0,0,\n")
    said = run("import", folder, source, "--map", mapping)
    assert "terang-city: a.csv: tidak ada kolom 'No' untuk lamp_id; yang ada Nomor, Lat, Lon, Daya" in said


def test_terang_sim_speaks_indonesian_where_the_terminal_does_and_the_simulation_does_not(
    tmp_path, monkeypatch, capsys
):
    """What the simulation refuses comes over its socket as a message, and is said in the language of whoever asks."""

    def call(*arguments):
        monkeypatch.setenv("TERANG_LANGUAGE", "id")
        monkeypatch.setattr(sys, "argv", ["terang-sim", *map(str, arguments)])
        with pytest.raises(SystemExit):
            firmware_sim.__main__.main()
        found = capsys.readouterr()
        return found.out + found.err

    folder = tmp_path / "kota"
    assert "20 lampu pada" in call("town", folder, "--lamps", 20)
    assert "di situ sudah ada kota; --force menimpanya" in call("town", folder)
    assert "tidak ada simulasi yang memainkan kota" in call("list", "--city", folder)
    town = read_town(write_city(folder))
    world = World(town, np.random.default_rng(3), NIGHT_US)
    control = ControlSocket(folder / "data", Injector(world).handle)
    stop = threading.Event()

    def answer():
        while not stop.wait(0.005):
            control.answer()

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        said = call("inject", "lampFailure", "nowhere", "--city", folder)
        assert "lampFailure: tidak ada lamp bernama 'nowhere' di kota ini" in said
        assert "kode 'nope' tidak dikenal; yang ada: " in call("inject", "nope", town.lamp_ids[0], "--city", folder)
        assert f"dipasang: lampFailure di {town.lamp_ids[0]}" in call(
            "inject", "lampFailure", town.lamp_ids[0], "--city", folder
        )
        assert "1 dipasang; yang dapat dipasang: " in call("list", "--city", folder)
        assert f"diperbaiki: lampFailure di {town.lamp_ids[0]}" in call("repair", town.lamp_ids[0], "--city", folder)
    finally:
        stop.set()
        thread.join()
        control.close()
