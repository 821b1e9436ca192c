"""Which Zimbra, and where it comes from: the releases, their archive, the package source, and whose keys they bear."""
