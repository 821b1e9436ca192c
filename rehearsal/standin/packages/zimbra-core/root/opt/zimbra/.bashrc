export PATH=/opt/zimbra/bin:/opt/zimbra/common/bin:/opt/zimbra/common/sbin:/usr/sbin:/usr/bin:/sbin:/bin
umask 0027
