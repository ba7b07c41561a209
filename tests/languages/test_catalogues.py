"""The catalogues hold what the code says, no more, in every language; and we read them as Babel does."""

from __future__ import annotations

import ast
import io
import re
from itertools import pairwise
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po as babel_read_po
from babel.messages.pofile import write_po
from hypothesis import given
from hypothesis import strategies as st

from dashboard_api import errors
from ingest.schema.codes import CATALOGUE
from languages.catalogue import FALLBACK, FOLDER, language_codes, load_catalogue
from languages.errors import CatalogueError
from languages.po_file import read_po

ROOT = Path(__file__).parents[2]
# where the messages of each family are said: the code that names them, or the codes that they are put together from
SAID_IN = {
    "page": ("dashboard_api/web/src", "ingest/schema"),
    "wall": ("dashboard_api/web/src",),
    "admission": ("dashboard_api/web/src",),
    "crew": ("dashboard_api/web/src", "ingest/schema"),
    "labels": ("dashboard_api/formats",),
    "language": ("dashboard_api",),
    "answer": ("dashboard_api/web/src", "edge_agent"),
    "evidence": ("ingest", "dashboard_api/web/src"),
    "priority": ("ingest/faultbook", "dashboard_api/web/src"),
    "timeline": ("ingest/faultbook", "ingest/jobs"),
    "command": ("ingest/jobs",),
    "quantity": ("edge_agent",),
    "problem": ("dashboard_api",),
    "ogc": ("dashboard_api/neighbours",),
    "open311": ("dashboard_api/neighbours",),
    "report": ("dashboard_api/neighbours",),
    "open": ("dashboard_api/neighbours",),
    "repair": ("dashboard_api",),
    "agent": ("edge_agent",),
    "demo": ("firmware_sim/demo",),
    "sign_in": ("dashboard_api/pages",),
    "inject": ("firmware_sim",),
    "sim": ("firmware_sim",),
    "finding": ("ingest",),
    "terminal": ("ingest", "dashboard_api"),
    "value": ("ingest", "dashboard_api"),
    "talq": ("dashboard_api/neighbours",),
    "telemetry": ("dashboard_api/readings",),
    "readiness": ("ingest", "dashboard_api"),
}
WHOLE_ID = re.compile(rf"""["']((?:{"|".join([*SAID_IN, "fault"])})(?:\.\w+)+)["']""")
WORD_OF_PAGE = re.compile(r"""words\.say\(\s*"(\w+)\"""")
PROBLEM = re.compile(rf"""(?:{"|".join(error.__name__ for error in errors.STATUS)})\(\s*"(\w+)\"""")


def catalogue_text(language: str) -> str:
    return (FOLDER / f"{language}.po").read_text(encoding="utf-8")


def own_messages(language: str) -> dict[str, str]:
    return {name: text for name, text in read_po(catalogue_text(language), language).items() if name}


def sources(*folders: str) -> str:
    """The code of folders: Python, and of the page TypeScript, without what is generated."""
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*.[pt][ys]")]
    mine = [path for path in paths if not {"node_modules", "dist"} & set(path.parts) and path.name != "api_types.ts"]
    return "\n".join(path.read_text(encoding="utf-8") for path in mine)


def ids_in_code() -> set[str]:
    """Message ids that the code names whole, words that the page says, and codes of problems."""
    python, page = (
        sources("edge_agent", "city_pki", "ingest", "dashboard_api", "firmware_sim"),
        sources("dashboard_api/web/src"),
    )
    found = {
        name
        for name in WHOLE_ID.findall(python + page)
        if name.rpartition(".")[2] not in {"toml", "db", "py", "html", "webmanifest", "sock"}
    }
    found |= {f"page.{name}" for name in WORD_OF_PAGE.findall(page)}
    return found | {f"problem.{name}" for name in PROBLEM.findall(python)}


def test_every_language_says_the_same_messages_with_the_same_parameters():
    first, *others = (own_messages(language) for language in ("en", "id"))
    for other in others:
        assert other.keys() == first.keys()
        for name, text in first.items():
            assert sorted(set(re.findall(r"\{(\w+)\}", other[name]))) == sorted(set(re.findall(r"\{(\w+)\}", text))), (
                name
            )


def test_every_message_that_the_code_names_is_in_the_catalogues():
    known = own_messages(FALLBACK)
    named = ids_in_code()
    assert len(named) > 150
    assert {
        name for name in named if name not in known and not any(each.startswith(name + ".") for each in known)
    } == set()


def names_in(code: str) -> frozenset[str]:
    """Names that stand in quotes, or before a colon or an equals sign."""
    return frozenset(
        quoted or named for quoted, named in re.findall(r"""(?<=["'`])([\w -]+)(?=["'`])|\b(\w+)(?=[:=])""", code)
    )


