"""Sizes and forms that STYLE asks of every module. A failure says which place is over which limit."""

from __future__ import annotations

import ast

from tests.architecture.sources import ROOT, Function, modules

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70
BROAD = {"Exception", "BaseException"}
BROAD_ALLOWED = {
    "serve.problem",
    "serve.cli.main",
    "serve.cli.errors",
    "actors.placement",
    "actors.ray_handle",
    "serve.cluster",
}
"""Boundaries: HTTP, the command line, and Ray, which raises the bare class where a node does not come up."""


def test_no_file_is_longer_than_the_limit() -> None:
    long = {str(m.path.relative_to(ROOT)): n for m in modules() if (n := m.text.count("\n")) > FILE_LINES_MAX}
    assert long == {}


def test_no_function_is_longer_than_the_limit() -> None:
    long = {f"{m.name}:{f.name}": n for m in modules() for f in m.functions() if (n := _lines(f)) > FUNCTION_LINES_MAX}
    assert long == {}


def test_every_module_opens_with_a_docstring() -> None:
    assert [m.name for m in modules() if ast.get_docstring(m.tree) is None] == []


def test_broad_handlers_stand_only_at_the_boundaries() -> None:
    broad = [
        f"{m.name}:{handler.lineno}"
        for m in modules()
        if m.name not in BROAD_ALLOWED
        for handler in ast.walk(m.tree)
        if isinstance(handler, ast.ExceptHandler) and _is_broad(handler)
    ]
    assert broad == []


def test_no_error_class_has_a_constructor_of_its_own() -> None:
    own = [
        f"{m.name}:{node.name}"
        for m in modules()
        if m.name != "domain.errors"
        for node in ast.walk(m.tree)
        if isinstance(node, ast.ClassDef) and node.name.endswith(("Error", "NotFound", "Denied"))
        if any(isinstance(child, ast.FunctionDef) and child.name == "__init__" for child in node.body)
    ]
    assert own == []


def _lines(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def _is_broad(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or (isinstance(handler.type, ast.Name) and handler.type.id in BROAD)
