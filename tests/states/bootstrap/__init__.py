"""Tests of the state bootstrap."""
