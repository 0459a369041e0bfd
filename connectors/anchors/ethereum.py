"""Ethereum: the note's digest as data of a transaction from an account to itself, sent through a node that signs.

The node, or a signer before it, holds the account's key. A receipt names the transaction and its block; whether they
are in the chain can only be asked of a node, which `complete` does again for a final receipt.

Source: Ethereum JSON-RPC specification, eth namespace.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from connectors.anchors.json_rpc import Node
from domain.anchoring import AnchorKind, AnchorReceipt
from domain.errors import IntegrityError, UnavailableError

PAYLOAD_PREFIX: Final = b"PCG\x01"


@dataclass(frozen=True, slots=True)
class Ethereum:
    """A target of kind Ethereum.

    Args:
        account: address that the node signs for.
        chain_id: the chain that is meant; a node of another one is refused.
        confirmations: how many blocks, its own included, must lie on a transaction before its receipt is final.
    """

    name: str
    node: Node
    account: str
    chain_id: int = 1
    confirmations: int = 32

    @property
    def kind(self) -> AnchorKind:
        return AnchorKind.ETHEREUM

    def anchor(self, note: bytes) -> AnchorReceipt:
        self._require_chain()
        digest = hashlib.sha256(note).digest()
        data = _data(digest)
        sent = self.node.ask("eth_sendTransaction", {"from": self.account, "to": self.account, "data": data})
        return AnchorReceipt(
            kind=self.kind,
            target=self.name,
            note_sha256=digest.hex(),
            stated_at=None,
            is_final=False,
            facts={"chain_id": self.chain_id, "transaction": str(sent), "account": self.account, "data": data},
        )

    def complete(self, receipt: AnchorReceipt) -> AnchorReceipt:
        """The block once it is deep enough; for a final receipt, whether all of it still stands.

        Raises:
            IntegrityError: the transaction failed, carries something else, or was in a block that is gone.
        """
        self._require_chain()
        transaction = str(receipt.facts["transaction"])
        mined = self.node.ask("eth_getTransactionReceipt", transaction)
        if mined is None or self._depth(mined) < self.confirmations:
            if receipt.is_final:
                raise self._refusal(receipt, expected="a transaction deep in the chain", got=f"{mined}"[:200])
            return receipt
        facts = self._facts(receipt, mined)
        if receipt.is_final and facts != dict(receipt.facts):
            raise self._refusal(receipt, expected=receipt.facts["block"], got=facts["block"])
        stated_at = datetime.fromtimestamp(int(facts["time"]), UTC)
        return replace(receipt, stated_at=stated_at, is_final=True, facts=facts)

    def _facts(self, receipt: AnchorReceipt, mined: dict[str, Any]) -> dict[str, Any]:
        """Transaction and block as the node gives them, held against each other and against the note."""
        transaction = self.node.ask("eth_getTransactionByHash", receipt.facts["transaction"])
        block = self.node.ask("eth_getBlockByNumber", mined["blockNumber"], False)
        data = _data(bytes.fromhex(receipt.note_sha256))
        agreed = (
            mined["status"] == "0x1"
            and transaction["input"] == data
            and transaction["blockHash"] == mined["blockHash"] == block["hash"]
            and transaction["hash"] in block["transactions"]
        )
        if not agreed:
            raise self._refusal(
                receipt, expected=f"a successful transaction with data {data}", got=str(transaction)[:300]
            )
        return {
            "chain_id": self.chain_id,
            "transaction": transaction["hash"],
            "account": self.account,
            "data": data,
            "block": block["hash"],
            "parent": block["parentHash"],
            "state_root": block["stateRoot"],
            "transactions_root": block["transactionsRoot"],
            "height": int(block["number"], 16),
            "time": int(block["timestamp"], 16),
        }

    def _depth(self, mined: dict[str, Any]) -> int:
        """Blocks on the transaction, its own included."""
        return int(self.node.ask("eth_blockNumber"), 16) - int(mined["blockNumber"], 16) + 1

    def _require_chain(self) -> None:
        got = int(self.node.ask("eth_chainId"), 16)
        if got != self.chain_id:
            raise UnavailableError(
                "node is of another chain",
                target=self.name,
                expected=self.chain_id,
                got=got,
                todo="Correct the node's address or the chain id in the settings",
            )

    def _refusal(self, receipt: AnchorReceipt, *, expected: object, got: object) -> IntegrityError:
        return IntegrityError(
            "chain does not hold the receipt's transaction",
            target=self.name,
            transaction=receipt.facts["transaction"],
            expected=expected,
            got=got,
        )


def _data(digest: bytes) -> str:
    return "0x" + (PAYLOAD_PREFIX + digest).hex()
