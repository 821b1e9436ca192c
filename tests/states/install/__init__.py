"""Tests of the state install."""
