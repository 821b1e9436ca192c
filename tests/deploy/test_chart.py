"""The Helm chart of `deploy/helm` and the kustomization of `deploy/kubernetes`, by helm and kubectl themselves."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from states.firewall.ports import Opening, Ports
from states.firewall.settings import openings
from states.zimbra.releases import RELEASES
from tests.deploy.test_manifests import DEPLOY, Document, kubernetes
from tests.deploy.tools import Tools
from tests.support import make_context
from zflow import __version__
from zflow.commands.product import product

CHART = DEPLOY / "helm"
LEAST: Document = {"hostname": "mail.example.org", "image": {"repository": "registry.example.org/zflow"}}
AS_MANIFESTS = {**LEAST, "adminPassword": {"secretName": "zimbra"}, "tls": {"secretName": "zimbra-tls"}}
"""What the plain manifests say, for those who edit files."""
DIGEST = f"sha256:{'ab' * 32}"
ALL = {
    "hostname": "mail.example.net",
    "mailDomain": "example.net",
    "image": {
        "repository": "registry.example.net/mail/zflow",
        "tag": "0.1.0-1",
        "digest": DIGEST,
        "pullPolicy": "Always",
    },
    "imagePullSecrets": [{"name": "registry"}],
    "release": {"name": "10.1", "url": "https://files.example.net/zcs.tgz", "sha256": "0" * 64},
    "adminPassword": {"secretName": "mail", "key": "password"},
    "tls": {"secretName": "mail-tls"},
    "storage": {"size": "1Ti", "className": "fast", "accessMode": "ReadWriteOnce"},
    "service": {"annotations": {"example.net/pool": "mail"}},
    "resources": {"limits": {"memory": "16Gi"}},
    "probes": {"liveness": {"periodSeconds": 60, "initialDelaySeconds": 5}},
    "nodeSelector": {"kubernetes.io/arch": "amd64"},
    "tolerations": [{"key": "mail", "operator": "Exists"}],
    "http": {"enabled": True, "networks": ["10.0.0.0/8", "2001:db8::/32"]},
    "serviceMonitor": {"enabled": True, "interval": "1m", "labels": {"release": "prometheus"}},
    "networkPolicy": {"enabled": True, "adminFrom": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]},
    "podDisruptionBudget": {"enabled": True},
    "settings": {
        "ZFLOW_HSTS": "31536000",
        "ZFLOW_TLS_NAMES": "",
        "ZFLOW_FIREWALL_EXTRA_TCP": "2525",
        "ZFLOW_FIREWALL_SOURCES": "7071=192.0.2.0/24",
    },
}
"""Every value of the chart, none of them its default."""

Render = Callable[..., dict[tuple[str, str], Document]]


@pytest.fixture
def values(tmp_path: Path) -> Callable[[Document], Path]:
    """Return a writer of values files."""

    def write(content: Document) -> Path:
        path = tmp_path / "values.yaml"
        path.write_text(yaml.safe_dump(content))
        return path

    return write


@pytest.fixture
def render(tools: Tools, values: Callable[[Document], Path]) -> Render:
    """Return what makes objects of the chart, by kind and name; a release is called zimbra."""

    def make(content: Document) -> dict[tuple[str, str], Document]:
        text = tools.output("helm", "template", "zimbra", CHART, "--namespace", "mail", "--values", values(content))
        return by_name(yaml.safe_load_all(text))

    return make


def by_name(objects: Iterable[Document]) -> dict[tuple[str, str], Document]:
    """Return objects by kind and name."""
    return {(each["kind"], each["metadata"]["name"]): each for each in objects}


def container(objects: dict[tuple[str, str], Document]) -> Document:
    """Return the one container."""
    (found,) = objects["StatefulSet", "zimbra"]["spec"]["template"]["spec"]["containers"]
    return dict(found)


def environment(objects: dict[tuple[str, str], Document]) -> dict[str, str]:
    """Return the container's variables; none is there twice."""
    variables = container(objects)["env"]
    found = {each["name"]: each["value"] for each in variables}
    assert len(found) == len(variables)
    return found


