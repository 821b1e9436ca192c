"""Packages that the vendor's newer installer refuses: reported before the upgrade begins."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from rehearsal.standin import HERE as STANDIN
from rehearsal.standin.debs import substituted
from rehearsal.standin.release import Release
from states.upgrade import checks, codes
from states.zimbra import order, unpack
from tests.states.install.records import installed, write_status
from tests.states.upgrade.servers import ORDER, server, unpacked
from zflow.api import OperatorError

ASK = 'dpkg() { cat "$STATUS/$2" 2>/dev/null; }; ZEXTRAS_PACKAGES=$1; UNINSTALL=no; eval "$2"; verifyNGModulesInstalled'
"""The installer's own look, at packages that lie as files."""


@pytest.mark.parametrize(
    ("release", "states", "found"),
    [
        ("10.1.0", {"zimbra-chat": "hold ok installed", "zimbra-drive": "install ok installed"}, True),
        ("10.1.0", {"zimbra-talk": "hold ok config-files", "zimbra-chat": "deinstall ok config-files"}, True),
        ("10.1.0", {"zimbra-talk": "deinstall ok config-files"}, False),
        ("10.1.0", {"zimbra-talk": "unknown ok not-installed", "zimbra-chatter": "install ok installed"}, False),
        ("9.0.0", {"zimbra-chat": "install ok installed"}, False),
    ],
    ids=["installed", "held", "removed", "purged", "9.0"],
)
def test_what_the_installer_would_end_for(tmp_path: Path, release: str, states: dict[str, str], found: bool) -> None:
    """Each is named with the command that removes it, exactly where the release's script ends."""
    ctx = server(tmp_path / "volume")
    write_status(ctx.volume, installed(held=True) | states)
    unpacked(ctx)
    util = {
        name: substituted((STANDIN / f"installer/util/{name}").read_text(), Release(release, "20.04"))
        for name in ("globals.sh", "utilfunc.sh")
    }
    (unpack.installer(ctx) / "util/globals.sh").write_text(util["globals.sh"])
    order.give(ctx, ORDER)

    if found:
        with pytest.raises(OperatorError) as caught:
            checks.apply(ctx)
        assert caught.value.code is codes.NOT_READY
        names = "zimbra-drive zimbra-chat" if "zimbra-drive" in states else "zimbra-talk"
        assert f"`zflow shell apt-get purge --yes --allow-change-held-packages {names}`" in caught.value.detail
    else:
        checks.apply(ctx)
        assert order.under_way(ctx) is not None
    assert (ends(tmp_path, util, states) == 1) == found


def ends(tmp_path: Path, util: dict[str, str], states: dict[str, str]) -> int:
    """Return the exit code of the installer's own look."""
    for name, status in states.items():
        (tmp_path / name).write_text(f"Package: {name}\nStatus: {status}\n")
    names = util["globals.sh"].partition('ZEXTRAS_PACKAGES="')[2].partition('"')[0].replace("\\", " ")
    body = util["utilfunc.sh"]
    asked = body[body.index("isInstalled() {") : body.index("checkExistingInstall() {")]
    look = asked + body[body.index("verifyNGModulesInstalled() {") : body.index("checkUserInfo() {")]
    argv = ["bash", "-c", ASK, "look", names, look]
    return subprocess.run(argv, env={"STATUS": str(tmp_path), "PATH": "/usr/bin:/bin"}, check=False).returncode
