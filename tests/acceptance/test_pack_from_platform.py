"""From collected evidence to a pack that a stranger checks offline: time stamped, anchored, signed at both ends."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from fastapi.testclient import TestClient

from actors.anchoring import Anchoring
from actors.evidence_chain import EvidenceChain
from actors.handles import LocalHandle
from actors.platform_log import WriterPlatformLog
from actors.shards.router import one_shard
from actors.simulation import Simulation
from actors.tenant_shard import TenantShard
from actors.upkeep import LogUpkeep
from chain.anchors.check import check_receipt
from chain.anchors.rfc3161 import read_response, read_token
from chain.anchors.verdict import AnchorTrust
from connectors.anchors.rfc3161 import TimeStampAuthority
from connectors.webhook.target import Allowed
from domain.clock import format_instant
from domain.tenancy import TenantId
from serve.api.context import ApiContext
from serve.app import build_app
from serve.auth.tokens import FILE_NAME, TokenRegistry, ensure_token
from serve.bootstrap import folders_of, upkeep_of
from serve.change_desk import ChangeDesk
from serve.drift_service import DriftService
from serve.key_places import key_places
from serve.operations import Operations
from serve.pack_maker import FolderPackMaker, time_stamps
from serve.platform import Crew, Platform
from serve.predictions import Predictions
from serve.privacy import Protection
from serve.reporting import ReportService
from serve.settings import Settings
from serve.store_place import StorePlace
from serve.stream_place import stream_place
from tests.servers.tsa import Authority, serving
from tests.unit.serve.api_fixture import Api, bearer, storage_account

pytest.importorskip("reportlab")
pytest.importorskip("pyhanko")

pytestmark = pytest.mark.slow


@dataclass
class Watch:
    """The present, and a step that a test adds."""

    step: timedelta = timedelta(hours=-3)

    def now(self) -> datetime:
        return datetime.now(UTC).replace(microsecond=0) + self.step


@dataclass(frozen=True, slots=True)
class Made:
    """A pack that was fetched over HTTP, and what its reader got from elsewhere."""

    pack: Path
    policy: Path
    certificate: Path
    tsa_root: Path

    def verify(self, pack: Path | None = None) -> subprocess.CompletedProcess[str]:
        trusted = ("--policy", self.policy, "--certificate", self.certificate, "--tsa-root", self.tsa_root)
        return subprocess.run(
            [sys.executable, "-m", "chain", "verify", str(pack or self.pack), *map(str, trusted)],
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    folder, watch = tmp_path_factory.mktemp("platform"), Watch()
    with ExitStack() as stack:
        authority = stack.enter_context(serving(folder / "tsa"))
        settings = Settings(store_dir=folder / "store")
        chain = LocalHandle(EvidenceChain(folders_of(settings), watch))
        api = stack.enter_context(_running(folder, settings, chain, watch, authority))
        _collect(api, "q0")
        _publish(api)
        watch.step = timedelta(hours=-2)
        opens = watch.now() - timedelta(minutes=1)
        _collect(api, "q1")
        api.scan(api.acme, as_of=format_instant(watch.now()))
        _publish(api)
        closes = watch.now() + timedelta(minutes=1)
        assert len(_anchor(chain, authority)) == 1
        watch.step = timedelta(0)
        content = _report(api, "board-pack", since=opens, until=closes)
        (folder / "pack.zip").write_bytes(content)
        store = settings.store_dir
        keys = [
            line
            for tenant in ("tenants/acme/evidence", "platform-log")
            for path in (store / tenant).glob("*/verifier_keys")
            for line in path.read_text().splitlines()
        ]
        (folder / "policy").write_text("".join(f"log {key}\n" for key in keys) + "quorum none\n")
        shutil.copy(store / "report_keys/report.pem", folder / "report.pem")
        yield Made(folder / "pack.zip", folder / "policy", folder / "report.pem", authority.root)


def test_a_stranger_verifies_it_and_is_told_the_times(made: Made) -> None:
    done = made.verify()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "existed not after" in done.stdout
    assert f"{datetime.now(UTC):%Y-%m-%d}" in done.stdout
    assert "(proved)" in done.stdout


def test_it_holds_a_signed_checkpoint_of_both_ends_and_the_anchor(made: Made) -> None:
    with ZipFile(made.pack) as pack:
        names = set(pack.namelist())
        (start,) = (name for name in names if name.endswith("/start-checkpoint"))
        (window,) = (name for name in names if name.endswith("/window.json"))
        (manifest,) = (json.loads(pack.read(name)) for name in names if name == "manifest.json")
        start_size = int(pack.read(start).split(b"\n")[1])
        assert json.loads(pack.read(window))["start_checkpoint"]
    part = manifest["logs"][0]
    assert part["start"] + 1 == start_size < part["end"] <= part["size"]
    assert {name.rpartition("/")[2] for name in names if name.startswith("anchors/00-")} == {
        *("note.txt", "receipt.json", "token.der", "opening.json", "entry.json", "entry.tlog-proof", "link.json")
    }


def test_the_signature_of_the_pdf_carries_a_time_stamp(made: Made, tmp_path: Path) -> None:
    from chain.reports.pdf_check import check_pack_pdf  # noqa: PLC0415 (an extra)

    found = check_pack_pdf(made.pack)
    assert found.stamped_at is not None
    assert abs(found.stamped_at - datetime.now(UTC)) < timedelta(minutes=30)


@pytest.mark.parametrize("name", ["token.der", "entry.tlog-proof", "opening.json", "link.json"])
@pytest.mark.parametrize("is_removed", [True, False])
def test_an_anchor_that_is_removed_or_changed_is_refuted(
    made: Made, name: str, is_removed: bool, tmp_path: Path
) -> None:
    changed = tmp_path / "changed.zip"
    with ZipFile(made.pack) as before, ZipFile(changed, "w") as after:
        for info in before.infolist():
            content = before.read(info)
            if info.filename.startswith("anchors/") and info.filename.endswith(f"/{name}"):
                if is_removed:
                    continue
                content = bytes([content[0] ^ 1]) + content[1:]
            after.writestr(info, content)
    done = made.verify(changed)
    assert done.returncode == 1, done.stdout + done.stderr
    assert name in done.stdout


def _running(
    folder: Path, settings: Settings, chain: LocalHandle[EvidenceChain], watch: Watch, authority: Authority
) -> Any:
    from contextlib import contextmanager  # noqa: PLC0415

    @contextmanager
    def running() -> Iterator[Api]:
        exports, folders = folder / "exports", folders_of(settings)
        exports.mkdir()
        (exports / "storage.json").write_text(json.dumps([storage_account("shopdata")]))
        tokens = settings.store_dir / FILE_NAME
        acme, globex = (bearer(ensure_token(tokens, TenantId(name))) for name in ("acme", "globex"))
        crew = Crew(
            shards=one_shard(LocalHandle(TenantShard(folders, StorePlace()))),
            chain=chain,
            upkeep=LocalHandle(LogUpkeep(chain, upkeep_of(settings))),
            simulations=[LocalHandle(Simulation())],
            is_local=True,
        )
        with Platform(crew) as platform:
            operations = Operations(platform, watch)
            maker = FolderPackMaker(folders, platform, watch, key_places(settings), stamping=time_stamps(authority.url))
            streams = stream_place(settings).open()
            context = ApiContext(
                platform=platform,
                operations=operations,
                reports=ReportService(maker, folders, operations, watch),
                protection=Protection(folders, platform),
                folders=folders,
                tokens=TokenRegistry(tokens),
                clock=watch,
                allowed_roots=(exports,),
                changes=ChangeDesk(streams, watch),
                drift=DriftService(platform.drift, folders, watch, streams.feed, Allowed()),
                predictions=Predictions(platform, folders, watch),
            )
            with TestClient(build_app(context), raise_server_exceptions=False) as client:
                yield Api(client, folder, acme, globex)
            operations.close()

    return running()


def _collect(api: Api, quarter: str) -> None:
    counted = {"system": "payroll", "reviewed": 42, "revoked": 3}
    body = {"type": "access_review", "id": quarter, "subject": "payroll", "body": counted}
    answer = api.client.post("/api/v2/evidence/collect", json=body, headers=api.acme)
    assert answer.status_code == 201, answer.text


def _publish(api: Api) -> None:
    assert api.client.post("/api/v2/chain/publish", headers=api.acme).status_code == 200


def _anchor(chain: LocalHandle[EvidenceChain], authority: Authority) -> tuple[object, ...]:
    target = TimeStampAuthority("freetsa", authority.url, read_response, lambda token: read_token(token).stamp)
    with ThreadPoolExecutor(1) as executor:
        anchoring = Anchoring(
            WriterPlatformLog(chain),
            [target],
            clock=Watch(timedelta(0)),
            executor=executor,
            judge=partial(check_receipt, trust=AnchorTrust()),
        )
        return anchoring.round(is_on_demand=True).receipts


def _report(api: Api, route: str, *, since: datetime, until: datetime) -> bytes:
    body = {"since": format_instant(since), "until": format_instant(until), "page": "letter"}
    answer = api.client.post(f"/api/v2/reports/{route}", json=body, headers=api.acme)
    assert answer.status_code == 202, answer.text
    operation = api.wait(api.acme, answer.json()["operation_id"])
    assert operation["status"] == "succeeded", operation
    return bytes(api.get(f"/api/v2/reports/{operation['operation_id']}/download").content)
