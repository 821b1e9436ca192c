"""The keys of `%config` in zm-build's rpmconf/Install/zmsetup.pl: what each line of releases can be told.

From the tags 8.8.15, 9.0.0, 10.0.6 and the branch release/10.1.0.beta; `install.sh` reads some more from the same file
(Util/utilfunc.sh, Util/globals.sh).
"""

from __future__ import annotations

COMMON = """
    ADMINPASSSET ALLOWSELFSIGNED AVDOMAIN AVUSER CREATEADMIN CREATEADMINPASS CREATEDOMAIN DOADDUPSTREAMIMAP
    DOCREATEADMIN DOCREATEDOMAIN DOTRAINSA ENABLEGALSYNCACCOUNTS EphemeralBackendURL EXPANDMENU FORCEREPLICATION
    HOSTNAME HTTPPORT HTTPPROXY HTTPPROXYPORT HTTPROXYPPORT HTTPSPORT HTTPSPROXYPORT imapd_keystore
    imapd_keystore_password IMAPPORT IMAPPROXYPORT IMAPSSLPORT IMAPSSLPROXYPORT INSTALL_WEBAPPS INSTVMHA JAVAHOME
    ldap_bes_searcher_password ldap_dit_base_dn_config ldap_nginx_password ldap_url LDAPADMINPASS LDAPADMINPASSSET
    LDAPAMAVISPASS LDAPAMAVISPASSSET LDAPBESSEARCHSET LDAPDEFAULTSLOADED LDAPHOST LDAPNGINXPASSSET LDAPPORT
    LDAPPOSTPASS LDAPPOSTPASSSET LDAPREPLICATIONTYPE LDAPREPPASS LDAPREPPASSSET LDAPROOTPASS LDAPROOTPASSSET
    LDAPSERVERID LICENSEFILE mailboxd_directory mailboxd_keystore mailboxd_keystore_password mailboxd_server
    mailboxd_truststore mailboxd_truststore_password MAILBOXDMEMORY MAILPROXY MODE MYSQLMEMORYPERCENT
    NOTEBOOKACCOUNT POPPORT POPPROXYPORT POPSSLPORT POPSSLPROXYPORT postfix_mail_owner postfix_setgid_group
    PROXYMODE REMOTEIMAPBINDPORT REMOTEIMAPSSLBINDPORT REMOVE RUNARCHIVING RUNAV RUNCBPOLICYD RUNDKIM RUNSA RUNVMHA
    SERVICEWEBAPP SMTPDEST SMTPHOST SMTPNOTIFY SMTPSOURCE SNMPNOTIFY SNMPTRAPHOST SPELLURL SQLROOTPASS
    ssl_default_digest STARTSERVERS STRICTSERVERNAMEENABLED SYSTEMMEMORY TRAINSAHAM TRAINSASPAM UIWEBAPPS UPGRADE
    USEEPHEMERALSTORE USEKBSHORTCUTS USESPELL VERSIONUPDATECHECKS VIRUSQUARANTINE zimbra_ldap_userdn
    ZIMBRA_REQ_SECURITY zimbra_require_interprocess_security zimbra_server_hostname
    zimbraBackupReportEmailRecipients zimbraBackupReportEmailSender zimbraDefaultDomainName zimbraDNSMasterIP
    zimbraDNSTCPUpstream zimbraDNSUseTCP zimbraDNSUseUDP zimbraFeatureBriefcasesEnabled zimbraFeatureTasksEnabled
    zimbraIPMode zimbraMailProxy zimbraMtaAuthTarget zimbraMtaMyNetworks zimbraPrefTimeZoneId
    zimbraReverseProxyLookupTarget ZIMBRASQLPASS zimbraVersionCheckInterval zimbraVersionCheckNotificationEmail
    zimbraVersionCheckNotificationEmailFrom zimbraVersionCheckSendNotifications zimbraVersionCheckServer
    zimbraWebProxy
"""
IN_ALL = frozenset(COMMON.split())
INSTALL_SH = frozenset({"INSTALL_PACKAGES", "PACKAGE_SERVER", "REMOVE", "UPGRADE", "USE_ZIMBRA_PACKAGE_SERVER"})
OWN = {
    "8.8.15": frozenset({"DEFAULTLICENSEFILE"}),
    "9.0": frozenset({"DEFAULTLICENSEFILE"}),
    "10.0": frozenset({"DEFAULTLICENSEFILE", "ONLYOFFICEHOSTNAME", "ONLYOFFICESTANDALONE"}),
    "10.1": frozenset(
        {
            "LICENSEACTIVATIONOPTION",
            "LICENSEACTIVATIONOPTIONMSG",
            "LICENSEKEY",
            "ONLYOFFICEHOSTNAME",
            "ONLYOFFICESTANDALONE",
        }
    ),
}


def known(release: str) -> frozenset[str]:
    """Return every key that a release's installers know."""
    return IN_ALL | INSTALL_SH | OWN[release]
