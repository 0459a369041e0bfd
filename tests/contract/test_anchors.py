"""Every kind of anchor against a real server: a true round trip, a tampered note refused, stock programs agree."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import ContainerClient, ImmutabilityPolicy
from botocore.exceptions import ClientError
from cryptography import x509

from chain.anchors.calendar import CalendarProofs
from chain.anchors.check import check_receipt
from chain.anchors.export import to_files
from chain.anchors.receipt import Anchored
from chain.anchors.rfc3161 import read_response, read_token
from chain.anchors.verdict import AnchorTrust, Standing
from connectors.anchors.azure_immutable_blob import AzureImmutableBlob
from connectors.anchors.azure_immutable_blob import connect as connect_azure
from connectors.anchors.bitcoin import Bitcoin, CoinSource, Network
from connectors.anchors.bitcoin_transaction import SigningKey
from connectors.anchors.ethereum import Ethereum
from connectors.anchors.json_rpc import Node
from connectors.anchors.opentimestamps import OpenTimestampsCalendar
from connectors.anchors.rfc3161 import TimeStampAuthority
from connectors.anchors.s3_object_lock import S3ObjectLock
from connectors.anchors.s3_object_lock import connect as connect_s3
from domain.anchoring import AnchorReceipt
from domain.errors import InputError, IntegrityError, UnavailableError
from tests.servers import anvil, azurite, btcd, calendar, immutable_blobs, moto, tsa
from tests.servers.calendar import Calendar
from tests.servers.immutable_blobs import BlobAccount
from tests.servers.programs import FOLDER, require
from tests.servers.tsa import Authority

NOTE = b"example.org/evidence/_platform/2026\n7\nq3F0b290IGhhc2ggb2YgdGhlIHBsYXRmb3JtIGxvZw==\n\n\xe2\x80\x94 key sig\n"
OTHER = NOTE.replace(b"\n7\n", b"\n8\n")


def _refuted(receipt: AnchorReceipt, trust: AnchorTrust) -> bool:
    return check_receipt(receipt, OTHER, trust).standing is Standing.REFUTED


class TestTimeStampAuthority:
    """RFC 3161 by openssl."""

    KINDS: ClassVar[dict[str, dict[str, Any]]] = {
        "RSA": {"key": tsa.RSA},
        "P-384 with SHA-512 and its root": {"key": tsa.P384, "digest": "sha512", "has_chain": True},
    }

    @pytest.fixture(scope="class", params=list(KINDS))
    @classmethod
    def authority(cls, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
        with tsa.serving(tmp_path_factory.mktemp("tsa"), **cls.KINDS[request.param]) as served:
            yield served

    @pytest.fixture
    def target(self, authority: Authority) -> TimeStampAuthority:
        return TimeStampAuthority("tsa", authority.url, read_response, lambda token: read_token(token).stamp)

    @pytest.fixture
    def trust(self, authority: Authority) -> AnchorTrust:
        return AnchorTrust(tsa_roots=(x509.load_pem_x509_certificate(authority.root.read_bytes()),))

    def test_a_token_proves_the_time_of_the_note_alone(self, target: TimeStampAuthority, trust: AnchorTrust) -> None:
        receipt = target.anchor(NOTE)
        verdict = check_receipt(receipt, NOTE, trust)
        assert verdict.standing is Standing.PROVED
        assert verdict.not_after is not None
        assert abs(verdict.not_after - datetime.now(UTC)) < timedelta(minutes=2)
        assert _refuted(receipt, trust)
        assert target.complete(receipt) is receipt

    @pytest.mark.parametrize(("note", "is_accepted"), [(NOTE, True), (OTHER, False)])
    def test_openssl_agrees(
        self, target: TimeStampAuthority, authority: Authority, tmp_path: Path, note: bytes, is_accepted: bool
    ) -> None:
        (tmp_path / "token.der").write_bytes(target.anchor(NOTE).files["token.der"])
        (tmp_path / "note.txt").write_bytes(note)
        command = ["openssl", "ts", "-verify", "-token_in", "-in", "token.der", "-data", "note.txt"]
        done = subprocess.run(
            [*command, "-CAfile", str(authority.root)], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert ("Verification: OK" in done.stdout) is is_accepted, done.stderr

    def test_an_old_token_is_not_taken_for_todays(self, target: TimeStampAuthority) -> None:
        old = target.anchor(NOTE).files["token.der"]
        replaying = replace(target, read_response=lambda _: old)
        with pytest.raises(IntegrityError, match="not for this request"):
            replaying.anchor(NOTE)


class TestS3ObjectLock:
    """Object lock by moto."""

    @pytest.fixture(scope="class")
    @classmethod
    def client(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
        credentials = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        with moto.moto(tmp_path_factory.mktemp("moto")) as url:
            client = connect_s3(endpoint_url=url, region=moto.REGION, credentials=credentials)
            client.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
            client.create_bucket(Bucket="open")
            yield client

    @pytest.fixture
    def target(self, client: Any, request: pytest.FixtureRequest) -> S3ObjectLock:
        return S3ObjectLock("s3", "locked", client, prefix=f"{request.node.name}/", retain_years=1)

    def test_a_note_is_stored_under_a_lock_that_was_read_back(self, target: S3ObjectLock, client: Any) -> None:
        receipt = target.anchor(NOTE)
        facts = receipt.facts
        assert facts["mode"] == "COMPLIANCE"
        assert str(facts["retain_until"]) > f"{datetime.now(UTC) + timedelta(days=365):%Y-%m-%d}"
        assert str(facts["key"]).endswith(f"{hashlib.sha256(NOTE).hexdigest()}.note")
        with pytest.raises(ClientError, match="AccessDenied"):
            client.delete_object(Bucket="locked", Key=facts["key"], VersionId=facts["version_id"])
        assert check_receipt(receipt, NOTE, AnchorTrust()).standing is Standing.STATED
        assert _refuted(receipt, AnchorTrust())

    def test_a_repeat_finds_the_first_version(self, target: S3ObjectLock) -> None:
        assert target.anchor(NOTE) == target.anchor(NOTE)

    def test_a_receipt_is_confirmed_online_past_a_delete_marker(self, target: S3ObjectLock, client: Any) -> None:
        receipt = target.anchor(NOTE)
        client.delete_object(Bucket="locked", Key=receipt.facts["key"])
        assert target.complete(receipt) is receipt

    def test_a_lock_that_was_shortened_is_noticed(self, target: S3ObjectLock, client: Any) -> None:
        receipt = target.anchor(NOTE)
        until = datetime.now(UTC) + timedelta(days=370)
        place = {"Bucket": "locked", "Key": receipt.facts["key"], "VersionId": receipt.facts["version_id"]}
        client.put_object_retention(**place, Retention={"Mode": "COMPLIANCE", "RetainUntilDate": until - timedelta(9)})
        with pytest.raises(IntegrityError, match="locked as asked"):
            target.complete(receipt)
        client.put_object_retention(**place, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until})
        with pytest.raises(IntegrityError, match="locked as asked"):
            target.complete(receipt)

    def test_a_version_that_is_gone_is_noticed(self, target: S3ObjectLock) -> None:
        receipt = target.anchor(NOTE)
        gone = replace(receipt, facts={**receipt.facts, "version_id": "d5b0b5b0-0000-0000-0000-000000000000"})
        with pytest.raises(IntegrityError, match="locked as asked"):
            target.complete(gone)

    def test_other_bytes_under_the_notes_name_are_noticed(self, target: S3ObjectLock, client: Any) -> None:
        client.put_object(Bucket="locked", Key=f"{target.prefix}{hashlib.sha256(NOTE).hexdigest()}.note", Body=OTHER)
        with pytest.raises(IntegrityError, match="locked as asked"):
            target.anchor(NOTE)

    def test_a_bucket_without_object_lock_is_refused(self, target: S3ObjectLock) -> None:
        with pytest.raises(InputError, match="no object lock"):
            replace(target, bucket="open").anchor(NOTE)

    def test_a_bucket_that_is_not_there_is_unavailable(self, target: S3ObjectLock) -> None:
        with pytest.raises(UnavailableError, match="GetObjectLockConfiguration"):
            replace(target, bucket="absent").anchor(NOTE)


class TestAzureImmutableBlob:
    """The documented semantics by a double of ours, and the emulator that has none of them."""

    @pytest.fixture
    def account(self) -> Iterator[BlobAccount]:
        with immutable_blobs.serving() as account:
            yield account

    @pytest.fixture
    def container(self, account: BlobAccount) -> Iterator[ContainerClient]:
        with connect_azure(account.url, "anchors", credential=azurite.KEY) as container:
            yield container

    @pytest.fixture
    def target(self, container: ContainerClient) -> AzureImmutableBlob:
        return AzureImmutableBlob("azure", container, retain_years=1)

    def test_a_note_is_stored_under_a_policy_that_was_read_back(
        self, target: AzureImmutableBlob, container: ContainerClient
    ) -> None:
        receipt = target.anchor(NOTE)
        assert receipt.facts["mode"] == "Locked"
        blob = container.get_blob_client(str(receipt.facts["name"]))
        version = str(receipt.facts["version_id"])
        with pytest.raises(ResourceExistsError, match="BlobImmutableDueToPolicy"):
            blob.delete_blob(version_id=version)
        with pytest.raises(ResourceExistsError, match="BlobImmutableDueToPolicy"):
            blob.set_immutability_policy(
                ImmutabilityPolicy(expiry_time=datetime.now(UTC) + timedelta(days=2), policy_mode="Locked"),
                version_id=version,
            )
        with pytest.raises(ResourceExistsError, match="BlobImmutableDueToPolicy"):
            blob.delete_immutability_policy(version_id=version)
        assert target.complete(receipt) is receipt
        assert check_receipt(receipt, NOTE, AnchorTrust()).standing is Standing.STATED
        assert _refuted(receipt, AnchorTrust())

    def test_a_repeat_finds_the_first_version(self, target: AzureImmutableBlob) -> None:
        assert target.anchor(NOTE) == target.anchor(NOTE)

    @pytest.mark.parametrize(
        "flaw",
        [
            {"unlocks": True},
            {"shortens_by": timedelta(hours=1)},
            {"shortens_by": timedelta(9)},
            {"is_versioned": False},
        ],
    )
    def test_a_store_that_keeps_less_than_was_asked_is_noticed(
        self, target: AzureImmutableBlob, account: BlobAccount, flaw: dict[str, Any]
    ) -> None:
        for name, value in flaw.items():
            setattr(account, name, value)
        with pytest.raises(IntegrityError, match="immutable as asked"):
            target.anchor(NOTE)

    def test_other_bytes_under_the_notes_name_are_noticed(
        self, target: AzureImmutableBlob, container: ContainerClient
    ) -> None:
        container.get_blob_client(f"anchors/{hashlib.sha256(NOTE).hexdigest()}.note").upload_blob(OTHER)
        with pytest.raises(IntegrityError, match="immutable as asked"):
            target.anchor(NOTE)

    def test_a_version_that_is_gone_or_locked_for_less_is_noticed(
        self, target: AzureImmutableBlob, account: BlobAccount
    ) -> None:
        receipt = target.anchor(NOTE)
        (versions,) = account.blobs.values()
        assert versions[0].until is not None
        versions[0].until -= timedelta(hours=1)
        with pytest.raises(IntegrityError, match="immutable as asked"):
            target.complete(receipt)
        versions.clear()
        with pytest.raises(IntegrityError, match="no such version"):
            target.complete(receipt)

    def test_a_store_that_does_not_answer_is_unavailable(self, account: BlobAccount) -> None:
        with connect_azure("http://127.0.0.1:9/a", "anchors", credential=azurite.KEY) as container:
            target = AzureImmutableBlob("azure", container)
            with pytest.raises(UnavailableError, match="Put Blob"):
                target.anchor(NOTE)

    def test_the_emulator_takes_the_policy_keeps_none_and_is_found_out(self, tmp_path: Path) -> None:
        with azurite.azurite(tmp_path) as url, connect_azure(url, "anchors", credential=azurite.KEY) as container:
            container.create_container()
            with pytest.raises(IntegrityError, match="immutable as asked"):
                AzureImmutableBlob("azure", container).anchor(NOTE)
            (blob,) = container.list_blobs()
            container.delete_blob(blob.name)
            assert list(container.list_blobs()) == []

    def test_an_account_of_azure_keeps_what_it_promises(self) -> None:
        """Leaves one small blob there for a year; run it on an account that is for tests."""
        names = ("PCG_TEST_AZURE_ACCOUNT_URL", "PCG_TEST_AZURE_CONTAINER", "PCG_TEST_AZURE_KEY")
        url, name, key = (os.environ.get(variable, "") for variable in names)
        if not (url and name and key):
            pytest.skip(f"no Azure account is named by {', '.join(names)}")
        with connect_azure(url, name, credential=key) as container:
            target = AzureImmutableBlob("azure", container, retain_years=1)
            receipt = target.anchor(NOTE)
            assert target.complete(target.anchor(NOTE)).facts == receipt.facts
            blob = container.get_blob_client(str(receipt.facts["name"]))
            with pytest.raises(ResourceExistsError, match="BlobImmutableDueToPolicy"):
                blob.delete_blob(version_id=str(receipt.facts["version_id"]))


class TestBitcoin:
    """Regression-test blocks by btcd."""

    KEY = SigningKey.of(hashlib.sha256(b"a key for tests").digest())

    @pytest.fixture(scope="class")
    @classmethod
    def node(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
        address = cls.KEY.address(Network.REGTEST.address_version)
        with btcd.serving(tmp_path_factory.mktemp("btcd"), mining_address=address) as served:
            node = Node(served.url, btcd.USER, btcd.PASSWORD)
            node.ask("generate", 101)
            yield node

    @pytest.fixture
    def target(self, node: Node) -> Bitcoin:
        return Bitcoin("btc", node, self.KEY, Network.REGTEST, CoinSource.ADDRESS_INDEX, confirmations=3)

    def test_a_note_is_in_a_block_and_stays_checkable_without_the_node(self, target: Bitcoin, node: Node) -> None:
        pending = target.anchor(NOTE)
        assert check_receipt(pending, NOTE, AnchorTrust()).standing is Standing.PENDING
        node.ask("generate", 2)
        assert target.complete(pending) == pending
        node.ask("generate", 1)
        receipt = target.complete(pending)
        assert check_receipt(receipt, NOTE, AnchorTrust()).standing is Standing.CONDITIONAL
        height = receipt.facts["height"]
        assert isinstance(height, int)
        header = bytes.fromhex(node.ask("getblockheader", node.ask("getblockhash", height), False))
        trust = AnchorTrust(bitcoin_headers={height: header})
        assert check_receipt(receipt, NOTE, trust).standing is Standing.PROVED
        assert _refuted(receipt, trust)
        assert target.complete(receipt) is receipt
        moved = replace(receipt, facts={**receipt.facts, "height": height - 1})
        with pytest.raises(IntegrityError, match="no longer in the chain"):
            target.complete(moved)

    def test_anchors_follow_each_other_on_the_change_before_any_block(self, target: Bitcoin, node: Node) -> None:
        receipts = [target.anchor(NOTE + bytes([65 + n])) for n in range(3)]
        node.ask("generate", 3)
        done = [target.complete(receipt) for receipt in receipts]
        assert all(receipt.is_final for receipt in done)
        assert len({receipt.facts["block"] for receipt in done}) == 1
        verdicts = [check_receipt(one, NOTE + bytes([65 + n]), AnchorTrust()) for n, one in enumerate(done)]
        assert {verdict.standing for verdict in verdicts} == {Standing.CONDITIONAL}

    def test_a_transaction_that_the_node_does_not_know_is_sent_again(
        self, target: Bitcoin, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        address = self.KEY.address(Network.REGTEST.address_version)
        with (
            btcd.serving(tmp_path_factory.mktemp("first"), mining_address=address) as one,
            btcd.serving(tmp_path_factory.mktemp("second"), mining_address=address) as other,
        ):
            first, second = (Node(each.url, btcd.USER, btcd.PASSWORD) for each in (one, other))
            for block in first.ask("generate", 101):
                second.ask("submitblock", first.ask("getblock", block, 0))
            pending = replace(target, node=first).anchor(NOTE)
            moved = replace(target, node=second)
            assert moved.complete(pending) == pending
            second.ask("generate", 3)
            assert moved.complete(pending).is_final

    def test_a_key_without_money_says_where_to_send_some(self, target: Bitcoin) -> None:
        poor = replace(target, key=SigningKey.of(bytes(31) + b"\x01"))
        with pytest.raises((InputError, UnavailableError)):
            poor.anchor(NOTE)

    def test_the_stock_opentimestamps_library_reads_our_proof(
        self, target: Bitcoin, node: Node, tmp_path: Path
    ) -> None:
        python = require(FOLDER / "venv" / "opentimestamps" / "bin" / "python", what="opentimestamps")
        pending = target.anchor(NOTE)
        node.ask("generate", 3)
        receipt = target.complete(pending)
        files = to_files(Anchored(receipt, NOTE, datetime.now(UTC)))
        (tmp_path / "note.txt.ots").write_bytes(files["note.txt.ots"])
        (tmp_path / "note.txt").write_bytes(NOTE)
        (tmp_path / "header.bin").write_bytes(receipt.files["header.bin"])
        said = subprocess.run(
            [str(python), "-c", _STOCK_VERIFIER], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert said.stdout.split() == [
            str(receipt.facts["height"]),
            str(int.from_bytes(receipt.files["header.bin"][68:72], "little")),
        ]


_STOCK_VERIFIER = """
import hashlib
from bitcoin.core import CBlockHeader
from opentimestamps.core.notary import BitcoinBlockHeaderAttestation
from opentimestamps.core.serialize import StreamDeserializationContext
from opentimestamps.core.timestamp import DetachedTimestampFile
with open("note.txt.ots", "rb") as file:
    proof = DetachedTimestampFile.deserialize(StreamDeserializationContext(file))
