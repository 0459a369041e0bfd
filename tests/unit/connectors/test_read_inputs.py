"""Reading files of every shape; what is broken is lost alone, and named."""

from __future__ import annotations

import gzip
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.files import ReadProgress, decode
from domain.errors import InputError
from domain.inventory import RecordClass
from tests.unit.connectors.inputs import GROUP, VAULT, bucket_item, read, vault, write


def test_an_arm_resource_keeps_its_document_and_gets_its_scope(tmp_path: Path) -> None:
    item = read(write(tmp_path, "kv.json", vault(enablePurgeProtection=True))).inventory.items[0]
    assert (item.uid, item.type, item.scope, item.region) == (VAULT, "Microsoft.KeyVault/vaults", GROUP, "westeurope")
    assert item.properties["properties"] == {"enablePurgeProtection": True}
    assert item.tags == {"team": "shop"}


@pytest.mark.parametrize("name", ["a.json", "a.json.gz", "a.txt", "a.csv"])
def test_content_and_not_the_name_tells_what_a_file_is(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, name, vault())
    assert [item.uid for item in read(path).inventory.items] == [VAULT]


@pytest.mark.parametrize(
    "value",
    [
        [vault()],
        {"value": [vault()], "nextLink": None},
        {"count": 1, "data": [vault()], "totalRecords": 1},
        {"columns": [{"name": key} for key in vault()], "rows": [list(vault().values())]},
        {"data": {"columns": [{"name": key} for key in vault()], "rows": [list(vault().values())]}},
        {"resource": vault(), "captured_at": "2026-01-01", "file": "x"},
        {"row": vault()},
    ],
)
def test_every_wrapping_of_a_resource_is_taken_off(tmp_path: Path, value: object) -> None:
    assert [item.uid for item in read(write(tmp_path, "in.json", value)).inventory.items] == [VAULT]


def test_a_pretty_printed_array_is_read_as_records(tmp_path: Path) -> None:
    path = tmp_path / "in.json"
    path.write_text(json.dumps([vault(), bucket_item()], indent=2))
    report = read(path).inventory.files[0]
    assert (report.records, report.resources) == (2, 2)


def test_a_file_in_utf_16_is_read(tmp_path: Path) -> None:
    path = tmp_path / "in.json"
    path.write_bytes(json.dumps(vault(), indent=1).encode("utf-16"))
    assert len(read(path).inventory.items) == 1


def test_the_newest_observation_wins_and_the_former_state_is_kept(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "in.ndjson",
        [
            {"captured_at": "2026-02-01", "resource": vault(state="new")},
            {"captured_at": "2026-01-01", "resource": vault(state="old")},
            {"captured_at": "2026-01-02", "resource": vault(state="old")},
        ],
    )
    inventory = read(path).inventory
    assert inventory.items[0].properties["properties"] == {"state": "new"}
    assert inventory.items[0].captured_at == datetime(2026, 2, 1, tzinfo=UTC)
    assert [item.captured_at for item in inventory.former] == [datetime(2026, 1, 1, tzinfo=UTC)]
    assert inventory.repeated == 2


def test_at_equal_time_the_last_read_wins(tmp_path: Path) -> None:
    path = write(tmp_path, "in.ndjson", [{"resource": vault(turn=1)}, {"resource": vault(turn=2)}])
    assert read(path).inventory.items[0].properties["properties"] == {"turn": 2}


def test_an_id_in_another_case_is_the_same_resource(tmp_path: Path) -> None:
    other = {**vault(), "id": VAULT.upper().replace("/SUBSCRIPTIONS", "/subscriptions")}
    assert len(read(write(tmp_path, "in.ndjson", [vault(), other])).inventory.items) == 1


def test_a_broken_line_loses_that_line_alone(tmp_path: Path) -> None:
    path = tmp_path / "in.ndjson"
    path.write_bytes(b'{"broken": \n' + json.dumps(vault()).encode() + b"\n{]\n")
    inventory = read(path).inventory
    assert len(inventory.items) == 1
    assert [gap.origin.line for gap in inventory.gaps] == [1, 3]
    assert all("not valid JSON" in gap.reason for gap in inventory.gaps)


