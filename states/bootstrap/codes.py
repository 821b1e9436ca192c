"""The errors of bootstrap, ZF-20xx."""

from __future__ import annotations

from zflow.api import Code

FOREIGN = Code(
    "ZF-2001",
    "the volume holds files of something else",
    "The volume is neither empty nor installed by zflow. Nothing on it was touched.",
    "Attach an empty volume, or move away what is named below. `lost+found` and `app` may stay.",
)
MOUNT_OPTIONS = Code(
    "ZF-2002",
    "the volume is mounted with options a system cannot run on",
    "Programs on the volume could not be run, or set-user-id ones (sudo, su, postfix) would lose their rights.",
    "Mount the host's file system without `ro`, `noexec` and `nosuid`, or put the volume on another one.",
)
SPACE = Code(
    "ZF-2003",
    "not enough room on the volume",
    "The file system of the volume is too full for an Ubuntu installation.",
    "Free room or enlarge the volume, then run `zflow resume`. Zimbra itself wants 5 GB more, and room for the mail.",
)
DAMAGED = Code(
    "ZF-2004",
    "the installation on the volume is damaged",
    "zflow finished this Ubuntu once, but what is named below is missing or empty now. It is not overwritten.",
    "Restore the volume from a backup, or put back what is named below, then run `zflow resume`.",
)
MIRROR = Code(
    "ZF-2005",
    "the Ubuntu mirror does not answer",
    "The mirror is down, its name does not resolve, or a firewall or proxy is in between.",
    "It is tried again by itself. If it stays, set ZFLOW_MIRROR or ZFLOW_PROXY, or check the container's DNS.",
)
SIGNATURE = Code(
    "ZF-2006",
    "the Ubuntu archive's signature does not verify",
    "The lists are not signed by a key of the keyring: a wrong mirror, a wrong keyring, or somebody in between.",
    "Check ZFLOW_MIRROR and ZFLOW_KEYRING. Do not go on over a network that you do not trust.",
)
MIRROR_CONTENT = Code(
    "ZF-2007",
    "the mirror lacks what is needed",
    "The mirror has no such release, lacks its -updates or -security pocket, or packages are missing there.",
    "Set ZFLOW_MIRROR to a full mirror (also one of old releases), or choose another ZFLOW_UBUNTU.",
)
BUILD = Code(
    "ZF-2008",
    "Ubuntu could not be installed",
    "The installation of the base system ended with an error that zflow does not know.",
    "It is tried again. If it stays, correct what the message names, then run `zflow resume`.",
)
ARCHIVE = Code(
    "ZF-2009",
    "the rootfs archive cannot be used",
    "The file named by ZFLOW_ROOTFS_ARCHIVE is absent, differs from its SHA-256, or does not hold a complete Ubuntu.",
    "Correct ZFLOW_ROOTFS_ARCHIVE and ZFLOW_ROOTFS_SHA256. Any volume of zflow before Zimbra's install makes an "
    "archive: `tar --numeric-owner --xattrs --one-file-system -C /data -czf ubuntu.tar.gz .`",
)
CAPABILITY = Code(
    "ZF-2010",
    "the container lacks rights",
    "A capability named below was not given, or a security profile (AppArmor, SELinux) forbids mounts.",
    "Start it with `--cap-add SYS_ADMIN --cap-add AUDIT_WRITE --security-opt apparmor=unconfined` (see the README).",
)
SERVER_NAME = Code(
    "ZF-2011",
    "the server's name cannot be used",
    "Zimbra needs a fully qualified host name such as mail.example.org, of at most 64 characters, and takes it "
    "over into its data for good.",
    "Set ZFLOW_HOSTNAME, or start the container with `--hostname mail.example.org`.",
)
KEYRING = Code(
    "ZF-2012",
    "the keyring is absent",
    "The file named by ZFLOW_KEYRING does not exist in the container or is empty.",
    "Mount the keyring into the container, or leave ZFLOW_KEYRING unset to use the one of the image.",
)
CLOCK = Code(
    "ZF-2013",
    "the clock is wrong",
    "The archive's lists are signed for a time that differs from the clock of this machine.",
    "Set the host's clock (NTP), then run `zflow resume`.",
)
NO_NEW_PRIVILEGES = Code(
    "ZF-2014",
    "set-user-id programs have no effect",
    "The container runs with `no-new-privileges`. Zimbra starts its servers as user zimbra by sudo (8.8.15) or by file "
    "capabilities (10), and mail is handed in by a set-group-id program; the kernel gives none of them their rights.",
    "Start it without `--security-opt no-new-privileges`; on Kubernetes without `allowPrivilegeEscalation: false`.",
)
MACHINE = Code(
    "ZF-2015",
    "Zimbra does not run on this processor",
    "Zimbra publishes packages for x86_64 (amd64) only; there are none for arm64 or any other processor.",
    "Start the container on an x86_64 host, with an image built for linux/amd64.",
)
MAIL_DOMAIN = Code(
    "ZF-2016",
    "the mail domain would be a public suffix",
    "The mail domain is the server's name without its first label, unless it is set. What is left here is a suffix "
    "below which anybody registers names, such as co.uk, and not your domain.",
    "Set ZFLOW_MAIL_DOMAIN to the domain whose mail the server is to take, or give the server a name inside it.",
)
MARK_LOST = Code(
    "ZF-2017",
    "the volume holds a server whose mark is lost",
    "An Ubuntu with a Zimbra lies on the volume, but etc/zflow-release, by which zflow knows it as finished, is gone, "
    "and so is zflow's journal: a backup without some files was restored, or they were removed. Nothing was touched.",
    "Restore both from the same backup as the rest. Without one, write the mark by the command in the message, on the "
    "host with the volume's folder in place of /data; zflow then looks at everything and writes a new journal.",
)
ANOTHERS = Code(
    "ZF-2018",
    "zflow's folder belongs to another server",
    "The folder .zflow on the volume holds journal and secrets of another installation than the Ubuntu beside it.",
    "Put back the .zflow that belongs to this server, from the same backup as the rest, and start the container again.",
)
RESTORED = Code(
    "ZF-2019",
    "the volume was restored without its owners or rights",
    "Files have other owners than in an Ubuntu, or programs lost the rights that they need: a backup was made or "
    "unpacked without them, by another user than root, or with the ids of another machine. Nothing was started.",
    "Restore the backup again as root, into an empty volume, with `tar --extract --numeric-owner --same-permissions "
    "--xattrs --xattrs-include='*' --acls`; the page on operations has the whole command, and the one for shifted ids. "
    "Where only programs below /opt/zimbra lost set-id bits or capabilities, `zflow shell "
    "/opt/zimbra/libexec/zmfixperms` gives them back; then run `zflow resume`.",
)
LOG_BOUND = Code(
    "ZF-2020",
    "the host's system log is mounted into the container",
    "Something is mounted at /dev/log: what Zimbra logs would go to the host, and nothing here could read it, neither "
    "the watcher of failed logins nor Zimbra's own reports.",
    "Start the container without `--volume /dev/log:/dev/log`. To send the log elsewhere, write `*.* @HOST` into a "
    "file below /data/etc/rsyslog.d whose name ends with .conf.",
)

CODES = (
    FOREIGN,
    MOUNT_OPTIONS,
    SPACE,
    DAMAGED,
    MIRROR,
    SIGNATURE,
    MIRROR_CONTENT,
    BUILD,
    ARCHIVE,
    CAPABILITY,
    SERVER_NAME,
    KEYRING,
    CLOCK,
    NO_NEW_PRIVILEGES,
    MACHINE,
    MAIL_DOMAIN,
    MARK_LOST,
    ANOTHERS,
    RESTORED,
    LOG_BOUND,
)
