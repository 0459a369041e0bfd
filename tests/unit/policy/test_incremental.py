from __future__ import annotations

from domain.resource import Provider
from domain.value import Json
from policy.incremental import ProgramIndex
from tests.unit.policy.resources import program
from tests.unit.policy.test_existence import IS_GATE, looking

HERE: Json = {"field": "location", "equals": "here"}
TYPED, ANY, LOOKING = program(IS_GATE), program(HERE), looking()
INDEX = ProgramIndex.of([TYPED, ANY, LOOKING, program(IS_GATE, effect="disabled")])


def test_a_changed_resource_concerns_the_policies_of_its_type_and_of_every_type() -> None:
    assert INDEX.judging("contoso.net/GATES", Provider.AZURE) == (TYPED, LOOKING, ANY)
    assert INDEX.judging("Contoso.Net/other", Provider.AZURE) == (ANY,)
    assert INDEX.judging("Contoso.Net/gates", Provider.AWS) == ()


def test_a_changed_resource_concerns_those_that_look_for_its_type() -> None:
    assert INDEX.looking_for("Contoso.Log/Settings") == (LOOKING,)
    assert INDEX.looking_for("Contoso.Net/gates") == ()


def test_the_columns_of_a_type_serve_those_that_judge_it_and_those_that_look_for_it() -> None:
    assert INDEX.paths("Contoso.Net/gates", Provider.AZURE) == {"@type", "@location", "@id"}
    assert INDEX.paths("Contoso.Log/settings", Provider.AZURE) == {"@location", "@id", "@name", "@fullname"}
