"""The manifests for Kubernetes: KubeRay's schema and Serve accept them, and nothing in them is secret."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft4Validator

from serve.settings import load_settings
from tests.servers.kuberay import ray_service_schema

READ = """
import sys, yaml
from ray.serve.schema import ServeDeploySchema
print(*(each.import_path for each in ServeDeploySchema.model_validate(yaml.safe_load(sys.stdin)).applications))
"""
FOLDER = Path(__file__).parents[3] / "deploy" / "kuberay"


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((FOLDER / name).read_text()))


@pytest.fixture
def service() -> dict[str, Any]:
    (found,) = documents("platform.yaml")
    return found


def unknown(value: object, schema: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Fields that the API server would drop in silence."""
    if isinstance(value, dict):
        known = schema.get("properties", {})
        inner = schema.get("additionalProperties")
        for key, each in value.items():
            if key in known:
                yield from unknown(each, known[key], f"{path}.{key}")
            elif isinstance(inner, dict):
                yield from unknown(each, inner, f"{path}.{key}")
            elif known and not schema.get("x-kubernetes-preserve-unknown-fields"):
                yield f"{path}.{key}"
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from unknown(each, schema.get("items", {}), f"{path}[{number}]")


def test_the_service_is_one_that_kuberay_accepts(service: dict[str, Any]) -> None:
    schema = ray_service_schema()

    assert [error.message for error in Draft4Validator(schema).iter_errors(service)] == []
    assert list(unknown(service, schema)) == []


def test_a_field_that_kuberay_does_not_know_would_be_found(service: dict[str, Any]) -> None:
    service["spec"]["rayClusterConfig"]["gcsFaultTolerance"] = {}
    service["spec"]["rayClusterConfig"]["workerGroupSpecs"][0]["replicas"] = "two"
    schema = ray_service_schema()

    assert list(unknown(service, schema)) == [".spec.rayClusterConfig.gcsFaultTolerance"]
    assert len(list(Draft4Validator(schema).iter_errors(service))) == 1


@pytest.mark.slow
def test_the_application_is_one_that_serve_accepts(service: dict[str, Any]) -> None:
    given = service["spec"]["serveConfigV2"]

    done = subprocess.run([sys.executable, "-c", READ], input=given, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == "serve.on_cluster:application"


def test_the_version_of_ray_is_the_one_that_is_installed(service: dict[str, Any]) -> None:
    assert service["spec"]["rayClusterConfig"]["rayVersion"] == version("ray")


def test_the_settings_are_ones_of_the_platform(service: dict[str, Any], tmp_path: Path) -> None:
    config = documents("settings.yaml")[0]["data"]
    given = {name: value for name, value in config.items() if name.startswith("PCG_")}

    settings = load_settings({"store_dir": tmp_path}, environment=given)

    assert settings.redis_url == "env:REDIS_ADDRESS"
    head = service["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]["containers"][0]
    mounts = {each["mountPath"] for each in head["volumeMounts"]}
    assert given["PCG_STORE_DIR"] in mounts


@pytest.mark.parametrize("name", ["platform.yaml", "settings.yaml", "redis.yaml", "network.yaml"])
def test_no_manifest_holds_a_secret_or_lets_a_container_do_more_than_it_needs(name: str) -> None:
    for document in documents(name):
        assert document["kind"] != "Secret"
        for container in containers(document):
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"]["drop"] == ["ALL"]
            assert not [each for each in container.get("env", ()) if "PASSWORD" in each["name"] and "value" in each]


def containers(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield from value.get("containers", ())
        for each in value.values():
            yield from containers(each)
    elif isinstance(value, list):
        for each in value:
            yield from containers(each)


def test_redis_keeps_every_acknowledged_write_and_evicts_nothing() -> None:
    (container,) = containers(documents("redis.yaml")[1])
    (command,) = container["args"]

    assert "--appendonly yes --appendfsync always" in command
    assert "--maxmemory-policy noeviction" in command
    assert "--requirepass" in command


def test_the_network_lets_nobody_but_the_platform_to_redis() -> None:
    policy = documents("network.yaml")[2]

    assert policy["spec"]["podSelector"] == {"matchLabels": {"app": "policycortex-redis"}}
    assert policy["spec"]["ingress"] == [
        {
            "from": [{"podSelector": {"matchLabels": {"app": "policycortex"}}}],
            "ports": [{"port": 6379, "protocol": "TCP"}],
        }
    ]