def printed(name: str) -> str:
    """Return a file that docs/deployment.md prints; its first line is its name."""
    page = (DEPLOY.parent / "docs/deployment.md").read_text()
    (found,) = re.findall(rf"```yaml\n(# {re.escape(name)}\n.*?)```", page, re.DOTALL)
    return str(found)


@pytest.mark.parametrize(
    "content",
    [LEAST, AS_MANIFESTS, ALL, yaml.safe_load(printed("my-values.yaml"))],
    ids=["least", "as manifests", "all", "as printed"],
)
def test_it_is_well_formed(content: Document, tools: Tools, values: Callable[[Document], Path], render: Render) -> None:
    """helm finds nothing to warn of, and Kubernetes knows every field, of the oldest version allowed and the newest."""
    linted = tools.output("helm", "lint", "--strict", CHART, "--values", values(content))
    assert "1 chart(s) linted, 0 chart(s) failed" in linted
    objects = [each for (kind, _), each in render(content).items() if kind != "ServiceMonitor"]
    for version in ("1.31", kubernetes_validate.latest_version()):
        for each in objects:
            kubernetes_validate.validate(each, version, strict=True)


def test_it_says_what_the_manifests_say(render: Render) -> None:
    """The same StatefulSet and Services, field by field, whichever of the two an operator uses."""
    plain, made = by_name(kubernetes()), render(AS_MANIFESTS)
    del plain["Namespace", "mail"]
    assert plain.keys() == made.keys()
    assert environment(made) == environment(plain)
    for objects in (plain, made):
        container(objects)["env"].clear()  # their order says nothing
    for name, each in made.items():
        assert each["spec"] == plain[name]["spec"]


def test_every_value_arrives(render: Render) -> None:
    """Each where Kubernetes and zflow look for it."""
    objects = render(ALL)
    assert objects.keys() == {
        ("StatefulSet", "zimbra"),
        ("Service", "zimbra"),
        ("Service", "zimbra-public"),
        ("ServiceMonitor", "zimbra"),
        ("NetworkPolicy", "zimbra"),
        ("PodDisruptionBudget", "zimbra"),
    }
    stateful = objects["StatefulSet", "zimbra"]["spec"]
    pod, one = stateful["template"]["spec"], container(objects)
    assert one["image"] == f"registry.example.net/mail/zflow:0.1.0-1@{DIGEST}"
    assert one["imagePullPolicy"] == "Always"
    assert pod["imagePullSecrets"] == [{"name": "registry"}]
    assert pod["nodeSelector"] == {"kubernetes.io/arch": "amd64"}
    assert pod["tolerations"] == [{"key": "mail", "operator": "Exists"}]
    assert one["resources"]["limits"] == {"memory": "16Gi"}
    assert one["livenessProbe"] == {
        "exec": {"command": ["zflow", "health", "live"]},
        "initialDelaySeconds": 5,
        "periodSeconds": 60,
        "timeoutSeconds": 10,
        "failureThreshold": 3,
    }
    secrets = {each["name"]: each["secret"] for each in pod["volumes"] if "secret" in each}
    assert secrets["admin-password"]["secretName"] == "mail"
    assert secrets["admin-password"]["items"] == [{"key": "password", "path": "admin-password"}]
    assert secrets["certificate"]["secretName"] == "mail-tls"
    assert stateful["volumeClaimTemplates"][0]["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "fast",
        "resources": {"requests": {"storage": "1Ti"}},
    }
    assert objects["Service", "zimbra-public"]["metadata"]["annotations"] == {"example.net/pool": "mail"}
    assert objects["PodDisruptionBudget", "zimbra"]["spec"]["maxUnavailable"] == 0
    ingress = objects["NetworkPolicy", "zimbra"]["spec"]["ingress"]
    assert [(rule["ports"][0]["port"], rule.get("from")) for rule in ingress] == [
        ("smtp", None),
        ("admin", [{"ipBlock": {"cidr": "192.0.2.0/24"}}]),
        ("zflow", [{"namespaceSelector": {}}]),
    ]


