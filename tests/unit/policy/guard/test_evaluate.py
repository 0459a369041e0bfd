from __future__ import annotations

import pytest

from domain.value import Json
from policy.errors import InvalidDefinition, UnsupportedDefinition
from policy.guard.evaluate import Status, evaluate_rules, statuses
from policy.guard.parse import SIZE_MAX, parse_rules
from policy.guard.scope import STEPS_MAX, Run, TooMuchWork
from policy.guard.values import Unanswerable

PASS, FAIL, SKIP = Status.PASS, Status.FAIL, Status.SKIP

BUCKET: Json = {"Type": "AWS::S3::Bucket", "Properties": {"Acl": "Private", "Size": 3, "On": True, "Rate": 1.5}}
VOLUME: Json = {"Type": "AWS::EC2::Volume", "Properties": {"Tags": [{"Key": "a", "Value": "1"}, {"Key": "b"}]}}
ESTATE: Json = {
    "Resources": {"b": BUCKET, "v": VOLUME},
    "Names": ["b", "v"],
    "Empty": {},
    "None": [],
    "Null": None,
    "Wrapped": [["x"]],
    "Json": '{"a": [1]}',
}


def status(clauses: str, document: Json = ESTATE, *, before: str = "") -> Status:
    rules = parse_rules(f"{before}\nrule r {{ {clauses} }}", origin="r.guard")
    return statuses(evaluate_rules(rules, document))["r"]


