"""The connection to Neo4j: one driver for all tenants of a process, and its failures in our words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final, TypeVar

from neo4j import Driver, GraphDatabase, ManagedTransaction, NotificationMinimumSeverity, Session
from neo4j.exceptions import AuthError, ClientError, ConfigurationError, DriverError, Neo4jError, TransientError

from domain.errors import AccessDenied, InputError, IntegrityError, PolicyCortexError, UnavailableError
from graph.stores.neo4j_schema import statements

RETRY_S: Final = 15.0
CONNECT_S: Final = 5.0
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Neo4jConfig:
    """Where the database is, and who we are there.

    Args:
        uri: `neo4j://`, `bolt://`, or with `+s` over TLS, such as Aura's.
        password: gives the password when the driver is made; it is kept nowhere else.
        database: None for the user's own.
        retry_s: how long a transaction is repeated after failures that may pass.
    """

    uri: str
    user: str
    password: Callable[[], str] = field(repr=False)
    database: str | None = None
    retry_s: float = RETRY_S


class Neo4jDatabase:
    """Sessions of one database; opened at first use, by whichever tenant comes first.

    Raises:
        InputError: the address is not one of Neo4j.
    """

    def __init__(self, config: Neo4jConfig) -> None:
        self.config = config
        self._lock = Lock()
        self._is_prepared = False
        _require_bolt(config.uri)
        try:
            self._driver: Driver = GraphDatabase.driver(
                config.uri,
                auth=(config.user, config.password()),
                max_transaction_retry_time=config.retry_s,
                connection_timeout=CONNECT_S,
                connection_acquisition_timeout=max(CONNECT_S, config.retry_s),
                notifications_min_severity=NotificationMinimumSeverity.OFF,
                telemetry_disabled=True,
            )
        except (ConfigurationError, ValueError) as error:
            raise _no_address(config.uri, str(error)) from None

    def read(self, work: Callable[[ManagedTransaction], T]) -> T:
        """Run a reading transaction; it is repeated after failures that may pass."""
        with self._session() as session, self.guarded():
            return session.execute_read(work)

    def write(self, work: Callable[[ManagedTransaction], T]) -> T:
        """Run a writing transaction; it is repeated after failures that may pass, so it decides nothing outside."""
        with self._session() as session, self.guarded():
            return session.execute_write(work)

    def prepare(self) -> None:
        """Declare constraints and indexes, once for each process."""
        with self._lock:
            if not self._is_prepared:
                with self._session() as session, self.guarded():
                    for statement in statements():
                        session.run(statement).consume()
                    session.run("CALL db.awaitIndexes(60)").consume()
                self._is_prepared = True

    def close(self) -> None:
        """End every connection."""
        self._driver.close()

    @contextmanager
    def _session(self) -> Iterator[Session]:
        with self.guarded(), self._driver.session(database=self.config.database, fetch_size=-1) as session:
            yield session

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Failures of the driver become errors that say who must act; mistakes in our own queries do not."""
        try:
            yield
        except (Neo4jError, DriverError) as error:
            translated = _translated(error, self.config)
            if translated is None:
                raise
            raise translated from error


def _require_bolt(uri: str) -> None:
    scheme = uri.partition("://")[0].partition("+")[0]
    if scheme not in {"bolt", "neo4j"}:
        raise _no_address(uri, "neither bolt:// nor neo4j://")


def _no_address(uri: str, reason: str) -> InputError:
    todo = "Write it like neo4j+s://host:7687 (setting neo4j_uri)"
    return InputError("the address of Neo4j cannot be used", got=uri, reason=reason, todo=todo)


def rows(transaction: ManagedTransaction, query: str, parameters: Mapping[str, Any]) -> list[list[Any]]:
    """What a query of ours returns, a list for each row."""
    return transaction.run(query, parameters).values()  # type: ignore[arg-type] # (a str, but not a literal one)


_DENIED = ("Neo.ClientError.Security.",)
_OURS = ("Neo.ClientError.Statement.", "Neo.ClientError.Procedure.")


def _translated(error: Neo4jError | DriverError, config: Neo4jConfig) -> PolicyCortexError | None:
    code = getattr(error, "code", None) or ""
    reason = str(getattr(error, "message", None) or error).splitlines()[0][:300]
    if isinstance(error, AuthError) or code.startswith(_DENIED):
        return AccessDenied(
            "Neo4j refuses this account",
            uri=config.uri,
            user=config.user,
            reason=reason,
            todo="Check neo4j_user and what neo4j_password refers to",
        )
    if code == "Neo.ClientError.Database.DatabaseNotFound":
        return InputError(
            "Neo4j has no such database", uri=config.uri, got=config.database, todo="Check the setting neo4j_database"
        )
    if code.startswith("Neo.ClientError.Schema."):
        return IntegrityError("the graph contradicts a constraint", uri=config.uri, reason=reason)
    if isinstance(error, ClientError) and not isinstance(error, TransientError) and code.startswith(_OURS):
        return None
    if isinstance(error, DriverError) and not error.is_retryable() and type(error).__name__ == "ResultError":
        return None
    return UnavailableError(
        "Neo4j does not answer as it should",
        uri=config.uri,
        reason=reason,
        retry_after_s=1,
        todo="See that the server runs and can be reached; a change that was not acknowledged may be sent again",
    )
