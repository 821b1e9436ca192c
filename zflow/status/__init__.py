"""Where the walk is, for people, scripts and orchestrators: read from the journal, by whoever asks, without a runner.

`document` gathers it, `outlook` says how long still, `view` shows it to a person, `health` answers yes or no. Imports
stay light: a probe asks every few seconds.
"""
