"""Bitcoin: the note's digest in a transaction's OP_RETURN output, sent through a node of our own.

Each anchor spends the change of the one before, so one small amount of money serves for long. The receipt is final
once the transaction lies deep enough; it then carries the block's header and the branch that leads to it, so that a
verifier needs no node.

Source: Bitcoin Core and btcd JSON-RPC; of their differences only how to find our own coins matters here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from connectors.anchors.bitcoin_transaction import (
    Coin,
    SigningKey,
    double_sha256,
    fee_satoshi,
    make_transaction,
    transaction_id,
)
from connectors.anchors.json_rpc import Node
from domain.anchoring import AnchorKind, AnchorReceipt
from domain.errors import InputError, IntegrityError, UnavailableError

COINBASE_MATURITY: Final = 100
DUST_SATOSHI: Final = 546

_SATOSHI = 100_000_000
_TRANSACTIONS_SEARCHED_MAX = 500


class CoinSource(StrEnum):
    """Where a node tells us which outputs of our key are unspent."""

    ADDRESS_INDEX = "address_index"
    """btcd with ``--addrindex``."""

    WALLET = "wallet"
    """Bitcoin Core with a watch-only wallet of our address; the key stays here."""


class Network(StrEnum):
    """Which chain."""

    MAIN = "main"
    TEST = "test"
    REGTEST = "regtest"

    @property
    def address_version(self) -> int:
        return 0x00 if self is Network.MAIN else 0x6F


@dataclass(frozen=True, slots=True)
class Bitcoin:
    """A target of kind Bitcoin.

    Args:
        confirmations: how many blocks, its own included, must lie on a transaction before its receipt is final.
        fee_rate_satoshi_per_byte: what is paid; too little and the transaction waits.
    """

    name: str
    node: Node
    key: SigningKey = field(repr=False)
    network: Network = Network.MAIN
    coins: CoinSource = CoinSource.WALLET
    confirmations: int = 6
    fee_rate_satoshi_per_byte: int = 5

    @property
    def kind(self) -> AnchorKind:
        return AnchorKind.BITCOIN

    def anchor(self, note: bytes) -> AnchorReceipt:
        digest = hashlib.sha256(note).digest()
        fee = fee_satoshi(self.fee_rate_satoshi_per_byte)
        transaction = make_transaction(self.key, self._coin(fee), note_sha256=digest, fee=fee)
        self.node.ask("sendrawtransaction", transaction.hex())
        return AnchorReceipt(
            kind=self.kind,
            target=self.name,
            note_sha256=digest.hex(),
            stated_at=None,
            is_final=False,
            facts={"network": self.network.value, "txid": transaction_id(transaction)},
            files={"transaction.bin": transaction},
        )

    def complete(self, receipt: AnchorReceipt) -> AnchorReceipt:
        """Header and branch once the transaction is deep enough; sends it again if the node has lost it.

        Raises:
            IntegrityError: the receipt was final and its block is no longer in the chain.
        """
        if receipt.is_final:
            return self._require_in_chain(receipt)
        transaction = receipt.files["transaction.bin"]
        try:
            found = self.node.ask("getrawtransaction", transaction_id(transaction), 1)
        except UnavailableError:
            self.node.ask("sendrawtransaction", transaction.hex())
            return receipt
        if int(found.get("confirmations", 0)) < self.confirmations:
            return receipt
        return self._finished(receipt, str(found["blockhash"]), transaction_id(transaction))

    def _finished(self, receipt: AnchorReceipt, block_hash: str, txid: str) -> AnchorReceipt:
        header = bytes.fromhex(self.node.ask("getblockheader", block_hash, False))
        block = self.node.ask("getblock", block_hash, 1)
        if double_sha256(header)[::-1].hex() != block_hash or txid not in block["tx"]:
            raise IntegrityError(
                "node's block is not the one asked for", target=self.name, expected=block_hash, got=header.hex()
            )
        branch = branch_of([bytes.fromhex(one)[::-1] for one in block["tx"]], block["tx"].index(txid))
        return replace(
            receipt,
            stated_at=datetime.fromtimestamp(int.from_bytes(header[68:72], "little"), UTC),
            is_final=True,
            facts={**receipt.facts, "block": block_hash, "height": int(block["height"])},
            files={**receipt.files, "header.bin": header, "branch.json": json.dumps(branch).encode()},
        )

    def _require_in_chain(self, receipt: AnchorReceipt) -> AnchorReceipt:
        height, expected = receipt.facts["height"], receipt.facts["block"]
        got = self.node.ask("getblockhash", height)
        if got != expected:
            raise IntegrityError(
                "block is no longer in the chain", target=self.name, height=height, expected=expected, got=got
            )
        return receipt

    def _coin(self, fee: int) -> Coin:
        """The largest output of our key that can be spent."""
        coins = self._listed() if self.coins is CoinSource.WALLET else self._indexed()
        enough = [coin for coin in coins if coin.satoshi - fee >= DUST_SATOSHI]
        if not enough:
            raise InputError(
                "no money for the next anchor",
                target=self.name,
                expected=f"an output of at least {fee + DUST_SATOSHI} satoshi at {self._address}",
                todo="Send some to that address",
            )
        return max(enough, key=lambda coin: coin.satoshi)

    @property
    def _address(self) -> str:
        return self.key.address(self.network.address_version)

    def _listed(self) -> Iterator[Coin]:
        for one in self.node.ask("listunspent", 0, 9_999_999, [self._address]):
            if one["scriptPubKey"] == self.key.script.hex():
                yield Coin(one["txid"], int(one["vout"]), _satoshi(one["amount"]))

    def _indexed(self) -> Iterator[Coin]:
        """Outputs to our script among the latest transactions of our address, less those that others spend."""
        found: list[dict[str, Any]] = self.node.ask(
            "searchrawtransactions",
            self._address,
            1,
            0,
            _TRANSACTIONS_SEARCHED_MAX,
            0,
            True,
        )
        spent = {(one["txid"], one["vout"]) for transaction in found for one in transaction["vin"] if "txid" in one}
        for transaction in found:
            is_young = int(transaction.get("confirmations", 0)) < COINBASE_MATURITY
            if is_young and "coinbase" in transaction["vin"][0]:
                continue
            for output in transaction["vout"]:
                place = (transaction["txid"], int(output["n"]))
                if output["scriptPubKey"]["hex"] == self.key.script.hex() and place not in spent:
                    yield Coin(*place, _satoshi(output["value"]))


def branch_of(leaves: list[bytes], index: int) -> dict[str, Any]:
    """A transaction's place and its neighbours on the way up; the last of an odd row is paired with itself."""
    path, place = [], index
    while len(leaves) > 1:
        row = leaves if len(leaves) % 2 == 0 else [*leaves, leaves[-1]]
        path.append(row[place ^ 1].hex())
        leaves = [double_sha256(row[at] + row[at + 1]) for at in range(0, len(row), 2)]
        place >>= 1
    return {"index": index, "path": path}


def _satoshi(amount: Decimal | int) -> int:
    return int(Decimal(amount) * _SATOSHI)
