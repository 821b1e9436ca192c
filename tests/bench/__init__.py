"""`make bench`: zflow beside what it is measured against, in one run; see docs/performance.md."""
