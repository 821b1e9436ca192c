"""The vendor's patches: installed where they are offered and lack, and only for what the vendor has built itself."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from states.install import holds as holds_step
from states.install import patches
from states.ubuntu.dpkg import FETCH
from states.ubuntu.settings import PROXY, UBUNTU
from states.zimbra import holds, marks, source
from states.zimbra.history import HISTORY, last
from states.zimbra.packages import vendor_packages
from states.zimbra.settings import SETTINGS
from tests.states.bootstrap.ubuntu import make_tree
from tests.states.install.dpkg import Dpkg, built, command
from tests.states.install.records import STAGES, installed, session, write_history, write_proof, write_status
from tests.states.install.shells import commands
from tests.support import make_context
from zflow.api import CommandError, Context, Evidence
from zflow.codes import TIME_LIMIT
from zflow.host.shell import Result

OWN = "8.8.15.GA.3869.UBUNTU18.64"
OFFERED = "Package: zimbra-patch\nVersion: 8.8.15.1\n\nPackage: zimbra-proxy-patch\nVersion: 1\n\nPackage: zimbra-pat\n"


class Killed(BaseException):
    """A kill of the walker, and of what it runs."""


class Apt(Dpkg):
    """Installs real packages by a real dpkg where apt-get would fetch them, and keeps what is run; may be killed."""

    def __init__(self, root: Path, built_in: Path) -> None:
        super().__init__(root)
        self.built_in = built_in
        self.left: int | None = None
        """How many commands until it is killed."""
        self.stuck: tuple[str, ...] = ()
        """Words of a command that comes to no end, until its time limit ends it."""
        self.slow = False
        """Whether dpkg is ended by the time limit when it has unpacked what it is to install."""
        self.limits: list[float] = []
        """Seconds that those get which ask the package source."""
        self.running: set[str] = set()
        """What of the patches the running server has read."""

    def chroot(self, *argv: str, user: str | None = None, **options: Any) -> Result:
        """Run what concerns packages, and be killed before, in the middle of dpkg, or after."""
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Killed
        if argv[0] == "apt-get":
            self.limits.append(options["timeout"])
        if self.stuck and set(self.stuck) <= set(argv):
            self.commands.append(argv)
            raise CommandError(TIME_LIMIT, argv, -15, "")
        if "apt-mark" in argv:
            verb, names = argv[argv.index("apt-mark") + 1], argv[argv.index("apt-mark") + 2 :]
            lines = "".join(f"{name} {'hold' if verb == 'hold' else 'install'}\n" for name in names)
            self._dpkg("--set-selections", stdin=lines)
        elif "apt-get" in argv and "install" in argv and "--download-only" not in argv and "--fix-broken" not in argv:
            files = [str(self.built_in / f"{word}_2.deb") for word in argv if word in patches.PATCHES]
            if self.left == 0 or self.slow:
                self._dpkg("--unpack", *files)
                raise Killed if self.left == 0 else CommandError(TIME_LIMIT, argv, -15, "")
            self._dpkg("--install", *files)
        elif argv[:2] == ("zmcontrol", "restart"):
            self.running = {name for name in patches.PATCHES if (self._root / f"opt/{name}.done").exists()}
        return super().chroot(*argv)

    def _dpkg(self, *words: str, stdin: str = "") -> None:
        subprocess.run(command(self._root, *words), input=stdin.encode(), check=True, capture_output=True)


def server(volume: Path, version: str = OWN, *others: str, shell: Dpkg | None = None) -> Context:
    """Return a context over a proven server of a version, with packages beside it; its source offers two patches."""
    make_tree(volume)
    write_history(volume, session(100, version=version, stages=STAGES))
    write_proof(volume, 100)
    write_status(volume, installed(held=True) | dict.fromkeys(others, "hold ok installed"), version)
    ctx = make_context(volume, (UBUNTU, PROXY, *SETTINGS), {}, shell=shell or Dpkg(volume))
    index = source.package_index(ctx, source.sources(ctx)[1])
    index.parent.mkdir(parents=True, exist_ok=True)
    index.write_text(OFFERED)
    return ctx


@pytest.mark.parametrize(
    ("version", "present", "lacking"),
    [
        (OWN, (), True),
        (OWN, ("zimbra-patch",), True),
        (OWN, ("zimbra-patch", "zimbra-proxy-patch"), False),
        ("8.8.15.GA.4200047.UBUNTU18.64", (), False),
        ("10.1.0.GA.4655.UBUNTU22.64", (), False),
    ],
    ids=["none there", "one there", "all there", "built by others", "upgraded"],
)
def test_due_where_they_lack(tmp_path: Path, version: str, present: tuple[str, ...], lacking: bool) -> None:
    """What is offered and lacks is due; a build by others has its own patches, and so has a newer release."""
    ctx = server(tmp_path, version, *present)
    if version == OWN and not lacking:
        patches.apply(ctx)  # writes down which are there
        assert commands(ctx) == []
    assert (patches.probe(ctx) is None) == lacking


def test_without_an_index_nothing_is_due(tmp_path: Path) -> None:
    """A volume whose apt has read nothing offers nothing."""
    ctx = server(tmp_path)
    source.package_index(ctx, source.sources(ctx)[1]).unlink()
    assert patches.probe(ctx) == Evidence("the package source offers none")


@pytest.fixture
def apt(tmp_path: Path) -> Apt:
    """Return a server's apt, which has two patches at hand; their scripts write into the vendor's history."""
    (tmp_path / "debs").mkdir()
    shell = Apt(tmp_path / "volume", tmp_path / "debs")
    for name in ("zimbra-patch", "zimbra-proxy-patch"):
        history, done = tmp_path / "volume" / HISTORY, tmp_path / f"volume/opt/{name}.done"
        script = f"echo 200: CONFIGURED patch-8.8.15.p46 >> {history}; touch {done}"
        built(tmp_path / f"debs/{name}_2.deb", postinst=script)
    (tmp_path / "volume/var/lib/dpkg/info").mkdir(parents=True)
    (tmp_path / "volume/var/lib/dpkg/available").touch()
    return shell


def whole(ctx: Context, apt: Apt) -> bool:
    """Tell whether the patches are in, held like all others, read by the server, and the history is one of a server."""
    found, ended = vendor_packages(ctx), last(ctx)
    names = {"zimbra-patch", "zimbra-proxy-patch"}
    return (
        patches.probe(ctx) == Evidence("zimbra-patch 2, zimbra-proxy-patch 2")
        and all(each.installed and each.held for each in found.values())
        and apt.running == names <= found.keys()
        and ended is not None
        and (ended.configured, ended.stages) == (True, STAGES)
    )


@pytest.mark.root
def test_killed_at_each_command(tmp_path: Path, apt: Apt) -> None:
    """Wherever it is killed, in this start of the container or with it, the next attempt brings about the same."""
    for kill in range(100):
        ctx = server(tmp_path / "volume", shell=apt)
        for path in (tmp_path / "volume/opt").glob("*.done"):
            path.unlink()
        marks.forget(ctx)
        apt.running, apt.left = set(), kill
        try:
            patches.apply(ctx)
            break
        except Killed:
            apt.left = None
        if kill % 2:  # the container with it: what is started anew reads what is there
            ctx, apt.running = replace(ctx, boot=f"after {kill}"), set()
            apt.chroot("zmcontrol", "restart")
        if patches.probe(ctx) is None:
            patches.apply(ctx)

        if not isinstance(holds_step.probe(ctx), Evidence):
            holds.hold(ctx)
        assert whole(ctx, apt), f"killed at {kill}: {commands(ctx)[-12:]}"
    assert kill >= 7
    assert whole(ctx, apt)


@pytest.mark.parametrize("stuck", [("apt-get", "update"), FETCH, ("apt-mark", "unhold")], ids=" ".join)
def test_what_comes_to_no_end_stops_nothing(tmp_path: Path, apt: Apt, stuck: tuple[str, ...]) -> None:
    """As with the vendor's installer the server goes on without them; it is told, and the next start tries again.

    Its ports are closed meanwhile, so that a package source that does not answer gets some minutes.
    """
    ctx = server(tmp_path / "volume", shell=apt)
    apt.stuck = stuck
    patches.apply(ctx)
    assert any(set(stuck) <= set(argv) for argv in commands(ctx))
    assert max(apt.limits) <= 300
    evidence = patches.probe(ctx)
    assert isinstance(evidence, Evidence)
    (told,) = evidence.notices
    assert "`zflow shell apt-get install --yes --allow-change-held-packages zimbra-patch zimbra-proxy-patch`" in told
    assert not [argv for argv in commands(ctx) if argv[0] == "zmcontrol"]
    assert patches.probe(replace(ctx, boot="the next")) is None


@pytest.mark.root
def test_no_server_is_restarted_on_half_of_a_patch(tmp_path: Path, apt: Apt) -> None:
    """What the time limit cut off is completed first."""
    ctx = server(tmp_path / "volume", shell=apt)
    apt.slow = True
    patches.apply(ctx)
    assert whole(ctx, apt)


@pytest.mark.root
def test_a_restart_that_comes_to_no_end_stops_nothing(tmp_path: Path, apt: Apt) -> None:
    """The patches are in; that the server may not have read them is told, until the container starts anew."""
    ctx = server(tmp_path / "volume", shell=apt)
    apt.stuck = ("zmcontrol", "restart")
    patches.apply(ctx)
    evidence = patches.probe(ctx)
    assert isinstance(evidence, Evidence)
    (told,) = evidence.notices
    assert told.startswith("the server could not be restarted for the vendor's patches")
    assert patches.probe(replace(ctx, boot="the next")) == Evidence(evidence.summary)


@pytest.mark.root
@pytest.mark.parametrize("by", ["zflow", "the operator"])
def test_a_patch_that_was_removed_on_purpose_stays_away(tmp_path: Path, apt: Apt, by: str) -> None:
    """Whoever had installed it: it is the operator's, in this start and in later ones, and `zflow verify` says so."""
    ctx = server(tmp_path / "volume", shell=apt)
    if by == "the operator":
        apt._dpkg(
            "--install", *(str(apt.built_in / f"{name}_2.deb") for name in ("zimbra-patch", "zimbra-proxy-patch"))
        )
        assert patches.probe(ctx) is None
    patches.apply(ctx)
    assert bool(apt.running) == (by == "zflow")
    apt._dpkg("--force-depends", "--remove", "zimbra-patch")
    for start in ("this", "the next"):
        seen = patches.probe(replace(ctx, boot=start))
        assert isinstance(seen, Evidence)
        assert (seen.summary, seen.notices) == ("zimbra-proxy-patch 2", ())
        assert seen.remarks == ("zimbra-patch was removed by hand, and is not installed again",)


