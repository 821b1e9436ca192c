"""`python -m zflow` is the command `zflow`."""

from zflow.entry import main

main()
