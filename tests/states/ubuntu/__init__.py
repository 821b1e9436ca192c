"""Tests of the facts about the Ubuntu on the volume."""
