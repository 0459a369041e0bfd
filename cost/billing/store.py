"""One tenant's billing rows on disk: immutable Parquet files, and a manifest that names those that count.

An import writes its files beside the others, is judged as a whole, and counts from the moment its manifest is in place;
until then, and after any failure, the store is as it was. One import at a time: the others are told to wait.

Decided here:

- A slice that is there with the same rows stays as it is: importing again changes nothing.
- Otherwise the delivery takes the slice's place, unless it lacks days that the slice has; or it is added to the slice,
  where the caller says that the export is incremental.
- A period that is over must be there from its first day to its last, unless the caller says that it cannot.
- Rows of a billing account that is not the tenant's are refused. The first import names the accounts, later ones may.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

import polars as pl

from cost.billing.intake import HASHED_BY, Intake, content_of, hashed_rows
from cost.billing.manifest import Import, Manifest, Part, read_manifest, write_manifest
from cost.billing.slices import Content, SliceKey, whole
from domain.errors import IncompleteError, InputError, UnavailableError
from domain.tenancy import TenantId

STAGING: Final = "staging"
ROWS: Final = "rows"


class Outcome(StrEnum):
    """What an import did to a slice."""

    NEW = "new"
    UNCHANGED = "unchanged"
    REPLACED = "replaced"
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class Terms:
    """What the caller says of a delivery.

    Args:
        is_incremental: rows add to what is there instead of taking its place.
        may_be_partial: periods may lack days.
        accounts: billing accounts that are the tenant's from now on.
    """

    is_incremental: bool = False
    may_be_partial: bool = False
    accounts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SliceChange:
    """A slice before and after an import."""

    key: SliceKey
    outcome: Outcome
    before: Content
    after: Content


@dataclass(frozen=True, slots=True)
class Taken:
    """What an import came to; without a change, `import_id` is empty."""

    import_id: str
    changes: tuple[SliceChange, ...]


class BillingStore:
    """The billing rows of one tenant.

    Args:
        folder: the tenant's own; created by the first import.
    """

    def __init__(self, folder: Path, tenant: TenantId) -> None:
        self._folder = folder
        self._tenant = tenant

    @property
    def tenant(self) -> TenantId:
        """Whose rows these are."""
        return self._tenant

    def manifest(self) -> Manifest:
        """What is stored now.

        Raises:
            IntegrityError: the manifest is damaged or another tenant's.
        """
        return read_manifest(self._folder, self._tenant)

    def paths(self, names: Sequence[str]) -> list[str]:
        """Files by their names in the manifest."""
        return [str(self._folder / name) for name in names]

    @contextmanager
    def reading(self) -> Iterator[Manifest]:
        """What is stored now, whose files stay until the reader is done, whatever is imported meanwhile.

        Raises:
            IntegrityError: the manifest is damaged or another tenant's.
        """
        if not self._folder.is_dir():
            yield self.manifest()
            return
        with _open_lock(self._folder / "readers") as descriptor:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            yield self.manifest()

    @contextmanager
    def intake(self, import_id: str) -> Iterator[Intake]:
        """A place for an import's rows; they are gone afterwards unless `commit` took them in.

        Raises:
            UnavailableError: another import is at work.
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _locked(self._folder / "lock"):
            self._sweep()
            intake = Intake(self._folder / STAGING / import_id)
            try:
                yield intake
            finally:
                intake.close()
                shutil.rmtree(self._folder / STAGING, ignore_errors=True)

    def commit(
        self,
        intake: Intake,
        *,
        import_id: str,
        at: datetime,
        terms: Terms,
        sources: Sequence[Mapping[str, str]],
    ) -> Taken:
        """Take an import in, whole or not at all.

        Raises:
            InputError: rows of another's account, or the same rows in two files.
            IncompleteError: a period lacks days.
        """
        intake.finish()
        manifest = self.manifest()
        _refuse_copied_rows(intake)
        _refuse_strangers(manifest, intake, terms)
        changes = [self._change(manifest, key, content, terms) for key, content in sorted(intake.contents.items())]
        for change in changes:
            _refuse_missing_days(change, terms, at=at)
        changed = [change for change in changes if change.outcome is not Outcome.UNCHANGED]
        if not changed:
            return Taken("", tuple(changes))
        parts = {change.key: self._parts(manifest, intake, change, import_id) for change in changed}
        self._settle(intake, parts)
        write_manifest(self._folder, manifest.with_import(Import(import_id, at, tuple(sources)), parts))
        return Taken(import_id, tuple(changes))

    def _change(self, manifest: Manifest, key: SliceKey, content: Content, terms: Terms) -> SliceChange:
        parts = manifest.slices.get(key, ())
        before = whole(part.content for part in parts)
        if not parts:
            return SliceChange(key, Outcome.NEW, before, content)
        if any(self._present(part).is_same(content) for part in parts if part.content.rows == content.rows):
            return SliceChange(key, Outcome.UNCHANGED, before, before)
        if not terms.is_incremental:
            same = len(parts) > 1 and whole(self._present(part) for part in parts).is_same(content)
            return SliceChange(
                key, Outcome.UNCHANGED if same else Outcome.REPLACED, before, before if same else content
            )
        return SliceChange(key, Outcome.ADDED, before, whole([before, content]))

    def _present(self, part: Part) -> Content:
        """A part's content with a fingerprint that can be compared with new ones."""
        if part.hashed_by == HASHED_BY:
            return part.content
        frames = (pl.read_parquet(path) for path in self.paths(part.files))
        return whole(content_of(hashed_rows(frame)) for frame in frames)

    def _parts(self, manifest: Manifest, intake: Intake, change: SliceChange, import_id: str) -> tuple[Part, ...]:
        period = f"{change.key.period:%Y-%m}"
        files = tuple(f"{ROWS}/{period}/{import_id}-{path.name}" for path in intake.files[change.key])
        part = Part(files, import_id, HASHED_BY, intake.contents[change.key])
        kept = manifest.slices.get(change.key, ()) if change.outcome is Outcome.ADDED else ()
        return (*kept, part)

    def _settle(self, intake: Intake, parts: Mapping[SliceKey, tuple[Part, ...]]) -> None:
        """Move the import's files to where the manifest will name them, durably."""
        for key, kept in parts.items():
            for path, name in zip(intake.files[key], kept[-1].files, strict=True):
                target = self._folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                _sync(path)
                path.replace(target)

    def _sweep(self) -> None:
        """Delete files that no manifest names: of imports that failed, and of slices that were replaced.

        While someone reads, the replaced ones are left to a later import.
        """
        shutil.rmtree(self._folder / STAGING, ignore_errors=True)
        with _open_lock(self._folder / "readers") as descriptor:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            named = set(self.manifest().files)
            for path in sorted((self._folder / ROWS).rglob("*.parquet")):
                if path.relative_to(self._folder).as_posix() not in named:
                    path.unlink()


