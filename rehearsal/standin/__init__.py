"""A stand-in for the vendor's archive and repository: the same interface, none of the vendor's code. See README.md."""

from pathlib import Path

HERE = Path(__file__).parent
"""Its folder: the installer's files, the packages' and the commands' as the vendor lays them out."""
