"""From the text of a Guard rules file to its rules.

Source: https://docs.aws.amazon.com/cfn-guard/latest/ug/writing-rules.html, and the grammar of cfn-guard 3.
"""

from __future__ import annotations

from typing import Final

from policy.errors import InvalidDefinition
from policy.guard import operands
from policy.guard.scanner import Scanner
from policy.guard.syntax import (
    AllIndices,
    AllValues,
    Block,
    Body,
    Check,
    Clause,
    Filter,
    Index,
    Key,
    KeyFilter,
    Lines,
    Operand,
    Part,
    Query,
    Reference,
    Rule,
    Rules,
    This,
    TypeBlock,
    Variable,
    When,
)

SIZE_MAX: Final = 2_000_000
"""Characters of a rules file."""

_DEPTH_MAX: Final = 60
_NAME = r"[A-Za-z_]\w*"
_KEYWORD = r"(?:let|rule|when|some|not|or)\b"
_UNARY = r"(?P<not>not\s+|!)?\s*(?P<name>exists|empty|is_(?:string|list|struct|map|bool|boolean|int|float|null))\b"
_BINARY = r"(?P<not>not\s+|!)?\s*(?P<name>in\b|==|>=|<=|>|<(?!<))|(?P<ne>!=)"
_TYPE = r"[A-Za-z0-9]+(?:::[A-Za-z0-9]+)+"
_OR = r"(?:or\b|\|or\|)"


def parse_rules(text: str, *, origin: str) -> Rules:
    """Read a rules file.

    Raises:
        InvalidDefinition: names the line, what was expected there and what stands there.
        UnsupportedDefinition: a pattern that could take unbounded time.
    """
    if len(text) > SIZE_MAX:
        raise InvalidDefinition(
            "rules file is too long", where=origin, expected=f"at most {SIZE_MAX} characters", got=len(text)
        )
    return _Parser(Scanner(text, origin)).rules()


