"""Writes a file whole or not at all: beside its place, synced, then renamed or linked onto it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def replacing(
    path: Path,
    *,
    mode: int | None = None,
    is_synced: bool = True,
    is_durable: bool = True,
    is_shared: bool = False,
    is_owned_like_folder: bool = False,
) -> Iterator[IO[bytes]]:
    """A binary file that takes the place of ``path`` when the block ends without an error.

    Args:
        path: the file; its folder must exist.
        mode: its permissions from the first byte on, whatever the umask says; None: read and write, less the umask.
        is_synced: whether its bytes must be on the disk before they take the place: otherwise a power cut may leave an
            empty file.
        is_durable: whether the new file must be there after a power cut; otherwise it may be the old one.
        is_shared: whether two processes may write it at once: each then writes beside it under a name of its own, of
            which a killed process leaves one behind.
        is_owned_like_folder: see ``give_to_owner_of_folder``.

    Raises:
        OSError: the disk is full or read-only; the old file is kept and nothing is left beside it.
    """
    beside = _beside(path, is_shared=is_shared)
    try:
        beside.unlink(missing_ok=True)  # a process that was killed left it, maybe with other permissions
        with _new(beside, mode) as file:
            if is_owned_like_folder:
                give_to_owner_of_folder(beside)
            yield file
            file.flush()
            if is_synced:
                os.fsync(file.fileno())
        os.replace(beside, path)  # noqa: PTH105  # the atomic rename by its own name
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    if is_durable:
        sync_folder(path.parent)


def replace_file(
    path: Path,
    data: bytes,
    *,
    mode: int | None = None,
    is_synced: bool = True,
    is_durable: bool = True,
    is_shared: bool = False,
    is_owned_like_folder: bool = False,
) -> None:
    """Replace a file by these bytes; see ``replacing``."""
    with replacing(
        path,
        mode=mode,
        is_synced=is_synced,
        is_durable=is_durable,
        is_shared=is_shared,
        is_owned_like_folder=is_owned_like_folder,
    ) as file:
        file.write(data)


def create_file(path: Path, data: bytes, *, mode: int | None = None, is_owned_like_folder: bool = False) -> bool:
    """Write a file that is not there yet, whole or not at all, synced; of several writers the first one wins.

    Returns:
        Whether it was written; False where there is one already, which stays as it is.

    Raises:
        OSError: the disk is full or read-only; nothing is left.
    """
    beside = _beside(path, is_shared=True)
    try:
        with _new(beside, mode) as file:
            if is_owned_like_folder:
                give_to_owner_of_folder(beside)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(beside, path)  # unlike a renaming, it replaces nothing
    except FileExistsError:
        return False
    finally:
        beside.unlink(missing_ok=True)
    sync_folder(path.parent)
    return True


def sync_folder(folder: Path) -> None:
    """Make what was renamed in a folder last through a power cut.

    Raises:
        OSError: the disk refuses.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def give_to_owner_of_folder(path: Path) -> None:
    """Give a file that root made, at the terminal, to whom its folder belongs: the user of the services.

    Raises:
        OSError: it cannot be given.
    """
    if os.geteuid() == 0:
        folder = path.parent.stat()
        os.chown(path, folder.st_uid, folder.st_gid)


def _beside(path: Path, *, is_shared: bool) -> Path:
    own = f".{os.getpid()}.{secrets.token_hex(4)}" if is_shared else ""
    return path.with_name(f"{path.name}{own}.new")


def _new(path: Path, mode: int | None) -> IO[bytes]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666 if mode is None else mode)
    file = os.fdopen(descriptor, "wb")
    if mode is not None:
        os.fchmod(descriptor, mode)
    return file
