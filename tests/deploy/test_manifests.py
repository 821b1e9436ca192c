"""The files under `deploy/`: valid by the schemas of those who read them, and all saying the same."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from states.bootstrap.rights import NEEDED
from states.firewall.ports import ports
from states.firewall.settings import TCP
from zflow.commands.product import product
from zflow.status.health import QUESTIONS

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSE_SCHEMA = json.loads((Path(__file__).parent / "compose-spec.json").read_text())
"""schema/compose-spec.json of the Compose Specification (Apache-2.0), as of June 2026."""
RIGHTS = {each.name for each in NEEDED} | {"NET_ADMIN"}
"""What `bootstrap.rights` asks for, and what the firewall's steps need."""
STOP = 300
"""Seconds that Zimbra may take to stop."""

Document = dict[str, Any]


def kubernetes() -> Iterator[Document]:
    """Yield every object of the manifests."""
    folder = DEPLOY / "kubernetes"
    for name in yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]:
        yield from yaml.safe_load_all((folder / name).read_text())


def pod() -> Document:
    """Return the pod's specification."""
    (found,) = [each for each in kubernetes() if each["kind"] == "StatefulSet"]
    return dict(found["spec"]["template"]["spec"])


def compose() -> Document:
    """Return the Compose file."""
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text()))


def quadlet(name: str) -> dict[str, dict[str, list[str]]]:
    """Return a unit's sections, and of each key all its values, for many may be given more than once."""
    sections: dict[str, dict[str, list[str]]] = {}
    for line in (DEPLOY / "quadlet" / name).read_text().splitlines():
        if line.startswith("["):
            here = sections.setdefault(line.strip("[]"), defaultdict(list))
        elif line and not line.startswith("#"):
            key, equals, value = line.partition("=")
            assert equals, line
            here[key].append(value)
    return sections


@pytest.mark.parametrize("version", ["1.31", kubernetes_validate.latest_version()])
def test_kubernetes_takes_the_manifests(version: str) -> None:
    """Every object is valid by the API's schema, without unknown fields."""
    kinds = [each["kind"] for each in kubernetes()]
    assert sorted(kinds) == ["Namespace", "Service", "Service", "StatefulSet"]
    for each in kubernetes():
        kubernetes_validate.validate(each, version, strict=True)


def test_compose_takes_its_file() -> None:
    """It is valid by the specification's schema, and a misspelt key would be found."""
    judge = jsonschema.Draft7Validator(COMPOSE_SCHEMA)
    judge.validate(compose())
    wrong = compose()
    wrong["services"]["zimbra"]["cap_ad"] = []
    with pytest.raises(jsonschema.ValidationError):
        judge.validate(wrong)


def test_all_give_exactly_the_rights_that_are_asked_for() -> None:
    """The same capabilities, none kept by default, the root read-only, no AppArmor profile that forbids mounts."""
    service = compose()["services"]["zimbra"]
    unit = quadlet("zflow.container")["Container"]
    context = pod()["containers"][0]["securityContext"]
    for drop, add in (
        (service["cap_drop"], service["cap_add"]),
        (context["capabilities"]["drop"], context["capabilities"]["add"]),
        ([word.upper() for word in unit["DropCapability"]], unit["AddCapability"][0].split()),
    ):
        assert drop == ["ALL"]
        assert add == sorted(RIGHTS)
    assert service["read_only"]
    assert context["readOnlyRootFilesystem"]
    assert unit["ReadOnly"] == ["true"]
    assert service["security_opt"] == ["apparmor=unconfined"]
    assert unit["PodmanArgs"] == ["--security-opt=apparmor=unconfined"]
    assert context["appArmorProfile"] == {"type": "Unconfined"}


def test_all_give_the_services_time_to_stop() -> None:
    """The engine's grace period, and systemd's after it."""
    unit = quadlet("zflow.container")
    assert compose()["services"]["zimbra"]["stop_grace_period"] == f"{STOP // 60}m"
    assert pod()["terminationGracePeriodSeconds"] == STOP
    assert unit["Container"]["StopTimeout"] == [str(STOP)]
    assert int(unit["Service"]["TimeoutStopSec"][0]) > STOP


def test_the_probes_ask_what_zflow_answers() -> None:
    """Each of Kubernetes' three probes has its own question."""
    container = pod()["containers"][0]
    asked = {each: container[f"{each}Probe"]["exec"]["command"] for each in ("startup", "liveness", "readiness")}
    assert asked == dict(zip(asked, (["zflow", "health", question] for question in QUESTIONS), strict=True))


def test_every_variable_is_a_setting() -> None:
    """An unknown one would block the start."""
    known = {each.variable for each in product().settings}
    unit = quadlet("zflow.container")["Container"]
    named = {
        *compose()["services"]["zimbra"]["environment"],
        *(each["name"] for each in pod()["containers"][0]["env"]),
        *(line.partition("=")[0] for line in unit["Environment"]),
    }
    assert {name.removesuffix("_FILE") for name in named} <= known


def test_what_is_published_is_opened() -> None:
    """No port is promised to the world that the firewall keeps closed."""
    service = next(each for each in kubernetes() if each.get("spec", {}).get("type") == "LoadBalancer")
    published = {
        *(int(each.partition(":")[2]) for each in compose()["services"]["zimbra"]["ports"]),
        *(int(each.partition(":")[2]) for each in quadlet("zflow.container")["Container"]["PublishPort"]),
        *(each["port"] for each in service["spec"]["ports"]),
    }
    assert TCP.default is not None
    assert published <= {each.first for each in ports(TCP.default)}
