"""The resumable walk: `machine` knows the legal moves, `protocol` takes one step durably, `walker` takes them all."""
