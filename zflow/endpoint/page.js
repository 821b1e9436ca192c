const parts = ["headline", "problem", "progress", "states", "looked"];
const button = document.getElementById("pause");
let paused = false;
async function look() {
  if (paused || document.hidden) return;
  try {
    const answer = await fetch(location.pathname, { signal: AbortSignal.timeout(4000) });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.title = fresh.title;
    for (const part of parts) {
      const old = document.getElementById(part), now = fresh.getElementById(part);
      if (old.innerHTML !== now.innerHTML) old.replaceChildren(...now.childNodes);
    }
  } catch {
    document.getElementById("looked").textContent = "The container does not answer; this status is old.";
  }
}
button.hidden = false;
document.getElementById("reload").hidden = true;
button.addEventListener("click", () => {
  paused = !paused;
  button.textContent = paused ? "Continue updating" : "Stop updating";
  look();
});
setInterval(look, 5000);
