// Seeks in the waveform and lights the line that is sung.

const STEP_S = 5;
const player = document.querySelector("[data-player]");
if (player) start(player);

function start(player) {
  const audio = player.querySelector("[data-audio]");
  const wave = player.querySelector("[data-seek]");
  const problem = player.querySelector("[data-audio-problem]");
  const length = () => {
    const known = Number(player.dataset.duration) / 1000;
    return Number.isFinite(audio.duration) && audio.duration > 0 ? audio.duration : known || 0;
  };
  const seek = (seconds) => {
    audio.currentTime = Math.min(Math.max(seconds, 0), Math.max(length() - 0.05, 0));
    draw();
  };
  audio.addEventListener("error", () => { problem.hidden = false; });

  const playheads = player.querySelectorAll("[data-playhead]");
  const counted = countIn(player);
  const sung = verse(player.ownerDocument, seek, audio);
  const draw = () => {
    const now = audio.currentTime;
    sung(now);
    if (!wave) return;
    const x = length() ? `${((now / length()) * 100).toFixed(2)}%` : "0";
    for (const playhead of playheads) {
      playhead.setAttribute("x1", x);
      playhead.setAttribute("x2", x);
    }
    counted(now);
    wave.setAttribute("aria-valuemax", String(Math.round(length())));
    wave.setAttribute("aria-valuenow", String(Math.round(now)));
    wave.setAttribute("aria-valuetext", `${clock(now)} of ${clock(length())}`);
  };
  const follow = () => {
    draw();
    if (!audio.paused && !audio.ended) requestAnimationFrame(follow);
  };
  audio.addEventListener("play", follow);
  for (const name of ["timeupdate", "seeked", "loadedmetadata", "pause"]) audio.addEventListener(name, draw);
  if (wave) slider(player, wave, audio, length, seek);
  draw();
}

function slider(player, wave, audio, length, seek) {
  wave.setAttribute("role", "slider");
  wave.tabIndex = 0;
  wave.setAttribute("aria-label", "Position");
  wave.setAttribute("aria-valuemin", "0");
  wave.querySelector("svg").setAttribute("aria-hidden", "true");
  player.querySelector("[data-hint]").hidden = false;
  const downbeats = times(player, "downbeats");
  const bar = (direction) => {
    const now = audio.currentTime;
    const found = direction > 0
      ? downbeats.find((at) => at > now + 0.05)
      : downbeats.findLast((at) => at < now - 0.3);
    return found ?? now + direction * STEP_S;
  };
  for (const lane of [wave, ...player.querySelectorAll("[data-lane] > svg")]) {
    const at = (event) => {
      const box = lane.getBoundingClientRect();
      return ((event.clientX - box.left) / box.width) * length();
    };
    lane.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      lane.setPointerCapture(event.pointerId);
      seek(at(event));
    });
    lane.addEventListener("pointermove", (event) => {
      if (lane.hasPointerCapture(event.pointerId)) seek(at(event));
    });
  }
  player.classList.add("is-playable");
  wave.addEventListener("keydown", (event) => {
    const now = audio.currentTime;
    const places = {
      ArrowLeft: () => seek(now - STEP_S),
      ArrowDown: () => seek(now - STEP_S),
      ArrowRight: () => seek(now + STEP_S),
      ArrowUp: () => seek(now + STEP_S),
      PageUp: () => seek(bar(1)),
      PageDown: () => seek(bar(-1)),
      Home: () => seek(0),
      End: () => seek(length()),
      " ": () => (audio.paused ? audio.play().catch(() => {}) : audio.pause()),
    };
    const act = places[event.key];
    if (!act || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    act();
  });
}

/** The times of beats or downbeats, in seconds. */
function times(player, name) {
  const list = player.querySelector(`[data-${name}]`)?.dataset[name] ?? "";
  return list.split(" ").filter(Boolean).map((ms) => Number(ms) / 1000);
}

/** Returns what counts bars and beats along with the sound. */
function countIn(player) {
  const shown = player.querySelector("[data-count-in]");
  const beats = times(player, "beats");
  const downbeats = times(player, "downbeats");
  if (!shown || !beats.length) return () => {};
  const before = (list, now) => {
    let [low, high] = [0, list.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (list[middle] <= now + 0.005) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  let said = "";
  return (now) => {
    const beat = before(beats, now);
    const bar = before(downbeats, now);
    const first = bar ? before(beats, downbeats[bar - 1]) : 1;
    const text = beat ? (bar ? `Bar ${bar}, beat ${beat - first + 1}` : `Beat ${beat}`) : "";
    if (text === said) return;
    said = text;
    shown.textContent = text;
    shown.classList.toggle("is-downbeat", bar > 0 && beat === first);
  };
}

/** Returns what lights the line sung at a moment. */
function verse(document, seek, audio) {
  const list = document.querySelector("[data-verse]");
  if (!list) return () => {};
  const lines = [...list.querySelectorAll("[data-time]")]
    .map((element) => ({ element, at: Number(element.dataset.time) / 1000 }))
    .sort((a, b) => a.at - b.at);
  list.classList.add("is-playable");
  list.addEventListener("click", (event) => {
    const line = event.target.closest("[data-time]");
    if (!line || !getSelection().isCollapsed) return;
    seek(Number(line.dataset.time) / 1000);
    audio.play().catch(() => {});
  });
  let lit = null;
  return (now) => {
    const line = audio.paused && now === 0 ? undefined : lines.findLast((one) => one.at <= now);
    const element = line?.element ?? null;
    if (element === lit) return;
    lit?.classList.remove("sung");
    lit?.removeAttribute("aria-current");
    element?.classList.add("sung");
    element?.setAttribute("aria-current", "true");
    lit = element;
  };
}

function clock(seconds) {
  const whole = Math.floor(seconds || 0);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