@pytest.mark.parametrize(
    ("clauses", "expected"),
    [
        ("Resources.b.Properties.Acl == 'Private'", PASS),
        ('Resources.b.Properties.Acl == "private"', FAIL),
        ("Resources.b.Properties.Acl != 'Private'", FAIL),
        ("not Resources.b.Properties.Acl == 'x'", PASS),
        ("Resources.b.Properties.Acl == /^Priv/", PASS),
        ("Resources.b.Properties.Acl == 3", FAIL),
        ("Resources.b.Properties.Acl != 3", FAIL),
        ("Resources.b.Properties.On == true", PASS),
        ("Resources.b.Properties.On == 1", FAIL),
        ("Resources.b.Properties.Size > 2", PASS),
        ("Resources.b.Properties.Size >= 3", PASS),
        ("Resources.b.Properties.Size < 3", FAIL),
        ("Resources.b.Properties.Size <= 3", PASS),
        ("Resources.b.Properties.Size < 'x'", FAIL),
        ("Resources.b.Properties.Size > Resources.b.Properties.Rate", PASS),
        ("Resources.b.Properties.Size in r[1,3]", PASS),
        ("Resources.b.Properties.Size == r(3, 4)", FAIL),
        ("Resources.b.Properties.Rate in r(1,2]", PASS),
        ("Resources.b.Properties.Size == r[1,3)", FAIL),
        ("Resources.b.Properties.Acl in ['Private', /x/]", PASS),
        ("Resources.b.Properties.Acl not in ['Private']", FAIL),
        ("Resources.b.Properties.Acl in 'Is Private'", PASS),
        ("Resources.b.Properties.Size in 'x'", FAIL),
        ("Names in 'b v'", PASS),
        ("Names in ['b', 'v', 'w']", PASS),
        ("Names !in ['b', 'w']", FAIL),
        ("Names !in ['x', 'w']", PASS),
        ("Names !in ['b', 'v']", FAIL),
        ("Names in [['b', 'v']]", PASS),
        ("Names in [['b']]", FAIL),
        ("Names in 3", FAIL),
        ("Names == ['b', 'v']", PASS),
        ("Names == 'b'", FAIL),
        ("some Names[*] == 'b'", PASS),
        ("some Names[*] == 'x'", FAIL),
        ("Resources.b.Properties.Acl == ['Private']", PASS),
        ("Names[0] == 'b'", PASS),
        ("Names[-1] == 'v'", PASS),
        ("Names.1 == 'v'", PASS),
        ("Names[7] exists", FAIL),
        ("Resources[0] exists", FAIL),
        ("Names.x exists", FAIL),
        ("Null == null", PASS),
        ("Null is_null", PASS),
        ("Null !is_null", FAIL),
        ("Resources.b.Properties == {Acl: 'Private', 'Size': 3, On: true, Rate: 1.5}", PASS),
        ("Resources.b.Properties == {Acl: 'Private'}", FAIL),
        ("Resources exists", PASS),
        ("Missing !exists", PASS),
        ("not Missing exists", PASS),
        ("Missing == 1", FAIL),
        ("Missing != 1", FAIL),
        ("Missing in [1]", FAIL),
        ("Missing > 1", FAIL),
        ("Resources.b.Properties.Size == Missing", FAIL),
        ("Resources.b.Properties.Size in Missing", FAIL),
        ("Resources.b.Properties.Size > Missing", FAIL),
        ("Empty empty", PASS),
        ("Missing empty", PASS),
        ("Names !empty", PASS),
        ("Resources.b.Properties.Size empty", FAIL),
        ("Names is_list", PASS),
        ("Resources is_struct", PASS),
        ("Resources is_map", PASS),
        ("Json is_string", PASS),
        ("Resources.b.Properties.On is_bool", PASS),
        ("Resources.b.Properties.Size is_int", PASS),
        ("Resources.b.Properties.Rate is_float", PASS),
        ("Missing is_string", FAIL),
        ("None[*] exists", FAIL),
        ("Empty.* exists", FAIL),
        ("Names.* exists", PASS),
        ("Json.* exists", PASS),
        ("Json[*] exists", PASS),
        ("Resources[*] exists", PASS),
        ("Resources.*[ Type == 'No' ] exists", SKIP),
        ("Resources.*[ Type == 'No' ] empty", PASS),
        ("Resources.*[ Type == 'No' ] !empty", FAIL),
        ("Resources.*[ Type == /Bucket/ ] !empty", PASS),
        ("Resources.*[ Type == /Bucket/ ].Properties.Acl == 'Private'", PASS),
        ("Resources.*[ Type == 'No' ].X == 1", SKIP),
        ("Resources[ Type == /Bucket/ ].Properties.Size == 3", PASS),
        ("Names[*][ this == 'b' ] == 'b'", PASS),
        ("Json[*][ this == 'no' ] exists", SKIP),
        ("Json[ this == 'no' ] exists", FAIL),
        ("Empty[ this == 'no' ] exists", SKIP),
        ("Resources.v.Properties.Tags[ Key == 'a' ].Value == '1'", PASS),
        ("Resources.v.Properties.Tags[*].Value exists", FAIL),
        ("some Resources.v.Properties.Tags[*].Value exists", PASS),
        ("Resources[ keys == /^b/ ].Type == 'AWS::S3::Bucket'", PASS),
        ("Resources[ keys in ['b', 'x'] ].Type == 'AWS::S3::Bucket'", PASS),
        ("Resources[ keys in 'b' ].Type == 'AWS::S3::Bucket'", PASS),
        ("Resources[ keys != 'v' ].Type == 'AWS::S3::Bucket'", PASS),
        ("Resources[ keys not in ['v'] ].Type == 'AWS::S3::Bucket'", PASS),
        ("Resources[ keys == 3 ] empty", PASS),
        ("Resources[ keys == Missing ] empty", PASS),
        ("Names[ keys == 'b' ] exists", FAIL),
        ("Resources['b'].Type exists", PASS),
        ("Resources.'b'.Type exists", PASS),
        ("this.Names exists", PASS),
        ("Resources.b { Properties.Size == 3 }", PASS),
        ("Resources.b { Properties.Size == 4 }", FAIL),
        ("Missing { Properties.Size == 4 }", FAIL),
        ("Resources.*[ Type == 'No' ] { X exists }", SKIP),
        ("Resources.*[ Type == 'No' ] !empty { X exists }", FAIL),
        ("some Resources.* { Properties.Size == 3 }", PASS),
        ("some Resources.* { Properties.Size == 9 }", FAIL),
        ("some Resources.* { when Missing exists { X exists } }", SKIP),
        ("when Resources.b exists { Names exists }", PASS),
        ("when Missing exists { Names exists }", SKIP),
        ("when Resources.b.Properties.Size empty { Names exists }", FAIL),
        ("AWS::S3::Bucket { Properties.Size == 3 }", PASS),
        ("AWS::S3::Bucket Properties.Size == 4", FAIL),
        ("AWS::S3::Bucket when Properties.Size == 4 { X exists }", SKIP),
        ("AWS::S3::Other { X exists }", SKIP),
        ("Missing exists or Names exists", PASS),
        ("Missing exists OR Other exists", FAIL),
        ("Missing exists |OR| Names exists", PASS),
        ("Missing exists\nNames exists", FAIL),
        ("resources.b exists", PASS),
        ("resources.b.properties.acl == 'Private'", PASS),
        ("Wrapped == [['x']]", PASS),
        ("Names == Names", PASS),
        ("Names != Names", FAIL),
        ("Names[*] in Names", PASS),
        ("Names[*] !in Names", FAIL),
        ("Names[*] == Resources.*.Type", FAIL),
        ("Names[*] != Resources.*.Type", PASS),
        ("Names[0] == Names[*]", FAIL),
        ("Names[*] == Names[0]", FAIL),
        ("Names[*] != Names[0]", FAIL),
        ("Names[*] in Resources.*.Type", FAIL),
        ("Missing == Names", FAIL),
        ("Json == to_lower(Json)", PASS),
        ("Resources.b.Properties.Size == Resources.*[ Type == 'No' ].X", FAIL),
        ("Resources.b.Properties.Size != 1.5e1", PASS),
        ("Resources.b.Properties.Size == -3", FAIL),
        ("# nothing\nNames exists # here\n", PASS),
    ],
)
def test_a_clause_has_guards_status(clauses: str, expected: Status) -> None:
    assert status(clauses) is expected


