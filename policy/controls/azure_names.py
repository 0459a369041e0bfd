"""Names of Azure's control groups, as controls of our frameworks.

Source: `policyDefinitionGroups[].name` of the regulatory initiatives, https://github.com/Azure/azure-policy.
"""

from __future__ import annotations

import re
from typing import Final

from domain.finding import Control

_DOTTED: Final = re.compile(r"([A-Z]{2})[._](\d+)(?:[._(](\d+)\)?)?")
_SOC: Final = re.compile(r"(CC|A|C|P|PI)\.?(\d+)\.(\d+)")
_PREFIXES: Final = (
    ("SOC_2_", "SOC2"),
    ("SOC_2023_", "SOC2"),
    ("PCI_DSS_v4.0_", "PCI-DSS-4.0"),
    ("PCI_DSS_v4.0.1_", "PCI-DSS-4.0"),
    ("NIST_SP_800-53_R5_", "NIST-800-53-R5"),
    ("NIST_SP_800-53_R5.1.1_", "NIST-800-53-R5"),
    ("ISO_IEC_27002_2022_", "ISO-27001-2022"),
)
"""ISO/IEC 27002:2022 numbers its controls as Annex A of 27001:2022; PCI DSS 4.0.1 as 4.0; SOC 2023 as 2017."""
_CIS: Final = re.compile(r"CIS_Azure_(?:Foundations_v)?(\d+\.\d+)(?:\.\d+)?_(.+)")


def azure_control(group: str, initiative: str) -> Control:
    """A group as a control. Of a framework that we do not have, the initiative's title and the group's own name."""
    benchmark = _CIS.fullmatch(group)
    if benchmark is not None:
        return Control(f"CIS-Azure-{benchmark[1]}", benchmark[2])
    for prefix, framework in _PREFIXES:
        if group.startswith(prefix):
            return Control(framework, _identity(framework, group.removeprefix(prefix)))
    return Control(initiative, group)


def _identity(framework: str, text: str) -> str:
    if framework == "ISO-27001-2022":
        return f"A.{text}"
    if framework == "SOC2" and (found := _SOC.fullmatch(text)):
        return f"{found[1]}{found[2]}.{found[3]}"
    if framework == "NIST-800-53-R5" and (found := _DOTTED.fullmatch(text)):
        return f"{found[1]}-{found[2]}" + (f"({found[3]})" if found[3] else "")
    return text
