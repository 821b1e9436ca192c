"""The vendor's words: which line is which error, which is a question, and which is neither."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from states.zimbra import codes
from states.zimbra.messages import asked, explained, failed_parts, question
from zflow.api import Code, CommandError, OperatorError, StepBug, TransientError, ZflowError

NONE = StepBug(codes.SERVICES, "nothing known")
PHRASES: list[tuple[str, type[ZflowError], Code]] = [
    ("    zimbra-ldap...zimbra-openldap-server is missing. ERROR", TransientError, codes.PACKAGES),
    ("Unable to find missing packages in repository. System is not modified.", TransientError, codes.PACKAGES),
    ("Unable to download packages from repository. System is not modified.", TransientError, codes.PACKAGES),
    ("ERROR: Unable to install required packages", TransientError, codes.PACKAGES),
    ("ERROR: Unable to install packages via apt-get", TransientError, codes.PACKAGES),
    ("Fix the issues with remote package installation and rerun the installer", TransientError, codes.PACKAGES),
    ("E: Could not get lock /var/lib/dpkg/lock - open (11: Resource unavailable)", TransientError, codes.PACKAGES),
    ("E: dpkg was interrupted, you must manually run 'dpkg --configure -a'", TransientError, codes.PACKAGES),
    ("ERROR: Unable to retrive Zimbra GPG key for package validation", TransientError, codes.VENDOR_KEY_AWAY),
    ("ERROR: Installation can not proceeed.  Please fix your /etc/hosts file", OperatorError, codes.INSTALLER),
    ("ERROR: Required Core package zimbra-core not found in ./packages", OperatorError, codes.ARCHIVE),
    ("ERROR: Unknown option --skip-ngcheck", OperatorError, codes.INSTALLER),
    ('Error: no such file "Aborting, unknown platform: UBUNTUUNKNOWN_64"', OperatorError, codes.ARCHIVE),
    ("Exiting - the system is unchanged", OperatorError, codes.INSTALLER),
    ("ERROR: something that no version printed so far", OperatorError, codes.INSTALLER),
    ("Configuration failed", TransientError, codes.CONFIGURATION),
]
PROGRESS = [
    "",
    "Checking for existing installation...",
    "    zimbra-ldap...NOT FOUND",
    "    zimbra-core...FOUND zimbra-core-8.8.15.GA.3869.UBUNTU18.64",
    "Operations logged to /tmp/install.log.aB3dE6gH",
    "Loading configuration data from /opt/zflow-answers...done",
    "Found zimbra-ldap (local)",
    "     zimbra-openssl will be downloaded and installed.",
    "Get:12 http://archive.ubuntu.com/ubuntu bionic/main amd64 libaio1 amd64 0.3.110-5 [6,448 B]",
    "Unpacking zimbra-core (8.8.15.GA.3869.UBUNTU18.64) ...",
    "Removing /opt/zimbra",
    "Initializing ldap...done.",
    "Creating admin account admin@example.org...done.",
    "Checking if the NG started running...done.",
    "\tcom_zimbra_email... [ok]",
    "Do you agree with the terms of the software license agreement?",
    "Unable to download extra packages from repository. Proceeding without this...",
]
"""What both installers print when all goes well; the last line sounds worse than it is (docs/zimbra.md §1.5)."""
QUESTIONS = [
    "Do you agree with the terms of the software license agreement? [N] ",
    "Use Zimbra's package repository [Y] ",
    "Install zimbra-ldap [Y] ",
    "Install zimbra-imapd (BETA - for evaluation only) [N] ",
    "The system will be modified.  Continue? [N] ",
    "Exit? [N] ",
    "Do you wish to upgrade? [Y] ",
    "Would you like to delete /opt/zimbra before installing? [N] ",
    "Attempt to complete configuration now? [Yes] ",
    "Save configuration data to a file? [Yes] ",
    "Notify Zimbra of your installation? [Yes] ",
    "Address unconfigured (**) items  (? - help) ",
]


@pytest.mark.parametrize(("line", "kind", "code"), PHRASES)
def test_phrases(line: str, kind: type[ZflowError], code: Code) -> None:
    """Each phrase leads to its code, to waiting or asking, and is quoted, wherever it stands in the output."""
    for output in (line, f"Checking...\n{line}\nmore\n"):
        error = explained(output, NONE)
        assert (type(error), error.code, error.detail) == (kind, code, line.strip())


@pytest.mark.parametrize("line", PROGRESS)
def test_progress_is_no_error(line: str) -> None:
    """Ordinary lines mean no error and ask nothing."""
    assert explained(line, NONE) is NONE
    assert question(line) is None
    assert failed_parts(line) == []


def test_cause_before_consequence() -> None:
    """Of several known phrases the one that names the cause is told."""
    output = "ERROR: Unable to install required packages\nE: Could not get lock x\n    zimbra-x is missing. ERROR\n"
    assert "is missing" in explained(output, NONE).detail


@pytest.mark.parametrize("line", QUESTIONS)
def test_questions(line: str) -> None:
    """A question is recognised, with what an installer without input prints behind it on the same line."""
    text = line.rstrip()
    for seen in (line, text, f"{line}A Yes/No answer is required", f"  {line}"):
        assert question(seen) == text


@pytest.mark.parametrize(
    ("tail", "found"),
    [
        ("done\nPassword for admin@example.org (min 6 characters): [aB3] ",
         "Password for admin@example.org (min 6 characters): [aB3]"),
        ("\nSelect, or 'r' for previous menu [r] ", "Select, or 'r' for previous menu [r]"),
        ("Save config in file: [/opt/zimbra/config.123] ", "Save config in file: [/opt/zimbra/config.123]"),
        ("Enter the name:", "Enter the name:"),
        ("Really?", "Really?"),
        ("Really?\n", None),
        ("Installing zimbra-store", None),
        ("", None),
    ],
)  # fmt: skip
def test_asked(tail: str, found: str | None) -> None:
    """What fell silent was waiting when its last line has no end and reads like a question."""
    assert asked(CommandError(codes.QUESTION, ("sh",), -15, tail)) == found


@given(st.text(max_size=400))
def test_any_output(output: str) -> None:
    """Whatever is printed, the words are read without an error, and a question found is part of the line."""
    assert isinstance(explained(output, NONE), ZflowError)
    found = question(output)
    assert found is None or found in output
    assert asked(CommandError(codes.QUESTION, (), 1, output)) is None or output


def test_failed_parts() -> None:
    """What zmsetup says has failed is found, with what it failed at; what is done is not."""
    output = (
        "Initializing ldap...done.\n"
        "Creating admin account admin@example.org...failed.\n"
        "Installing zimlets...\n\tcom_x...done.\n\tcom_y...failed. This may impact system functionality.\n"
        "Nothing has failed.\n"
        "Starting servers...failed\n"
        "Setting up syslog.conf...Failed\n"
        "Fixing perms...failed with exit code: 1.\n"
    )
    assert failed_parts(output) == [
        "Creating admin account admin@example.org...failed.",
        "com_y...failed. This may impact system functionality.",
        "Starting servers...failed",
        "Setting up syslog.conf...Failed",
        "Fixing perms...failed with exit code: 1.",
    ]