def test_a_truncated_archive_gives_what_came_before(tmp_path: Path) -> None:
    lines = [json.dumps({**vault(number=n), "id": f"{VAULT}{n}"}).encode() for n in range(2000)]
    packed = gzip.compress(b"\n".join(lines))
    (tmp_path / "in.ndjson.gz").write_bytes(packed[: len(packed) // 2])
    inventory = read(tmp_path / "in.ndjson.gz").inventory
    assert 100 < len(inventory.items) < 2000
    assert "the archive is truncated" in {gap.reason for gap in inventory.gaps}


def test_a_document_that_is_cut_off_gives_its_whole_elements(tmp_path: Path) -> None:
    text = json.dumps([vault(), bucket_item(), vault()], indent=1)
    (tmp_path / "in.json").write_text(text[:-40])
    inventory = read(tmp_path / "in.json").inventory
    assert len(inventory.items) == 2
    assert len(inventory.gaps) == 1


def test_an_archive_that_unpacks_over_200_fold_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "bomb.json.gz").write_bytes(gzip.compress(b'{"a": "' + b" " * (64 << 20) + b'"}'))
    write(tmp_path, "good.json", vault())
    inventory = read(tmp_path).inventory
    assert [gap.origin.file for gap in inventory.gaps if "200-fold" in gap.reason] == [str(tmp_path / "bomb.json.gz")]
    assert len(inventory.items) == 1


def test_a_line_over_the_limit_is_refused_and_the_next_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "LINE_BYTES_MAX", 3 << 20)
    path = tmp_path / "in.ndjson"
    path.write_bytes(b'{"id": "' + b"x" * (9 << 20) + b'"}\n' + json.dumps(vault()).encode())
    inventory = read(path).inventory
    assert len(inventory.items) == 1
    assert [(gap.origin.line, gap.reason) for gap in inventory.gaps] == [(1, "a line over 64 MiB")]


def test_an_endless_line_is_never_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "LINE_BYTES_MAX", 1 << 20)
    pieces = (b"x" * (1 << 20) for _ in range(2048))
    assert [line.content for line in decode.lines(pieces)] == [None]


def test_a_binary_file_a_text_and_a_missing_file_are_named(tmp_path: Path) -> None:
    (tmp_path / "image.json").write_bytes(bytes(range(256)))
    (tmp_path / "notes.txt").write_text("nothing to read here")
    write(tmp_path, "good.json", vault())
    inventory = read(tmp_path, tmp_path / "absent.json").inventory
    assert {(Path(gap.origin.file).name, gap.reason) for gap in inventory.gaps} == {
        ("image.json", "a binary file"),
        ("absent.json", "no such file or directory, and no file matches it"),
    }


def test_an_empty_folder_is_nothing_readable(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path)
    assert caught.value.facts["files"] == 0
    assert "Give an export" in str(caught.value)


def test_a_file_without_permission_is_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "good.json", vault())
    closed = write(tmp_path, "closed.json", vault())
    opened = Path.open

    def refuse(path: Path, *arguments: str) -> io.IOBase:
        if path == closed:
            raise PermissionError(13, "Permission denied")
        return opened(path, *arguments)  # type: ignore[call-overload,no-any-return]

    monkeypatch.setattr(Path, "open", refuse)
    assert [gap.reason for gap in read(tmp_path).inventory.gaps] == ["Permission denied"]


def test_a_loop_of_links_is_walked_once(tmp_path: Path) -> None:
    write(tmp_path, "good.json", vault())
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "again").symlink_to(tmp_path)
    assert [report.path for report in read(tmp_path).inventory.files] == [str(tmp_path / "good.json")]


def test_a_glob_and_a_path_to_one_file_read_it_once(tmp_path: Path) -> None:
    path = write(tmp_path, "good.json", vault())
    assert len(read(tmp_path / "*.json", path).inventory.files) == 1


def test_progress_reaches_the_end_of_every_file(tmp_path: Path) -> None:
    seen: list[ReadProgress] = []
    path = write(tmp_path, "in.ndjson.gz", [vault()] * 10)
    read(path, progress=seen.append)
    assert (seen[-1].bytes_done, seen[-1].records) == (path.stat().st_size, 10)


def test_an_unknown_object_is_a_gap_that_says_what_to_do(tmp_path: Path) -> None:
    write(tmp_path, "good.json", vault())
    path = write(tmp_path, "odd.json", {"colour": "green"})
    gap = next(gap for gap in read(tmp_path).inventory.gaps if gap.origin.file == str(path))
    assert "no provider's" in gap.reason
    assert "--aws-operation" in gap.todo


def test_an_azure_catalogue_is_not_a_resource(tmp_path: Path) -> None:
    location = {"id": "/subscriptions/1/locations/westeurope", "name": "westeurope", "regionalDisplayName": "Europe"}
    write(tmp_path, "good.json", vault())
    path = write(tmp_path, "locations.json", {"value": [location]})
    report = next(report for report in read(tmp_path).inventory.files if report.path == str(path))
    assert report.classes == ((RecordClass.CATALOGUE, 1),)


def test_the_same_input_gives_the_same_inventory_in_any_order_of_paths(tmp_path: Path) -> None:
    one = write(tmp_path, "a.json", vault(turn=1))
    two = write(tmp_path, "b.json", [bucket_item(), vault(turn=2)])
    assert read(one, two).inventory == read(two, one).inventory
