"""The examples of docs/witnessing.md are run as they stand there, in a folder of their own."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from chain.checkpoint import require_origin
from chain.note import parse_verifier_key
from chain.trust import load_policy
from chain.verify import verify_directory
from chain.witness.__main__ import main
from chain.witness.collection import CosignatureCollector, addresses
from chain.witness.publishing import publish_cosigned
from chain.witness.server import WitnessServer
from connectors.witness import post
from tests.unit.chain.samples import event, open_writer, published_folder
from tests.unit.chain.test_cosignature import policy_text
from tests.unit.chain.witnesses import serving, witness_of

DOCUMENT = (Path(__file__).parents[3] / "docs/witnessing.md").read_text("utf-8")


def leave(server: WitnessServer) -> None:
    """Stand in for serving: the witness has printed its lines and listens."""


def examples(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_and_the_file_start_the_same_witness(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "witness.toml").write_text(examples("toml")[0])
    command = shlex.split(examples("sh")[0])
    assert command[:3] == ["python", "-m", "chain.witness"]
    printed = []
    for arguments in (command[3:], ["--config", "witness.toml"]):
        listen = [*arguments, "--listen", "127.0.0.1:0"]
        assert main(listen, serve=leave) == 0
        printed.append(capsys.readouterr().out.splitlines())
    assert [len(lines) for lines in printed] == [1, 2]
    assert printed[0][0].rpartition(":")[0] == printed[1][0].rpartition(":")[0]


def test_the_policy_file_asks_for_two_of_three(work: Path) -> None:
    (work / "policy.txt").write_text(examples("text")[0])
    policy = load_policy(work / "policy.txt")
    assert [require_origin(key.name.removesuffix("/sha3-256")) for key in policy.keys] == [policy.keys[0].name] * 2
    assert [address.name for address in addresses(policy)] == ["auditor", "regulator"]
    assert not policy.is_met(["auditor"])
    assert policy.is_met(["auditor", "supplier"])
    verify, ask = (shlex.split(command) for command in examples("sh")[1:])
    assert (verify[:4], verify[-1]) == (["python", "-m", "chain", "verify"], "policy.txt")
    assert ask == ["pcg", "witness", "--policy", "policy.txt"]


def test_the_lines_of_python_have_a_log_cosigned(work: Path) -> None:
    names: dict[str, Any] = {}
    with open_writer(work) as log:
        log.append([event("e")])
        log.publish()
        own = parse_verifier_key((published_folder(work) / "verifier_keys").read_text().splitlines()[0])
        with witness_of(work, own) as witness, serving(witness) as url:
            text = policy_text(published_folder(work), f"witness w {witness.key_texts[0]} {url}", "quorum w")
            (work / "policy.txt").write_text(text)
            policy = load_policy(work / "policy.txt")
            names |= {
                "CosignatureCollector": CosignatureCollector,
                "addresses": addresses,
                "policy": policy,
                "post": post,
                "publish_cosigned": publish_cosigned,
                "log": log.shard,
            }
            exec(examples("python")[0], names)
    assert names["witnessed"].is_enough is True
    assert verify_directory(published_folder(work), policy=policy).ok
