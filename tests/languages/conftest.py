"""What the tests of words share."""

from __future__ import annotations

import sys

import pytest

import ingest.city.__main__


@pytest.fixture
def run(capsys, monkeypatch):
    """Call terang-city in Indonesian in this process: what it printed and said of errors."""

    def call(*arguments):
        monkeypatch.setenv("TERANG_LANGUAGE", "id")
        monkeypatch.setattr(sys, "argv", ["terang-city", *map(str, arguments)])
        with pytest.raises(SystemExit):
            ingest.city.__main__.main()
        found = capsys.readouterr()
        return found.out + found.err

    return call
