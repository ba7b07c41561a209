# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""Keys that sign orders: changed, lost, read by others, and the ways back."""

from __future__ import annotations

import pytest

from city_pki.errors import PkiError
from city_pki.order_keys import create_keys, rotate_keys
from edge_agent.settings import KeysConfig
from tests.city_pki.order_stand import Stand, refused, stand  # noqa: F401


def test_a_new_working_key_comes_in_by_the_recovery_key_alone(stand: Stand) -> None:
    stand.gate.admit(stand.dim())
    old_signer = stand.queue.signer
    rotate_keys(stand.folder, stand.recovery, "terang")
    stand.sign_anew()
    refused(stand, stand.dim(), "signed with key")
    stand.gate.admit(stand.rotation())
    stand.gate.admit(stand.rotation())  # it comes with every birth
    stand.gate.admit(stand.dim())
    stand.start()
    stand.gate.admit(stand.dim())
    stand.queue.signer = old_signer
    refused(stand, stand.dim(), "signed with key")


def test_an_older_change_of_key_does_not_come_back(stand: Stand) -> None:
    rotate_keys(stand.folder, stand.recovery, "terang")
    first = stand.rotation()
    keys = rotate_keys(stand.folder, stand.recovery, "terang")
    assert keys.rotation is not None
    stand.gate.admit(stand.rotation())
    in_force = stand.gate.key_id
    stand.gate.admit(first)
    assert stand.gate.key_id == in_force
    stand.keys_file.unlink()
    stand.start(KeysConfig(keys.working, keys.recovery, keys.rotation.number))
    stand.gate.admit(first)
    assert stand.gate.key_id == in_force, "also for a controller that was made after it"


def test_a_change_of_key_that_the_recovery_key_did_not_sign_is_refused(stand: Stand, tmp_path) -> None:
    other = Stand(tmp_path / "other")
    rotate_keys(other.folder, other.recovery, "terang")
    refused(stand, other.rotation(), "not signed with the recovery key")
    rotate_keys(stand.folder, stand.recovery, "elsewhere")
    refused(stand, stand.rotation(), "not signed with the recovery key")


def test_a_lost_working_key_has_a_way_back(stand: Stand) -> None:
    (stand.folder / "orders.key").unlink()
    rotate_keys(stand.folder, stand.recovery, "terang")
    stand.sign_anew()
    stand.gate.admit(stand.rotation())
    stand.gate.admit(stand.dim())


def test_another_citys_recovery_key_replaces_nothing(stand: Stand, tmp_path) -> None:
    other = Stand(tmp_path / "other")
    with pytest.raises(PkiError, match="not this city's recovery key"):
        rotate_keys(stand.folder, other.recovery, "terang")


def test_other_keys_in_the_file_are_in_force_at_once(stand: Stand, tmp_path) -> None:
    stand.gate.admit(stand.dim())
    other = Stand(tmp_path / "other")
    stand.start(KeysConfig(other.keys.working, other.keys.recovery))
    refused(stand, stand.dim(), "signed with key")
    stand.gate.admit(other.dim())


@pytest.mark.parametrize(
    "contents",
    [b"", b"{}", b"[" * 5000, b'{"pinned": [1, 2, 3]}', bytes(range(100, 200))],
    ids=["empty", "nothing", "nested", "odd", "bytes"],
)
def test_damaged_storage_falls_back_to_the_pinned_keys(stand: Stand, contents: bytes) -> None:
    stand.keys_file.write_bytes(contents)
    stand.start()
    stand.gate.admit(stand.dim())


def test_storage_that_accepts_no_writes_leaves_the_street_its_orders(stand: Stand) -> None:
    stand.keys_file.with_name(stand.keys_file.name + ".new").mkdir()
    order = stand.dim()
    stand.gate.admit(order)
    refused(stand, order, "again")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_key_that_others_may_read_does_not_sign(stand: Stand, mode: int) -> None:
    key = stand.folder / "orders.key"
    assert key.stat().st_mode & 0o777 == 0o600
    key.chmod(mode)
    with pytest.raises(PkiError, match="chmod 600") as reported:
        stand.sign_anew()
    assert key.read_text().strip() not in str(reported.value)


def test_keys_are_never_overwritten(stand: Stand) -> None:
    with pytest.raises(PkiError, match="is there already"):
        create_keys(stand.folder, stand.recovery.with_name("another"))
