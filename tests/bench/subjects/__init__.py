"""Programs that are measured: each is one process, runs in the environment of the benchmarks and prints JSON."""
