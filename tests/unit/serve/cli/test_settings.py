"""Settings in layers."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from domain.errors import InputError
from serve.settings import MASK, Settings, child_environment, effective_settings, load_settings, shown_value


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_flags_win_over_environment_over_file_over_defaults() -> None:
    Path("pcg.toml").write_text("port = 1001\nshards = 3\ntenant = 'filed'\n")
    settings = load_settings({"port": 1003, "tenant": None}, environment={"PCG_PORT": "1002", "PCG_SHARDS": "4"})
    assert (settings.port, settings.shards, settings.tenant, settings.host) == (1003, 4, "filed", "127.0.0.1")


def test_every_value_names_the_place_it_comes_from() -> None:
    Path("pcg.toml").write_text("port = 1001\n")
    rows = {row.name: row for row in effective_settings({"tenant": "t"}, environment={"PCG_SHARDS": "4"})}
    assert (rows["port"].layer, rows["port"].where, rows["port"].bounds) == ("file", "pcg.toml", "1 to 65,535")
    assert (rows["shards"].layer, rows["shards"].where, rows["shards"].unit) == ("environment", "PCG_SHARDS", "actors")
    assert (rows["tenant"].layer, rows["tenant"].where) == ("flag", "--tenant")
    assert rows["host"].layer == "default"


@pytest.mark.parametrize(
    ("file", "environment", "flags", "where"),
    [
        ("prot = 1", {}, {}, "pcg.toml: prot"),
        ("", {"PCG_PROT": "1"}, {}, "environment variable PCG_PROT"),
        ("", {}, {"prot": 1}, "flag prot"),
    ],
)
def test_an_unknown_key_is_an_error_wherever_it_stands(
    file: str, environment: dict[str, str], flags: dict[str, object], where: str
) -> None:
    Path("pcg.toml").write_text(file)
    with pytest.raises(InputError) as caught:
        load_settings(flags, environment=environment)
    assert caught.value.facts["where"] == where


@pytest.mark.parametrize("value", ["0", "65536", "many"])
def test_a_value_out_of_bounds_names_the_variable_and_the_value(value: str) -> None:
    with pytest.raises(InputError) as caught:
        load_settings(environment={"PCG_PORT": value})
    assert (caught.value.facts["where"], caught.value.facts["got"]) == ("environment PCG_PORT", value)


def test_a_file_that_is_not_toml_is_refused() -> None:
    Path("pcg.toml").write_text("port: 1")
    with pytest.raises(InputError, match="not TOML"):
        load_settings(environment={})


def test_a_file_that_was_named_must_exist() -> None:
    for case in ({"config": Path("none.toml"), "environment": {}}, {"environment": {"PCG_CONFIG": "none.toml"}}):
        with pytest.raises(InputError, match="does not exist"):
            load_settings(**case)


def test_a_file_elsewhere_is_read_when_it_is_named() -> None:
    Path("other.toml").write_text("port = 1234\n")
    assert load_settings(environment={"PCG_CONFIG": "other.toml"}).port == 1234


def test_folders_are_separated_in_the_environment() -> None:
    assert load_settings(environment={"PCG_ALLOWED_ROOTS": "/a:/b"}).allowed_roots == (Path("/a"), Path("/b"))


def test_settings_cannot_be_changed() -> None:
    settings = load_settings(environment={})
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1


def test_evidence_is_below_the_store_unless_it_is_set() -> None:
    assert load_settings(environment={}).evidence == Path(".pcg/evidence")
    assert load_settings({"evidence_dir": Path("e")}, environment={}).evidence == Path("e")


def test_secrets_are_masked() -> None:
    assert shown_value(SecretStr("hidden")) == MASK


def test_every_setting_says_what_it_is_for() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_a_child_gets_our_environment_without_our_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PCG_PORT", "1")
    monkeypatch.setenv("ELSE", "kept")
    environment = child_environment(RAY_AUTH_MODE="token")
    assert (environment["ELSE"], environment["RAY_AUTH_MODE"]) == ("kept", "token")
    assert "PCG_PORT" not in environment
