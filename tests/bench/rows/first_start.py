"""The whole first start with the stand-in release, its own Diffie-Hellman parameters included."""

from __future__ import annotations

from collections.abc import Iterator

from rehearsal.image import make_image
from rehearsal.setup import machine, stand_in
from states.product import PRODUCT
from tests.bench.figures import Figure, Row, within
from tests.bench.place import LABELLED, Place
from tests.bench.rows.journalled import durations, events, longest_path

NAME = "zflow-bench-first-start"
LONGEST = 3600.0
"""Seconds that the search for the parameters may take; chance decides."""


def measure(place: Place, _rounds: int) -> Iterator[Figure]:
    """Start once, and compare the time until all is valid with what the journal says of the steps."""
    make_image()
    container = machine(NAME, stand_in(place.new("release")), {"ZFLOW_DH": "generate"}, label=LABELLED)
    container.create()
    container.start()
    container.must_serve(LONGEST)
    rows = events(container.volume_path())
    took = durations(rows)
    whole = float(next(row["at"] for row in rows if row["kind"] == "checked")) - float(rows[0]["at"])
    longest, search = longest_path(PRODUCT.steps, took), took["tls.dh"]
    container.remove()
    words = f"the longest path; {sum(took.values()):.0f} s one after the other, {search:.0f} s of it the DH search"
    yield within("first start until serving", whole, longest, words, most=1.1, limit="1 ×")


ROW = Row("first-start", measure)
