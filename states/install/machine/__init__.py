"""Around the server, and not the vendor's: its own DNS, the system log, limits, memory, ports and processes."""
