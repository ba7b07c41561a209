"""Tests that share a browser, a broker or a city run on one of pytest-xdist's workers."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from xdist.remote import WorkerInteractor


@pytest.fixture(scope="module")
def _shared() -> None:
    """Made once on each worker that runs a test of this file."""


def test_xdist_and_pytest_agree_on_where_a_group_is_named(request: pytest.FixtureRequest) -> None:
    item = pytest.Function.from_parent(request.node.parent, name="another", callobj=lambda: None)
    item.add_marker(pytest.mark.xdist_group("some-group"))
    WorkerInteractor.pytest_collection_modifyitems(None, SimpleNamespace(getvalue=lambda _name: True), [item])
    assert item.nodeid.endswith("::another@some-group")


@pytest.mark.usefixtures("_shared")
def test_a_file_with_a_fixture_of_its_own_is_a_group(request: pytest.FixtureRequest) -> None:
    marker = request.node.get_closest_marker("xdist_group")
    assert marker is not None
    assert marker.args == ("tests/test_worker_groups.py",)
