"""Scenarios as callers write them: JSON bodies, files of the command line, and the plain values behind them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, ConfigDict, Field, TypeAdapter, ValidationError

from assessment.whatif import (
    CHANGES_MAX,
    PATHS_MAX,
    SCENARIOS_MAX,
    Adoption,
    Change,
    CommitmentPurchase,
    ComplianceAdoption,
    PolicyAction,
    PolicyChange,
    Range,
    RegionMove,
    Scaling,
    Scenario,
)
from cost.billing.query import Measure
from domain.errors import InputError
from domain.finding import Severity
from serve.api.models import Request
from serve.whatif import DEADLINE_S, PATHS, WhatIfRequest

VALUES_MAX: Final = 10_000
Word = Annotated[str, Field(min_length=1, max_length=260)]
Value = Annotated[str, Field(max_length=4_096)]
Where = Annotated[
    dict[Word, Annotated[list[Value], Field(min_length=1, max_length=VALUES_MAX)]],
    Field(min_length=1, max_length=10, description="Values by column of the bill: service, region, resource, tag:KEY"),
]
Estimate = Annotated[
    float | Annotated[list[float], Field(min_length=3, max_length=3)],
    Field(description="A number, or [low, likely, high] where it is not certain"),
]


class AdoptionBody(Request):
    """How a decision becomes real: when it begins, how long it takes, how much of it comes about."""

    start_day: Estimate = 0.0
    ramp_days: Estimate = 0.0
    share: Estimate = 1.0


class _Mended(Request):
    adoption: AdoptionBody | None = None
    saving: Estimate = Field(default=0.0, description="Share of the cost of violating resources that goes")
    fix_cost: Estimate = Field(default=0.0, description="Cost of mending one violation")


class PolicyBody(_Mended):
    """A policy that is assigned, removed or enforced."""

    kind: Literal["policy"]
    policy: Word
    action: PolicyAction


class ComplianceBody(_Mended):
    """A framework, or some policies, whose violations are mended."""

    kind: Literal["compliance"]
    framework: Word | None = None
    policies: Annotated[list[Word], Field(max_length=VALUES_MAX, default_factory=list)]


class ScalingBody(Request):
    """What is selected is made smaller or larger: `factor` times its cost."""

    kind: Literal["scaling"]
    where: Where
    factor: Estimate
    adoption: AdoptionBody = AdoptionBody()


class RegionMoveBody(Request):
    """What is selected moves to another region, at `factor` times its price."""

    kind: Literal["region_move"]
    where: Where
    to: Word
    factor: Estimate
    one_off: Estimate = 0.0
    double_days: Estimate = 0.0
    adoption: AdoptionBody = AdoptionBody()


class CommitmentBody(Request):
    """So much of the selected use a day is bought ahead, at `price` times what it costs without."""

    kind: Literal["commitment"]
    where: Where
    per_day: float
    price: float
    start_day: int = 0


ChangeBody = Annotated[
    PolicyBody | ComplianceBody | ScalingBody | RegionMoveBody | CommitmentBody, Field(discriminator="kind")
]


class ScenarioOfChanges(Request):
    """Changes under one name, in the order of decision; commitments come last."""

    name: Word
    changes: Annotated[list[ChangeBody], Field(min_length=1, max_length=CHANGES_MAX)]


class WhatIfBody(Request):
    """A projection of scenarios over 30, 60 and 90 days. The same seed gives the same result."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "scenarios": [
                        {
                            "name": "half the databases",
                            "changes": [
                                {
                                    "kind": "scaling",
                                    "where": {"service": ["Amazon RDS"]},
                                    "factor": [0.5, 0.6, 0.8],
                                    "adoption": {"start_day": 7, "ramp_days": [10, 20, 40]},
                                }
                            ],
                        }
                    ],
                    "paths": 10000,
                    "seed": 1,
                }
            ]
        },
    )

    scenarios: Annotated[list[ScenarioOfChanges], Field(min_length=1, max_length=SCENARIOS_MAX)]
    paths: int = Field(default=PATHS, ge=1, le=PATHS_MAX)
    seed: int = Field(default=0, ge=0, lt=1 << 63)
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = None
    cost: Measure = Measure.EFFECTIVE
    losses: dict[Severity, Estimate] = Field(
        default_factory=dict, description="Expected loss a year of one open violation, by severity"
    )
    as_of: AwareDatetime | None = None
    deadline_s: float = Field(default=DEADLINE_S, gt=0, le=900)

    def request(self, now: datetime) -> WhatIfRequest:
        """The plain values."""
        return WhatIfRequest(
            scenarios=tuple(
                Scenario(each.name, tuple(_change(change) for change in each.changes)) for each in self.scenarios
            ),
            as_of=self.as_of or now,
            paths=self.paths,
            seed=self.seed,
            currency=self.currency,
            measure=self.cost,
            losses={severity: _range(value) for severity, value in self.losses.items()},
            deadline_s=self.deadline_s,
        )


def read_body(content: bytes, *, where: str) -> WhatIfBody:
    """A file of scenarios.

    Raises:
        InputError: it is not one.
    """
    try:
        return TypeAdapter(WhatIfBody).validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InputError(
            "the scenarios are not valid",
            where=where,
            path=".".join(map(str, first["loc"])),
            got=first["msg"],
            todo="Compare the file with docs/what-if.md",
        ) from None


def _change(body: PolicyBody | ComplianceBody | ScalingBody | RegionMoveBody | CommitmentBody) -> Change:
    if isinstance(body, PolicyBody):
        adoption = None if body.adoption is None else _adoption(body.adoption)
        return PolicyChange(body.policy, body.action, adoption, _range(body.saving), _range(body.fix_cost))
    if isinstance(body, ComplianceBody):
        adopted = _adoption(body.adoption or AdoptionBody())
        return ComplianceAdoption(
            body.framework, tuple(body.policies), adopted, _range(body.saving), _range(body.fix_cost)
        )
    where = {name: tuple(values) for name, values in body.where.items()}
    if isinstance(body, ScalingBody):
        return Scaling(where, _range(body.factor), _adoption(body.adoption))
    if isinstance(body, RegionMoveBody):
        return RegionMove(
            where,
            body.to,
            _range(body.factor),
            _range(body.one_off),
            _range(body.double_days),
            _adoption(body.adoption),
        )
    return CommitmentPurchase(where, body.per_day, body.price, body.start_day)


def _adoption(body: AdoptionBody) -> Adoption:
    return Adoption(_range(body.start_day), _range(body.ramp_days), _range(body.share))


def _range(value: float | list[float]) -> Range:
    return Range.of(value) if isinstance(value, int | float) else Range(*value)
