"""The errors of TLS and DH, ZF-5xxx. A refused pair changes nothing: the certificate served before stays."""

from __future__ import annotations

from zflow.api import Code

AGAIN = "The server keeps the certificate that it has. zflow checks the files again as soon as they change."

DH_BROKEN = Code(
    "ZF-5001",
    "Diffie-Hellman parameters are not usable",
    "The search with openssl failed, or its result is not a valid group of 4096 bits.",
    "zflow tries again. If the error stays, set ZFLOW_DH=ffdhe4096.",
)
DH_NOT_TAKEN = Code(
    "ZF-5002",
    "the server does not use the new Diffie-Hellman parameters",
    "zmdhparam stored them, but zmconfigd did not write /opt/zimbra/conf/dhparam.pem, perhaps because it does not run; "
    "or a server did not reload, so that its port uses other parameters.",
    "zflow tries again. `zflow shell su - zimbra -c 'zmconfigdctl status'` shows whether zmconfigd runs.",
)
HALF_PAIR = Code(
    "ZF-5010",
    "the TLS pair is incomplete",
    "There is a certificate without a private key, a key without a certificate, or more than one key.",
    "Supply one key and its certificate, or remove the files. " + AGAIN,
)
UNREADABLE = Code(
    "ZF-5011",
    "a TLS file cannot be read",
    "The file cannot be opened, is larger than 1 MiB, or contains no PEM, DER, PKCS#7 or PKCS#12 of a supported kind.",
    "Supply one of these formats; `openssl x509 -in FILE -noout -text` shows whether a certificate can be read. "
    + AGAIN,
)
MISMATCH = Code(
    "ZF-5012",
    "the private key does not belong to the certificate",
    "None of the supplied certificates has the public key of the supplied private key.",
    "Supply the key with which the certificate was requested. " + AGAIN,
)
DATES = Code(
    "ZF-5013",
    "the certificate is expired or not yet valid",
    "By the clock of this machine, the certificate has expired or its validity begins later.",
    "Renew the certificate, or correct the clock. " + AGAIN,
)
NAME = Code(
    "ZF-5014",
    "the certificate is for other names",
    "The server's full name, or one of ZFLOW_TLS_NAMES, is not among the certificate's subject alternative names; the "
    "common name does not count.",
    "Request a certificate for all these names, or correct ZFLOW_HOSTNAME or ZFLOW_TLS_NAMES. " + AGAIN,
)
WEAK = Code(
    "ZF-5015",
    "the key of the certificate is not accepted",
    "RSA keys need 2048 bits or more, EC keys the curve P-256, P-384 or P-521; RSA-PSS and other kinds are not "
    "supported.",
    "Request a certificate for such a key. " + AGAIN,
)
PURPOSE = Code(
    "ZF-5016",
    "the certificate is not for a server",
    "It is a CA's certificate, its extended key usage does not include TLS servers, or its key usage does not include "
    "digital signatures.",
    "Request a server certificate. " + AGAIN,
)
INCOMPLETE = Code(
    "ZF-5017",
    "an issuer's certificate is missing",
    "The chain from the server's certificate to a root has a gap. Zimbra needs the complete chain, including the root.",
    "Add the missing certificate to the file, or name the root of your own CA in ZFLOW_TLS_PRIVATE_CA. zflow asks a "
    "CA's server with a private address only if ZFLOW_TLS_AIA_NETWORKS lists its network. " + AGAIN,
)
UNTRUSTED = Code(
    "ZF-5018",
    "the certificate's root is not trusted",
    "The chain ends at a root that is neither a public one nor named in ZFLOW_TLS_PRIVATE_CA.",
    "If the CA is your own, name its root in ZFLOW_TLS_PRIVATE_CA. " + AGAIN,
)
REFUSED = Code(
    "ZF-5019",
    "the certificate chain does not verify",
    "All issuers are present, but the chain breaks a rule for servers, such as an issuer's dates, key sizes, SHA-1 or "
    "constraints. The message names the rule.",
    "Ask the issuer for a current chain. " + AGAIN,
)
VENDOR_REFUSED = Code(
    "ZF-5020",
    "Zimbra's zmcertmgr refuses the pair",
    "zflow's own checks passed, those of Zimbra's tool did not. The message holds the tool's reason.",
    "Correct what the tool names, or supply another pair. " + AGAIN,
)
EC_REFUSED = Code(
    "ZF-5021",
    "this release of Zimbra cannot use EC keys",
    "zmcertmgr of 8.8.15, 9.0 and 10.0 compares RSA moduli only; the last patches of these releases correct that.",
    "Request a certificate for an RSA key, or update Zimbra. " + AGAIN,
)
ROLLED_BACK = Code(
    "ZF-5022",
    "the new certificate was rolled back",
    "It was deployed, but a port did not answer with it in time. The previous certificate is in place again, and zflow "
    "does not try this pair again until it changes.",
    "Supply another pair, or run `zflow tls deploy` to try this one again.",
)
NOT_ANSWERING = Code(
    "ZF-5023",
    "no TLS port answers",
    "No port of Zimbra's accepts TLS, so a new certificate cannot be verified. Zimbra's services may be down.",
    "zflow tries again. `zflow shell su - zimbra -c 'zmcontrol status'` shows which services run.",
)
DEPLOY = Code(
    "ZF-5024",
    "the certificate could not be deployed",
    "One of Zimbra's tools failed; zflow puts the previous pair in place again.",
    "zflow tries again.",
)
PASSPHRASE = Code(
    "ZF-5025",
    "a TLS key is encrypted and cannot be opened",
    "No passphrase is set, or it is not the one with which the key was encrypted.",
    "Name a file that contains the passphrase in ZFLOW_TLS_PASSPHRASE_FILE. " + AGAIN,
)
ISSUER_AWAY = Code(
    "ZF-5026",
    "an issuer's certificate could not be fetched",
    "The supplied chain has a gap, and the server named in the certificate did not answer.",
    "zflow tries again. If this machine cannot reach that server, add the issuer's certificate to the file.",
)
MISSING = Code(
    "ZF-5027",
    "a TLS file does not exist",
    "A setting names a file that does not exist, or a link in its path leads nowhere. Often live/ was mounted into the "
    "container without archive/.",
    "Correct ZFLOW_TLS_KEY, ZFLOW_TLS_CERT or ZFLOW_TLS_PRIVATE_CA, or mount the folder that contains both the link "
    "and the file. " + AGAIN,
)
COSTLY = Code(
    "ZF-5028",
    "a TLS file needs too much time or memory to open",
    "zflow stopped reading it at its limits for processor time and memory. A PKCS#12 file or an encrypted key states "
    "how much work it takes to open, and this one states far too much.",
    "Export it again with usual parameters, or supply the key as PEM without encryption. " + AGAIN,
)
PROFILE = Code(
    "ZF-5030",
    "Zimbra did not accept the TLS settings",
    "zflow wrote them, but Zimbra's configuration still has other values.",
    "zflow tries again. `zflow shell su - zimbra -c 'zmcontrol status'` shows whether its directory runs.",
)
HSTS = Code(
    "ZF-5031",
    "Zimbra did not accept the HSTS header",
    "zflow wrote it, but Zimbra's configuration still has another value.",
    "zflow tries again. `zflow shell su - zimbra -c 'zmcontrol status'` shows whether its directory runs.",
)

CODES = (
    DH_BROKEN,
    DH_NOT_TAKEN,
    HALF_PAIR,
    UNREADABLE,
    MISMATCH,
    DATES,
    NAME,
    WEAK,
    PURPOSE,
    INCOMPLETE,
    UNTRUSTED,
    REFUSED,
    VENDOR_REFUSED,
    EC_REFUSED,
    ROLLED_BACK,
    NOT_ANSWERING,
    DEPLOY,
    PASSPHRASE,
    ISSUER_AWAY,
    MISSING,
    COSTLY,
    PROFILE,
    HSTS,
)
