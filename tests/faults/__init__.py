"""Faults and hostile input: real ones, counted in a matrix; `make faults` tries more of them than the short form."""
