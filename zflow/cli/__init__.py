"""The command line: the one part that prints for people and knows both the engine and the states."""
