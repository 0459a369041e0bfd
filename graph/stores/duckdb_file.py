"""One tenant's database file: opened by one writer, checked before use, its failures named.

Decided here: which of our errors a failure of the engine is.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import duckdb

from domain.errors import ConflictError, InputError, IntegrityError, PolicyCortexError, UnavailableError
from domain.tenancy import TenantId
from graph.stores.duckdb_layout import LAYOUT_VERSION, TABLES, upgrade

_FULL = ("no space left", "could not write", "failed to write", "file too large", "write error", "disk quota")


class DatabaseFile:
    """A DuckDB file with its lock.

    Args:
        directory: where the tenant's file and lock are; created when absent.
    """

    def __init__(self, directory: Path, tenant: TenantId) -> None:
        self.path = directory / f"{tenant}.duckdb"
        self._tenant = tenant
        self._connection: duckdb.DuckDBPyConnection | None = None
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = _lock(self.path)
        except OSError as error:
            raise UnavailableError(
                "the store's folder cannot be used",
                path=str(directory),
                reason=error.strerror,
                todo="Choose a folder that can be written with --store",
            ) from None
        try:
            self._open()
        except PolicyCortexError:
            self.close()
            raise

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The open connection; opened again after a failure that made the engine give it up."""
        self.require_open()
        if self._connection is None:
            self._open()
        assert self._connection is not None
        return self._connection

    def require_open(self) -> None:
        """Refuse to work once closed.

        Raises:
            ConflictError: it is.
        """
        if self._lock is None:
            raise ConflictError("the store is closed", path=str(self.path), todo="Open it again")

    @contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Everything inside is written, or nothing."""
        connection = self.connection
        with self.guarded(), ExitStack() as undo:
            connection.begin()
            undo.callback(_roll_back, connection)
            yield connection
            connection.commit()
            undo.pop_all()

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Failures of the engine become errors that say who must act."""
        try:
            yield
        except duckdb.ProgrammingError:
            raise
        except duckdb.Error as error:
            self._give_up()
            raise _translated(error, self.path) from None

    def close(self) -> None:
        """Write what is pending into the file, and let others open it."""
        self._give_up()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _open(self) -> None:
        try:
            connection = duckdb.connect(str(self.path))
        except duckdb.Error as error:
            raise _translated(error, self.path) from None
        self._connection = connection
        with self.guarded():
            self._check(connection)

    def _check(self, connection: duckdb.DuckDBPyConnection) -> None:
        tables = {row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
        if not tables:
            _create(connection, self._tenant)
            return
        rows = connection.execute("SELECT version, tenant FROM layout").fetchall() if "layout" in tables else []
        if not rows:
            raise IntegrityError(
                "the file is a database, but not a store",
                path=str(self.path),
                todo="Choose another folder with --store, or move the file away",
            )
        if rows[0][0] > LAYOUT_VERSION:
            raise InputError(
                "the store was written by a newer version of PolicyCortex",
                path=str(self.path),
                expected=f"layout {LAYOUT_VERSION} or older",
                got=rows[0][0],
                todo="Update PolicyCortex, or choose another folder with --store",
            )
        if rows[0][1] != self._tenant:
            raise IntegrityError(
                "the file is another tenant's store",
                path=str(self.path),
                expected=self._tenant,
                todo="Put the file back under its own tenant's name",
            )
        if rows[0][0] < LAYOUT_VERSION:
            upgrade(connection, rows[0][0])

    def _give_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(duckdb.Error):
                connection.close()


def _roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    """Undo what was begun. Where the engine cannot, it has given the connection up, and opening again undoes it."""
    with suppress(duckdb.Error):
        connection.rollback()


def _create(connection: duckdb.DuckDBPyConnection, tenant: TenantId) -> None:
    connection.begin()
    for statement in TABLES:
        connection.execute(statement)
    connection.execute("INSERT INTO layout VALUES (?, ?)", [LAYOUT_VERSION, tenant])
    connection.execute("INSERT INTO standing VALUES (0, 0, '', 0)")
    connection.commit()


def _lock(path: Path) -> int | None:
    """Hold the writer's lock; it falls with the process, however that ends."""
    lock = path.with_suffix(".lock")
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 32).decode("ascii", "replace").strip()
        os.close(descriptor)
        raise ConflictError(
            "the store is in use by another process",
            path=str(path),
            lock=str(lock),
            process=holder or "unknown",
            todo="Wait until it ends, or send the work to the running platform",
        ) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())
    return descriptor


def _translated(error: duckdb.Error, path: Path) -> PolicyCortexError:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    lower = str(error).lower()
    if any(mark in lower for mark in _FULL):
        return UnavailableError(
            "the store cannot be written, the disk may be full",
            path=str(path),
            reason=text,
            todo="Free some space, or choose another folder with --store; nothing of this change was kept",
        )
    if "version number" in lower or "newer version" in lower:
        return InputError(
            "the store was written by a newer version of the database engine",
            path=str(path),
            reason=text,
            todo="Update PolicyCortex, or choose another folder with --store",
        )
    if "could not set lock" in lower or "conflicting lock" in lower:
        return ConflictError("the store is in use by another process", path=str(path), reason=text)
    return IntegrityError(
        "the store cannot be read",
        path=str(path),
        reason=text,
        todo="Restore the file from a copy, or move it away to begin a new store",
    )
