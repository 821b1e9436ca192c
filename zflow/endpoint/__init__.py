"""Health, metrics and a page by HTTP: off by default, read-only, a separate process beside the supervisor.

`server` is the process, which `zflow.supervise.endpoint` starts; `answers` says which path gives what.
"""
