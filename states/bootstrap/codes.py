"""The errors of bootstrap, ZF-20xx."""

from __future__ import annotations

from zflow.api import Code

FOREIGN = Code(
    "ZF-2001",
    "the volume holds other files",
    "The volume is neither empty nor installed by zflow. zflow changed nothing on it.",
    "Attach an empty volume, or move away the files named in the message. `lost+found` and `app` may stay.",
)
MOUNT_OPTIONS = Code(
    "ZF-2002",
    "the volume's mount options do not allow a system on it",
    "With `ro` or `noexec` no program can run on the volume; with `nosuid` sudo, su and postfix lack their rights.",
    "Mount the host's file system without `ro`, `noexec` and `nosuid`, or put the volume on another file system.",
)
SPACE = Code(
    "ZF-2003",
    "not enough space on the volume",
    "The volume's file system has too little free space to install Ubuntu.",
    "Free space or enlarge the volume, then run `zflow resume`. Zimbra needs 5 GB more, and space for the mail.",
)
DAMAGED = Code(
    "ZF-2004",
    "the Ubuntu on the volume is damaged",
    "zflow installed this Ubuntu, but files named in the message are missing or empty. It does not overwrite it.",
    "Restore the volume from a backup, or restore the files named in the message, then run `zflow resume`.",
)
MIRROR = Code(
    "ZF-2005",
    "the Ubuntu mirror does not answer",
    "The mirror is down, its name does not resolve, or a firewall or a proxy blocks the connection.",
    "zflow tries again. If the error stays, check the container's DNS, or set ZFLOW_MIRROR or ZFLOW_PROXY.",
)
SIGNATURE = Code(
    "ZF-2006",
    "the signature of the Ubuntu archive is not valid",
    "No key of the keyring signed the package lists. The mirror or the keyring is the wrong one, user _apt cannot read "
    "the keyring, or somebody changed the lists on their way.",
    "Check ZFLOW_MIRROR and ZFLOW_KEYRING, and that everybody can read the keyring (mode 0644). If all of it is right, "
    "use another network.",
)
MIRROR_CONTENT = Code(
    "ZF-2007",
    "the mirror is not complete",
    "The mirror has no such release, no -updates or -security pocket, or lacks packages.",
    "Set ZFLOW_MIRROR to a full mirror (for an old release, one that still has it), or choose another ZFLOW_UBUNTU.",
)
BUILD = Code(
    "ZF-2008",
    "Ubuntu could not be installed",
    "The installation of the base system ended with an error that zflow does not know.",
    "zflow tries again. If the error stays, correct what the message names, then run `zflow resume`.",
)
ARCHIVE = Code(
    "ZF-2009",
    "the rootfs archive cannot be used",
    "The file in ZFLOW_ROOTFS_ARCHIVE is missing, has another SHA-256, or does not hold a complete Ubuntu.",
    "Correct ZFLOW_ROOTFS_ARCHIVE and ZFLOW_ROOTFS_SHA256. An archive can be made from any volume of zflow without "
    "Zimbra: `tar --numeric-owner --xattrs --one-file-system -C /data -czf ubuntu.tar.gz .`",
)
CAPABILITY = Code(
    "ZF-2010",
    "the container lacks capabilities",
    "The container does not have a capability named in the message, or a security profile (AppArmor, SELinux) forbids "
    "mounts.",
    "Start it with `--cap-add SYS_ADMIN --cap-add AUDIT_WRITE --security-opt apparmor=unconfined` (see the README).",
)
SERVER_NAME = Code(
    "ZF-2011",
    "the server's name cannot be used",
    "Zimbra needs a fully qualified host name of at most 64 characters, such as mail.example.org. The name cannot be "
    "changed after the installation.",
    "Set ZFLOW_HOSTNAME, or start the container with `--hostname mail.example.org`.",
)
KEYRING = Code(
    "ZF-2012",
    "the keyring is missing",
    "The file in ZFLOW_KEYRING does not exist in the container, or is empty.",
    "Mount the keyring into the container, or do not set ZFLOW_KEYRING: the image has Ubuntu's own.",
)
CLOCK = Code(
    "ZF-2013",
    "the clock is wrong",
    "The time of this machine is outside the validity of the signed package lists.",
    "Set the host's clock (NTP), then run `zflow resume`.",
)
NO_NEW_PRIVILEGES = Code(
    "ZF-2014",
    "set-user-id programs have no effect",
    "The container runs with `no-new-privileges`. Zimbra starts its servers as user zimbra by sudo (8.8.15) or by file "
    "capabilities (10), and a set-group-id program accepts mail; the kernel gives none of them their rights.",
    "Start it without `--security-opt no-new-privileges`; on Kubernetes without `allowPrivilegeEscalation: false`.",
)
MACHINE = Code(
    "ZF-2015",
    "Zimbra does not run on this processor",
    "Zimbra publishes packages for x86_64 (amd64) only, none for arm64 or any other processor.",
    "Start the container on an x86_64 host, with an image built for linux/amd64.",
)
MAIL_DOMAIN = Code(
    "ZF-2016",
    "the mail domain would be a public suffix",
    "If ZFLOW_MAIL_DOMAIN is not set, the mail domain is the server's name without its first label. Here this is a "
    "public suffix such as co.uk, under which anybody can register names. It is not your domain.",
    "Set ZFLOW_MAIL_DOMAIN to the domain whose mail the server receives, or give the server a name in that domain.",
)
MARK_LOST = Code(
    "ZF-2017",
    "the mark of the server on the volume is missing",
    "The volume holds an Ubuntu with Zimbra, but neither the mark etc/zflow-release nor zflow's journal. Files are "
    "missing from a restored backup, or were removed. zflow changed nothing.",
    "Restore both from the same backup as the rest. If there is no backup of them, run the command in the message on "
    "the host, with the path of the volume in place of /data. zflow then checks everything and starts a new journal.",
)
ANOTHERS = Code(
    "ZF-2018",
    "zflow's folder belongs to another server",
    "The folder .zflow on the volume holds the journal and the secrets of another installation.",
    "Restore this server's .zflow from the same backup as the rest, then start the container again.",
)
RESTORED = Code(
    "ZF-2019",
    "the volume was restored without its owners or rights",
    "Files have wrong owners, or programs lack the rights that they need. The backup was made or restored without "
    "them, by another user than root, or with the user ids of another machine. zflow started nothing.",
    "Restore the backup again as root, into an empty volume, with `tar --extract --numeric-owner --same-permissions "
    "--xattrs --xattrs-include='*' --acls`. The guide to operations has the complete command, and one for shifted ids. "
    "If only programs in /opt/zimbra lost set-id bits or capabilities, run `zflow shell "
    "/opt/zimbra/libexec/zmfixperms`, then `zflow resume`.",
)
LOG_BOUND = Code(
    "ZF-2020",
    "the host's system log is mounted into the container",
    "Something is mounted at /dev/log. Zimbra's log lines would go to the host, where neither the login monitor nor "
    "Zimbra's own reports can read them.",
    "Start the container without `--volume /dev/log:/dev/log`. To send the log elsewhere, write `*.* @HOST` into a "
    "file in /data/etc/rsyslog.d with a name that ends in .conf.",
)

CODES = (
    FOREIGN, MOUNT_OPTIONS, SPACE, DAMAGED, MIRROR, SIGNATURE, MIRROR_CONTENT, BUILD, ARCHIVE, CAPABILITY, SERVER_NAME,
    KEYRING, CLOCK, NO_NEW_PRIVILEGES, MACHINE, MAIL_DOMAIN, MARK_LOST, ANOTHERS, RESTORED, LOG_BOUND,
)  # fmt: skip
