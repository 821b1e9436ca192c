"""The errors of Zimbra's release, packages, installers (ZF-30xx) and services (ZF-31xx)."""

from __future__ import annotations

from zflow.api import Code

RELEASE = Code(
    "ZF-3003",
    "the release to install needs a URL and a SHA-256",
    "zflow does not know an archive of this release for this Ubuntu, or only one of the two settings is set.",
    "Set ZFLOW_RELEASE_URL (an http(s) URL or an absolute path) and ZFLOW_RELEASE_SHA256 together.",
)
DOWNLOAD = Code(
    "ZF-3004",
    "the release cannot be downloaded",
    "The server does not answer, or it closes the connection again and again.",
    "zflow tries again and continues where it stopped. If the error stays, set ZFLOW_RELEASE_URL to another URL "
    "or to a local file, or set ZFLOW_PROXY.",
)
WRONG_SHA256 = Code(
    "ZF-3005",
    "the release has the wrong SHA-256",
    "The file is not the expected one: it was rebuilt, damaged or replaced. A downloaded file was removed.",
    "Compare ZFLOW_RELEASE_SHA256 with the sum that the publisher of the archive shows over HTTPS, then run "
    "`zflow resume`. For an upgrade, order it again with `zflow upgrade` and the right sum.",
)
ARCHIVE = Code(
    "ZF-3006",
    "the archive is not a Zimbra release for this Ubuntu",
    "It does not have the layout of a vendor archive, or it was built for another Ubuntu than the one on the volume.",
    "Set ZFLOW_RELEASE_URL to an archive for the Ubuntu named in the message, or start with another ZFLOW_UBUNTU "
    "on an empty volume.",
)
VENDOR_KEY = Code(
    "ZF-3007",
    "the vendor's signing key is not the expected one",
    "The full fingerprint differs, or the file has other keys too. The key was refused before anything was written.",
    "Compare ZFLOW_VENDOR_KEY_FINGERPRINT (40 hex digits) with the fingerprint that the vendor publishes, and "
    "correct ZFLOW_VENDOR_KEY.",
)
VENDOR_KEY_AWAY = Code(
    "ZF-3008",
    "the vendor's signing key cannot be fetched",
    "The key server does not answer.",
    "zflow tries again. Without access to the key server, set ZFLOW_VENDOR_KEY to a file with the key.",
)
SOURCE_AWAY = Code(
    "ZF-3009",
    "the vendor's package source cannot be read",
    "The server does not answer, or it has no packages for this Ubuntu.",
    "zflow tries again. If the error stays, set ZFLOW_PACKAGE_SOURCE to a mirror, or set ZFLOW_PROXY.",
)
SOURCE_SIGNATURE = Code(
    "ZF-3010",
    "the vendor's package source is not signed by the vendor's key",
    "The source or the key is wrong, or the answer was changed on its way.",
    "Check ZFLOW_PACKAGE_SOURCE and ZFLOW_VENDOR_KEY. If both are right, use another network.",
)
ANSWERS = Code(
    "ZF-3011",
    "a value cannot be written into the installer's defaults file",
    "Two programs read that file in different ways, and some characters reach only one of them.",
    "Choose a value without quotes, blanks, dollar signs, backslashes, backquotes and bars.",
)
QUESTION = Code(
    "ZF-3012",
    "the installer asks an unknown question",
    "This release asks a question that its defaults file does not answer. The installer was stopped.",
    "Report the question in the message with the release's name. Another release (ZFLOW_RELEASE) may not ask it.",
)
NOTHING_INSTALLED = Code(
    "ZF-3013",
    "the installer reported success and installed nothing",
    "Its exit code was 0, but its history and dpkg do not list the packages.",
    "Correct the problem that the installer reports, then run `zflow resume`.",
)
PACKAGES = Code(
    "ZF-3014",
    "the installer could not get all packages",
    "A package of the release, or one it depends on, is missing in the package sources or could not be downloaded.",
    "zflow tries again. If the error stays, check ZFLOW_PACKAGE_SOURCE and ZFLOW_MIRROR.",
)
INSTALLER = Code(
    "ZF-3015",
    "the installer refused this system",
    "The vendor's `install.sh` ended with one of its own errors.",
    "Correct the problem named in the message, then run `zflow resume`.",
)
ENDLESS = Code(
    "ZF-3016",
    "the installer printed too much output",
    "It was stopped. Usually it repeats one question and accepts no answer.",
    "Report the line in the message with the release's name.",
)
CONFIGURATION = Code(
    "ZF-3017",
    "the server's configuration failed",
    "The vendor's `zmsetup.pl` did not finish, or the configured server lacks the parts named in the message.",
    "zflow tries again, each time from a clean software install. If the error stays, correct the problem named in "
    "the message, then run `zflow resume`. A usual reason is too little memory.",
)
RELEASE_GONE = Code(
    "ZF-3020",
    "the release is not at its URL or path",
    "The server does not have the file or refuses access, or the local file does not exist.",
    "Archives are rebuilt and moved: set ZFLOW_RELEASE_URL and ZFLOW_RELEASE_SHA256 to one that exists. For an "
    "upgrade, order it again with `zflow upgrade`.",
)
SYSLOG = Code(
    "ZF-3021",
    "the system log does not run",
    "rsyslog in the Ubuntu could not be started, or it ended at once.",
    "Correct `/data/etc/rsyslog.conf` (`zflow shell rsyslogd -N1` checks it), then run `zflow resume`.",
)
KILLED = Code(
    "ZF-3022",
    "the installer was killed",
    "The vendor's installer was killed while it worked, usually by the kernel because memory ran out.",
    "zflow tries again from a clean software install. If the error stays, give the container more memory.",
)
REMAINS = Code(
    "ZF-3023",
    "old packages of Zimbra cannot be replaced",
    "apt could not remove them, or their files are missing while dpkg lists them as installed and does not unpack "
    "them.",
    "zflow tries again from a clean software install. If the error stays, run `zflow shell apt-get purge --yes "
    "--allow-change-held-packages 'zimbra-*'`, correct the problem it reports until it succeeds, then run "
    "`zflow resume`: all packages are installed again.",
)
PACKAGE = Code(
    "ZF-3024",
    "a package of the release cannot be installed",
    "dpkg ran a script of the package or unpacked its files, and that failed. The message has its last lines.",
    "zflow tries again. If the error stays, correct the problem named in the message (`zflow shell` opens the "
    "Ubuntu), then run `zflow resume`.",
)
SERVICES = Code(
    "ZF-3101",
    "services of the server do not run",
    "`zmcontrol start` was run, and the services named in the message are still stopped.",
    "zflow tries again. The files in /data/opt/zimbra/log say why a service stopped.",
)

CODES = (
    RELEASE, DOWNLOAD, WRONG_SHA256, ARCHIVE, VENDOR_KEY, VENDOR_KEY_AWAY, SOURCE_AWAY, SOURCE_SIGNATURE,
    ANSWERS, QUESTION, NOTHING_INSTALLED, PACKAGES, INSTALLER, ENDLESS, CONFIGURATION, RELEASE_GONE, SYSLOG,
    KILLED, REMAINS, PACKAGE, SERVICES,
)  # fmt: skip
