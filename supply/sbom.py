"""`make sbom`: writes the bill of materials of an image, in CycloneDX.

Two calls for one image write the same file: its number and its time are made from the image's own.
"""

from __future__ import annotations

import argparse
import json
import sys
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.contrib.this.builders import this_component
from cyclonedx.model import Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from supply.contents import Contents, Distribution, Package, Unreadable, ask, read

SCHEMA = SchemaVersion.V1_6
LABELS = "org.opencontainers.image"


def packaged(package: Package, contents: Contents) -> Component:
    """Return a Debian package's entry; `upstream` is its source package, which Debian's security notices name."""
    qualifiers = {"arch": package.architecture, "distro": f"{contents.system}-{contents.release}"}
    if package.source:
        name, _, version = package.source.partition(" ")
        qualifiers["upstream"] = f"{name}@{version.strip('()') or package.version}"
    purl = PackageURL("deb", contents.system, package.name, package.version, qualifiers)
    return Component(name=package.name, version=package.version, purl=purl, bom_ref=purl.to_string())


def distributed(distribution: Distribution) -> Component:
    """Return a Python distribution's entry."""
    purl = PackageURL("pypi", name=distribution.name, version=distribution.version)
    licences = [LicenseFactory().make_from_string(distribution.licence)] if distribution.licence else []
    return Component(
        name=distribution.name, version=distribution.version, purl=purl, bom_ref=purl.to_string(), licenses=licences
    )


@dataclass(frozen=True)
class About:
    """What an engine knows of an image."""

    identity: str
    architecture: str
    created: datetime
    labels: Mapping[str, str]


def inspected(engine: str, image: str) -> About:
    """Return what the engine knows of an image. Raises Unreadable."""
    answer = ask(engine, "image", "inspect", image)
    try:
        (found,) = json.loads(answer)
        created = datetime.fromisoformat(found["Created"])
        labels = found["Config"].get("Labels") or {}
        return About(found["Id"].removeprefix("sha256:"), found["Architecture"], created, labels)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise Unreadable(f"{engine} does not say of {image} what the bill needs: {reason}") from error


def bill(about: About, contents: Contents) -> Bom:
    """Return the bill of materials of an image, by what the engine and the image's own records say of it."""
    image = Component(
        name="zflow",
        type=ComponentType.CONTAINER,
        version=about.labels.get(f"{LABELS}.version"),
        bom_ref=f"image:{about.identity}",
        properties=[
            Property(name="zflow:image:id", value=f"sha256:{about.identity}"),
            Property(name="zflow:image:architecture", value=about.architecture),
            Property(name="zflow:image:revision", value=about.labels.get(f"{LABELS}.revision", "")),
        ],
    )
    system = Component(
        name=contents.system,
        type=ComponentType.OPERATING_SYSTEM,
        version=contents.release,
        bom_ref=f"system:{contents.system}-{contents.release}",
    )
    parts = [
        system,
        *(packaged(each, contents) for each in contents.packages),
        *(distributed(each) for each in contents.distributions),
    ]
    found = Bom(
        components=parts,
        metadata=BomMetaData(component=image, timestamp=about.created),
        serial_number=uuid.uuid5(uuid.NAMESPACE_OID, about.identity),
    )
    found.metadata.tools.components.add(this_component())
    found.register_dependency(image, parts)
    return found


def as_json(found: Bom) -> str:
    """Return a bill of materials as it is written to a file."""
    return make_outputter(found, OutputFormat.JSON, SCHEMA).output_as_string(indent=2) + "\n"


def main(words: Iterable[str] | None = None) -> int:
    """Write the bill of materials of the image on the command line; 2 where it cannot be read."""
    parser = argparse.ArgumentParser(prog="supply.sbom", description="Write an image's bill of materials (CycloneDX).")
    parser.add_argument("image", help="the image's name, as the engine lists it")
    parser.add_argument("--engine", default="podman", help="podman or docker")
    parser.add_argument("--output", type=Path, default=Path("sbom.cdx.json"))
    asked = parser.parse_args(None if words is None else list(words))
    try:
        contents = read(asked.engine, asked.image)
        text = as_json(bill(inspected(asked.engine, asked.image), contents))
    except Unreadable as problem:
        print(f"sbom: {problem}", file=sys.stderr)
        return 2
    try:
        asked.output.write_text(text)
    except OSError as error:
        print(f"sbom: {asked.output} cannot be written: {error.strerror}", file=sys.stderr)
        return 2
    told = f"{len(contents.packages)} Debian packages, {len(contents.distributions)} Python distributions"
    print(f"{asked.output}: {told} of {asked.image}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
