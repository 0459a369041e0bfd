"""Why a definition cannot be run, as errors that say where in the document and what to do."""

from __future__ import annotations

from typing import ClassVar

from domain.errors import InputError


class DefinitionError(InputError):
    """A definition that cannot be run as it is. `state` is what an import report shows."""

    state: ClassVar[str] = "invalid"


class InvalidDefinition(DefinitionError):
    """The document breaks the language's rules."""

    state = "invalid"


class UnsupportedDefinition(DefinitionError):
    """Well formed, but needs something that this engine does not have."""

    state = "unsupported"


class MissingAlias(DefinitionError):
    """Names an alias that no alias table knows."""

    state = "missing_alias"


class NeedsParameters(DefinitionError):
    """Compiles, but a parameter without a default has no value yet."""

    state = "needs_parameters"
