"""Tests of what is known of Zimbra: facts and tools, no steps."""
