"""Which files hold a tenant's billing rows now. Replacing this one small file is what takes an import in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import orjson

from cost.billing.slices import Content, Kind, Money4, SliceKey
from domain.clock import format_instant, parse_instant
from domain.durable import sync_directory
from domain.errors import IntegrityError

LAYOUT: Final = 1
NAME: Final = "manifest.json"


@dataclass(frozen=True, slots=True)
class Part:
    """What one import put into a slice.

    Args:
        files: below the store's folder.
        import_id: who put it there.
        hashed_by: what made the fingerprint; another version of it may make another.
    """

    files: tuple[str, ...]
    import_id: str
    hashed_by: str
    content: Content


@dataclass(frozen=True, slots=True)
class Import:
    """An import that changed something: when, and the files it read by name, digest, format and version."""

    import_id: str
    at: datetime
    sources: tuple[Mapping[str, str], ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a tenant's billing store holds.

    Args:
        number: grows by one with each import that changes something.
        accounts: billing accounts whose rows are the tenant's: (provider, account).
    """

    tenant: str
    number: int = 0
    accounts: frozenset[tuple[str, str]] = frozenset()
    slices: Mapping[SliceKey, tuple[Part, ...]] = field(default_factory=dict)
    imports: tuple[Import, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """Every file with rows, in order of period."""
        return tuple(name for key in sorted(self.slices) for part in self.slices[key] for name in part.files)

    def files_of(self, *, start: date | None, provider: str | None = None) -> tuple[str, ...]:
        """The files that can hold charges from a day on.

        Corrections and late charges lie in later periods than their days, so only periods that end before are left out.
        """
        return tuple(
            name
            for key in sorted(self.slices)
            for part in self.slices[key]
            if (provider is None or key.provider == provider) and (start is None or _may_reach(part, start))
            for name in part.files
        )

    def with_import(self, done: Import, slices: Mapping[SliceKey, tuple[Part, ...]]) -> Manifest:
        """After an import that gave these slices the parts."""
        owners = {(key.provider, key.account) for key in slices}
        return replace(
            self,
            number=self.number + 1,
            accounts=self.accounts | owners,
            slices={**self.slices, **slices},
            imports=(*self.imports, done),
        )


def _may_reach(part: Part, start: date) -> bool:
    end = part.content.period_end
    return end is None or end.date() >= start


def read_manifest(folder: Path, tenant: str) -> Manifest:
    """The manifest of a folder; an empty one where nothing was imported.

    Raises:
        IntegrityError: it is damaged, of another layout, or another tenant's.
    """
    path = folder / NAME
    if not path.exists():
        return Manifest(tenant)
    try:
        found = orjson.loads(path.read_bytes())
        layout, owner = found["layout"], found["tenant"]
        manifest = _manifest(found) if layout == LAYOUT else None
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise IntegrityError(
            "the billing manifest is damaged", path=str(path), reason=str(error)[:200], todo="Restore it from a copy"
        ) from None
    if manifest is None or owner != tenant:
        raise IntegrityError(
            "the billing manifest is not this store's",
            path=str(path),
            expected=f"layout {LAYOUT} of tenant {tenant}",
            got=f"layout {layout} of tenant {owner}",
            todo="Point the store at the tenant's own folder",
        )
    return manifest


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Put a manifest in place of the former one, durably and all at once."""
    path, fresh = folder / NAME, folder / f"{NAME}.new"
    with fresh.open("wb") as stream:
        stream.write(orjson.dumps(_document(manifest), option=orjson.OPT_INDENT_2))
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(path)
    sync_directory(folder)


def _document(manifest: Manifest) -> dict[str, Any]:
    return {
        "layout": LAYOUT,
        "tenant": manifest.tenant,
        "number": manifest.number,
        "accounts": [list(account) for account in sorted(manifest.accounts)],
        "slices": [
            {
                "period": key.period.isoformat(),
                "provider": key.provider,
                "account": key.account,
                "parts": [_part_row(part) for part in manifest.slices[key]],
            }
            for key in sorted(manifest.slices)
        ],
        "imports": [
            {"import_id": each.import_id, "at": format_instant(each.at), "sources": list(each.sources)}
            for each in manifest.imports
        ],
    }


def _part_row(part: Part) -> dict[str, Any]:
    content = part.content
    return {
        "files": list(part.files),
        "import_id": part.import_id,
        "hashed_by": part.hashed_by,
        "rows": content.rows,
        "fingerprint": f"{content.fingerprint:016x}",
        "period_end": None if content.period_end is None else format_instant(content.period_end),
        "days": sorted(day.isoformat() for day in content.days),
        "kinds": [
            [currency, kind.value, *map(str, (money.billed, money.effective, money.listed, money.source))]
            for (currency, kind), money in sorted(content.kinds.items())
        ],
    }


def _manifest(found: Mapping[str, Any]) -> Manifest:
    return Manifest(
        tenant=found["tenant"],
        number=int(found["number"]),
        accounts=frozenset((provider, account) for provider, account in found["accounts"]),
        slices={
            SliceKey(date.fromisoformat(row["period"]), row["provider"], row["account"]): tuple(
                map(_part, row["parts"])
            )
            for row in found["slices"]
        },
        imports=tuple(
            Import(row["import_id"], parse_instant(row["at"]), tuple(row["sources"])) for row in found["imports"]
        ),
    )


def _part(row: Mapping[str, Any]) -> Part:
    return Part(
        files=tuple(row["files"]),
        import_id=row["import_id"],
        hashed_by=row["hashed_by"],
        content=Content(
            rows=int(row["rows"]),
            fingerprint=int(row["fingerprint"], 16),
            period_end=None if row["period_end"] is None else parse_instant(row["period_end"]),
            days={date.fromisoformat(day) for day in row["days"]},
            kinds={(currency, Kind(kind)): Money4(*map(Decimal, amounts)) for currency, kind, *amounts in row["kinds"]},
        ),
    )
