#!/bin/bash
# The vendor's name for this platform, from lsb_release.

if [ ! -f /etc/lsb-release ]; then
  echo "DEBIANUNKNOWN"
  exit 0
fi
case $(lsb_release -sr) in
  @KNOWN@) echo "UBUNTU$(lsb_release -sr | cut -d. -f1)_64" ;;
  *) echo "UBUNTUUNKNOWN_64" ;;
esac
