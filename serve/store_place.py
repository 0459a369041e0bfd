"""Which store keeps a tenant's graph, by the settings: made at the composition root, carried to the actors.

Only references travel: the password is read where a process first opens its connection, and one connection serves all
tenants of the process.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from chain.keys.reference import KeyPlace, KeyReference, parse_reference
from domain.errors import InputError
from domain.tenancy import TenantId
from serve.secret import read_secret
from serve.settings import Settings

if TYPE_CHECKING:
    from graph.stores.contract import GraphStore
    from graph.stores.neo4j_database import Neo4jConfig, Neo4jDatabase


@dataclass(frozen=True, slots=True)
class StorePlace:
    """Neo4j, or a file per tenant in the tenant's folder where `uri` is None.

    Args:
        password: where the password is; None for a server without one.
    """

    uri: str | None = None
    user: str = "neo4j"
    password: KeyReference | None = None
    database: str | None = None

    def __call__(self, directory: Path, tenant: TenantId) -> GraphStore:
        """Open the store of a tenant."""
        if self.uri is None:
            from graph.stores.duckdb import DuckDbStore  # noqa: PLC0415 (at first use)

            return DuckDbStore(directory, tenant)
        from graph.stores.neo4j import Neo4jStore  # noqa: PLC0415

        return Neo4jStore(_database(self), tenant)

    def config(self) -> Neo4jConfig:
        """How Neo4j is reached."""
        from graph.stores.neo4j_database import Neo4jConfig  # noqa: PLC0415

        assert self.uri is not None, "asked only where Neo4j is chosen"
        return Neo4jConfig(self.uri, self.user, partial(_password, self.password), self.database)


def store_place(settings: Settings) -> StorePlace:
    """What the settings say; the reference is checked for its form, and not followed.

    Raises:
        InputError: the password is no reference, or names a place that gives none away.
    """
    if settings.neo4j_uri is None:
        return StorePlace()
    password = None if settings.neo4j_password is None else parse_reference(settings.neo4j_password)
    if password is not None and password.place is KeyPlace.AWS_KMS:
        raise InputError("a key service gives no password away", todo="Name an env: variable or a file:")
    if password is not None and password.place is KeyPlace.FILE:
        password = KeyReference(password.place, str(Path(password.name).resolve()))
    return StorePlace(settings.neo4j_uri, settings.neo4j_user, password, settings.neo4j_database)


_OPENING = Lock()
_databases: dict[StorePlace, Neo4jDatabase] = {}


def _database(place: StorePlace) -> Neo4jDatabase:
    """The connection of this process."""
    with _OPENING:
        if place not in _databases:
            try:
                from graph.stores.neo4j_database import Neo4jDatabase  # noqa: PLC0415
            except ImportError:
                raise InputError(
                    "the driver of Neo4j is not installed",
                    where="setting neo4j_uri",
                    todo="Install it: pip install 'policycortex[neo4j]'",
                ) from None
            _databases[place] = Neo4jDatabase(place.config())
        return _databases[place]


def _password(reference: KeyReference | None) -> str:
    return "" if reference is None else read_secret(reference, what="password of Neo4j")
