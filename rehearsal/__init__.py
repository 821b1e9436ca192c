"""The main job without the vendor: a first start on this machine, with what builds, runs and stands in for it."""
