"""The command line: one file is one command. Only these modules print."""
