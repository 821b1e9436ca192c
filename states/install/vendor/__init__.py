"""The vendor's two installers: what they are answered, what they say and write down, and what they leave behind."""
