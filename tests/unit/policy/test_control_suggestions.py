"""Suggestions follow from like policies, their confidence from how often like suggestions were right."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.finding import Control
from policy.controls.calibration import calibrate
from policy.controls.likeness import Likeness
from policy.controls.mapping import ControlMapping, Provenance, Strength
from policy.controls.suggest import CONFIDENCE_MIN, Suggester

TOPICS = {
    "CC6.1": "encryption key vault rotation",
    "CC6.6": "firewall network port internet",
    "CC7.2": "logging monitor alert diagnostic",
}


def mapped(framework: str, policy: str, control: str) -> ControlMapping:
    return ControlMapping(policy, Control(framework, control), Provenance.PACK, Strength.PARTIAL, "pack")


def corpus(each: int = 10) -> tuple[list[ControlMapping], dict[str, str]]:
    texts = {f"{control}-{n}": f"{topic} number{n}" for control, topic in TOPICS.items() for n in range(each)}
    return [mapped("SOC2", policy, policy.partition("-")[0]) for policy in texts], texts


def test_likeness_is_between_nothing_and_the_same() -> None:
    likeness = Likeness(["storage needs encryption", "network firewall", "storage needs encryption"])
    found = likeness.of("Storage needs encryption").tolist()
    assert found == pytest.approx([1.0, 0.0, 1.0])
    assert likeness.of("").tolist() == [0.0, 0.0, 0.0]
    assert likeness.of("unheard").tolist() == [0.0, 0.0, 0.0]
    assert likeness.of_member(0).tolist() == pytest.approx([0.0, 0.0, 1.0])
    assert set(likeness.shared("encryption of a storage", 0)) == {"storage", "encryption"}
    assert len(likeness) == 3


def test_a_rare_word_makes_texts_more_alike_than_a_frequent_one() -> None:
    likeness = Likeness(["storage vault", "storage disk", "storage queue", "storage file"])
    found = likeness.of("storage vault")
    assert found[0] > 2 * found[1]
    assert likeness.shared("vault storage", 0) == ["vault", "storage"]


def test_confidence_is_the_share_that_was_right_pulled_to_the_share_of_all() -> None:
    found = calibrate([0.1, 0.1, 0.9, 0.9], [False, False, True, True])
    assert found.scores == (0.1, 0.9)
    assert found.confidences == pytest.approx((0.5 / 3, 2.5 / 3))
    assert found.confidence(0.05) == 0.0
    assert found.confidence(0.5) == found.confidences[0]
    assert found.confidence(2.0) == found.confidences[1]


def test_of_no_candidate_nothing_is_confident() -> None:
    assert calibrate([], []).confidence(1.0) == 0.0


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=60))
def test_confidence_never_falls_with_the_score_and_stays_a_share(known: list[tuple[float, bool]]) -> None:
    found = calibrate([score for score, _ in known], [right for _, right in known])
    assert list(found.confidences) == sorted(found.confidences)
    assert list(found.scores) == sorted(set(found.scores))
    assert all(0 <= confidence <= 1 for confidence in found.confidences)


def test_a_policy_is_suggested_the_control_of_those_like_it_with_the_reason() -> None:
    suggester = Suggester(*corpus())
    (found,) = suggester.suggest("a key vault has encryption with rotation")
    assert found.control == Control("SOC2", "CC6.1")
    assert found.confidence >= CONFIDENCE_MIN
    assert len(found.examples) == 3
    assert found.examples[0].name.startswith("CC6.1-")
    assert {"encryption", "key", "rotation", "vault"} & set(found.examples[0].words)
    assert suggester.suggest("something else entirely") == ()
    assert suggester.frameworks == ("SOC2",)


def test_a_lower_threshold_shows_more() -> None:
    suggester = Suggester(*corpus())
    text = "vault behind a firewall"
    assert len(suggester.suggest(text, confidence_min=0.0)) > len(suggester.suggest(text, confidence_min=0.99))


def test_too_few_mapped_policies_suggest_nothing() -> None:
    mappings, texts = corpus(each=2)
    assert Suggester(mappings, texts).frameworks == ()
    assert Suggester(mappings, {}).suggest("key vault") == ()


def test_in_a_benchmark_only_the_nearest_text_counts() -> None:
    settings = {f"p{n}": f"setting{chr(97 + n)} topic{chr(97 + n)}" for n in range(25)}
    mappings = [mapped("CIS-AWS-5.0", policy, "5.2") for policy in settings]
    found = Suggester(mappings, settings).suggest("settingc topicc settingd", confidence_min=0.0)
    assert [str(each.control) for each in found] == ["CIS-AWS-5.0 5.2"]
    assert [example.name for example in found[0].examples] == ["p2"]


def test_a_framework_that_is_not_known_is_suggested_from_its_policies() -> None:
    mappings, texts = corpus()
    own = [mapped("House", each.policy, each.control.id) for each in mappings]
    found = Suggester(own, texts).suggest("firewall port to the internet network")
    assert [str(each.control) for each in found] == ["House CC6.6"]
