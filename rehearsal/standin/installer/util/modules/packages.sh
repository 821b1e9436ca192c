# Finding, installing and removing packages.

shopt -s extglob
declare -A LOCATION VISITED

locate() {
  # local, repo or unknown.
  local package=$1 files
  [ -n "${LOCATION[$package]}" ] && return
  files=("$PACKAGE_DIR/$package"_[0-9]*.deb)
  if [ -f "${files[0]}" ]; then
    LOCATION[$package]=local
  elif apt-cache search --names-only "^$package$" 2> /dev/null | grep -qw "^$package"; then
    LOCATION[$package]=repo
  else
    LOCATION[$package]=unknown
  fi
}

localDependencies() {
  dpkg-deb -f "$PACKAGE_DIR/$1"_[0-9]*.deb Depends | tr ',' '\n' | sed -n 's/^ *\(zimbra-[a-z-]*\).*/\1/p'
}

checkPackages() {
  local package
  echo ""
  echo "Checking for installable packages"
  echo ""
  AVAILABLE_PACKAGES=""
  for package in $CORE_PACKAGES $PACKAGES $OPTIONAL_PACKAGES $CHAT_PACKAGES; do
    locate $package
    case ${LOCATION[$package]} in
      unknown)
        if [ $package = zimbra-core ]; then
          echo "ERROR: Required Core package $package not found in $PACKAGE_DIR"
          echo "Exiting"
          exit 1
        fi
        ;;
      *)
        echo "Found $package (${LOCATION[$package]})"
        [ $package = zimbra-core ] || AVAILABLE_PACKAGES="$AVAILABLE_PACKAGES $package"
        ;;
    esac
  done
  echo ""
}

getInstallPackages() {
  local package default
  echo ""
  if [ $UPGRADE = yes ]; then
    echo "Scanning for any new or additional packages available for installation"
    echo "Existing packages will be upgraded"
    echo "    Upgrading zimbra-core"
  else
    echo "Select the packages to install"
  fi
  for package in $AVAILABLE_PACKAGES; do
    if [ $UPGRADE = yes ] && [[ " $INSTALLED_PACKAGES " == *" $package "* ]]; then
      echo "    Upgrading $package"
      INSTALL_PACKAGES="$INSTALL_PACKAGES $package"
      continue
    fi
    default=Y
    [ $UPGRADE = yes ] && default=N
    case $package in
      # Nobody is asked: they follow the part that they patch.
      zimbra-patch) ifChosen zimbra-store $package; continue ;;
      zimbra-mta-patch) ifChosen zimbra-mta $package; continue ;;
      zimbra-proxy-patch) ifChosen zimbra-proxy $package; continue ;;
    esac
    if [ $package = zimbra-imapd ]; then
      askYN "Install $package (BETA - for evaluation only)" "N"
    else
      askYN "Install $package" $default
    fi
    [ $response = yes ] && INSTALL_PACKAGES="$INSTALL_PACKAGES $package"
  done
}

ifChosen() {
  [[ " $INSTALL_PACKAGES " == *" $1 "* ]] && INSTALL_PACKAGES="$INSTALL_PACKAGES $2"
}

waitsForLocal() {
  # Whether a package of the repository wants one that lies in the archive.
  local dependency
  [[ $1 == *-components ]] && return 1
  for dependency in $(apt-cache depends "$1" 2> /dev/null | sed -n 's/.*Depends: *<*\(zimbra-[a-z-]*\).*/\1/p'); do
    locate $dependency
    [ ${LOCATION[$dependency]} = local ] && return 0
  done
  return 1
}

gather() {
  # Depth first: what a local package depends on comes before it.
  local package=$1 dependency
  [ -n "${VISITED[$package]}" ] && return
  VISITED[$package]=1
  locate $package
  case ${LOCATION[$package]} in
    local)
      for dependency in $(localDependencies $package); do
        gather $dependency
      done
      printf "%48s %s\n" $package "will be installed."
      LOCAL_NAMES+=($package)
      ;;
    repo)
      if waitsForLocal $package; then
        printf "%48s %s\n" $package "will be downloaded and installed (later)."
        LATER_NAMES+=($package)
      else
        printf "%48s %s\n" $package "will be downloaded and installed."
        REPO_NAMES+=($package)
      fi
      ;;
    *)
      printf "%48s %s\n" $package "is missing.                                    ERROR"
      MISSING=$((MISSING + 1))
      ;;
  esac
}

announce() {
  local banner=$1
  shift
  echo ""
  echo "$banner ($#):" | tee -a $LOGFILE
  printf "   %s\n" "$@" | tee -a $LOGFILE
  echo -n "      ..."
}

pkgError() {
  echo ""
  echo "ERROR: Unable to install required packages"
  echo "Fix the issues with remote package installation and rerun the installer"
  exit 1
}

