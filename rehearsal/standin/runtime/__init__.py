"""The stand-in's own library behind the vendor's command names; for Python 3.6 (Ubuntu 18.04) and later."""
