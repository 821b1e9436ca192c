"""Install: the vendor's software and its configuration, unattended and proven, and its services at every start."""

from states.install.choices import accept
from states.install.codes import CODES

__all__ = ["CODES", "accept"]