@pytest.mark.root
def test_another_zimbra_gets_its_patches(tmp_path: Path, apt: Apt) -> None:
    """An upgrade takes the patches of the release before away, which nobody did on purpose."""
    patches.apply(server(tmp_path / "volume", shell=apt))
    assert patches.probe(server(tmp_path / "volume", "8.8.15.GA.4179.UBUNTU20.64", shell=apt)) is None


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="there is no apt here to ask for its file names")
def test_the_index_is_where_apt_keeps_it(tmp_path: Path) -> None:
    """A file under the name that is looked for is what apt itself takes for the source's packages."""
    ctx = make_context(make_tree(tmp_path / "volume"), (UBUNTU, PROXY, *SETTINGS), {})
    index = source.package_index(ctx, "http://x.example/apt/87")
    index.parent.mkdir(parents=True)
    index.touch()
    (tmp_path / "x.list").write_text("deb [arch=amd64 trusted=yes] http://x.example/apt/87 bionic zimbra\n")
    options = [
        f"Dir::Etc::sourcelist={tmp_path}/x.list",
        "Dir::Etc::sourceparts=-",
        f"Dir::State::lists={index.parent}",
    ]
    asked = ("apt-get", "indextargets", "--format", "$(FILENAME)", "Created-By: Packages")
    argv = [*asked, *(word for each in options for word in ("-o", each))]
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split() == [str(index)]