@pytest.mark.parametrize(
    ("before", "clauses", "expected"),
    [
        ("let x = 'Private'", "Resources.b.Properties.Acl == %x", PASS),
        ("let x = ['a', 'b']", "%x == ['a', 'b']", PASS),
        ("let x = ['a', 'b']", "%x == 'a'", FAIL),
        ("let x = ['b', 'v']", "%x in ['b', 'v']", PASS),
        ("let x = 'b'", "%x in 'abc'", PASS),
        ("let x = 'b'", "%x in ['b']", PASS),
        ("let x = 3", "%x in 3", PASS),
        ("let x = ['b', 'v']", "%x in Names[*]", PASS),
        ("let x = ['b', 'w']", "%x in Names[*]", FAIL),
        ("let x = ['b', 'v']", "%x in Names", PASS),
        ("let x = 'b'", "%x in Names", PASS),
        ("let x = 'b'", "%x in Names[0]", PASS),
        ("let x = 'b'", "%x in Missing", FAIL),
        ("let x = 'b'", "%x == Names", FAIL),
        ("let x = 'b'", "%x == Names[0]", PASS),
        ("let x = ['b', 'v']", "%x == Names", PASS),
        ("let x = 'b'", "%x == Missing", FAIL),
        ("let x := /Priv/", "Resources.b.Properties.Acl == %x\n %x == /Priv/\n %x == 'Priv'", PASS),
        ("let x = Resources.*[ Type == 'No' ]", "%x == 1", FAIL),
        ("let x = Resources.*[ Type == 'No' ]", "when %x == 1 { Names exists }", SKIP),
        ("let x = Resources.*[ Type == 'No' ]", "%x empty", PASS),
        ("let x = Resources.*[ Type == 'No' ]", "%x !empty", FAIL),
        ("let x = Resources.*[ Type == 'No' ]", "not %x empty", FAIL),
        ("let x = Resources.*[ Type == 'No' ]", "when Names == %x { Names exists }", SKIP),
        ("let x = Resources.*", "%x !empty", PASS),
        ("let x = Resources.*", "%x[ Type == /Volume/ ].Properties.Tags exists", PASS),
        ("let x = some Resources.*.Properties.Acl", "%x == 'Private'", PASS),
        ("let x = Resources.*.Properties.Acl", "%x == 'Private'", FAIL),
        ("let x = Names", "%x[*] in ['b', 'v']", PASS),
        ("let x = Names", "Resources.%x.Type exists", PASS),
        ("let x = Names[*]", "Resources.%x.Type exists", PASS),
        ("let x = Names[*]", "Resources.%x[0].Type == /Bucket/", PASS),
        ("let x = Names[*]", "Resources.%x[9].Type exists", FAIL),
        ("let x = Missing", "Resources.%x exists", FAIL),
        ("let x = 'q'", "Resources.%x exists", FAIL),
        ("let x = 'q'", "Names.%x exists", FAIL),
        ("let x = count(Names[*])", "%x == 2", PASS),
        ("let x = count(Missing)", "%x == 0", PASS),
        ("let x = json_parse(Json)", "%x.a[0] == 1", PASS),
        ("let x = to_upper(Names[*])", "%x in ['B', 'V']", PASS),
        ("let x = to_upper(Resources)", "%x empty", PASS),
        ("let x = join(Names[*], '-')", "%x == 'b-v'", PASS),
        ("let x = substring(Resources.b.Type, 0, 3)", "%x == 'AWS'", PASS),
        ("let x = substring(Resources.b.Type, 3, 1)", "%x empty", PASS),
        ("let x = url_decode('a%20b')", "%x == 'a b'", PASS),
        ("let x = parse_int('12')", "%x == 12", PASS),
        ("let x = parse_int(1.5)", "%x == 1", PASS),
        ("let x = parse_int('z')", "%x empty", PASS),
        ("let x = parse_int(true)", "%x empty", PASS),
        ("let x = parse_float('1.5')", "%x == 1.5", PASS),
        ("let x = parse_float(1)", "%x == 1", PASS),
        ("let x = parse_float(Names)", "%x empty", PASS),
        ("let x = parse_boolean('True')", "%x == true", PASS),
        ("let x = parse_boolean(false)", "%x == false", PASS),
        ("let x = parse_boolean(3)", "%x empty", PASS),
        ("let x = parse_string(true)", "%x == 'true'", PASS),
        ("let x = parse_string(3)", "%x == '3'", PASS),
        ("let x = parse_string(Names)", "%x empty", PASS),
        ("let x = parse_epoch('1970-01-01T00:01:00Z')", "%x == 60", PASS),
        ("let x = parse_epoch('no')", "%x empty", PASS),
        ("let x = json_parse(Names)", "%x empty", PASS),
        ("let x = Resources[ n | Type == /Bucket/ ]", "%x exists\n %n == 'b'", PASS),
        ("", "Resources[n] exists\n %n in ['b', 'v']", PASS),
        ("rule other { Names exists }", "other", PASS),
        ("rule other { Names exists }", "not other", FAIL),
        ("rule other { Missing exists }", "!other", PASS),
        ("rule other { Missing exists }", "other <<said>>", FAIL),
        ("rule other when Missing exists { Names exists }", "other", FAIL),
        ("rule other when Missing exists { Names exists }", "when other { Names exists }", SKIP),
        ("rule other when Missing exists { Names exists }", "when not other { Names exists }", PASS),
        ("rule twice when Missing exists { X exists }\nrule twice { Names exists }", "twice", PASS),
        ("rule is(x, y) { %x == %y }", "is(Names[0], 'b')", PASS),
        ("rule is(x, y) { %x == %y }", "is(Names[1], 'b')", FAIL),
        ("rule is(x, y) { %x == %y }", "not is(Names[1], 'b')", PASS),
        ("rule is(x) when Missing exists { %x == 1 }", "is('b')", FAIL),
    ],
)
def test_variables_functions_and_other_rules(before: str, clauses: str, expected: Status) -> None:
    assert status(clauses, before=before) is expected


