"""Tests of the upgrade to a newer release."""