def test_an_image_is_given_by_tag_or_by_digest(render: Render) -> None:
    """Beside a digest no tag is made up; with neither the chart's own version is the tag."""
    repository = LEAST["image"]["repository"]

    def image(**given: str) -> str:
        return str(container(render({**LEAST, "image": {"repository": repository, **given}}))["image"])

    assert image() == f"{repository}:{__version__}"
    assert image(tag="mine") == f"{repository}:mine"
    assert image(digest=DIGEST) == f"{repository}@{DIGEST}"


def test_the_network_policy_lets_in_what_is_published(render: Render) -> None:
    """No port of the public Service is left out, and by default no other is in."""
    objects = render({**LEAST, "networkPolicy": {"enabled": True}})
    (rule,) = objects["NetworkPolicy", "zimbra"]["spec"]["ingress"]
    named = {each["name"]: each["containerPort"] for each in container(objects)["ports"]}
    published = {each["port"] for each in objects["Service", "zimbra-public"]["spec"]["ports"]}
    assert {named[each["port"]] for each in rule["ports"]} == published


def test_a_service_inside_the_cluster_has_no_outer_policy(render: Render) -> None:
    """Kubernetes refuses `externalTrafficPolicy` on a Service that nobody outside reaches."""
    objects = render({**LEAST, "service": {"type": "ClusterIP"}})
    assert "externalTrafficPolicy" not in objects["Service", "zimbra-public"]["spec"]


def test_zflow_takes_the_settings(render: Render, tmp_path: Path) -> None:
    """Every variable is a setting with a good value, and the endpoint's port is added to the firewall's own."""
    (tmp_path / "password").write_text("from-a-secret\n")
    variables = environment(render(ALL))
    assert variables["ZFLOW_HOSTNAME"] == "mail.example.net"
    assert variables["ZFLOW_MAIL_DOMAIN"] == "example.net"
    assert variables["ZFLOW_RELEASE"] == "10.1"
    assert variables["ZFLOW_HSTS"] == "31536000"
    assert variables["ZFLOW_TLS_NAMES"] == ""
    assert variables["ZFLOW_HTTP"] == "0.0.0.0:9119"
    assert variables["ZFLOW_FIREWALL_EARLY_TCP"] == "9119"
    variables["ZFLOW_ADMIN_PASSWORD_FILE"] = str(tmp_path / "password")
    found = openings(make_context(tmp_path, product().settings, variables))
    assert Opening("tcp", Ports(9119, 9119), ("10.0.0.0/8", "2001:db8::/32")) in found
    assert Opening("tcp", Ports(7071, 7071), ("192.0.2.0/24",)) in found
    assert Opening("tcp", Ports(2525, 2525)) in found


def test_prometheus_finds_the_endpoint(render: Render) -> None:
    """The ServiceMonitor selects one of the two Services, by a port that it has, also while the server is installed."""
    objects = render(ALL)
    monitor = objects["ServiceMonitor", "zimbra"]
    assert monitor["apiVersion"] == "monitoring.coreos.com/v1"
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    wanted = monitor["spec"].pop("selector")
    assert wanted.keys() == {"matchLabels"}
    assert monitor["spec"] == {"endpoints": [{"port": "zflow", "path": "/metrics", "interval": "1m"}]}
    (service,) = [
        each
        for (kind, _), each in objects.items()
        if kind == "Service" and wanted["matchLabels"].items() <= each["metadata"]["labels"].items()
    ]
    assert {"name": "zflow", "port": 9119} in service["spec"]["ports"]
    assert service["spec"]["publishNotReadyAddresses"]


