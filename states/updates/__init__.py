"""Updates: the Ubuntu on the volume keeps itself up to date, started by cron, because there is no systemd."""

from states.updates.codes import CODES
from states.updates.settings import SETTINGS

__all__ = ["CODES", "SETTINGS"]
