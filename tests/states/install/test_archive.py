"""Which archive is wanted, and how it is fetched and checked."""

from __future__ import annotations

import random
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from states.install import archive as archive_step
from states.ubuntu.settings import PROXY, UBUNTU
from states.zimbra import archive, codes
from states.zimbra.releases import RELEASES, line_of
from states.zimbra.settings import SETTINGS
from tests.states.bootstrap.ubuntu import make_tree
from tests.states.install.web import Site, serving
from tests.support import make_context
from zflow.api import Code, Context, OperatorError, TransientError

TABLE = (UBUNTU, PROXY, *SETTINGS)
CONTENT = random.Random(3).randbytes(200_000)
DIGEST = sha256(CONTENT).hexdigest()
VENDORS = RELEASES["8.8.15"].archives["18.04"]


@pytest.fixture
def site() -> Iterator[Site]:
    """Return a server with the archive."""
    with serving(Site(CONTENT)) as made:
        yield made


def context(volume: Path, place: str, digest: str = DIGEST) -> Context:
    """Return a context that wants an archive by place and SHA-256."""
    return make_context(volume, TABLE, {"ZFLOW_RELEASE_URL": place, "ZFLOW_RELEASE_SHA256": digest})


def refused(ctx: Context, code: Code) -> OperatorError:
    """Return the refusal of that code; nothing counts as fetched after it."""
    with pytest.raises(OperatorError) as caught:
        archive_step.apply(ctx)
    assert caught.value.code is code
    assert archive_step.probe(ctx) is None
    return caught.value


def test_vendors_archive(tmp_path: Path) -> None:
    """Without settings it is the vendor's archive for the Ubuntu on the volume, or for the one to come."""
    assert archive.wanted(make_context(tmp_path, TABLE)) == VENDORS
    make_tree(tmp_path)
    assert archive.wanted(make_context(tmp_path, TABLE, {"ZFLOW_UBUNTU": "22.04"})) == VENDORS


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"ZFLOW_RELEASE_URL": "/a.tgz"}, "ZFLOW_RELEASE_SHA256 is not"),
        ({"ZFLOW_RELEASE_SHA256": "0" * 64}, "ZFLOW_RELEASE_URL is not"),
        ({"ZFLOW_UBUNTU": "22.04"}, "no archive of Zimbra 8.8.15 for Ubuntu 22.04"),
        ({"ZFLOW_RELEASE": "10.1"}, "no archive of Zimbra 10.1 for Ubuntu 18.04"),
    ],
)
def test_not_fully_named(tmp_path: Path, environment: dict[str, str], words: str) -> None:
    """Half a name, and a release without a known archive, are refused with the settings to set."""
    ctx = make_context(tmp_path, TABLE, environment)
    assert words in refused(ctx, codes.RELEASE).detail


@pytest.mark.parametrize(
    ("version", "line"),
    [("8.8.15.GA.3869.UBUNTU18.64", "8.8.15"), ("9.0.0.GA.1", "9.0"), ("10.0.6", "10.0"), ("10.1.10.GA", "10.1"),
     ("10.10.1", None), ("8.8.150", None), ("?", None), ("", None)],
)  # fmt: skip
def test_line_of(version: str, line: str | None) -> None:
    """A full version belongs to its line by whole numbers."""
    found = line_of(version)
    assert (found.name if found else None) == line


def test_local(tmp_path: Path) -> None:
    """A local archive stays where it is; a change of it is seen, and a wrong one is refused and kept."""
    place = tmp_path / "local.tgz"
    place.write_bytes(CONTENT)
    ctx = context(tmp_path / "volume", str(place))
    assert archive_step.probe(ctx) is None
    archive_step.apply(ctx)
    assert archive_step.probe(ctx) is not None
    place.write_bytes(CONTENT[:-1])
    assert archive_step.probe(ctx) is None
    refused(ctx, codes.WRONG_SHA256)
    assert place.read_bytes() == CONTENT[:-1]
    place.unlink()
    refused(ctx, codes.RELEASE_GONE)


def test_fetched(site: Site, tmp_path: Path) -> None:
    """A fetched archive lies in the cache under its SHA-256, with nothing half beside it."""
    ctx = context(tmp_path, site.url)
    archive_step.apply(ctx)
    assert archive_step.probe(ctx) is not None
    assert archive.located(ctx, archive.wanted(ctx)).read_bytes() == CONTENT
    assert sorted(each.name for each in ctx.cache.iterdir()) == [f"{DIGEST}.checked", f"{DIGEST}.tgz"]


def test_wrong(site: Site, tmp_path: Path) -> None:
    """A wrong file is removed and told by its SHA-256 and length, after one download."""
    ctx = context(tmp_path, site.url, "0" * 64)
    error = refused(ctx, codes.WRONG_SHA256)
    assert DIGEST in error.detail
    assert "200000 bytes" in error.detail
    assert site.served == len(CONTENT)
    assert list(ctx.cache.iterdir()) == []


def test_torn_beginning(site: Site, tmp_path: Path) -> None:
    """A beginning that a power cut damaged costs one more download, no operator."""
    ctx = context(tmp_path, site.url)
    (ctx.cache / f"{DIGEST}.tgz.part").write_bytes(bytes(100_000))
    with pytest.raises(TransientError) as caught:
        archive_step.apply(ctx)
    assert caught.value.code is codes.DOWNLOAD
    archive_step.apply(ctx)
    assert archive_step.probe(ctx) is not None
    assert site.served == len(CONTENT) * 3 // 2


@pytest.mark.parametrize("receipt", [None, "", '{"path": '])
def test_killed_before_the_receipt(site: Site, tmp_path: Path, receipt: str | None) -> None:
    """An archive that was whole when the container was killed is checked again, not fetched again."""
    ctx = context(tmp_path, site.url)
    archive_step.apply(ctx)
    path = ctx.cache / f"{DIGEST}.checked"
    path.unlink()
    if receipt is not None:
        path.write_text(receipt)
    assert archive_step.probe(ctx) is None
    archive_step.apply(ctx)
    assert archive_step.probe(ctx) is not None
    assert site.served == len(CONTENT)


def test_damaged_in_the_cache(site: Site, tmp_path: Path) -> None:
    """A file in the cache that is not what was checked is fetched anew."""
    ctx = context(tmp_path, site.url)
    archive_step.apply(ctx)
    archive.located(ctx, archive.wanted(ctx)).write_bytes(b"torn")
    assert archive_step.probe(ctx) is None
    archive_step.apply(ctx)
    assert archive.located(ctx, archive.wanted(ctx)).read_bytes() == CONTENT
    assert archive_step.probe(ctx) is not None


def test_inputs(tmp_path: Path) -> None:
    """Release, place and SHA-256 each make another input."""
    environments: list[dict[str, str]] = [
        {},
        {"ZFLOW_RELEASE": "10.1"},
        {"ZFLOW_RELEASE_URL": "/a"},
        {"ZFLOW_RELEASE_URL": "/b"},
        {"ZFLOW_RELEASE_SHA256": "0" * 64},
    ]
    assert len({archive_step.inputs(make_context(tmp_path, TABLE, each)) for each in environments}) == len(environments)
