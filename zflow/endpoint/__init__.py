"""Health, metrics and a page by HTTP: off by default, read-only, a separate process beside the supervisor.

`keeper` is the supervisor's side; `server` the process, with `answers` (which path gives what), `metrics` and `page`.
"""