@pytest.mark.parametrize("name", RELEASES)
def test_the_chart_knows_the_releases(name: str, render: Render) -> None:
    """It takes each of zflow's, and gives those with file capabilities the right to set them."""
    release = {"name": name, "url": "/data/app/zcs.tgz", "sha256": "0" * 64}
    added = container(render({**LEAST, "release": release}))["securityContext"]["capabilities"]["add"]
    assert ("SETFCAP" in added) == RELEASES[name].file_capabilities
    assert added == sorted(added)
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert schema["properties"]["release"]["properties"]["name"]["enum"] == list(RELEASES)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({}, "at '': missing property 'hostname'"),
        ({"hostname": "mail.example.org"}, "at '/image': missing property 'repository'"),
        ({**LEAST, "image": {"repository": "x", "digest": "ab" * 32}}, "at '/image/digest': 'abab"),
        ({**LEAST, "hostname": "mail"}, "at '/hostname': 'mail' does not match pattern"),
        ({**LEAST, "hostnam": "x"}, "at '': additional properties 'hostnam' not allowed"),
        ({**LEAST, "storage": {"sise": "1Gi"}}, "at '/storage': additional properties 'sise' not allowed"),
        ({**LEAST, "storage": {"accessMode": "ReadWriteMany"}}, "at '/storage/accessMode': value must be one of"),
        ({**LEAST, "release": {"name": "10.1"}}, "at '/release': missing properties 'url', 'sha256'"),
        ({**LEAST, "release": {"url": "/zcs.tgz"}}, "at '/release': properties 'sha256' required, if 'url' exists"),
        ({**LEAST, "settings": {"ZFLOW_HSTS": 31536000}}, "at '/settings/ZFLOW_HSTS': got number, want string"),
        ({**LEAST, "settings": {"ZFLOW_HTTP": "9119"}}, "invalid propertyName 'ZFLOW_HTTP'"),
        ({**LEAST, "serviceMonitor": {"enabled": True}}, "at '/http/enabled': value must be true"),
        ({**LEAST, "http": {"networks": []}}, "at '/http/networks': minItems: got 0, want 1"),
    ],
)
def test_bad_values_are_refused(
    content: Document, sentence: str, tools: Tools, values: Callable[[Document], Path]
) -> None:
    """Before anything reaches the cluster, with a sentence that names the value."""
    done = tools.run("helm", "template", "zimbra", CHART, "--values", values(content))
    assert done.returncode == 1
    assert sentence in done.stderr
    assert done.stdout == ""


def test_every_value_is_in_the_schema_and_tried() -> None:
    """Each value of values.yaml, the ones in comments too, stands in the schema, and `ALL` above gives it."""
    text = re.sub(r"^( *)# ?( *[a-zA-Z0-9]+: )", r"\1\2", (CHART / "values.yaml").read_text(), flags=re.MULTILINE)
    text = text.replace("tls: {}", "tls:").replace("image: {}", "image:")
    schema = json.loads((CHART / "values.schema.json").read_text())["properties"]
    del schema["global"]
    assert yaml.safe_load(text).keys() == schema.keys() == ALL.keys()
    for name, each in yaml.safe_load(text).items():
        if inner := schema[name].get("properties", {}):
            assert each.keys() == inner.keys(), name


def test_the_notes_name_the_next_commands(tools: Tools, values: Callable[[Document], Path]) -> None:
    """With the namespace and the pod's name in them; where to find a generated password only if there is one."""

    def notes(content: dict[str, Any]) -> str:
        argv = ("install", "zimbra", CHART, "--namespace", "mail", "--dry-run=client", "--values", values(content))
        return tools.output("helm", *argv).partition("NOTES:")[2]

    assert "kubectl --namespace mail exec zimbra-0 -- zflow status --wait\n" in notes(LEAST)
    assert "kubectl --namespace mail exec zimbra-0 -- zflow dns\n" in notes(LEAST)
    assert "/data/.zflow/secrets/admin_password" in notes(LEAST)
    assert "admin_password" not in notes(AS_MANIFESTS)


