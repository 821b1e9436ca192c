"""Tests of the state tls."""
