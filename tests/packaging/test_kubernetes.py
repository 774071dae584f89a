"""The Kubernetes manifests are valid and consistent, and meet the restricted Pod Security Standard."""

import re
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from exporter.cli import main as cli
from exporter.config import load as config
from tests.conftest import or_skip
from tests.packaging.tools import ROOT, run, tool

MANIFESTS = ROOT / "deploy/kubernetes"
REPAIR = MANIFESTS / "repair.yaml"
# The oldest that sets the pod-index label, and the newest that the validator knows.
VERSIONS = ("1.28", "1.37")
KINDS = {
    "ConfigMap",
    "Namespace",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "PodMonitor",
    "Secret",
    "Service",
    "StatefulSet",
}


def built(folder: Path = MANIFESTS) -> dict[str, Any]:
    """The objects that kustomize builds from a folder, by kind; one of each."""
    kubectl = or_skip(lambda: tool("kubectl"))
    documents = list(yaml.safe_load_all(run(kubectl, "kustomize", folder)))
    kinds = {document["kind"]: document for document in documents}
    assert len(kinds) == len(documents)
    return kinds


@cache
def manifests() -> dict[str, Any]:
    return built()


def pod() -> Any:
    return manifests()["StatefulSet"]["spec"]["template"]


def container() -> Any:
    (only,) = pod()["spec"]["containers"]
    return only


def test_kustomize_builds_one_object_of_each_kind() -> None:
    assert manifests().keys() == KINDS


@pytest.mark.parametrize("version", VERSIONS)
def test_they_follow_the_schemas_of_kubernetes(version: str, tmp_path: Path) -> None:
    files = [tmp_path / f"{kind}.yaml" for kind in KINDS - {"PodMonitor"}]  # the operator's kind has no schema there
    for file in files:
        file.write_text(yaml.safe_dump(manifests()[file.stem]))
    files.append(REPAIR)
    run(or_skip(lambda: tool("kubernetes-validate")), "--strict", "--kubernetes-version", version, *files)


def test_every_shard_knows_how_many_there_are(tmp_path: Path) -> None:
    folder = tmp_path / "kubernetes"
    shutil.copytree(MANIFESTS, folder)
    file = folder / "statefulset.yaml"
    file.write_text(re.sub(r"replicas: \d+", "replicas: 7", file.read_text()))
    (exporter,) = built(folder)["StatefulSet"]["spec"]["template"]["spec"]["containers"]
    variables = {variable["name"]: variable for variable in exporter["env"]}
    assert variables["VECHARGE_EXPORTER_TOTAL_SHARDS"]["value"] == "7"
    index = variables["VECHARGE_EXPORTER_SHARD"]["valueFrom"]["fieldRef"]["fieldPath"]
    assert index == "metadata.labels['apps.kubernetes.io/pod-index']"


def test_every_variable_is_one_that_the_exporter_reads() -> None:
    known = {option.envvar for option in cli.run.params if isinstance(option, click.Option)}
    assert {variable["name"] for variable in container()["env"]} <= known


def test_the_pod_is_within_the_restricted_standard() -> None:
    security = pod()["spec"]["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container()["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert {next(iter(volume.keys() - {"name"})) for volume in pod()["spec"]["volumes"]} <= {"configMap", "secret"}
    labels = manifests()["Namespace"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_it_runs_as_the_user_of_the_image() -> None:
    user = re.search(r"^USER (\d+):(\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert user
    security = pod()["spec"]["securityContext"]
    assert (security["runAsUser"], security["runAsGroup"]) == (int(user[1]), int(user[2]))
    assert security["fsGroup"] == int(user[2]), "who may write to the volume, and read the token"


def test_every_selector_selects_the_pod_and_nothing_else() -> None:
    labels = pod()["metadata"]["labels"]
    selectors = [
        manifests()["StatefulSet"]["spec"]["selector"]["matchLabels"],
        manifests()["Service"]["spec"]["selector"],
        manifests()["PodMonitor"]["spec"]["selector"]["matchLabels"],
        manifests()["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        manifests()["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
        *(spread["labelSelector"]["matchLabels"] for spread in pod()["spec"]["topologySpreadConstraints"]),
    ]
    assert selectors == [labels] * len(selectors)


def test_every_port_by_name_is_the_one_of_the_container() -> None:
    (port,) = container()["ports"]
    (service,) = manifests()["Service"]["spec"]["ports"]
    (scraped,) = manifests()["PodMonitor"]["spec"]["podMetricsEndpoints"]
    (open_port,) = manifests()["NetworkPolicy"]["spec"]["ingress"][0]["ports"]
    probes = [container()[probe]["httpGet"]["port"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")]
    assert {service["targetPort"], scraped["port"], open_port["port"], *probes} == {port["name"]}
    assert port["containerPort"] == 10037


def test_every_mount_has_its_volume() -> None:
    volumes = [volume["name"] for volume in pod()["spec"]["volumes"]]
    claims = [claim["metadata"]["name"] for claim in manifests()["StatefulSet"]["spec"]["volumeClaimTemplates"]]
    assert sorted(mount["name"] for mount in container()["volumeMounts"]) == sorted(volumes + claims)
    state = next(mount for mount in container()["volumeMounts"] if mount["name"] in claims)
    assert f"VOLUME {state['mountPath']}\n" in (ROOT / "Dockerfile").read_text()


def test_the_configuration_is_valid_and_its_token_is_the_secret(tmp_path: Path) -> None:
    file = tmp_path / "config.yml"
    file.write_text(manifests()["ConfigMap"]["data"]["config.yml"])
    (account,) = config.load(file).accounts
    mount = next(mount for mount in container()["volumeMounts"] if mount["name"] == "token")
    (key,) = manifests()["Secret"]["stringData"]
    assert account.token.file == Path(mount["mountPath"]) / key


def test_the_repair_pod_holds_the_state_of_the_first_pod_as_the_same_user() -> None:
    repair = yaml.safe_load(REPAIR.read_text())
    (only,) = repair["spec"]["containers"]
    assert repair["metadata"]["namespace"] == manifests()["Namespace"]["metadata"]["name"]
    assert repair["spec"]["securityContext"] == pod()["spec"]["securityContext"]
    assert only["securityContext"] == container()["securityContext"]
    (claim,) = manifests()["StatefulSet"]["spec"]["volumeClaimTemplates"]
    (volume,) = repair["spec"]["volumes"]
    name = f"{claim['metadata']['name']}-{manifests()['StatefulSet']['metadata']['name']}-0"
    assert volume["persistentVolumeClaim"]["claimName"] == name
    assert only["volumeMounts"] == [mount for mount in container()["volumeMounts"] if mount["name"] == volume["name"]]
    assert only["image"] == container()["image"]