def test_what_a_pattern_matched_is_rewritten() -> None:
    before = "let x = regex_replace('arn:aws:s3', '^arn:(\\w+):(\\w+)$', '${2}/$1')"

    assert status("%x == 's3/aws'", before=before) is PASS
    assert status("%x empty", before="let x = regex_replace(Names, 'a', 'b')") is PASS


@pytest.mark.parametrize(
    ("before", "clauses"),
    [
        ("", "%nowhere == 1"),
        ("let x = %y\nlet y = %x", "%x empty\nnowhere"),
        ("", "nowhere"),
        ("rule other { other }", "other"),
        ("rule is(x) { is(%x) }", "is(1)"),
        ("rule is(x) { %x exists }", "is(1, 2)"),
        ("let x = Resources", "Resources.%x exists"),
        ("let x = join(Names, '-')", "%x exists"),
        ("let x = join(Names[*], 3)", "%x exists"),
        ("let x = join(Missing, '-')", "%x exists"),
        ("let x = json_parse('{')", "%x exists"),
        ("let x = substring('abc', 'x', 2)", "%x exists"),
        ("let x = substring('abc', Missing, 2)", "%x exists"),
        ("let x = regex_replace('abc', '(', '')", "%x exists"),
        ("let x = regex_replace('abc', 'b', '$9')", "%x exists"),
        ("", "when %nowhere exists { Names exists }"),
    ],
)
def test_what_cannot_be_answered_is_said(before: str, clauses: str) -> None:
    with pytest.raises(Unanswerable):
        status(clauses, before=before)


