"""The public surface for states: all that a module under `states/` may import from the engine."""

from zflow.codes import COMMAND, NO_INODES, OUTPUT_FLOOD, out_of_inodes
from zflow.context import Context
from zflow.errors import Code, CommandError, Interrupted, OperatorError, StepBug, TransientError, ZflowError
from zflow.host import proc
from zflow.host.clock import stamp
from zflow.host.files import (
    holds,
    make_folder,
    opened,
    read_bytes,
    read_json,
    read_text,
    remove_file,
    remove_tree,
    sha256,
    sync_folder,
    sync_volume,
    text_of,
    write_atomic,
)
from zflow.host.mounts import Mount, carrying, mounts
from zflow.host.mounts import below as mounts_below
from zflow.host.shell import Result
from zflow.secret import Secret
from zflow.settings import Setting
from zflow.step import Drift, Evidence, Product, Scope, State, Step, Watch
from zflow.terminal.words import counted
from zflow.values import (
    absolute_path,
    choice,
    flag,
    host_name,
    mail_address,
    many,
    network,
    number,
    sha256_hex,
    text,
    url,
)

__all__ = [
    "COMMAND",
    "NO_INODES",
    "OUTPUT_FLOOD",
    "Code",
    "CommandError",
    "Context",
    "Drift",
    "Evidence",
    "Interrupted",
    "Mount",
    "OperatorError",
    "Product",
    "Result",
    "Scope",
    "Secret",
    "Setting",
    "State",
    "Step",
    "StepBug",
    "TransientError",
    "Watch",
    "ZflowError",
    "absolute_path",
    "carrying",
    "choice",
    "counted",
    "flag",
    "holds",
    "host_name",
    "mail_address",
    "make_folder",
    "many",
    "mounts",
    "mounts_below",
    "network",
    "number",
    "opened",
    "out_of_inodes",
    "proc",
    "read_bytes",
    "read_json",
    "read_text",
    "remove_file",
    "remove_tree",
    "sha256",
    "sha256_hex",
    "stamp",
    "sync_folder",
    "sync_volume",
    "text",
    "text_of",
    "url",
    "write_atomic",
]
