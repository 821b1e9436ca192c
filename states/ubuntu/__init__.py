"""What the Ubuntu on the volume is: its tree, packages, addresses, processes and ports. Facts and tools; no steps."""
