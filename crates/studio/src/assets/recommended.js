// Writes what a listener did with a recommended track, asks for the list again, shows what changed.

const SKIPPED_AFTER_MS = 5000;
const box = document.querySelector("[data-recommended]");
const status = document.querySelector("[data-announce]");

const entries = () => [...box.querySelectorAll("li[data-track]")];
const say = (text) => {
  status.textContent = text;
};

function eventOf(act, track) {
  const what = {
    skip: { kind: "listen", outcome: "skipped", played_ms: SKIPPED_AFTER_MS, source: "recommendation" },
    play: { kind: "listen", outcome: "completed", source: "recommendation" },
    like: { kind: "feedback", opinion: "like" },
  }[act];
  const request = box.querySelector("[data-request]")?.dataset.request;
  const event = { occurred_at: new Date().toISOString(), listener: box.dataset.listener, track, ...what };
  if (what.kind === "listen" && request) event.request_id = request;
  return event;
}

async function send(event) {
  const answer = await fetch("/api/v1/events", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ events: [event] }),
  });
  if (answer.ok) return;
  const problem = await answer.json().catch(() => ({}));
  throw new Error(problem.detail ?? `the server answered ${answer.status}`);
}

async function drawList() {
  const answer = await fetch(box.dataset.source);
  if (answer.redirected) location.reload();
  if (!answer.ok) throw new Error(`the list could not be read: ${answer.status}`);
  box.innerHTML = await answer.text();
}

/** Marks entries that are new or stand elsewhere; returns how many of each. */
function mark(before) {
  let [fresh, moved] = [0, 0];
  entries().forEach((entry, place) => {
    const old = before.get(entry.dataset.track);
    if (old === place) return;
    const note = document.createElement("span");
    note.className = "change";
    if (old === undefined) {
      fresh += 1;
      entry.classList.add("is-new");
      note.textContent = "new";
    } else {
      moved += 1;
      entry.classList.add("is-moved");
      note.textContent = old > place ? `up ${old - place}` : `down ${place - old}`;
    }
    entry.querySelector(".next-title").append(note);
  });
  return { fresh, moved };
}

const DONE = { skip: "Skipped", play: "Played", like: "Liked" };

box?.addEventListener("click", async (click) => {
  const button = click.target.closest("button[data-act]");
  if (!button || box.getAttribute("aria-busy") === "true") return;
  const entry = button.closest("[data-track]");
  const { act } = button.dataset;
  const { track, title } = entry.dataset;
  const place = entries().indexOf(entry);
  const before = new Map(entries().map((one, index) => [one.dataset.track, index]));
  box.setAttribute("aria-busy", "true");
  try {
    await send(eventOf(act, track));
    await drawList();
    const { fresh, moved } = mark(before);
    say(`${DONE[act]} ${title}. The list was asked for again: ${fresh} new, ${moved} moved.`);
    const next = entries()[Math.min(place, entries().length - 1)];
    next?.querySelector(`[data-act="${act}"]`)?.focus({ preventScroll: true });
  } catch (error) {
    say(`${title}: ${error.message}`);
  } finally {
    box.removeAttribute("aria-busy");
  }
});
