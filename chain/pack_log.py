"""One part of a log in a pack: that these are all its entries between two blocks, unchanged, under a signed checkpoint.

The part begins with a block header, or with the log, and the header states both roots of everything before it. From
there on every entry is hashed again, both trees' window proofs must lead to the signed roots, every header must state
the log before it and the former header, and every proof of a single entry must hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from chain.checkpoint import Checkpoint, origin_of
from chain.envelope import (
    NO_BLOCK,
    ArtifactReference,
    BlockReference,
    Envelope,
    OpeningReference,
    block_hash,
    read_envelope,
    read_opening,
)
from chain.finding import Findings
from chain.frontier import Frontier
from chain.keys.history import check_signers
from chain.keys.overlap import open_signed
from chain.keys.succession import read_succession
from chain.note import VerifierKey
from chain.pack import (
    CHECKPOINTS,
    ENTRIES,
    LEAVES,
    PROOF_SUFFIXES,
    START_CHECKPOINTS,
    WINDOW,
    LogRange,
    Manifest,
    parse_window,
)
from chain.pack_keys import PackKeys
from chain.proof import ConsistencyProof, InclusionProof, check_consistency, check_inclusion, parse_proof
from chain.tree_hash import BOTH, TreeHash, Twin
from chain.trust import TrustPolicy
from chain.window import check_window
from domain.clock import parse_instant
from domain.errors import InputError, IntegrityError, PolicyCortexError

Take = Callable[[str, Envelope], None]


@dataclass(slots=True)
class LogResult:
    """What the check of one part came to.

    Args:
        covered_until: time of the newest block in the part: what was recorded until then is all here.
        opening: how the log of the year before ended, where the part begins with that.
        succession: the part's first entry, where it says how a frozen log ended that this one succeeds.
        begins_at: time of the part's first entry.
        artifacts: named by entries, by SHA-256; each with the first entry that names it.
    """

    part: LogRange
    roots: Twin[str] = field(default_factory=lambda: Twin("", ""))
    covered_until: str = ""
    blocks: int = 0
    proofs: int = 0
    witnesses: tuple[str, ...] = ()
    opening: OpeningReference | None = None
    succession: str = ""
    begins_at: str = ""
    artifacts: dict[str, tuple[int, ArtifactReference]] = field(default_factory=dict)

    @property
    def checkpoints(self) -> Twin[Checkpoint]:
        """What the part's verified checkpoints state."""
        origin, size = self.part.origin, self.part.size
        return Twin(
            Checkpoint(origin, size, bytes.fromhex(self.roots.sha256)),
            Checkpoint(origin_of(origin, BOTH.sha3_256), size, bytes.fromhex(self.roots.sha3_256)),
        )


