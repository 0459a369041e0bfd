"""Who makes report packs here."""

from __future__ import annotations

from domain.errors import UnavailableError
from serve.platform import Platform
from serve.reporting import PackMaker, ReportRequest


class NoPackMaker:
    """Stands in where the reports extra is not installed."""

    def make(self, request: ReportRequest) -> bytes:
        """Refuse.

        Raises:
            UnavailableError: always.
        """
        raise UnavailableError(
            "reports cannot be made here", kind=request.kind.value, todo="Install policycortex[reports]"
        )


def pack_maker(platform: Platform) -> PackMaker:
    """The maker of packs over a platform."""
    del platform
    return NoPackMaker()
