"""Parts of a file: every line in exactly one, whatever the size of a part."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InputError
from serve.jobs.partition import Part, fetch, parts


def fetched(cut: list[Part], folder: Path) -> bytes:
    content = b""
    for number, part in enumerate(cut):
        (folder / str(number)).mkdir(parents=True, exist_ok=True)
        content += fetch(part, folder / str(number)).read_bytes()
    return content


@given(
    lines=st.lists(st.binary(max_size=12).map(lambda b: b.replace(b"\n", b"")), max_size=8),
    bytes_max=st.integers(1, 40),
    is_ended=st.booleans(),
)
def test_the_parts_of_a_file_are_the_file_line_by_line(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], bytes_max: int, is_ended: bool
) -> None:
    folder = tmp_path_factory.mktemp("parts")
    content = b"\n".join(lines) + (b"\n" if is_ended and lines else b"")
    (folder / "a.ndjson").write_bytes(content)
    if not content:
        return
    cut = parts(str(folder / "a.ndjson"), bytes_max=bytes_max)
    assert fetched(cut, folder / "out") == content


def test_a_part_holds_the_lines_that_begin_within_it(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes(b"one\ntwo\nthree\n")
    cut = parts(str(tmp_path), bytes_max=5)
    found = []
    for number, part in enumerate(cut):
        (tmp_path / f"out{number}").mkdir()
        found.append(fetch(part, tmp_path / f"out{number}").read_bytes())
    assert found == [b"one\ntwo\n", b"three\n", b""]


def test_row_groups_of_parquet_are_cut_and_come_back(tmp_path: Path) -> None:
    frame = pl.DataFrame({"line": [str(number) for number in range(100)]})
    frame.write_parquet(tmp_path / "a.parquet", row_group_size=10)
    size = (tmp_path / "a.parquet").stat().st_size
    cut = parts((tmp_path / "a.parquet").as_uri(), bytes_max=size // 3)
    assert len(cut) > 1
    read = []
    for number, part in enumerate(cut):
        (tmp_path / str(number)).mkdir()
        read.append(pl.read_parquet(fetch(part, tmp_path / str(number))))
    assert pl.concat(read).equals(frame)


def test_compressed_files_are_one_part_and_other_files_none(tmp_path: Path) -> None:
    (tmp_path / "a.json.gz").write_bytes(b"x" * 100)
    (tmp_path / "notes.txt").write_text("x")
    assert [(part.name, part.start, part.end) for part in parts(str(tmp_path), bytes_max=10)] == [("a.json.gz", 0, 100)]


def test_a_place_without_input_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no input here"):
        parts(str(tmp_path), bytes_max=10)


def test_an_unknown_kind_of_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a place"):
        parts("gopher://a/b", bytes_max=10)
