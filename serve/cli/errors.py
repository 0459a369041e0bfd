"""Where a command starts and ends: arguments in, exit status out, every error in three lines."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

import typer

from domain.errors import PolicyCortexError
from serve.cli.exit_code import ExitCode, exit_code_of

DEBUG = "--debug"
VERSION_ALONE = (["version"], ["--version"])
FACT_LENGTH_MAX = 400


def run(arguments: Sequence[str]) -> int:
    """Run one command.

    Returns:
        The exit status. Nothing is raised, so that a traceback is shown only with ``--debug``.
    """
    is_debug = DEBUG in arguments
    try:
        return _command([argument for argument in arguments if argument != DEBUG])
    except BrokenPipeError:
        _leave_the_pipe()
        return ExitCode.DONE
    except (KeyboardInterrupt, typer.Abort):
        sys.stderr.write("\nStopped\n")
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001 (the boundary of the process)
        if is_debug:
            traceback.print_exc()
        lines, code = _told(error)
        sys.stderr.write("{}\n  {}\n  {}\n".format(*map(_flat, lines)))
        return code


def error_lines(error: PolicyCortexError) -> tuple[str, str, str]:
    """What failed, where and with what, and what to do."""
    facts = dict(error.facts)
    todo = facts.pop("todo", None) or "Run the command again with --debug for more"
    where = facts.pop("where", facts.pop("path", None))
    parts = [] if where is None else [_short(where)]
    parts += [
        f"{name.replace('_', ' ')} {_short(value)}" for name, value in facts.items() if value not in (None, "", [])
    ]
    return (error.summary, ", ".join(parts) or error.code.replace("_", " "), str(todo))


def _command(arguments: list[str]) -> int:
    if arguments in VERSION_ALONE:
        from serve.cli.settings_view import version  # noqa: PLC0415 (what reads options costs ten times as much)

        version()
        return ExitCode.DONE
    from serve.cli.application import application  # noqa: PLC0415 (after the handlers above are in place)

    outcome = application(args=arguments, prog_name="pcg", standalone_mode=False)
    sys.stdout.flush()
    return outcome if isinstance(outcome, int) else ExitCode.DONE


def _told(error: Exception) -> tuple[tuple[str, str, str], ExitCode]:
    """The three lines of an error, and its status."""
    if isinstance(error, PolicyCortexError):
        return error_lines(error), exit_code_of(error)
    if isinstance(error, typer.TyperException):
        return _usage_lines(error), ExitCode.USAGE
    if isinstance(error, OSError):
        return _system_lines(error), ExitCode.USAGE
    return _bug_lines(error), ExitCode.INTERNAL


def _usage_lines(error: typer.TyperException) -> tuple[str, str, str]:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "pcg"
    return (error.format_message().rstrip("."), command, f"Run `{command} --help` to see what it takes")


def _system_lines(error: OSError) -> tuple[str, str, str]:
    where = error.filename if error.filename is not None else "this machine"
    return (
        error.strerror or str(error),
        str(where),
        "Check that the place exists, has room, and may be read or written",
    )


def _bug_lines(error: Exception) -> tuple[str, str, str]:
    name = type(error).__name__
    return (
        "this is a defect of PolicyCortex, not of your input",
        f"{name}: {_short(error)}" if str(error) else name,
        "Run it again with --debug and report the command and what it prints",
    )


def _short(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, (list, tuple, set, frozenset)) else str(value)
    return text if len(text) <= FACT_LENGTH_MAX else text[:FACT_LENGTH_MAX] + "…"


def _flat(text: str) -> str:
    return " ".join(text.split())


def _leave_the_pipe() -> None:
    """The reader of our output went away: give the interpreter somewhere to flush to."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