def test_the_printed_commands_fit_the_chart(tools: Tools, tmp_path: Path) -> None:
    """Those of docs/deployment.md, without a cluster: the Secret has the key that the pod mounts."""
    page = (DEPLOY.parent / "docs/deployment.md").read_text()
    (block,) = re.findall(r"## Helm\n\n```sh\n(.*?)```", page, re.DOTALL)
    (tmp_path / "password").write_text("a-long-password\n")
    (tmp_path / "my-values.yaml").write_text(printed("my-values.yaml"))
    ours = {
        "deploy/helm": str(CHART),
        "my-values.yaml": str(tmp_path / "my-values.yaml"),
        "--from-file=admin-password=FILE": f"--from-file=admin-password={tmp_path / 'password'}",
    }
    _, secret, install = ([ours.get(word, word) for word in line.split()] for line in block.splitlines())
    made = yaml.safe_load(tools.output(secret[0], *secret[1:], "--dry-run=client", "--output=yaml"))
    said = tools.output(install[0], *install[1:], "--dry-run=client")
    (mounted,) = re.findall(rf"secretName: {made['metadata']['name']}\n.*?key: ([^,]+),", said, re.DOTALL)
    assert made["metadata"]["namespace"] == "mail"
    assert mounted in made["data"]


def test_the_versions_agree() -> None:
    """The chart, and the images that the manifests, values.yaml and docs/deployment.md name, are of zflow's version."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == __version__
    assert container(by_name(kubernetes()))["image"].endswith(f":{__version__}")
    texts = [(CHART / "values.yaml").read_text(), (DEPLOY.parent / "docs/deployment.md").read_text()]
    named = [set(re.findall(r"(?:\btag: |newTag: |\bzflow:)(\d[\w.-]*\w)", text)) for text in texts]
    assert named == [{__version__}, {__version__}]


def test_the_page_says_which_tools_are_used(tools: Tools) -> None:
    """docs/deployment.md names the versions that helm and kubectl themselves tell."""
    page = (DEPLOY.parent / "docs/deployment.md").read_text()
    asked = {"helm": ("version", "--short"), "kubectl": ("version", "--client")}
    for name, words in asked.items():
        said = re.search(r"v(\d+\.\d+)\.", tools.output(name, *words))
        assert said is not None
        assert re.findall(rf"\({name} ([\d.]+)\)", page) == [said[1]]


def test_kustomize_reads_the_manifests(tools: Tools) -> None:
    """`kubectl kustomize` gives all objects of the folder unchanged; no file is left out."""
    folder = DEPLOY / "kubernetes"
    made = yaml.safe_load_all(tools.output("kubectl", "kustomize", folder))
    assert by_name(made) == by_name(kubernetes())
    listed = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    assert {*listed, "kustomization.yaml"} == {each.name for each in folder.iterdir()}


def test_an_overlay_changes_what_it_names(tools: Tools, tmp_path: Path) -> None:
    """The one of docs/deployment.md, over a checkout beside it."""
    shutil.copytree(DEPLOY, tmp_path / "zflow/deploy")
    (tmp_path / "kustomization.yaml").write_text(printed("kustomization.yaml"))
    made = by_name(yaml.safe_load_all(tools.output("kubectl", "kustomize", tmp_path)))
    assert container(made)["image"] == "registry.example.net/mail/zflow:0.1.0"
    before, after = environment(by_name(kubernetes())), environment(made)
    assert after == {**before, "ZFLOW_HOSTNAME": "mail.example.net", "ZFLOW_DH": "ffdhe4096"}
    for each in made.values():
        kubernetes_validate.validate(each, kubernetes_validate.latest_version(), strict=True)
