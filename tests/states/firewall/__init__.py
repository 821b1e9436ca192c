"""Tests of the firewall: pure ones, and real packets between network namespaces."""
