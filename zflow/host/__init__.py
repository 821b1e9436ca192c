"""What the kernel and the disk offer: files, commands, mounts, clock, processes. Knows neither steps nor journal."""
