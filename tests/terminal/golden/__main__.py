"""Write the golden files anew; look at what git then calls changed."""

from tests.terminal.golden import FOLDER, SCREENS, page

for name, screen in SCREENS.items():
    (FOLDER / f"status-{name}.txt").write_text(page(screen))