class _Parser:
    """Recursive descent over one file."""

    def __init__(self, scanner: Scanner) -> None:
        self.scanner = scanner
        self.depth = 0

    def rules(self) -> Rules:
        variables: dict[str, Operand] = {}
        found: list[Rule] = []
        parameterized: dict[str, Rule] = {}
        loose: list[tuple[Clause, ...]] = []
        while not self.scanner.is_done():
            if self.scanner.peek(r"let\b"):
                variables.update([self.variable()])
            elif self.scanner.peek(r"rule\b"):
                rule = self.rule()
                if rule.parameters:
                    parameterized[rule.name] = rule
                else:
                    found.append(rule)
            else:
                loose.append(self.line(can_block=True))
        if loose:
            found.insert(0, Rule("default", (), Body({}, tuple(loose))))
        return Rules(self.scanner.origin, variables, tuple(found), parameterized)

    def rule(self) -> Rule:
        line = self.scanner.line
        self.scanner.need(r"rule\b", "rule")
        name = self.scanner.need(_NAME, "the rule's name")[0]
        parameters: list[str] = []
        if self.scanner.take(r"\("):
            while not self.scanner.take(r"\)"):
                parameters.append(self.scanner.need(_NAME, "a parameter's name")[0])
                self.scanner.take(",")
        conditions = self.conditions() if self.scanner.take(r"when\b") else ()
        return Rule(name, conditions, self.body(), tuple(parameters), line)

    def variable(self) -> tuple[str, Operand]:
        self.scanner.need(r"let\b", "let")
        name = self.scanner.need(_NAME, "the variable's name")[0]
        self.scanner.need(r":?=(?!=)", "=")
        return name, self.operand()

    def body(self) -> Body:
        self.scanner.need(r"\{", "{")
        self.deeper()
        variables: dict[str, Operand] = {}
        lines: list[tuple[Clause, ...]] = []
        while not self.scanner.take(r"\}"):
            if self.scanner.peek(r"let\b"):
                variables.update([self.variable()])
            else:
                lines.append(self.line(can_block=True))
        self.depth -= 1
        return Body(variables, tuple(lines))

    def conditions(self) -> Lines:
        lines: list[tuple[Clause, ...]] = []
        while not self.scanner.peek(r"\{"):
            lines.append(self.line(can_block=False))
        if not lines:
            raise self.scanner.wrong("a condition")
        return tuple(lines)

    def line(self, *, can_block: bool) -> tuple[Clause, ...]:
        clauses = [self.clause(can_block=can_block)]
        while self.scanner.take(_OR):
            clauses.append(self.clause(can_block=can_block))
        return tuple(clauses)

    def clause(self, *, can_block: bool) -> Clause:
        self.deeper()
        found = self.shallow_clause(can_block=can_block)
        self.depth -= 1
        return found

    def shallow_clause(self, *, can_block: bool) -> Clause:
        if can_block and self.scanner.take(r"when\b"):
            return When(self.conditions(), self.body())
        if can_block and self.scanner.peek(_TYPE):
            return self.type_block()
        self.scanner.skip()
        start, line = self.scanner.at, self.scanner.line
        is_inverted = self.scanner.take(r"(?:not\s|!)") is not None
        query = self.query()
        if self.scanner.take_here(r"\("):
            return self.call(query, is_negated=is_inverted, line=line)
        return self.checked(query, can_block=can_block, is_inverted=is_inverted, start=start, line=line)

    def checked(self, query: Query, *, can_block: bool, is_inverted: bool, start: int, line: int) -> Clause:
        if (unary := self.scanner.take(_UNARY)) is not None:
            is_negated, name = unary["not"] is not None, unary["name"].lower()
            if can_block and name == "empty" and is_negated and self.scanner.peek(r"\{"):
                return Block(query, self.body(), True, line)
            text = self.scanner.text[start : self.scanner.at]
            return Check(query, name, is_negated, is_inverted, None, self.message(), line, _one_line(text))
        if (binary := self.scanner.take(_BINARY)) is not None:
            is_negated = binary["not"] is not None or binary["ne"] is not None
            operator = "==" if binary["ne"] else binary["name"].lower()
            expected = self.operand()
            text = self.scanner.text[start : self.scanner.at]
            return Check(query, operator, is_negated, is_inverted, expected, self.message(), line, _one_line(text))
        if can_block and self.scanner.peek(r"\{"):
            return Block(query, self.body(), False, line)
        return self.reference(query, is_negated=is_inverted, line=line)

    def reference(self, query: Query, *, is_negated: bool, line: int) -> Reference:
        match query.parts:
            case (Key(name),) if not query.is_some:
                return Reference(name, is_negated, None, self.message(), line)
            case _:
                raise self.scanner.wrong("an operator such as ==, !=, in, exists, empty")

    def call(self, query: Query, *, is_negated: bool, line: int) -> Reference:
        match query.parts:
            case (Key(name),):
                return Reference(name, is_negated, self.arguments(), self.message(), line)
            case _:
                raise self.scanner.wrong("the name of a rule before (")

    def arguments(self) -> tuple[Operand, ...]:
        found: list[Operand] = []
        while not self.scanner.take(r"\)"):
            found.append(self.operand())
            if not self.scanner.peek(r"\)"):
                self.scanner.need(",", ", or )")
        return tuple(found)

    def type_block(self) -> TypeBlock:
        kind = self.scanner.need(_TYPE, "a resource type")[0]
        conditions = self.conditions() if self.scanner.take(r"when\b") else ()
        if self.scanner.peek(r"\{"):
            return TypeBlock(kind, conditions, self.body())
        return TypeBlock(kind, conditions, Body({}, (self.line(can_block=True),)))

    def message(self) -> str:
        found = self.scanner.take(r"(?s)<<(.*?)>>")
        return _one_line(found[1]) if found is not None else ""

    def operand(self) -> Operand:
        literal = operands.literal(self.scanner)
        if literal is not None:
            return literal
        if (call := self.scanner.take(rf"({_NAME})\(")) is not None:
            return operands.function(call[1], self.arguments(), self.scanner)
        return self.query()

    def query(self) -> Query:
        is_some = self.scanner.take(r"some\s") is not None
        parts = [self.first()]
        while True:
            if self.scanner.take_here(r"\s*\."):
                parts.append(self.step())
            elif self.scanner.take_here(r"\s*\["):
                parts.append(self.bracket())
            else:
                return Query(tuple(parts), is_some)

    def first(self) -> Part:
        if self.scanner.peek(_KEYWORD):
            raise self.scanner.wrong("a query")
        if self.scanner.take(r"this\b"):
            return This()
        return self.step()

    def step(self) -> Part:
        scanner = self.scanner
        if scanner.take(r"\*"):
            return AllValues()
        if (variable := scanner.take(rf"%({_NAME})")) is not None:
            return Variable(variable[1])
        text = operands.string(scanner)
        if text is not None:
            return Key(text)
        return Key(scanner.need(r"-?\w+", "a name, *, %variable or quoted key")[0])

    def bracket(self) -> Part:
        scanner = self.scanner
        if scanner.take(r"\*\s*\]"):
            return AllIndices()
        if (index := scanner.take(r"(-?\d+)\s*\]")) is not None:
            return Index(int(index[1]))
        if (key := scanner.take(r"""(?:'([^']*)'|"([^"]*)")\s*\]""")) is not None:
            return Key(key[1] if key[1] is not None else key[2])
        if (named := scanner.take(rf"({_NAME})\s*\]")) is not None:
            return AllValues(named[1])
        captured = scanner.take(rf"({_NAME})\s*\|(?!or\|)")
        if scanner.take(r"keys\b"):
            return self.key_filter()
        lines = []
        while not scanner.take(r"\]"):
            lines.append(self.line(can_block=True))
        return Filter(tuple(lines), captured[1] if captured is not None else "")

    def key_filter(self) -> KeyFilter:
        found = self.scanner.need(_BINARY, "==, !=, in or not in")
        operator = "==" if found["ne"] else found["name"].lower()
        if operator not in {"==", "in"}:
            raise self.scanner.wrong("keys compared by ==, !=, in or not in")
        expected = self.operand()
        self.scanner.need(r"\]", "]")
        return KeyFilter(operator, found["not"] is not None or found["ne"] is not None, expected)

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > _DEPTH_MAX:
            raise self.scanner.wrong(f"blocks at most {_DEPTH_MAX // 2} deep")


def _one_line(text: str) -> str:
    return " ".join(text.split())
