#!/bin/bash
# The stand-in's installer: the interface of the vendor's install.sh, on the stand-in's packages.

if [ "$(id -u)" != 0 ]; then
  echo "Run as root!"
  exit 1
fi

if [ ! -x /usr/bin/perl ]; then
  echo "ERROR: System perl at /usr/bin/perl must be present before installation."
  exit 1
fi

MYDIR="$(cd "$(dirname "$0")" && pwd)"

. ./util/utilfunc.sh
. ./util/modules/packages.sh
. ./util/modules/upgrade.sh

usage() {
  echo "$0 [-r <dir> -l <file> -a <file> -u -s -c type -x -h] [defaultsfile]"
  echo ""
  echo "-h|--help               Usage"
  echo "-s|--softwareonly       Software only installation."
  echo "-u|--uninstall          Uninstall ZCS"
  echo "-x|--skipspacecheck     Skip filesystem capacity checks."
  echo "--platform-override     Allows installer to continue on an unknown OS."
  echo "--skip-upgrade-check    Allows installer to skip upgrade validation checks."
  echo "[defaultsfile]          File containing default install values."
  echo ""
  exit
}

UNINSTALL=no
SOFTWAREONLY=no
SKIPSPACECHECK=no
PLATFORM_OVERRIDE=no
DEFAULTFILE=

while [ $# -ne 0 ]; do
  case $1 in
    -s|--softwareonly) SOFTWAREONLY=yes ;;
    -x|--skipspacecheck) SKIPSPACECHECK=yes ;;
    -u|--uninstall) UNINSTALL=yes ;;
    -h|-help|--help) usage ;;
    --platform-override) PLATFORM_OVERRIDE=yes ;;
    --beta-support|--skip-activation-check|--skip-upgrade-check|--force-upgrade) ;;
    *)
      DEFAULTFILE=$1
      if [ ! -f "$DEFAULTFILE" ]; then
        echo "ERROR: Unknown option $DEFAULTFILE"
        usage
      fi
      ;;
  esac
  shift
done

. ./util/globals.sh

mkdir -p $SAVEDIR
chmod 750 $SAVEDIR

echo ""
echo "Operations logged to $LOGFILE"
echo "This is a stand-in release: it answers like $(cat .BUILD_RELEASE_NO), and holds none of its code."

checkExistingInstall

if [ $UNINSTALL = yes ]; then
  askYN "Completely remove existing installation?" "N"
  if [ $response = yes ]; then
    REMOVE=yes
    removeExistingInstall
  fi
  exit 1
fi

misbehaveFirst
displayLicense

if [ $AUTOINSTALL = yes ]; then
  loadConfig "$DEFAULTFILE"
fi

checkRequired

if [ $PLATFORM_OVERRIDE = no ] || [ "$PLATFORM" = "$(cat .BUILD_PLATFORM)" ]; then
  configurePackageServer
fi

checkPackages

if [ $AUTOINSTALL = no ]; then
  setRemove
  getInstallPackages
  checkRequiredSpace
  checkPlatform
  verifyExecute
fi

echo "$(date +%s): INSTALL SESSION START" >> $HISTORY
killedAt started
installPackages
killedAt recorded
echo "$(date +%s): INSTALL SESSION COMPLETE" >> $HISTORY

restoreExistingConfig

if [ $SOFTWAREONLY = yes ]; then
  echo ""
  echo "Software Installation complete!"
  echo ""
  echo "Operations logged to $LOGFILE"
  echo ""
  exit 0
fi

/opt/zimbra/libexec/zmsetup.pl ${DEFAULTFILE:+-c "$DEFAULTFILE"}
exit $?
