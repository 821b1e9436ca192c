"""Updates: the Ubuntu on the volume keeps itself up to date, driven by cron, for there is no systemd."""

from states.updates import configured, driver, packages
from states.updates.codes import CODES
from states.updates.settings import SETTINGS
from zflow.api import State

STATE = State("updates", "Daily updates of Ubuntu", (packages.STEP, configured.STEP, driver.STEP))

__all__ = ["CODES", "SETTINGS", "STATE"]