assert proof.file_digest == hashlib.sha256(open("note.txt", "rb").read()).digest()
header = CBlockHeader.deserialize(open("header.bin", "rb").read())
for message, attestation in proof.timestamp.all_attestations():
    assert isinstance(attestation, BitcoinBlockHeaderAttestation)
    print(attestation.height, attestation.verify_against_blockheader(message, header))
"""


class TestEthereum:
    """A chain of one's own by anvil."""

    @pytest.fixture(scope="class")
    @classmethod
    def node(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
        with anvil.serving(tmp_path_factory.mktemp("anvil")) as url:
            yield Node(url)

    @pytest.fixture
    def target(self, node: Node) -> Ethereum:
        return Ethereum("eth", node, anvil.ACCOUNT, anvil.CHAIN_ID, confirmations=3)

    def test_a_note_is_in_a_block_and_is_confirmed_again(self, target: Ethereum, node: Node) -> None:
        pending = target.anchor(NOTE)
        assert target.complete(pending) == pending
        node.ask("anvil_mine", "0x2")
        receipt = target.complete(pending)
        assert receipt.is_final
        assert receipt.stated_at is not None
        assert target.complete(receipt) == receipt
        assert check_receipt(receipt, NOTE, AnchorTrust()).standing is Standing.STATED
        assert _refuted(receipt, AnchorTrust())

    def test_a_receipt_for_another_note_is_refused_online(self, target: Ethereum, node: Node) -> None:
        pending = target.anchor(NOTE)
        node.ask("anvil_mine", "0x2")
        with pytest.raises(IntegrityError, match="does not hold"):
            target.complete(replace(pending, note_sha256=hashlib.sha256(OTHER).hexdigest()))

    def test_a_block_that_was_replaced_is_noticed(self, target: Ethereum, node: Node) -> None:
        snapshot = node.ask("evm_snapshot")
        pending = target.anchor(NOTE)
        node.ask("anvil_mine", "0x2")
        receipt = target.complete(pending)
        node.ask("evm_revert", snapshot)
        with pytest.raises(IntegrityError, match="does not hold"):
            target.complete(receipt)

    def test_a_final_receipt_with_another_block_is_refused(self, target: Ethereum, node: Node) -> None:
        pending = target.anchor(NOTE)
        node.ask("anvil_mine", "0x2")
        receipt = target.complete(pending)
        with pytest.raises(IntegrityError, match="does not hold"):
            target.complete(replace(receipt, facts={**receipt.facts, "block": "0x00"}))

    def test_a_node_of_another_chain_is_refused(self, target: Ethereum) -> None:
        with pytest.raises(UnavailableError, match="another chain"):
            replace(target, chain_id=1).anchor(NOTE)


class TestOpenTimestampsCalendar:
    """The calendars' protocol by a double of ours; no calendar can be run here."""

    @pytest.fixture
    def served(self) -> Iterator[Calendar]:
        with calendar.serving() as served:
            yield served

    def test_a_promise_becomes_a_proof(self, served: Calendar) -> None:
        target = OpenTimestampsCalendar("ots", served.url + "/", CalendarProofs())
        pending = target.anchor(NOTE)
        assert check_receipt(pending, NOTE, AnchorTrust()).standing is Standing.PENDING
        assert target.complete(pending) is pending
        served.attest(830_000)
        receipt = target.complete(pending)
        assert (receipt.is_final, receipt.facts["height"]) == (True, 830_000)
        verdict = check_receipt(receipt, NOTE, AnchorTrust())
        assert verdict.standing is Standing.CONDITIONAL
        assert served.attest(830_000)[::-1].hex() in verdict.unchecked[0]
        assert _refuted(receipt, AnchorTrust())
        assert target.complete(receipt) is receipt
