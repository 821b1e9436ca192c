"""SMTP dialogues with a real postfix under the rendered restrictions: who may write as whom, and to whom."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.states.hardening.postfix import INSIDE, OUTSIDE, PRESENT, Postfix, postfix

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not PRESENT, reason="needs Debian's postfix (apt-get install postfix)"),
]

ALICE, SALES, BOB = "alice@example.test", "sales@example.test", "bob@example.test"
NOBODY, STRANGER, CRON = "nobody@example.test", "somebody@example.net", "root@mail.example.test"
Dialogue = tuple[str, str, str, str | None]
DIALOGUES: dict[str, tuple[Dialogue, dict[str, int | None]]] = {
    # what: (sender, recipient, client, login), then the answers by the choice of sender checks
    "own address": ((ALICE, STRANGER, OUTSIDE, ALICE), {"standard": 250, "strict": 250, "off": 250}),
    "alias": ((SALES, STRANGER, OUTSIDE, ALICE), {"standard": 250, "strict": 250, "off": 250}),
    "forged by one who is logged in": ((BOB, STRANGER, OUTSIDE, ALICE), {"standard": 553, "strict": 553, "off": 250}),
    "forged, logged in, inside": ((BOB, STRANGER, INSIDE, ALICE), {"standard": 553, "strict": 553, "off": 250}),
    "foreign sender, logged in": ((STRANGER, STRANGER, OUTSIDE, ALICE), {"standard": 553, "strict": 553, "off": 250}),
    "cron, not logged in": ((CRON, ALICE, INSIDE, None), {"standard": 250, "strict": 250, "off": 250}),
    "a program inside as a user": ((ALICE, BOB, INSIDE, None), {"standard": 250, "strict": 553, "off": 250}),
    "a stranger as a user": ((ALICE, BOB, OUTSIDE, None), {"standard": 553, "strict": 553, "off": 250}),
    "a stranger as himself": ((STRANGER, ALICE, OUTSIDE, None), {"standard": 250, "strict": 250, "off": 250}),
    "to an alias": ((STRANGER, SALES, OUTSIDE, None), {"standard": 250, "strict": 250, "off": 250}),
    "a bounce": (("", ALICE, OUTSIDE, None), {"standard": 250, "strict": 250, "off": 250}),
    "unlisted recipient": ((STRANGER, NOBODY, OUTSIDE, None), {"standard": 550, "strict": 550, "off": 550}),
    "unlisted recipient, inside": ((CRON, NOBODY, INSIDE, None), {"standard": 550, "strict": 550, "off": None}),
    "unlisted sender": ((NOBODY, ALICE, OUTSIDE, None), {"standard": 550, "strict": 550, "off": 250}),
    "unlisted sender, inside": ((NOBODY, ALICE, INSIDE, None), {"standard": 550, "strict": 550, "off": 250}),
    "relay": ((STRANGER, "other@example.org", OUTSIDE, None), {"standard": 554, "strict": 554, "off": 554}),
}


@pytest.fixture(scope="module", params=["standard", "strict", "off"])
def mail(request: pytest.FixtureRequest) -> Iterator[tuple[str, Postfix]]:
    """A running postfix for each choice, and the choice."""
    with pytest.MonkeyPatch.context() as patched, postfix(patched, request.param) as running:
        yield request.param, running


@pytest.mark.parametrize("what", DIALOGUES)
def test_dialogue(mail: tuple[str, Postfix], what: str) -> None:
    """Each dialogue ends as its row says: taken, or refused with the code of its reason."""
    checks, running = mail
    (sender, recipient, client, login), answers = DIALOGUES[what]
    code, text = running.talk(sender, recipient, client=client, login=login)
    assert answers[checks] is None or code == answers[checks], text
    if code == 553:
        assert "Sender address rejected: not " in text
    if code == 550:
        assert "User unknown" in text