class LogCheck:
    """Checks one part of a log; what is wrong goes to the findings, the first bad entry first."""

    def __init__(self, part: LogRange, manifest: Manifest, policy: TrustPolicy, findings: Findings) -> None:
        self._part = part
        self._manifest = manifest
        self._policy = policy
        self._findings = findings
        self._prev: str | None = NO_BLOCK if part.start == 0 else None
        self._height: int | None = 0 if part.start == 0 else None
        self._request_ids: dict[str, int] = {}
        self._block_times: dict[int, str] = {}
        self.result = LogResult(part)

    def run(self, files: Mapping[str, bytes], take: Take) -> LogResult:
        """Check the part.

        Args:
            files: contents by name within the part's folder; those that every part has are there.
            take: is given every entry, in order.
        """
        self._keys = PackKeys(self._part, files, self._add)
        heads = self._heads(files)
        if heads is None:
            return self.result
        self._keys.check_inclusion(heads)
        entries = files[ENTRIES].split(b"\n")
        if entries.pop() != b"" or len(entries) != self._part.end - self._part.start:
            self._add(ENTRIES, "lines", self._part.end - self._part.start, len(entries))
            return self.result
        leaves = Twin(BOTH.sha256.leaves(entries), BOTH.sha3_256.leaves(entries))
        self._locate(files[LEAVES], leaves.sha256)
        frontiers = self._check_window(files, heads, leaves)
        self._check_entries(entries, leaves, frontiers, take)
        self._check_times(self._manifest.opens, self._manifest.closes)
        self._check_proofs(files, heads, leaves)
        return self.result

    def _heads(self, files: Mapping[str, bytes]) -> Twin[Checkpoint] | None:
        first = self._head(files[CHECKPOINTS.sha256], BOTH.sha256, CHECKPOINTS.sha256)
        second = self._head(files[CHECKPOINTS.sha3_256], BOTH.sha3_256, CHECKPOINTS.sha3_256)
        if first is None or second is None:
            return None
        self.result.roots = Twin(first.root.hex(), second.root.hex())
        sizes = {CHECKPOINTS.sha256: first.size, CHECKPOINTS.sha3_256: second.size}
        wrong = {name: size for name, size in sizes.items() if size != self._part.size}
        for name, size in wrong.items():
            self._add(name, "tree size", self._part.size, size)
        return None if wrong else Twin(first, second)

    def _head(self, content: bytes, tree_hash: TreeHash, name: str) -> Checkpoint | None:
        """A signed checkpoint; the newest one of the SHA-256 tree must also be witnessed as the policy asks."""
        keys = self._require_keys(origin_of(self._part.origin, tree_hash))
        # an earlier checkpoint is shown to be a state of the newest one's log, so nobody need vouch for it
        trusted = keys if name in {CHECKPOINTS.sha256, CHECKPOINTS.sha3_256} else None
        try:
            text = content.decode("utf-8", errors="replace")
            known = self._keys.history(tree_hash, self._part.size).keys
            signed = open_signed(text, list(dict.fromkeys((*keys, *known))), self._policy.cosigners)
            checkpoint, cosigners = signed.checkpoint, signed.cosigners
            check_signers(self._keys.history(tree_hash, checkpoint.size), checkpoint.size, signed.signers, trusted)
        except PolicyCortexError as error:
            self._add(name, "signed note", f"a checkpoint signed by {keys[0].text}", error)
            return None
        if name == CHECKPOINTS.sha256:
            self.result.witnesses = witnesses = self._policy.witnessed_by(cosigners)
            if not self._policy.is_met(witnesses):
                expected = f"cosignatures that fulfil quorum {self._policy.quorum}"
                self._add(name, "quorum", expected, f"cosigned by {', '.join(witnesses) or 'nobody'}")
        return checkpoint

    def _require_keys(self, origin: str) -> Sequence[VerifierKey]:
        """Every key of that log: while keys change, more than one."""
        keys = [key for key in self._policy.keys if key.name == origin]
        if not keys:
            raise InputError(
                "the policy has no key for this log",
                origin=origin,
                known=sorted(known.name for known in self._policy.keys),
                todo="Add a line to the policy file: log <verifier key>, with the key from the log's owner",
            )
        return keys

    def _locate(self, listed: bytes, leaves: Sequence[bytes]) -> None:
        """Name the first entry that is not the one whose leaf hash the maker listed."""
        computed = "".join(f"{leaf.hex()}\n" for leaf in leaves).encode("ascii")
        if listed == computed:
            return
        if len(listed) != len(computed):
            self._add(LEAVES, "length", len(computed), len(listed))
            return
        rows = zip(listed.split(b"\n"), computed.split(b"\n"), strict=False)
        for at, (want, got) in enumerate(rows):
            if want != got:
                expected = f"one with leaf hash {want.decode('ascii', errors='replace')[:80]}"
                self._add(ENTRIES, "entry", expected, f"one with {got.decode('ascii')}", self._part.start + at)
                return

    def _check_window(
        self, files: Mapping[str, bytes], heads: Twin[Checkpoint], leaves: Twin[list[bytes]]
    ) -> Twin[Frontier] | None:
        """Both trees' frontiers before the part; None where the entries are not shown to be what was signed."""
        try:
            proofs = parse_window(files[WINDOW], self._part)
            check_window(BOTH.sha256, proofs.window.sha256, leaves.sha256, heads.sha256.root)
            check_window(BOTH.sha3_256, proofs.window.sha3_256, leaves.sha3_256, heads.sha3_256.root)
        except PolicyCortexError as error:
            self._add(WINDOW, "completeness", "exactly these entries under both signed roots", error)
            return None
        start = self._part.start
        before = Twin(
            Frontier(BOTH.sha256, start, proofs.window.sha256.beside[: start.bit_count()]),
            Frontier(BOTH.sha3_256, start, proofs.window.sha3_256.beside[: start.bit_count()]),
        )
        roots = Twin(before.sha256.root(), before.sha3_256.root())
        self._check_extension("opening", proofs.opening, roots if start else None, heads, size=start)
        started = self._start_roots(files)
        size = started.sha256.size if started else 0
        earlier = Twin(started.sha256.root, started.sha3_256.root) if started else None
        self._check_extension("start_checkpoint", proofs.start_checkpoint, earlier, heads, size=size)
        return before

    def _start_roots(self, files: Mapping[str, bytes]) -> Twin[Checkpoint] | None:
        names = START_CHECKPOINTS
        if names.sha256 not in files or names.sha3_256 not in files:
            return None
        first = self._head(files[names.sha256], BOTH.sha256, names.sha256)
        second = self._head(files[names.sha3_256], BOTH.sha3_256, names.sha3_256)
        if first is None or second is None:
            return None
        if first.size != second.size:
            self._add(names.sha3_256, "tree size", first.size, second.size)
        return Twin(first, second)

    def _check_extension(
        self,
        field_name: str,
        proofs: Twin[ConsistencyProof] | None,
        roots: Twin[bytes] | None,
        heads: Twin[Checkpoint],
        *,
        size: int,
    ) -> None:
        """The log under the checkpoint begins with an earlier one, where there is an earlier one."""
        if proofs is None and roots is None:
            return
        try:
            if proofs is None or roots is None or proofs.sha256.old_size != size:
                raise IntegrityError("there is not one consistency proof and one earlier state of that size", size=size)
            check_consistency(BOTH.sha256, proofs.sha256, roots.sha256, heads.sha256.root)
            check_consistency(BOTH.sha3_256, proofs.sha3_256, roots.sha3_256, heads.sha3_256.root)
        except PolicyCortexError as error:
            self._add(WINDOW, field_name, "a proof that the log extends its earlier state", error)

    def _check_entries(
        self, entries: Sequence[bytes], leaves: Twin[list[bytes]], frontiers: Twin[Frontier] | None, take: Take
    ) -> None:
        start, tenant = self._part.start, self._manifest.tenant
        taken = 0
        for at, entry in enumerate(entries):
            index = start + at
            try:
                envelope = read_envelope(entry)
            except InputError as error:
                self._add(ENTRIES, "form", "an entry of version 1", error, index)
                self._prev = self._height = None
                continue
            if index == 0:
                self._take_opening(entry)
            if at == 0:
                self.result.begins_at = envelope.at
            if envelope.tenant != tenant:
                self._add(ENTRIES, "tenant", tenant, envelope.tenant, index)
            first = self._request_ids.setdefault(envelope.request_id, index)
            if first != index:
                self._add(ENTRIES, "request_id", "an id that no other entry has", f"that of entry {first}", index)
            for reference in envelope.artifacts:
                self.result.artifacts.setdefault(reference.sha256, (index, reference))
            if envelope.block is not None:
                if frontiers is not None:
                    frontiers.sha256.extend(leaves.sha256[taken:at])
                    frontiers.sha3_256.extend(leaves.sha3_256[taken:at])
                taken = at
                self._check_block(index, entry, envelope.block, frontiers)
            take(self._part.entry_name(index), envelope)

    def _take_opening(self, entry: bytes) -> None:
        try:
            self.result.opening = read_opening(entry)
            self.result.succession = entry.decode("utf-8") if read_succession(entry) is not None else ""
        except InputError as error:
            self._add(ENTRIES, "body.former", "how the log before this one ended", error, 0)

    def _check_block(self, index: int, entry: bytes, block: BlockReference, frontiers: Twin[Frontier] | None) -> None:
        expected: dict[str, tuple[object, object]] = {"size": (index, block.size)}
        if frontiers is not None:
            expected["root_sha256"] = (frontiers.sha256.root().hex(), block.root_sha256)
            expected["root_sha3_256"] = (frontiers.sha3_256.root().hex(), block.root_sha3_256)
        if self._prev is not None:
            expected["prev"] = (self._prev, block.prev)
        if self._height is not None:
            expected["height"] = (self._height, block.height)
        for name, (want, got) in expected.items():
            if want != got:
                self._add(ENTRIES, f"body.{name}", want, got, index)
        self._prev, self._height = block_hash(entry), block.height + 1
        self._block_times[index] = self.result.covered_until = block.ts
        self.result.blocks += 1

    def _check_times(self, opens: datetime, closes: datetime) -> None:
        """The part reaches from before the window to behind it, or to the end of the checkpoint."""
        part = self._part
        try:
            if part.start > 0 and self._time_of(part.start) > opens:
                self._add(ENTRIES, "body.ts", f"a block sealed before {opens}", "a later one", part.start)
            if part.end < part.size and self._time_of(part.end - 1) < closes:
                self._add(ENTRIES, "body.ts", f"a block sealed after {closes}", "an earlier one", part.end - 1)
        except InputError as error:
            self._add(ENTRIES, "body.ts", "blocks at both ends of the window, with their times", error)

    def _time_of(self, index: int) -> datetime:
        if index not in self._block_times:
            raise InputError("no block header", index=index)
        return parse_instant(self._block_times[index])

    def _check_proofs(self, files: Mapping[str, bytes], heads: Twin[Checkpoint], leaves: Twin[list[bytes]]) -> None:
        for name in sorted(files):
            if not name.startswith("proofs/"):
                continue
            is_sha3 = name.endswith(PROOF_SUFFIXES.sha3_256)
            head = heads.sha3_256 if is_sha3 else heads.sha256
            tree_hash = BOTH.sha3_256 if is_sha3 else BOTH.sha256
            note = files[CHECKPOINTS.sha3_256 if is_sha3 else CHECKPOINTS.sha256]
            try:
                proof = parse_proof(files[name].decode("utf-8", errors="replace"))
                suffix = PROOF_SUFFIXES.sha3_256 if is_sha3 else PROOF_SUFFIXES.sha256
                if name != f"proofs/{proof.index}{suffix}" or not self._part.start <= proof.index < self._part.end:
                    raise IntegrityError("proof is of another entry", index=proof.index)
                if proof.checkpoint.encode("utf-8") != note:
                    raise IntegrityError("proof is under another checkpoint")
                leaf = (leaves.sha3_256 if is_sha3 else leaves.sha256)[proof.index - self._part.start]
                check_inclusion(tree_hash, InclusionProof(proof.index, head.size, proof.path), leaf, head.root)
                self.result.proofs += 1
            except PolicyCortexError as error:
                self._add(name, "proof", "a proof that the entry is in the log", error)

    def _add(self, name: str, field_name: str, expected: object, got: object, index: int | None = None) -> None:
        where = self._part.path(name)
        self._findings.add(where, field=field_name, expected=expected, got=got, entry_index=index)
