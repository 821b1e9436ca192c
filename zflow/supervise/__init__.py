"""The process that stays: it holds the volume, watches the inputs, starts walks and ends the services."""