def test_an_unanswerable_condition_inside_a_condition_fails_the_rule_outside() -> None:
    before = "rule inner { when Resources.b.Properties.Size empty { Names exists } }"

    assert status("when inner { Names exists }", before=before) is FAIL


def test_a_rule_that_asks_for_too_much_stops() -> None:
    run = Run(parse_rules("rule r { A exists }", origin="r.guard"), steps=STEPS_MAX)

    with pytest.raises(TooMuchWork):
        run.spend()


def test_failed_clauses_say_their_message_or_themselves() -> None:
    text = """rule r {
        Resources.b.Properties.Acl == 'x' <<must be
           x>>
        Resources.b.Properties.Size == 4
        Resources.b.Properties.Size == 5 or Names exists
        Nowhere { X exists }
        when Resources.b.Properties.Size empty { Names exists }
    }
    rule fine { Names exists }"""

    results = evaluate_rules(parse_rules(text, origin="r.guard"), ESTATE)

    assert results[0].messages == (
        "must be x",
        "line 4: Resources.b.Properties.Size == 4",
        "line 6: what the block is about is not there",
        "a condition cannot be answered: empty does not apply to int",
    )
    assert results[1].messages == ()


def test_a_rule_referred_to_speaks_for_itself_unless_the_reference_has_a_message() -> None:
    text = "rule a { Missing exists <<gone>> }\nrule b { a }\nrule c { a <<because>> }"

    found = {result.rule: result.messages for result in evaluate_rules(parse_rules(text, origin="r"), {})}

    assert found == {
        "a": ("gone",),
        "b": ("line 2: rule a does not hold as expected",),
        "c": ("because",),
    }


def test_clauses_outside_a_rule_are_the_default_rule() -> None:
    assert statuses(evaluate_rules(parse_rules("Names exists", origin="r"), ESTATE)) == {"default": PASS}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rule r { A == }", "a name"),
        ("rule r { A.B }", "an operator"),
        ("rule r when { A exists }", "a condition"),
        ("rule { A exists }", "the rule's name"),
        ("rule r { A in [1 2] }", ", or ]"),
        ("rule r { A == {a: 1 b: 2} }", ", or }"),
        ("rule r { A == [%x] }", "a value"),
        ("rule r { a.b(1) }", "the name of a rule"),
        ("rule r { a(1 2) }", ", or )"),
        ("rule r { let x = nope(A) }", "one of the functions"),
        ("rule r { let x = count(A, B) }", "1 arguments"),
        ("rule r { A[ keys > 'x' ] exists }", "keys compared by"),
        ("rule r { A exists", "a name"),
        ("rule r { let }", "the variable's name"),
        ("rule r { some == 1 }", "a name"),
        ("rule r { when == 1 { A exists } }", "a name"),
        ("rule r { not when }", "a query"),
        ("rule r { " + "A { " * 80, "deep"),
        ("let x = " + "[" * 80, "deep"),
    ],
)
def test_bad_text_is_refused_with_its_line(text: str, expected: str) -> None:
    with pytest.raises(InvalidDefinition) as caught:
        parse_rules(f"\n{text}", origin="r.guard")

    assert caught.value.facts["where"] == "r.guard:2"
    assert expected in str(caught.value.facts["expected"])


def test_a_file_that_is_too_long_is_refused() -> None:
    with pytest.raises(InvalidDefinition):
        parse_rules("#" * (SIZE_MAX + 1), origin="r.guard")


def test_a_pattern_without_bound_is_refused() -> None:
    with pytest.raises(UnsupportedDefinition):
        parse_rules("rule r { A == /(?=a)(a+)+$/ }", origin="r.guard")
