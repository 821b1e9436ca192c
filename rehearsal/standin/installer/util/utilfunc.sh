# Questions, checks and removal.

setting() {
  # The value that `--set` baked into this release for a key.
  sed -n "s/^$1=//p" "$MYDIR/standin.conf"
}

fires() {
  # Whether a misbehaviour was asked for, and `times=N` does not yet spend it.
  local limit count
  [ -n "$(setting $1)" ] || return 1
  limit=$(setting times)
  count=$(cat /opt/zimbra/.standin-fired 2> /dev/null || echo 0)
  [ -n "$limit" ] && [ $count -ge $limit ] && return 1
  echo $((count + 1)) > /opt/zimbra/.standin-fired
}

killedAt() {
  # SIGKILL at the point a test named.
  [ "$(setting install_kill_at)" = $1 ] && fires install_kill_at && kill -KILL $$
  return 0
}

ask() {
  echo ""
  echo -n "$1 [$2] "
  read response
  [ -z "$response" ] && response=$2
}

askYN() {
  while :; do
    ask "$1" "$2"
    case $(echo "$response" | tr A-Z a-z) in
      y|yes) response=yes; return ;;
      n|no) response=no; return ;;
    esac
    echo "A Yes/No answer is required"
  done
}

misbehaveFirst() {
  if fires exit0_nothing; then
    exit 0
  fi
  if fires unknown_question; then
    ask "Is the moon full tonight?" "Maybe"
  fi
  if fires endless_output; then
    while :; do
      echo "A non-blank answer is required"
    done
  fi
}

displayLicense() {
  echo ""
  echo ""
  cat docs/zcl.txt
  echo ""
  echo ""
  if [ $AUTOINSTALL = no ]; then
    askYN "Do you agree with the terms of the software license agreement?" "N"
    [ $response = yes ] || exit 0
  fi
  echo ""
}

loadConfig() {
  perl -pi -e 's/\r//' "$1"
  echo ""
  echo -n "Loading configuration data from $1..."
  source "$1"
  echo "done"
}

isInstalled() {
  # Half-configured and unpacked count as installed.
  PKGINSTALLED=""
  local status
  status=$(dpkg -s "$1" 2> /dev/null | grep '^Status: ')
  case $status in
    ""|*not-installed*|*"deinstall ok"*) ;;
    *) PKGINSTALLED="$1-$(dpkg -s "$1" | sed -n 's/^Version: //p')" ;;
  esac
}

checkExistingInstall() {
  if [ -L /opt ] || [ -L /opt/zimbra ]; then
    echo "Installation cannot continue if either /opt or /opt/zimbra are symbolic links."
    exit 1
  fi
  echo "Checking for existing installation..."
  local package
  for package in $OPTIONAL_PACKAGES $CHAT_PACKAGES $PACKAGES $CORE_PACKAGES; do
    isInstalled $package
    if [ -z "$PKGINSTALLED" ]; then
      echo "    $package...NOT FOUND"
      continue
    fi
    echo "    $package...FOUND $PKGINSTALLED"
    INSTALLED_PACKAGES="$INSTALLED_PACKAGES $package"
    [ $package = zimbra-memcached ] || INSTALLED=yes
  done
  if [ $INSTALLED = yes ] && [ $AUTOINSTALL = no ] && [ $SOFTWAREONLY = no ] && [ $UNINSTALL = no ]; then
    verifyUpgrade
  fi
  [ $INSTALLED = yes ] && verifyNGModulesInstalled
  checkUserInfo
}

verifyUpgrade() {
  echo ""
  echo "Validating ldap configuration"
  if ! su - zimbra -c "/opt/zimbra/bin/ldap status" > /dev/null 2>&1; then
    echo "Error: Unable to bind to the LDAP server as the root LDAP user."
    echo "This is required to upgrade."
    exit 1
  fi
}

verifyNGModulesInstalled() {
  # From 10.0 on.
  local package
  [ $UNINSTALL = no ] || return 0
  for package in $ZEXTRAS_PACKAGES; do
    isInstalled $package
    [ -n "$PKGINSTALLED" ] || continue
    echo "NG Modules detected on this system. If you continue with this upgrade, NG module packages and the associated data will be deleted."
    echo "If you still want to continue, start upgrade using --skip-ng-check"
    exit 1
  done
}

checkUserInfo() {
  local home shell
  id zimbra > /dev/null 2>&1 || return
  home=$(getent passwd zimbra | cut -d: -f6)
  shell=$(getent passwd zimbra | cut -d: -f7)
  if [ "$home" != /opt/zimbra ]; then
    echo "Error - zimbra user exists with incorrect home directory: $home"
    echo "Exiting"
    exit 1
  fi
  if [ "${shell##*/}" != bash ]; then
    echo "Error - zimbra user exists with incorrect shell: $shell"
    echo "Exiting"
    exit 1
  fi
}

hostsAddress() {
  # The address of the line in /etc/hosts that carries exactly this name.
  sed -e 's/#.*//' /etc/hosts | awk -v name="$HOSTNAME" \
    '{ for (i = 2; i <= NF; i++) if ($i == name) { print $1; exit } }'
}