def test_no_message_is_left_that_nothing_says():
    named = ids_in_code()
    said = {family: names_in(sources(*folders)) for family, folders in SAID_IN.items()}
    unused = set()
    for name in own_messages(FALLBACK).keys() - named:
        family, _, rest = name.partition(".")
        if family == "fault":
            continue  # by the catalogue of faults: the next test
        if name.removesuffix(".one").removesuffix(".other") in named:
            continue  # counted
        last = rest.removesuffix(".one").removesuffix(".other").rpartition(".")[2]
        # said by a code that stands in the code, as a value, or as the name of a member
        code = re.sub(r"^(did|by|family|bit)_", "", last)
        if code.isdecimal():
            continue  # a status of HTTP, a bit, a quality: no name in the code
        if code not in said[family]:
            unused.add(name)
    assert unused == set()


def test_every_fault_code_is_called_and_advised_on_and_no_other():
    named = {name for name in own_messages(FALLBACK) if name.startswith("fault.")}
    assert named == {f"fault.{code.code}.{what}" for code in CATALOGUE for what in ("title", "advice")} | {
        code.advice(kind) for code in CATALOGUE for kind in code.kinds
    }


@pytest.mark.parametrize("language", language_codes())
def test_babel_reads_a_catalogue_as_we_do_and_finds_nothing_wrong_with_it(language):
    theirs = babel_read_po(io.StringIO(catalogue_text(language)), abort_invalid=True)
    assert {message.id: message.string for message in theirs if message.id} == own_messages(language)
    assert theirs.locale is not None
    assert [problem for _message, problems in theirs.check() for problem in problems] == []


@given(
    st.dictionaries(
        st.text("abc._", min_size=1),
        st.text(
            st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]) | st.sampled_from('\n\t"\\'), min_size=1
        ),
    )
)
def test_whatever_babel_writes_is_read_back(messages):
    written = Catalog(locale="id")
    for name, text in messages.items():
        written.add(name, text)
    out = io.BytesIO()
    write_po(out, written, width=40)
    found = read_po(out.getvalue().decode(), "written.po")
    assert {name: text for name, text in found.items() if name} == messages


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('msgid "a"\nmsgstr "x"\nmsgid "a"\nmsgstr "y"\n', "bad.po:3: 'a' stands twice"),
        ('msgid "a"\n', "bad.po:1: an entry has one msgid and one msgstr"),
        ('msgid "a\nmsgstr "x"\n', "bad.po:1: not a quoted string"),
        ('msgid "a"\nmsgid_plural "b"\nmsgstr[0] "x"\n', "bad.po:2: expected msgid, msgstr"),
        ('"a"\n', "bad.po:1: expected msgid"),
    ],
)
def test_a_broken_catalogue_is_reported_with_file_and_line(text, said):
    with pytest.raises(CatalogueError) as caught:
        read_po(text, "bad.po")
    assert said in str(caught.value)


def test_a_fuzzy_or_empty_translation_is_english(tmp_path):
    (tmp_path / "en.po").write_text('msgid "a"\nmsgstr "A"\n\nmsgid "b"\nmsgstr "B"\n\nmsgid "c"\nmsgstr "C {n}"\n')
    (tmp_path / "xx.po").write_text(
        '#, fuzzy\nmsgid "a"\nmsgstr "?"\n\nmsgid "b"\nmsgstr ""\n\nmsgid "c"\nmsgstr "c {n}"\n'
    )
    words = load_catalogue("xx", tmp_path)
    assert [words.say("a"), words.say("b"), words.say("c", n=3), words.say("d"), words.say("c")] == [
        "A",
        "B",
        "c 3",
        "d",
        "c {n}",
    ]


@pytest.mark.parametrize("language", ["../en", "", "EN", "e"])
def test_only_a_language_code_names_a_catalogue(language):
    with pytest.raises(CatalogueError):
        load_catalogue(language)


def test_the_catalogues_stand_in_one_order_so_that_changes_read_as_such():
    orders = [list(own_messages(language)) for language in language_codes()]
    assert all(one == other for one, other in pairwise(orders))


def evidence_names() -> set[str]:
    """Names that detection gives its evidence: of dictionaries called so, or returned by functions called so."""
    found: set[str] = set()

    def take(node: ast.AST | None) -> None:
        for each in ast.walk(node) if node is not None else ():
            if isinstance(each, ast.Dict):
                found.update(key.value for key in each.keys if isinstance(key, ast.Constant))

    for path in (ROOT / "ingest/detection").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and "evidence" in node.name:
                take(node)
            elif isinstance(node, ast.keyword) and node.arg == "evidence":
                take(node.value)
            elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
                for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                    if isinstance(target, ast.Name) and target.id == "evidence":
                        take(node.value)
                    if isinstance(target, ast.Subscript) and ast.unparse(target.value) == "evidence":
                        found.add(ast.literal_eval(target.slice))
    return found


def test_every_name_of_evidence_has_a_word():
    names = evidence_names()
    assert {"voltage_v", "usual_voltage_v", "phase", "lamps_dark", "suspected", "meter_silent"} <= names
    assert {name for name in names if f"evidence.{name}" not in own_messages(FALLBACK)} == set()
