"""Names of Prowler's requirements, as controls of our frameworks.

Prowler divides some controls further (`ac_2_g`, `1.2.5.1`, one per resource type); such a part counts for its control.

Source: `compliance/*/*.json` of https://github.com/prowler-cloud/prowler.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from domain.finding import Control
from policy.controls.catalogue import frameworks

_CLOUDS: Final = {"aws": "AWS", "azure": "Azure", "gcp": "GCP"}
_NIST: Final = re.compile(r"([a-z]{2})_(\d+)(?:_(\d+))?(?:_[a-z0-9_]+)?")
_SOC: Final = re.compile(r"(?:cc_)?(cc|a|c|pi|p)_(\d+)_(\d+)")
_TWO: Final = 2


def prowler_control(framework: str, version: str, cloud: str, requirement: str) -> Control:
    """A requirement as a control. Of a framework that we do not have, Prowler's own names."""
    if framework == "CIS" and cloud.lower() in _CLOUDS:
        return Control(f"CIS-{_CLOUDS[cloud.lower()]}-{version}", requirement)
    found = _KNOWN.get((framework, version)) or _KNOWN.get((framework, ""))
    if found is None:
        return Control(f"{framework}-{version}" if version else framework, requirement)
    ours, identity = found
    return Control(ours, identity(requirement))


def _soc(text: str) -> str:
    found = _SOC.fullmatch(text)
    return f"{found[1].upper()}{found[2]}.{found[3]}" if found else text


def _hipaa(text: str) -> str:
    """``164_308_a_1_ii_a`` is 164.308(a)(1)(ii)(A)."""
    part, *rest = text.removeprefix("164_").split("_")
    marks = [mark.upper() if at == len("aii") else mark for at, mark in enumerate(rest)]
    exact = f"164.{part}" + "".join(f"({mark})" for mark in marks)
    framework = frameworks()["HIPAA"]
    return exact if framework.find(exact) or not framework.find(f"{exact}(i)") else f"{exact}(i)"


def _nist(text: str) -> str:
    found = _NIST.fullmatch(text)
    if found is None:
        return text
    return f"{found[1].upper()}-{found[2]}" + (f"({found[3]})" if found[3] else "")


def _pci(text: str) -> str:
    """The longest control that a requirement is part of."""
    framework, pieces = frameworks()["PCI-DSS-4.0"], text.split(".")
    for end in range(len(pieces), _TWO, -1):
        if framework.find(whole := ".".join(pieces[:end])):
            return whole
    return text


def _same(text: str) -> str:
    return text


_KNOWN: Final[Mapping[tuple[str, str], tuple[str, Callable[[str], str]]]] = {
    ("SOC2", ""): ("SOC2", _soc),
    ("HIPAA", ""): ("HIPAA", _hipaa),
    ("NIST-800-53-Revision-5", ""): ("NIST-800-53-R5", _nist),
    ("PCI", "4.0"): ("PCI-DSS-4.0", _pci),
    ("ISO27001", "2022"): ("ISO-27001-2022", _same),
}
