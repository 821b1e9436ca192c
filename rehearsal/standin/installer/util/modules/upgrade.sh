# What UPGRADE=yes changes: settings and certificates are kept aside, packages are exchanged in place, settings come back.

KEPT="localconfig.xml smtpd.key smtpd.crt slapd.key slapd.crt nginx.key nginx.crt"

installedVersion() {
  dpkg -s zimbra-core 2> /dev/null | sed -n 's/^Version: //p'
}

packagedVersion() {
  dpkg-deb -f "$PACKAGE_DIR"/zimbra-core_[0-9]*.deb Version
}

saveExistingConfig() {
  local name
  [ $UPGRADE = yes ] || return 0
  echo ""
  echo "Saving existing configuration file to $SAVEDIR"
  if [ -x /opt/zimbra/bin/zmlocalconfig ]; then
    su - zimbra -c "zmlocalconfig -s" 2> /dev/null | sed -e "s/ = \(.*\)/='\1'/" > $SAVEDIR/config.save
  fi
  for name in $KEPT; do
    [ -f /opt/zimbra/conf/$name ] && cp -f /opt/zimbra/conf/$name $SAVEDIR/$name
  done
  return 0
}

restoreExistingConfig() {
  local name
  [ $UPGRADE = yes ] || return 0
  echo -n "Restoring existing configuration file from $SAVEDIR/localconfig.xml..."
  for name in $KEPT; do
    [ -f $SAVEDIR/$name ] || continue
    cp -f $SAVEDIR/$name /opt/zimbra/conf/$name
    chown zimbra:zimbra /opt/zimbra/conf/$name
  done
  echo "done"
}

removeOrKeepPackages() {
  # In place only where another build is installed: after a kill the same one may be there, in part, and is purged.
  if [ $UPGRADE = yes ] && [ "$(installedVersion)" != "$(packagedVersion)" ]; then
    echo "Upgrading the remote packages"
  else
    removeExistingPackages
  fi
}
