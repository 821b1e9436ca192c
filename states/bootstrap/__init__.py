"""Bootstrap: an empty volume becomes a minimal Ubuntu, and at each start a place where programs can run."""

from states.bootstrap.codes import CODES
from states.bootstrap.settings import SETTINGS
from states.bootstrap.volume import admit

__all__ = ["CODES", "SETTINGS", "admit"]
