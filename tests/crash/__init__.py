"""The crash certificate: every kill, every power cut, a simulated world. `make crash` runs it and prints a matrix."""
