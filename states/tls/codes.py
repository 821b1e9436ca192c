"""The errors of TLS and DH, ZF-5xxx. A refused pair changes nothing: the certificate served before stays."""

from __future__ import annotations

from zflow.api import Code

AGAIN = "What was served before is served on. Correct the files; they are looked at again by themselves."

DH_BROKEN = Code(
    "ZF-5001",
    "Diffie-Hellman parameters are not usable",
    "What openssl found, or the file that was written, is no valid group of 4096 bits.",
    "It is tried again. If it stays, set ZFLOW_DH=ffdhe4096.",
)
DH_NOT_TAKEN = Code(
    "ZF-5002",
    "the server did not take the Diffie-Hellman parameters",
    "zmdhparam stored them, but zmconfigd, which may not run, did not write /opt/zimbra/conf/dhparam.pem; or a port "
    "still uses other ones, because its server did not reload.",
    "It is tried again. `zflow shell`, then `su - zimbra -c 'zmconfigdctl status'`.",
)
HALF_PAIR = Code(
    "ZF-5010",
    "half a TLS pair",
    "A certificate without its private key, or a key without its certificate.",
    "Supply both files, or remove the one. " + AGAIN,
)
UNREADABLE = Code(
    "ZF-5011",
    "a TLS file cannot be read",
    "The file cannot be opened, is larger than 1 MiB, or holds no PEM, DER, PKCS#7 or PKCS#12 of a supported kind.",
    "Supply one of these; `openssl x509 -in FILE -noout -text` shows whether a certificate can be read. " + AGAIN,
)
MISMATCH = Code(
    "ZF-5012",
    "the private key does not belong to the certificate",
    "None of the supplied certificates has the public key of the supplied private key.",
    "Supply the key the certificate was requested with. " + AGAIN,
)
DATES = Code(
    "ZF-5013",
    "the certificate is not valid today",
    "It has expired or its validity begins later, by the clock of this machine.",
    "Renew it, or set the clock. " + AGAIN,
)
NAME = Code(
    "ZF-5014",
    "the certificate is for other names",
    "The server's full name is not among the certificate's subject alternative names; the common name does not count.",
    "Request a certificate for the server's name. " + AGAIN,
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
    "It is a CA's certificate, or its extended key usage leaves out TLS servers.",
    "Request a server certificate. " + AGAIN,
)
INCOMPLETE = Code(
    "ZF-5017",
    "an issuer's certificate is missing",
    "The chain from the server's certificate to a root has a gap; Zimbra needs all of it, the root included.",
    "Add the missing certificate to the file, or the root of your own CA by ZFLOW_TLS_PRIVATE_CA; a CA's server with "
    "a private address is asked only when ZFLOW_TLS_AIA_NETWORKS lists it. " + AGAIN,
)
UNTRUSTED = Code(
    "ZF-5018",
    "the certificate's root is not trusted",
    "The chain ends at a root that is neither among the public ones nor allowed by a setting.",
    "If the CA is your own, name its root in ZFLOW_TLS_PRIVATE_CA. " + AGAIN,
)
REFUSED = Code(
    "ZF-5019",
    "the certificate chain does not verify",
    "The issuers are there, but the chain breaks the rules for servers: dates of an issuer, key sizes, SHA-1, "
    "constraints.",
    "The detail says which rule. Ask the issuer for a current chain. " + AGAIN,
)
VENDOR_REFUSED = Code(
    "ZF-5020",
    "Zimbra's zmcertmgr refuses the pair",
    "zflow's own checks passed, the vendor's did not.",
    AGAIN,
)
EC_REFUSED = Code(
    "ZF-5021",
    "this release of Zimbra cannot use EC keys",
    "zmcertmgr of 8.8.15, 9.0 and 10.0 before their late patches compares RSA moduli only.",
    "Request a certificate for an RSA key, or update Zimbra. " + AGAIN,
)
ROLLED_BACK = Code(
    "ZF-5022",
    "the new certificate was not served and was taken back",
    "It was deployed, but a port did not answer with it in time; the previous one is in place again, and this pair is "
    "not tried again until it changes.",
    "Supply another pair, which is tried by itself.",
)
NOT_ANSWERING = Code(
    "ZF-5023",
    "no TLS port answers",
    "Nothing on this machine accepts TLS, so that a certificate could not be proven; Zimbra's services may be down.",
    "It is tried again; the services have to run.",
)
DEPLOY = Code(
    "ZF-5024",
    "the certificate could not be deployed",
    "One of Zimbra's tools failed on the way; the previous pair is put in place again.",
    "It is tried again.",
)
PASSPHRASE = Code(
    "ZF-5025",
    "a TLS key is encrypted and cannot be opened",
    "No passphrase is set for it, or another one than the key was encrypted with.",
    "Name a file that holds the passphrase by ZFLOW_TLS_PASSPHRASE_FILE. " + AGAIN,
)
ISSUER_AWAY = Code(
    "ZF-5026",
    "an issuer's certificate could not be fetched",
    "The supplied chain has a gap, and the server named in the certificate did not answer.",
    "It is tried again. Without a way to that server, add the issuer's certificate to the file.",
)
MISSING = Code(
    "ZF-5027",
    "a TLS file is not there",
    "A setting names a file that does not exist, or a link on the way to it leads nowhere: often live/ was mounted "
    "into the container without archive/.",
    "Correct ZFLOW_TLS_KEY, ZFLOW_TLS_CERT or ZFLOW_TLS_PRIVATE_CA, or mount the folder that holds both the link and "
    "the file. " + AGAIN,
)
COSTLY = Code(
    "ZF-5028",
    "a TLS file takes too much work to open",
    "Reading it was ended by the limits for processor time and memory: a PKCS#12 or an encrypted key names how much "
    "work opening it is, and this one names far too much.",
    "Write it anew with usual parameters, or supply the key without encryption as PEM. " + AGAIN,
)
PROFILE = Code(
    "ZF-5030",
    "the server did not take the TLS settings",
    "After writing, Zimbra's configuration still reads other values.",
    "It is tried again.",
)
HSTS = Code(
    "ZF-5031",
    "the server did not take the HSTS header",
    "After writing, Zimbra's configuration still reads other values.",
    "It is tried again.",
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