checkRequired() {
  local first
  first=$(getent hosts 127.0.0.1 | awk '{ print $2 }')
  if [ -n "$first" ] && [ "$first" != localhost ] && [ "$first" != localhost.localdomain ]; then
    echo ""
    echo "  ERROR: Installation can not proceeed.  Please fix your /etc/hosts file"
    echo "  to contain:"
    echo ""
    echo "  127.0.0.1 localhost.localdomain localhost"
    echo ""
    exit 1
  fi
  if [ -z "$HOSTNAME" ] || ! hostsAddress | grep -Eq '^[0-9.]+$|^[0-9a-fA-F:.]+$'; then
    echo ""
    echo "  ERROR: Installation can not proceeed.  Please fix your /etc/hosts file"
    echo "  to contain:"
    echo ""
    echo "  <ip> <FQHN> <HN>"
    echo ""
    echo "  Where <IP> is the ip address of the host, "
    echo "  <FQHN> is the FULLY QUALIFIED host name, and"
    echo "  <HN> is the (optional) hostname-only portion"
    echo ""
    exit 1
  fi
}

configurePackageServer() {
  echo ""
  if [ -z "$USE_ZIMBRA_PACKAGE_SERVER" ]; then
    askYN "Use Zimbra's package repository" "Y"
    USE_ZIMBRA_PACKAGE_SERVER=$response
  fi
  if [ "$USE_ZIMBRA_PACKAGE_SERVER" = yes ]; then
    echo ""
    echo "Importing Zimbra GPG key"
    echo "ERROR: Unable to retrive Zimbra GPG key for package validation"
    echo "Please fix system to allow normal package installation before proceeding"
    exit 1
  fi
}

checkRequiredSpace() {
  local good=yes free
  echo "Checking required space for zimbra-core"
  free=$(($(df -Pk /tmp | tail -1 | awk '{ print $4 }') / 1024))
  if [ $free -lt 100 ]; then
    echo "/tmp must have at least 100MB of availble space to install."
    echo "${free}MB is not enough space to install ZCS."
    good=no
  fi
  if [[ " $INSTALL_PACKAGES " == *" zimbra-store "* ]]; then
    echo "Checking space for zimbra-store"
    free=$(($(df -Pk /opt/zimbra | tail -1 | awk '{ print $4 }') / 1048576))
    if [ $free -lt 5 ]; then
      echo "/opt/zimbra requires at least 5GB of space to install."
      echo "${free}GB is not enough space to install."
      good=no
    fi
  fi
  [ $good = yes ] && return
  echo ""
  if [ $SKIPSPACECHECK != yes ]; then
    echo "Installation cancelled."
    echo ""
    exit 1
  fi
  echo "Installation will continue by request."
  echo ""
}

checkPlatform() {
  [ "$PLATFORM" = "$(cat .BUILD_PLATFORM)" ] && return
  echo ""
  echo "You appear to be installing packages on a platform different"
  echo "than the platform for which they were built."
  echo ""
  echo "This platform is $PLATFORM"
  echo "Packages found: $(cat .BUILD_PLATFORM)"
  echo "This may or may not work."
  echo ""
  if [ $PLATFORM_OVERRIDE = yes ]; then
    askYN "Install anyway?" "N"
    [ $response = yes ] && return
    echo "Exiting..."
  else
    echo "Installation can not continue without manual override."
    echo "You can override this safety check with $0 --platform-override"
  fi
  exit 1
}

setRemove() {
  local found
  if [ $INSTALLED = yes ]; then
    echo ""
    echo "The Zimbra Collaboration Server appears to already be installed."
    echo "It can be upgraded with no effect on existing accounts,"
    echo "or the current installation can be completely removed prior"
    echo "to installation for a clean install."
    while :; do
      UPGRADE=yes
      askYN "Do you wish to upgrade?" "Y"
      [ $response = yes ] && return
      askYN "Exit now?" "Y"
      [ $response = yes ] && exit 1
      echo ""
      echo "*** WARNING - you are about to delete all existing users and mail"
      askYN "Delete users/mail?" "N"
      if [ $response = yes ]; then
        REMOVE=yes
        UPGRADE=no
        return
      fi
    done
  fi
  REMOVE=yes
  for found in db bin/zmcontrol redolog index store conf/localconfig.xml data; do
    if [ -e /opt/zimbra/$found ]; then
      INSTALLED=yes
      echo ""
      echo "The Zimbra Collaboration Server does not appear to be installed,"
      echo "yet there appears to be a ZCS directory structure in /opt/zimbra."
      askYN "Would you like to delete /opt/zimbra before installing?" "N"
      REMOVE=$response
      return
    fi
  done
}

verifyExecute() {
  while :; do
    askYN "The system will be modified.  Continue?" "N"
    [ $response = yes ] && return
    askYN "Exit?" "N"
    if [ $response = yes ]; then
      echo "Exiting - the system is unchanged"
      exit 1
    fi
  done
}

shutDownSystem() {
  su - zimbra -c "/opt/zimbra/bin/zmcontrol shutdown" > /dev/null 2>&1
}

removeExistingInstall() {
  saveExistingConfig
  if [ $INSTALLED = yes ]; then
    echo ""
    echo "Shutting down zimbra mail"
    shutDownSystem
    removeOrKeepPackages
  fi
  [ $REMOVE = yes ] || return
  isInstalled zimbra-base
  if [ -n "$PKGINSTALLED" ]; then
    echo -n "   zimbra-base..."
    apt-get -y --purge purge zimbra-base >> $LOGFILE 2>&1
    echo "done"
  fi
  killedAt purged
  echo ""
  echo "Removing /opt/zimbra"
  crontab -u zimbra -r 2> /dev/null
  rm -f /etc/init.d/zimbra /etc/logrotate.d/zimbra /etc/rsyslog.d/60-zimbra.conf
  rm -rf /opt/zimbra/*
  echo "Finished removing Zimbra Collaboration Server."
}
