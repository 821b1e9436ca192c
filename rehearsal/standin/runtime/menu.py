"""The attended way through zmsetup.pl: as much of the vendor's menu as one needs to set the password and apply."""

from . import stages


def _ask(prompt: str, default: str) -> str:
    print("{} [{}] ".format(prompt, default), end="", flush=True)
    try:
        return input().strip() or default
    except EOFError:
        return default


def _show(session: stages.Session) -> None:
    unset = "" if session.config.get("CREATEADMINPASS") else "******* "
    print("\nStore configuration\n")
    print("   4) {}Admin Password {:>30}".format(unset, "UNSET" if unset else "set"))
    print("   5) Admin user {:>34}\n".format(session.config["CREATEADMIN"]))


def attend(session: stages.Session) -> None:
    """Ask until the operator applies."""
    while True:
        print("\nMain menu\n\n   1) Common Configuration:\n   7) zimbra-store:                            Enabled")
        if session.config.get("CREATEADMINPASS"):
            print("\n*** CONFIGURATION COMPLETE - press 'a' to apply")
            answer = _ask("Select from menu, or press 'a' to apply config (? - help)", "")
        else:
            print("******* +Admin Password                        UNSET")
            answer = _ask("\nAddress unconfigured (**) items  (? - help)", "")
        if answer == "7":
            _show(session)
            if _ask("Select, or 'r' for previous menu", "r") == "4":
                prompt = "\nPassword for {} (min 6 characters):".format(session.config["CREATEADMIN"])
                session.config["CREATEADMINPASS"] = _ask(prompt, "")
        elif answer == "a":
            _ask("Save configuration data to a file?", "Yes")
            if _ask("The system will be modified - continue?", "No").lower() in ("y", "yes"):
                return
