"""Tests of the state updates."""
