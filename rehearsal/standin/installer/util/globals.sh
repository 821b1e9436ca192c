# What every part of the installer knows.

LOGFILE=$(mktemp -t install.log.XXXXXXXX 2> /dev/null) || { echo "Failed to create tmpfile"; exit 1; }
PLATFORM=$(bin/get_plat_tag.sh)

CORE_PACKAGES="zimbra-core"
PACKAGES="zimbra-ldap zimbra-logger zimbra-mta zimbra-dnscache zimbra-snmp zimbra-store zimbra-apache zimbra-spell \
zimbra-memcached zimbra-proxy"
OPTIONAL_PACKAGES="zimbra-drive zimbra-imapd"
CHAT_PACKAGES="zimbra-chat"
PATCH_PACKAGES=""
[ @GA8815@ = yes ] && PATCH_PACKAGES="zimbra-patch zimbra-mta-patch zimbra-proxy-patch"
OPTIONAL_PACKAGES="$OPTIONAL_PACKAGES $PATCH_PACKAGES"
ZEXTRAS_PACKAGES="@ZEXTRAS@"

PACKAGE_DIR="$MYDIR/packages"
SAVEDIR=/opt/zimbra/.saveconfig
HISTORY=/opt/zimbra/.install_history

AUTOINSTALL=no
[ -n "$DEFAULTFILE" ] && AUTOINSTALL=yes
INSTALLED=no
INSTALLED_PACKAGES=""
REMOVE=no
UPGRADE=no
INSTALL_PACKAGES="zimbra-core"
HOSTNAME=$(hostname --fqdn)
case $HOSTNAME in *.*) ;; *) HOSTNAME="" ;; esac
