"""The errors of Zimbra's release, packages, installers (ZF-30xx) and services (ZF-31xx)."""

from __future__ import annotations

from zflow.api import Code

RELEASE = Code(
    "ZF-3003",
    "the release to install is not fully named",
    "An archive from elsewhere needs its SHA-256, and a release without an archive of its own needs an URL as well.",
    "Set ZFLOW_RELEASE_URL (an http(s) URL or an absolute path) and ZFLOW_RELEASE_SHA256 together.",
)
DOWNLOAD = Code(
    "ZF-3004",
    "the release cannot be downloaded",
    "The server does not answer, cuts the connection again and again, or does not have the file (any more).",
    "It is tried again by itself and goes on where it stopped. If it stays, set ZFLOW_RELEASE_URL to another place or "
    "to a local file, or ZFLOW_PROXY.",
)


WRONG_SHA256 = Code(
    "ZF-3005",
    "the release has the wrong SHA-256",
    "The file is not the expected one: rebuilt by its maker, damaged, or replaced. A downloaded one has been removed.",
    "Compare ZFLOW_RELEASE_SHA256 with what the maker publishes, over a trusted way; then run `zflow resume`. For an "
    "upgrade order it again, with `zflow upgrade` and the right sum.",
)
ARCHIVE = Code(
    "ZF-3006",
    "the archive is not a Zimbra release for this system",
    "It has not the layout of a vendor archive, or was built for another Ubuntu than the one on the volume.",
    "Choose a release for the Ubuntu named below, or another ZFLOW_UBUNTU on an empty volume.",
)
VENDOR_KEY = Code(
    "ZF-3007",
    "the vendor's signing key is not the expected one",
    "The key was refused before anything was written: its full fingerprint differs, or the file holds other keys too.",
    "Compare ZFLOW_VENDOR_KEY_FINGERPRINT (40 hex digits) with what the vendor publishes; correct ZFLOW_VENDOR_KEY.",
)
VENDOR_KEY_AWAY = Code(
    "ZF-3008",
    "the vendor's signing key cannot be had",
    "The key server does not answer.",
    "It is tried again by itself. Without access to the key server set ZFLOW_VENDOR_KEY to a file with the key.",
)
SOURCE_AWAY = Code(
    "ZF-3009",
    "the vendor's package source cannot be read",
    "The server does not answer, or has no packages for this Ubuntu.",
    "It is tried again by itself. If it stays, set ZFLOW_PACKAGE_SOURCE to a mirror, or ZFLOW_PROXY.",
)
SOURCE_SIGNATURE = Code(
    "ZF-3010",
    "the vendor's package source is not signed by the vendor's key",
    "A wrong source, a wrong key, or somebody in between.",
    "Check ZFLOW_PACKAGE_SOURCE and ZFLOW_VENDOR_KEY. Do not go on over a network that you do not trust.",
)
ANSWERS = Code(
    "ZF-3011",
    "a value cannot be written into the installer's defaults file",
    "Two programs read that file in different ways; some characters survive only one of them.",
    "Choose a value without quotes, blanks, dollar signs, backslashes, backquotes and bars.",
)
QUESTION = Code(
    "ZF-3012",
    "the installer asks an unknown question",
    "This release asks something that its defaults file does not answer. It was ended; nothing waits.",
    "Report the question below with the release's name. Another release may do without it (ZFLOW_RELEASE).",
)
NOTHING_INSTALLED = Code(
    "ZF-3013",
    "the installer reported success and installed nothing",
    "Its exit code was 0, but its own history and dpkg do not show the packages.",
    "Correct what the installer complains of, then run `zflow resume`.",
)
PACKAGES = Code(
    "ZF-3014",
    "the installer could not get all packages",
    "A package of the release or one it needs is missing in the package sources, or could not be downloaded.",
    "It is tried again by itself. If it stays, check ZFLOW_PACKAGE_SOURCE and ZFLOW_MIRROR.",
)
INSTALLER = Code(
    "ZF-3015",
    "the installer refused this system",
    "The vendor's `install.sh` ended with one of its own errors.",
    "Correct what the message names, then run `zflow resume`.",
)
ENDLESS = Code(
    "ZF-3016",
    "the installer printed without end",
    "It was ended; most often it asks the same question again and again and takes no answer.",
    "Report what it repeats, with the release's name.",
)
CONFIGURATION = Code(
    "ZF-3017",
    "the server's configuration failed",
    "The vendor's `zmsetup.pl` did not come to its end, or the server that it made lacks what the message names.",
    "It is tried again by itself, each time from a clean software install. If it stays, correct what the message "
    "names, then run `zflow resume`; little memory is a usual reason.",
)
RELEASE_GONE = Code(
    "ZF-3020",
    "the release is not where it should be",
    "The server says that it does not have the file, or does not give it to you; or the local file is not there.",
    "Makers rebuild and move their archives: set ZFLOW_RELEASE_URL and ZFLOW_RELEASE_SHA256 to one that exists. For "
    "an upgrade order it again with `zflow upgrade`.",
)
SYSLOG = Code(
    "ZF-3021",
    "the system log does not run",
    "rsyslog inside the Ubuntu could not be started, or ended at once.",
    "Correct what is wrong in `/data/etc/rsyslog.conf`, then run `zflow resume`.",
)
KILLED = Code(
    "ZF-3022",
    "the installer was killed",
    "Something ended the vendor's installer in the middle of its work: most often the kernel, for want of memory.",
    "It is tried again by itself, from clean software on. If it stays, give the container more memory.",
)
REMAINS = Code(
    "ZF-3023",
    "earlier packages of Zimbra are in the way",
    "apt could not remove them; or their files are gone while dpkg calls them installed, and so never unpacks them.",
    "It is tried again by itself, from clean software on. If it stays, run `zflow shell apt-get --yes --purge purge "
    "'zimbra-*'`, correct what it complains of until it succeeds, then run `zflow resume`: all is installed again.",
)
PACKAGE = Code(
    "ZF-3024",
    "a package of the release cannot be installed",
    "dpkg ran a script of the package, or unpacked its files, and that failed; the message has its last words.",
    "It is tried again by itself. If it stays, correct what its last words name (`zflow shell` opens the Ubuntu), then "
    "run `zflow resume`.",
)
SERVICES = Code(
    "ZF-3101",
    "services of the server do not run",
    "`zmcontrol start` was run, and the services below are down all the same.",
    "It is tried again by itself. The files below /data/opt/zimbra/log tell why a service ends.",
)

CODES = (
    RELEASE,
    DOWNLOAD,
    WRONG_SHA256,
    ARCHIVE,
    VENDOR_KEY,
    VENDOR_KEY_AWAY,
    SOURCE_AWAY,
    SOURCE_SIGNATURE,
    ANSWERS,
    QUESTION,
    NOTHING_INSTALLED,
    PACKAGES,
    INSTALLER,
    ENDLESS,
    CONFIGURATION,
    RELEASE_GONE,
    SYSLOG,
    KILLED,
    REMAINS,
    PACKAGE,
    SERVICES,
)
