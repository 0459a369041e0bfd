"""Which fields of evidence are personal, by type: the list that `chain.privacy.protection` follows.

A path names objects' keys from the body down; ``[]`` stands for every item of a list. The value is text that names a
person, or says something of the person whom the field ``of`` beside it names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from domain.evidence import EventType


@dataclass(frozen=True, slots=True)
class PersonalField:
    """One place of personal data.

    Args:
        of: the field of the same object that names the person; empty where the value itself does.
    """

    path: str
    of: str = ""

    @property
    def steps(self) -> tuple[str, ...]:
        """Keys from the body down; ``[]`` is a step of its own."""
        return tuple(self.path.replace("[]", ".[]").split("."))


_DETAILS: Final = ("", "details.")

PERSONAL_FIELDS: Final[Mapping[EventType, tuple[PersonalField, ...]]] = MappingProxyType(
    {
        EventType.ACCESS_REVIEW: tuple(
            PersonalField(prefix + path, of)
            for prefix in _DETAILS
            for path, of in (
                ("reviewer", ""),
                ("reviewers[]", ""),
                ("subjects[].principal", ""),
                ("subjects[].display_name", "principal"),
                ("subjects[].manager", ""),
            )
        ),
        EventType.CHANGE_RECORD: tuple(
            PersonalField(prefix + path)
            for prefix in _DETAILS
            for path in ("author", "requester", "implementer", "approvers[]", "reviewers[]")
        ),
        EventType.SCAN_RESULT: tuple(
            PersonalField(prefix + path) for prefix in _DETAILS for path in ("requested_by", "owners[]")
        ),
        EventType.POLICY_EVALUATION: tuple(
            PersonalField(prefix + path) for prefix in _DETAILS for path in ("evaluated_by", "exemption_owner")
        ),
        EventType.EVIDENCE_COLLECTED: tuple(
            PersonalField(f"body.{path}") for path in ("collected_by", "author", "owner", "owners[]", "approvers[]")
        ),
        EventType.REMEDIATION_APPLIED: (PersonalField("approver"), PersonalField("applied_by")),
    }
)


def personal_fields(event_type: EventType) -> tuple[PersonalField, ...]:
    """The personal fields of a type, which may be none."""
    return PERSONAL_FIELDS.get(event_type, ())