def _refuse_copied_rows(intake: Intake) -> None:
    first: dict[tuple[SliceKey, int, int], str] = {}
    for (file, key), content in intake.by_file.items():
        other = first.setdefault((key, content.rows, content.fingerprint), file)
        if other != file:
            raise InputError(
                "two files of the delivery hold the same rows",
                where=file,
                got=f"the {content.rows} rows of {other} for {key.provider} {key.account} {key.period:%Y-%m}",
                expected="each row once",
                todo="Leave one of the files out",
            )


def _refuse_strangers(manifest: Manifest, intake: Intake, terms: Terms) -> None:
    known = {account for _, account in manifest.accounts} | terms.accounts
    found = {key.account for key in intake.contents}
    strangers = found - known if known else set()
    if strangers:
        raise InputError(
            "rows of a billing account that is not this tenant's",
            where=manifest.tenant,
            got=", ".join(sorted(strangers)),
            expected=", ".join(sorted(known)),
            todo="Import them for their own tenant, or name the account with --account",
        )


def _refuse_missing_days(change: SliceChange, terms: Terms, *, at: datetime) -> None:
    key, after = change.key, change.after
    if terms.may_be_partial or terms.is_incremental:
        return
    where = f"{key.provider} {key.account} {key.period:%Y-%m}"
    lost = change.before.days - after.days
    if change.outcome is Outcome.REPLACED and lost:
        raise IncompleteError(
            "the delivery lacks days that are stored",
            where=where,
            got=f"{len(after.days)} days with usage",
            expected=f"also {min(lost)} to {max(lost)}" if len(lost) > 1 else f"also {min(lost)}",
            todo="Import the whole period, with --add where the export is incremental, or with --partial",
        )
    if change.outcome is not Outcome.UNCHANGED and after.lacks_days_of(key, as_of=at):
        raise IncompleteError(
            "the delivery is part of a period that is over",
            where=where,
            got=f"usage of {min(after.days)} to {max(after.days)}",
            expected="usage from the first day to the last",
            todo="Import the whole period, or say --partial where there is no more",
        )


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _open_lock(path: Path) -> Iterator[int]:
    """A lock file's descriptor; closing it gives back what was locked."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with _open_lock(path) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UnavailableError(
                "another import of this tenant is at work",
                path=str(path),
                retry_after_s=30,
                todo="Try again when it is done",
            ) from None
        yield
