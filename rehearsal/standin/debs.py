"""Building a Debian package from a tree, its scripts and its commands."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from . import HERE
from .catalogue import Package, launchers, links
from .release import Release


def substituted(text: str, release: Release) -> str:
    """Fill in what scripts say differently from release to release."""
    words = {
        "@KNOWN@": "|".join(release.known_platforms),
        "@GA8815@": "yes" if release.is_8815 else "no",
        "@ZEXTRAS@": " \\\n".join(release.refused),
    }
    for word, meaning in {**words, **release.patterns}.items():
        text = text.replace(word, meaning)
    return text


def copy_tree(source: Path, target: Path, release: Release) -> None:
    """Copy text files, filled in; scripts are executable."""
    for path in sorted(source.rglob("*")):
        if not path.is_file() or "__pycache__" in path.parts:
            continue
        text = substituted(path.read_text(), release)
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(text)
        copy.chmod(0o755 if text.startswith("#!") else 0o644)


def _control(package: Package, release: Release) -> str:
    lines = [
        f"Package: {package.name}",
        f"Version: {release.full}",
        "Architecture: amd64",
        "Maintainer: zflow tests <root@localhost>",
        "Section: mail",
        "Priority: optional",
    ]
    if package.depends:
        lines.append(f"Depends: {', '.join(package.depends)}")
    lines.append(f"Description: stand-in for {package.name}, for tests only")
    return "\n".join(lines) + "\n"


def _core_extras(home: Path, release: Release) -> None:
    """The library and what it has to know of its release."""
    library = home / "libexec/standin"
    copy_tree(HERE / "runtime", library, release)
    (library / "release.conf").write_text(
        f"version={release.version}\nfull={release.full}\nplatform={release.platform}\n"
    )
    (home / "conf/standin.conf").write_text(release.settings)
    tag = home / "libexec/get_plat_tag.sh"
    tag.write_text(substituted((HERE / "installer/bin/get_plat_tag.sh").read_text(), release))
    tag.chmod(0o755)


def build(package: Package, release: Release, work: Path, out: Path) -> Path:
    """The .deb of a package."""
    tree = work / package.name
    home = tree / "opt/zimbra"
    home.mkdir(parents=True)
    mark = tree / "usr/share/doc" / package.name / "STANDIN"
    mark.parent.mkdir(parents=True)
    mark.write_text(f"{package.name}: a stand-in for tests; a file of its own keeps dpkg from dropping the package\n")
    source = HERE / "packages" / package.name
    if (source / "root").is_dir():
        copy_tree(source / "root", tree, release)
    for path, text in launchers(package.name).items():
        command = home / path
        command.parent.mkdir(parents=True, exist_ok=True)
        command.write_text(text)
        command.chmod(0o755)
    for path, target in links(package.name).items():
        link = home / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)
    if package.name == "zimbra-core":
        _core_extras(home, release)
    scripts = tree / "DEBIAN"
    scripts.mkdir()
    (scripts / "control").write_text(_control(package, release))
    for name in ("postinst", "prerm"):
        if (source / name).is_file():
            shutil.copyfile(source / name, scripts / name)
            (scripts / name).chmod(0o755)
    deb = out / f"{package.name}_{release.full}_amd64.deb"
    out.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "-b", tree, deb], check=True, capture_output=True
    )
    return deb
