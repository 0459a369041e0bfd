"""`pcg costs fetch`: a month of a provider's bill, fetched whole and imported whole, or not at all."""

from __future__ import annotations

import tempfile
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.errors import InputError
from domain.tenancy import tenant_id
from serve.cli.options import AsOf, JsonOut, Store, Tenant, choice, instant, settings_of
from serve.cli.screen import json_bytes, put, say

if TYPE_CHECKING:
    from connectors.billing.client import BillingClient
    from connectors.rest import Token


class Source(StrEnum):
    """Where a bill can be fetched."""

    COST_EXPLORER = "aws-cost-explorer"
    DATA_EXPORT = "aws-export"
    AZURE = "azure"
    GOOGLE = "gcp"


Word = Annotated[str | None, typer.Option(show_default=False)]


def fetch(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help=", ".join(Source) + ".")],
    *,
    month: Annotated[str, typer.Option("--month", metavar="YYYY-MM", help="Which month.")],
    of: Annotated[
        str,
        typer.Option("--of", metavar="WHAT", help="Payer's account, s3://BUCKET/PREFIX/EXPORT, ARM scope, or table."),
    ],
    credential: Annotated[
        str | None,
        typer.Option(
            "--credential",
            metavar="REF",
            help="Secret by reference, env:NAME or file:PATH: a token, a client secret, a key file.",
            show_default=False,
        ),
    ] = None,
    client_id: Annotated[
        str | None,
        typer.Option("--client", metavar="DIRECTORY/ID", help="Azure application of the secret.", show_default=False),
    ] = None,
    endpoint: Annotated[
        str | None, typer.Option("--endpoint", metavar="URL", help="Another address of the API.", show_default=False)
    ] = None,
    may_be_partial: Annotated[bool, typer.Option("--partial", help="The month may lack days.")] = False,
    tenant: Tenant = None,
    store: Store = None,
    as_of: AsOf = None,
    json: JsonOut = None,
) -> None:
    """Fetch a month of a bill from its provider and import it; what goes wrong leaves nothing behind."""
    from actors.folders import Folders  # noqa: PLC0415
    from assessment.billing import import_billing  # noqa: PLC0415
    from cost.billing.store import Terms  # noqa: PLC0415
    from serve.costs import billing_store, import_document  # noqa: PLC0415
    from serve.render.costs import import_lines  # noqa: PLC0415

    settings = settings_of(context, store_dir=store, tenant=tenant)
    kind = choice(Source, source, "SOURCE", what="source", example=Source.AZURE)
    client = client_of(kind, of, credential=credential, application=client_id, endpoint=endpoint)
    with tempfile.TemporaryDirectory(prefix="pcg-bill-") as folder:
        found = client.fetch(_month(month), Path(folder) / "delivery")
        for note in found.notes:
            say(note)
        if not found.files:
            say(f"{source} has no charges for {month}.")
            return
        bills = billing_store(Folders(store=settings.store_dir), tenant_id(settings.tenant))
        terms = Terms(may_be_partial=may_be_partial)
        document = import_document(import_billing(bills, list(found.files), at=instant(as_of), terms=terms))
    if json is not None:
        put(json_bytes(document), json)
        return
    for line in import_lines(document):
        say(line)


def client_of(
    kind: Source, of: str, *, credential: str | None, application: str | None, endpoint: str | None
) -> BillingClient:
    """The client that fetches; secrets are read only when it asks for them.

    Raises:
        InputError: what is named is not of the source's form, or a credential is missing.
    """
    if kind is Source.COST_EXPLORER:
        from connectors.aws.billing import CostExplorerBilling, open_client  # noqa: PLC0415 (boto3)

        return CostExplorerBilling(open_client(endpoint_url=endpoint), of)
    if kind is Source.DATA_EXPORT:
        return _export(of, endpoint)
    return _azure(of, credential, application, endpoint) if kind is Source.AZURE else _google(of, credential, endpoint)


def _export(of: str, endpoint: str | None) -> BillingClient:
    from connectors.aws.billing_export import DataExport, open_client  # noqa: PLC0415

    bucket, _, rest = of.removeprefix("s3://").partition("/")
    prefix, _, name = rest.rpartition("/")
    if not of.startswith("s3://") or not bucket or not name:
        raise InputError("not an export in S3", got=of, expected="s3://BUCKET/PREFIX/EXPORT", todo="Name the export")
    return DataExport(open_client(endpoint_url=endpoint), bucket, prefix, name)


def _azure(of: str, credential: str | None, application: str | None, endpoint: str | None) -> BillingClient:
    from connectors.azure.billing import ENDPOINT, SCOPE, AzureBilling  # noqa: PLC0415
    from connectors.credential import ClientCredentials, entra_url  # noqa: PLC0415

    token: Token = _secret(credential)
    if application is not None:
        directory, _, own = application.partition("/")
        if not directory or not own:
            raise InputError("not an application", got=application, expected="DIRECTORY/ID", todo="Name both")
        token = ClientCredentials(entra_url(directory), own, token, SCOPE)
    return AzureBilling(of, token, endpoint=endpoint or ENDPOINT)


def _google(of: str, credential: str | None, endpoint: str | None) -> BillingClient:
    from connectors.credential import ServiceAccount  # noqa: PLC0415
    from connectors.gcp.billing import ENDPOINT, SCOPE, GoogleBilling  # noqa: PLC0415

    secret = _secret(credential)
    account = ServiceAccount(secret, SCOPE)

    def token() -> str:
        """The secret is a key file, or a token itself."""
        text: str = secret()
        return account() if text.lstrip().startswith("{") else text

    return GoogleBilling(of, token, endpoint=endpoint or ENDPOINT)


def _secret(credential: str | None) -> Any:
    from serve.secret import secret_reader  # noqa: PLC0415

    if credential is None:
        raise InputError(
            "a credential is needed", where="--credential", todo="Write --credential env:NAME or file:PATH"
        )
    return secret_reader(credential, what="credential of a bill")


def _month(text: str) -> date:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise InputError("not a month", where="--month", got=text, expected="YYYY-MM", todo="Write 2026-10") from None
