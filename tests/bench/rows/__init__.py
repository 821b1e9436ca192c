"""The rows of the table, one module each: what is measured, against what, and the goal."""
