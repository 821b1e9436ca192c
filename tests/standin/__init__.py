"""A stand-in for the vendor's archive and repository: the same interface, none of the vendor's code. See README.md."""
