"""Each heavy library has one home, and light entry points stay light."""

from __future__ import annotations

import pytest

from tests.architecture.sources import loaded_by, modules

HOMES: dict[str, tuple[str, ...]] = {
    "ray": (
        "actors.placement",
        "actors.ray_handle",
        "serve.bootstrap",
        "serve.cluster",
        "serve.deployment",
        "serve.jobs",
        "training.distributed",
        "training.ray_here",
        "training.workers",
    ),
    "torch": ("training.network",),
    "lightgbm": ("training.boosting",),
    "scipy": ("training",),
    "neo4j": ("graph.stores",),
    "redis": ("connectors.stream",),
    "boto3": ("connectors",),
    "azure": ("connectors",),
    "google": ("connectors",),
    "fastapi": ("serve",),
    "starlette": ("serve",),
    "typer": ("serve.cli",),
    "rich": ("serve",),
    "duckdb": ("graph.stores", "cost.billing"),
    "obstore": ("chain.storage",),
    "reportlab": ("chain.reports",),
    "pyhanko": ("chain.reports",),
}
HEAVY = {"ray", "polars", "pyarrow", "duckdb", "numpy", "fastapi", "torch"}


@pytest.mark.parametrize("library", sorted(HOMES))
def test_a_heavy_library_is_imported_only_in_its_home(library: str) -> None:
    strangers = [
        module.name
        for module in modules()
        if any(name == library or name.startswith(f"{library}.") for name in module.imports())
        and not module.name.startswith(HOMES[library])
    ]
    assert strangers == []


def test_only_settings_reads_the_environment() -> None:
    readers = [
        module.name
        for module in modules()
        if module.name != "serve.settings" and ("os.environ" in module.text or "os.getenv" in module.text)
    ]
    assert readers == []


@pytest.mark.parametrize("entry", ["chain.verify", "chain.__main__", "serve.cli"])
def test_an_entry_point_starts_without_heavy_libraries(entry: str) -> None:
    assert loaded_by(entry, HEAVY) == set()


@pytest.mark.parametrize(
    ("actor", "strangers"),
    [
        ("actors.tenant_shard", {"scipy", "ray", "fastapi"}),
        ("actors.simulation", {"scipy", "ray", "fastapi", "duckdb"}),
        ("actors.evidence_chain", {"scipy", "ray", "fastapi", "polars", "duckdb"}),
        ("actors.ray_handle", {"scipy", "fastapi", "polars", "duckdb"}),
    ],
)
def test_an_actors_process_imports_what_it_works_with(actor: str, strangers: set[str]) -> None:
    assert loaded_by(actor, strangers) == set()
