"""The status for people, scripts and orchestrators: read from the journal, also without a supervisor.

`document` gathers it, `steps` says what a step is, `outlook` estimates the time left, `view` shows it to a person,
`health` answers yes or no. Imports stay light: a probe asks every few seconds.
"""
