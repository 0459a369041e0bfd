"""What is kept of an alias table: what definitions mention, wherever they mention it."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.imported_aliases import ImportedAliases
from domain.value import Json
from policy.aliases import AliasTable

NAME = "Contoso.Shop/carts/limit"
ROWS: list[Json] = [
    {"provider": "Contoso.Shop", "resourceType": "carts", "aliases": {NAME: "properties.limit", f"{NAME}2": "x"}}
]


@pytest.mark.parametrize(
    "text",
    [
        NAME,
        f"[field('{NAME}')]",
        f"[if(empty(''), '', field('{NAME}'))]",
        f"[concat('it''s ', field('{NAME}'))]",
    ],
)
def test_a_name_is_kept_also_behind_empty_and_quoted_text(text: str, tmp_path: Path) -> None:
    kept = ImportedAliases(tmp_path / "aliases.json")
    kept.keep([{"if": {"value": text, "equals": 1}}], AliasTable.of_rows(ROWS, origin="rows"))
    assert kept.table().find(NAME)
    assert not kept.table().find(f"{NAME}2")
