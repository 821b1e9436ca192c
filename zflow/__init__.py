"""zflow: first-boot provisioning as a resumable walk. Importing this package loads nothing."""

__version__ = "0.1.0"
