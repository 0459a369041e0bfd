"""Names of top-level folders, and of files, that would get in somebody's way."""

from __future__ import annotations

import sys
from importlib.metadata import packages_distributions

from tests.architecture.sources import PACKAGES, ROOT, modules

VAGUE = {"utils", "util", "common", "helpers", "helper", "core", "misc", "shared"}


def test_no_top_level_folder_shadows_the_standard_library() -> None:
    assert not set(PACKAGES) & sys.stdlib_module_names


def test_no_other_distribution_provides_our_top_level_names() -> None:
    providers = packages_distributions()
    assert {name: providers[name] for name in PACKAGES if set(providers.get(name, [])) - {"policycortex"}} == {}


def test_no_module_has_a_name_that_says_nothing() -> None:
    vague = [module.path for module in modules() if VAGUE & set(module.path.relative_to(ROOT).with_suffix("").parts)]
    assert vague == []
