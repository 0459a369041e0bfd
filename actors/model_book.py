"""The versions of the prediction model on a platform: one file, replaced in one step, beside the weights themselves.

A step is kept before it is recorded as evidence and gets its entry's id afterwards: if the process ends between, the
next one records what has no entry yet, under the same request id and time, so that it is recorded once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

import orjson

from actors.folder_lock import locked_folder
from chain.durable import replace_file
from domain.errors import IntegrityError
from domain.evidence import EventType, EvidenceEvent
from domain.tenancy import PLATFORM
from domain.value import Json
from training.promotion import Standing, Trigger
from training.versions import Version, Versions, begun, entered, moved, parse_versions, serving, versions_rows

_NAME: Final = "versions.json"
_FORM: Final = 1
_STATES: Final[Mapping[Standing, str]] = {
    Standing.CANDIDATE: "planned",
    Standing.WAITING: "planned",
    Standing.SERVING: "applied",
    Standing.FORMER: "applied",
    Standing.WITHDRAWN: "rolled_back",
    Standing.REFUSED: "rejected",
}
Record = Callable[[EvidenceEvent], str]
"""Records an event in the platform's own log; the entry's id."""


@dataclass(frozen=True, slots=True)
class Move:
    """One decision about a version.

    Args:
        by: the role of who decides, or the gate.
    """

    model: str
    trigger: Trigger
    at: datetime
    by: str
    reason: str

    @classmethod
    def asked(cls, model: str, step: str, *, at: datetime, by: str, reason: str) -> Move:
        """A decision as routes and commands spell it, such as `fall-back`."""
        return cls(model, Trigger(step.replace("-", " ")), at, by, reason)


class ModelBook:
    """Keeps the versions in a folder.

    Args:
        shipped_sha256: of the weights that come with the product.
    """

    def __init__(self, folder: Path, shipped_sha256: str) -> None:
        self.folder, self._shipped = folder, shipped_sha256

    def versions(self) -> Versions:
        """Every version, oldest first.

        Raises:
            IntegrityError: the file is damaged.
        """
        path = self.folder / _NAME
        try:
            return parse_versions(orjson.loads(path.read_bytes())["versions"])
        except FileNotFoundError:
            return begun(self._shipped)
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            raise IntegrityError("the versions of the prediction model are damaged", where=str(path),
                                 todo="Restore the file from a backup of the store") from None  # fmt: skip

    def weights(self, version: Version) -> Path | None:
        """Where a version's weights are; None for those that come with the product."""
        return self.folder / version.file if version.file else None

    def served(self) -> Path | None:
        """The weights that serve; None for those that come with the product."""
        return self.weights(serving(self.versions()))

    def revision(self) -> int:
        """Changes with every step."""
        path = self.folder / _NAME
        return path.stat().st_mtime_ns if path.is_file() else 0

    def enter(self, version: Version) -> Versions:
        """Enter a candidate; the same weights again change nothing.

        Raises:
            ConflictError: another one of its name is there.
        """
        with self._writing() as versions:
            return self._save(entered(versions, version))

    def move(self, move: Move, record: Record) -> Versions:
        """Take a step and record it; what was not recorded before is then.

        Raises:
            NotFound: there is no such version.
            ConflictError: it cannot take that step.
        """
        with self._writing() as versions:
            found = moved(versions, move.model, move.trigger, at=move.at, by=move.by, reason=move.reason)
            return self._save(tuple(_recorded(one, record) for one in self._save(found)))

    def _save(self, versions: Versions) -> Versions:
        content = {"form": _FORM, "versions": versions_rows(versions)}
        replace_file(self.folder / _NAME, orjson.dumps(content, option=orjson.OPT_INDENT_2), mode=0o600)
        return versions

    @contextmanager
    def _writing(self) -> Iterator[Versions]:
        with locked_folder(self.folder):
            yield self.versions()


def _recorded(version: Version, record: Record) -> Version:
    steps = tuple(
        step if step.evidence_id else replace(step, evidence_id=record(_event(version, place)))
        for place, step in enumerate(version.steps)
    )
    return replace(version, steps=steps)


def _event(version: Version, place: int) -> EvidenceEvent:
    """One step as a change record."""
    step = version.steps[place]
    named = hashlib.sha256(f"{version.model}\n{version.sha256}".encode()).hexdigest()
    name = f"prediction-model-{named[:16]}-{place}"
    details: dict[str, Json] = {
        "trigger": step.trigger.value, "standing": step.standing.value, "reason": step.reason[:1_000],
        "weights_sha256": version.sha256, "report": version.report,
    }  # fmt: skip
    body: dict[str, Json] = {
        "id": name, "subject": f"prediction model {version.model}",
        "change": f"{step.trigger.value} {version.model}"[:200],
        "state": _STATES[step.standing], "system": "policycortex", "approver_role": step.by, "details": details,
    }  # fmt: skip
    return EvidenceEvent(PLATFORM, f"models/{name}", EventType.CHANGE_RECORD, step.at, body)
