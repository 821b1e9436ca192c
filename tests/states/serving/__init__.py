"""Tests of the state serving."""
