"""`pcg policies test`, `diff`, `plan`, `apply`, `history`, `rollback`, `sign` and `what-if`: policies as code."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.errors import InputError
from domain.tenancy import TenantId, tenant_id
from serve.cli.exit_code import ExitCode
from serve.cli.options import AsOf, Cluster, JsonOut, Store, Tenant, instant, settings_of
from serve.cli.screen import STANDARD_OUTPUT, json_bytes, put, say, show, width

if TYPE_CHECKING:
    from actors.messages import BundleOrder


class Format(StrEnum):
    """How results are printed."""

    TEXT = "text"
    MARKDOWN = "markdown"


Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the bundle.")]
Shown = Annotated[Format, typer.Option("--format", help="How to print it; markdown is for a pull request.")]
ExitOnChange = Annotated[bool, typer.Option("--exit-code", help="Exit 1 when something would change.")]
By = Annotated[str, typer.Option("--by", metavar="ROLE", help="Role of who decided it; no name.")]

PLAN_FORM = 1


def add_to(commands: typer.Typer) -> None:
    """Add these commands to `pcg policies`."""
    commands.command("test")(check_bundle)
    commands.command("diff")(diff_bundle)
    commands.command("plan")(plan_bundle)
    commands.command("apply")(apply_bundle)
    commands.command("history")(history)
    commands.command("rollback")(roll_back)
    commands.command("sign")(sign)
    commands.command("what-if")(what_if)


def check_bundle(
    context: typer.Context,
    *,
    folder: Folder,
    shown: Shown = Format.TEXT,
    as_of: AsOf = None,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> int:
    """Run a bundle's tests. Exits 1 when one fails.

    Every example must be judged as it says, and every policy that is assigned must run.
    """
    from serve.bootstrap import open_platform  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    order = _order(folder, tenant_id(settings.tenant), as_of)
    with open_platform(settings) as platform:
        report = platform.bundles.check(order)
    if not _is_written(report, json):
        from serve.render.policy_bundles import check_lines  # noqa: PLC0415
        from serve.render.policy_markdown import check_markdown  # noqa: PLC0415

        if shown is Format.MARKDOWN:
            say(check_markdown(report))
        else:
            show(check_lines(report, width=width()))
    return ExitCode.FOUND if report["failed"] else ExitCode.DONE


def diff_bundle(
    context: typer.Context,
    *,
    folder: Folder,
    shown: Shown = Format.TEXT,
    is_asked: ExitOnChange = False,
    as_of: AsOf = None,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> int:
    """Show what differs between a bundle and what is in force: documents, and each field of them."""
    plan, _ = _planned(context, folder, as_of, (tenant, store, cluster), tries=False)
    _print_plan(plan, shown, json)
    return ExitCode.FOUND if is_asked and plan["changes"] else ExitCode.DONE


def plan_bundle(
    context: typer.Context,
    *,
    folder: Folder,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write the plan, to apply it later.", show_default=False),
    ] = None,
    shown: Shown = Format.TEXT,
    is_asked: ExitOnChange = False,
    as_of: AsOf = None,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> int:
    """Show what applying a bundle would change, and which resources would change state."""
    plan, order = _planned(context, folder, as_of, (tenant, store, cluster), tries=True)
    if out is not None:
        whole = {"plan": PLAN_FORM, **plan, "signature": order.signature, "files": dict(order.files)}
        put(json_bytes(whole), str(out))
    _print_plan(plan, shown, json)
    if out is not None and json != STANDARD_OUTPUT and shown is Format.TEXT:
        say("")
        say(f"PLAN       {out}   apply it: pcg policies apply {out} --by ROLE")
    return ExitCode.FOUND if is_asked and plan["changes"] else ExitCode.DONE


def apply_bundle(
    context: typer.Context,
    *,
    place: Annotated[Path, typer.Argument(metavar="PLAN|DIR", help="A plan's file, or the folder of a bundle.")],
    by: By,
    commit: Annotated[
        str | None, typer.Option("--commit", metavar="ID", help="Revision of the repository.", show_default=False)
    ] = None,
    as_of: AsOf = None,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """Put a bundle in force, all of it or nothing, and record it as evidence.

    A plan is refused when what is in force has changed since it was made.
    """
    from dataclasses import replace  # noqa: PLC0415

    from serve.bootstrap import open_platform  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    who = tenant_id(settings.tenant)
    order = _order(place, who, as_of) if place.is_dir() else _order_of_plan(place, who, as_of)
    with open_platform(settings) as platform:
        row = platform.bundles.apply(replace(order, by=by, commit=commit))
    _print_revision(row, json)


def history(
    context: typer.Context,
    *,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """List every revision of the policies in force, newest first."""
    from serve.bootstrap import open_platform  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_platform(settings) as platform:
        rows = platform.bundles.history(tenant_id(settings.tenant))
    if _is_written({"revisions": [dict(row) for row in rows]}, json):
        return
    from serve.render.policy_bundles import history_lines  # noqa: PLC0415

    show(history_lines(rows, width=width()))
    if not rows:
        say("No bundle is applied. Start with: pcg policies plan DIR")


def roll_back(
    context: typer.Context,
    *,
    revision: Annotated[int, typer.Argument(metavar="REVISION", help="Number of an earlier revision.", min=1)],
    by: By,
    as_of: AsOf = None,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> None:
    """Put the bundle of an earlier revision in force again, as a new revision."""
    from serve.bootstrap import open_platform  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    with open_platform(settings) as platform:
        row = platform.bundles.roll_back(tenant_id(settings.tenant), revision, by=by, at=instant(as_of))
    _print_revision(row, json)


def sign(
    *,
    folder: Folder,
    key: Annotated[Path, typer.Option("--key", metavar="FILE", help="Private key; made where there is none.")],
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="Name of the key, such as example.com/policies.")
    ] = "policies",
) -> None:
    """Sign a bundle with an Ed25519 key: writes bundle.sig beside it.

    Prints the verifier key, for the file that the setting policy_keys names.
    """
    from chain.keys.key_file import FileSigner  # noqa: PLC0415
    from policy.bundle import SIGNATURE_FILE, read_bundle  # noqa: PLC0415
    from policy.bundle_signature import sign_bundle  # noqa: PLC0415

    bundle = read_bundle(folder)
    signer = FileSigner(key, name=name)
    put(sign_bundle(bundle, signer).encode("utf-8"), str(folder / SIGNATURE_FILE))
    say(f"SIGNED     {bundle.name} {bundle.version}   sha256 {bundle.digest[:16]}")
    say(f"KEY        {signer.key.text}")


def what_if(
    context: typer.Context,
    *,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE", help="Assignments, exemptions, initiatives, definitions.", show_default=False),
    ] = None,
    remove: Annotated[
        list[str] | None,
        typer.Option("--remove", metavar="ID", help="Id or name to remove; may be repeated.", show_default=False),
    ] = None,
    shown: Shown = Format.TEXT,
    is_asked: ExitOnChange = False,
    as_of: AsOf = None,
    tenant: Tenant = None,
    store: Store = None,
    cluster: Cluster = None,
    json: JsonOut = None,
) -> int:
    """Show which resources a change of assignments would give another state. Nothing is changed by it.

    What a file holds is added to what is in force, or takes the place of what has the same id.
    """
    from actors.messages import AssignmentChange  # noqa: PLC0415
    from serve.bootstrap import open_platform  # noqa: PLC0415

    if not paths and not remove:
        raise InputError("nothing to try", expected="FILE or --remove ID", todo="Name an assignment's file")
    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    documents = tuple(document for path in paths or () for document in _documents(path))
    change = AssignmentChange(tenant_id(settings.tenant), instant(as_of), documents, tuple(remove or ()))
    with open_platform(settings) as platform:
        found = platform.bundles.what_if(change)
    if not _is_written(found, json):
        from serve.render.policy_bundles import what_if_lines  # noqa: PLC0415
        from serve.render.policy_markdown import what_if_markdown  # noqa: PLC0415

        if shown is Format.MARKDOWN:
            say(what_if_markdown(found))
        else:
            show(what_if_lines(found, width=width()))
    return ExitCode.FOUND if is_asked and found["changed"] else ExitCode.DONE


_Where = tuple[str | None, Path | None, str | None]


def _planned(
    context: typer.Context, folder: Path, as_of: str | None, where: _Where, *, tries: bool
) -> tuple[Mapping[str, Any], BundleOrder]:
    from serve.bootstrap import open_platform  # noqa: PLC0415

    tenant, store, cluster = where
    settings = settings_of(context, store_dir=store, tenant=tenant, cluster=cluster)
    order = _order(folder, tenant_id(settings.tenant), as_of)
    with open_platform(settings) as platform:
        return platform.bundles.plan(order, tries=tries), order


def _order(folder: Path, tenant: TenantId, as_of: str | None) -> BundleOrder:
    from actors.messages import BundleOrder  # noqa: PLC0415
    from policy.bundle import SIGNATURE_FILE, read_bundle  # noqa: PLC0415

    bundle = read_bundle(folder)
    note = folder / SIGNATURE_FILE
    signature = note.read_text(encoding="utf-8", errors="replace") if note.is_file() else None
    return BundleOrder(tenant, bundle.files, instant(as_of), signature)


def _order_of_plan(file: Path, tenant: TenantId, as_of: str | None) -> BundleOrder:
    from actors.messages import BundleOrder  # noqa: PLC0415
    from policy.aliases import read_rows  # noqa: PLC0415
    from policy.bundle import files_digest  # noqa: PLC0415

    (document, *_) = read_rows(file) or [None]
    plan: dict[str, Any] = document if isinstance(document, dict) else {}
    if plan.get("plan") != PLAN_FORM or not isinstance(plan.get("files"), dict):
        raise InputError(
            "not a plan",
            where=str(file),
            expected="what pcg policies plan DIR --out FILE wrote",
            todo="Make a new plan",
        )
    digest = files_digest(plan["files"])
    if plan["bundle"]["digest"] != digest:
        todo = "Make a new plan; a plan is not to be edited"
        raise InputError("plan was changed", where=str(file), expected=plan["bundle"]["digest"], got=digest, todo=todo)
    return BundleOrder(tenant, plan["files"], instant(as_of), plan["signature"], base_state=plan["base"]["state"])


def _documents(path: Path) -> list[dict[str, Any]]:
    from policy.aliases import read_rows  # noqa: PLC0415

    rows = read_rows(path)
    found = [row for row in rows if isinstance(row, dict)]
    if len(found) < len(rows) or not found:
        raise InputError("not policy documents", where=str(path), expected="JSON objects", todo="Correct that file")
    return found


def _print_plan(plan: Mapping[str, Any], shown: Format, json: str | None) -> None:
    if _is_written(plan, json):
        return
    from serve.render.policy_bundles import plan_lines  # noqa: PLC0415
    from serve.render.policy_markdown import plan_markdown  # noqa: PLC0415

    if shown is Format.MARKDOWN:
        say(plan_markdown(plan))
    else:
        show(plan_lines(plan, width=width()))


def _print_revision(row: Mapping[str, Any], json: str | None) -> None:
    if _is_written(row, json):
        return
    words = f"{row['name']} {row['version']}   sha256 {row['digest'][:16]}   revision {row['revision']}"
    if not row["is_changed"]:
        say(f"IN FORCE   {words}   nothing to do")
        return
    say(f"{'APPLIED' if row['action'] == 'applied' else 'BACK':<11}{words}   recorded as {row['evidence_id']}")


def _is_written(document: Mapping[str, Any], json: str | None) -> bool:
    """Write JSON where it was asked for; whether standard output is taken."""
    if json is not None:
        put(json_bytes(dict(document)), json)
    return json == STANDARD_OUTPUT
