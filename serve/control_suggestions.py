"""Controls proposed for a policy or a piece of evidence, compared with our pack and what the tenant imported."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from assessment.compliance_inputs import PACK
from domain.value import Json
from policy.controls.catalogue import frameworks
from policy.controls.mapping import ControlMapping, pack_mappings, strength_of
from policy.controls.suggest import CONFIDENCE_MIN, Suggester, Suggestion
from policy.controls.words import described
from policy.pack import load_pack
from serve.compliance_store import Imported

Row = dict[str, Json]
Texts = tuple[tuple[str, str], ...]
_DIGITS: Final = 3
_MARKS: Final = {"Microsoft.": "Azure", "AWS::": "AWS", "googleapis.com": "GCP"}


def suggestions_row(imported: Imported, text: str, *, of: str, confidence_min: float) -> Row:
    """What is proposed, beside what is mapped already."""
    suggester = _fitted(imported.mappings, tuple(sorted(imported.texts.items())))
    least = max(confidence_min, CONFIDENCE_MIN)
    known = {each.control: each for each in (*_pack()[0], *imported.mappings) if each.policy.lower() == of.lower()}
    found = [each for each in suggester.suggest(text, confidence_min=least) if _fits(each.control.framework, text)]
    return {
        "of": of,
        "confidence_min": least,
        "compared_in": list[Json](suggester.frameworks),
        "mapped": [_mapped(each) for each in known.values()],
        "suggestions": [_suggestion(each, is_mapped=each.control in known) for each in found],
    }


@lru_cache(maxsize=4)
def _fitted(mappings: tuple[ControlMapping, ...], texts: Texts) -> Suggester:
    """Imported mappings count for the frameworks that we know.

    In one that is only imported, a control that nearly every policy has would be sure of any policy, however unlike.
    """
    own, words = _pack()
    known = [each for each in mappings if each.control.framework in frameworks()]
    return Suggester((*own, *known), {**dict(texts), **words})


@lru_cache(maxsize=1)
def _pack() -> tuple[tuple[ControlMapping, ...], Mapping[str, str]]:
    policies = load_pack()
    texts = dict(
        said
        for each in policies
        if (
            said := described(
                {
                    "name": each.policy_id,
                    "properties": {
                        "displayName": each.definition.display_name,
                        "description": each.definition.description,
                        "metadata": dict(each.definition.metadata),
                        "policyRule": {"if": each.definition.condition, "then": dict(each.definition.then)},
                    },
                }
            )
        )
    )
    return pack_mappings(((each.policy_id, each.controls) for each in policies), source=PACK), texts


def _fits(framework: str, text: str) -> bool:
    """Whether a benchmark is of a cloud that the text is about; texts and frameworks of no cloud fit always."""
    clouds = {cloud for mark, cloud in _MARKS.items() if mark in text}
    own = next((cloud for cloud in _MARKS.values() if f"-{cloud}-" in f"-{framework}-"), None)
    return own is None or not clouds or own in clouds


def _mapped(each: ControlMapping) -> Row:
    return {
        "framework": each.control.framework,
        "id": each.control.id,
        "text": _text(each.control.framework, each.control.id),
        "strength": each.strength.value,
        "provenance": each.provenance.value,
        "source": each.source,
    }


def _suggestion(each: Suggestion, *, is_mapped: bool) -> Row:
    return {
        "framework": each.control.framework,
        "id": each.control.id,
        "text": _text(each.control.framework, each.control.id),
        "strength": strength_of(each.control).value,
        "confidence": round(each.confidence, _DIGITS),
        "is_mapped": is_mapped,
        "reasons": [
            {"like": example.name, "likeness": round(example.likeness, _DIGITS), "words": list[Json](example.words)}
            for example in each.examples
        ],
    }


def _text(framework: str, control: str) -> str | None:
    known = frameworks().get(framework)
    found = None if known is None else known.find(control)
    return None if found is None else found.text