installPackages() {
  local package state=INSTALLED
  local LOCAL_NAMES=() REPO_NAMES=() LATER_NAMES=() MISSING=0
  echo ""
  echo "Beginning Installation - see $LOGFILE for details..."
  echo ""
  for package in $INSTALL_PACKAGES; do
    gather $package
  done
  if [ $MISSING -gt 0 ]; then
    echo ""
    echo "Unable to find missing packages in repository. System is not modified."
    exit 1
  fi
  if [ ${#REPO_NAMES[@]} -gt 0 ]; then
    announce "Downloading packages" "${REPO_NAMES[@]}"
    if ! apt-get --download-only install -y "${REPO_NAMES[@]}" >> $LOGFILE 2>&1; then
      echo "Unable to download packages from repository. System is not modified."
      exit 1
    fi
    echo "done"
  fi
  killedAt downloaded
  removeExistingInstall
  killedAt removed
  if [ ${#REPO_NAMES[@]} -gt 0 ]; then
    announce "Installing repo packages" "${REPO_NAMES[@]}"
    apt-get install -y "${REPO_NAMES[@]}" >> $LOGFILE 2>&1 || pkgError
    echo "done"
  fi
  announce "Installing local packages" "${LOCAL_NAMES[@]}"
  killedAt repo
  ! fires install_fail || pkgError
  if [ "$(setting install_kill_at)" = unpacked ]; then
    dpkg --unpack "$PACKAGE_DIR"/zimbra-{core,ldap,mta,store}_[0-9]*.deb >> $LOGFILE 2>&1
    killedAt unpacked
  fi
  if [ "$(setting install_kill_at)" = torn ]; then
    # What a dpkg says that is killed while it unpacks.
    dpkg --unpack "$PACKAGE_DIR"/zimbra-{core,ldap,mta,store}_[0-9]*.deb >> $LOGFILE 2>&1
    sed -i '/^Package: zimbra-store$/,/^$/s/^Status: .*/Status: install reinstreq half-installed/' /var/lib/dpkg/status
    killedAt torn
  fi
  dpkg -i --auto-deconfigure $(for package in "${LOCAL_NAMES[@]}"; do
    echo "$PACKAGE_DIR/$package"_[0-9]*.deb
  done) >> $LOGFILE 2>&1 || pkgError
  echo "done"
  if [ ${#LATER_NAMES[@]} -gt 0 ]; then
    announce "Installing extra packages" "${LATER_NAMES[@]}"
    if apt-get install -y "${LATER_NAMES[@]}" >> $LOGFILE 2>&1; then
      echo "done"
    else
      # Written down as installed all the same.
      echo "Unable to download extra packages from repository. Proceeding without this..."
    fi
  fi
  killedAt configured
  if [ "$(setting install_kill_at)" = forgotten ] && fires install_kill_at; then
    # What a power cut leaves: dpkg syncs its list, nobody the history.
    : > $HISTORY
    kill -KILL $$
  fi
  [ $UPGRADE = yes ] && state=UPGRADED
  for package in "${LOCAL_NAMES[@]}" "${REPO_NAMES[@]}" "${LATER_NAMES[@]}"; do
    dpkg-query -W -f="$(date +%s): $state \${package}_\${Version}_\${Architecture}.deb\n" $package >> $HISTORY
  done
  echo ""
  echo "Running Post Installation Configuration:"
}

removeExistingPackages() {
  echo ""
  echo "Removing existing packages"
  echo ""
  if [ @GA8815@ = yes ]; then
    removeOneByOne
    return
  fi
  if [ "$(setting install_kill_at)" = removing ]; then
    # What an apt leaves that is killed between two packages.
    dpkg --purge --force-depends zimbra-store >> $LOGFILE 2>&1
    killedAt removing
  fi
  if ! apt-get -y --purge purge zimbra-* >> $LOGFILE 2>&1; then
    echo "Failed to remove existing zimbra packages"
    exit 1
  fi
  echo "done"
}

removeOneByOne() {
  # 8.8.15: each by dpkg, then what it had from the repository by apt, without a look at either's end.
  local package base
  for package in ${INSTALLED_PACKAGES//zimbra-@(apache|core)/} zimbra-apache zimbra-core; do
    isInstalled $package
    [ -n "$PKGINSTALLED" ] || continue
    echo -n "   $package..."
    base=$package-base
    case $package in
      zimbra-core) base=zimbra-base ;;
      zimbra-memcached) isInstalled $base; [ -n "$PKGINSTALLED" ] || base="" ;;
      zimbra-@(apache|dnscache|ldap|mta|proxy|snmp|spell|store)) ;;
      *) base="" ;;
    esac
    [ "$package $base" = "zimbra-memcached zimbra-memcached-base" ] || dpkg --purge $package > /dev/null 2>&1
    killedAt removing
    [ -z "$base" ] || apt-get -y --purge purge $base >> $LOGFILE 2>&1
    echo "done"
  done
}
