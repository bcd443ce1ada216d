// Draws the map of the catalogue: zoom, pan, colours, what stands in the middle.

const ZOOM_MAX = 400;
const CELLS = 128;
const POLL_MS = 1000;
const NEAR_PX = 14;
const LISTED = 20;
const UNKNOWN = 255;
const STEPS = 9;

const root = document.querySelector("[data-map]");
if (root) start(root).catch((error) => complain(root, error));

async function start(root) {
  const wait = root.querySelector("[data-wait]");
  wait.textContent = "Reading the map …";
  const points = await read(root.dataset.space, (percent) => {
    wait.textContent = `The map is being made, ${percent.toFixed(0)} % done. It is kept afterwards.`;
  });
  wait.hidden = true;
  root.classList.add("is-ready");
  const map = new CatalogueMap(root, points);
  const colour = root.querySelector("[data-colour]");
  const paint = () => map.paint(colour.value).catch((error) => complain(root, error));
  colour.addEventListener("change", paint);
  map.show();
  await paint();
}

function complain(root, error) {
  const wait = root.querySelector("[data-wait]");
  wait.hidden = false;
  wait.textContent = `The map cannot be shown: ${error.message}`;
}

async function ask(path, pairs) {
  const query = new URLSearchParams(pairs);
  const answer = await fetch(`${path}?${query}`, { headers: { accept: "application/json" } });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail || body.title || `status ${answer.status}`);
  return body;
}

/** Asks until the map is made; columns become typed arrays. */
async function read(space, onProgress) {
  for (;;) {
    const answer = await ask("/api/v1/map", { space });
    if (answer.state === "ready") {
      const scale = 1 / answer.grid;
      return {
        space,
        version: answer.version,
        count: answer.points,
        x: Float32Array.from(answer.x, (x) => x * scale),
        y: Float32Array.from(answer.y, (y) => y * scale),
      };
    }
    onProgress(answer.progress_percent);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Points by the cell of a grid they lie in: picking looks at a few cells, not at every point. */
class Grid {
  constructor(points) {
    const cell = (value) => Math.min(CELLS - 1, Math.floor(value * CELLS));
    this.starts = new Uint32Array(CELLS * CELLS + 1);
    const own = new Uint32Array(points.count);
    for (let i = 0; i < points.count; i++) {
      own[i] = cell(points.y[i]) * CELLS + cell(points.x[i]);
      this.starts[own[i] + 1]++;
    }
    for (let i = 0; i < CELLS * CELLS; i++) this.starts[i + 1] += this.starts[i];
    const next = this.starts.slice(0, -1);
    this.members = new Uint32Array(points.count);
    for (let i = 0; i < points.count; i++) this.members[next[own[i]]++] = i;
  }

  /** Calls `visit` for every point in a box. */
  within(left, top, right, bottom, visit) {
    const cell = (value) => Math.min(CELLS - 1, Math.max(0, Math.floor(value * CELLS)));
    const [from, to] = [cell(left), cell(right)];
    for (let row = cell(top); row <= cell(bottom); row++) {
      const [start, end] = [this.starts[row * CELLS + from], this.starts[row * CELLS + to + 1]];
      for (let i = start; i < end; i++) visit(this.members[i]);
    }
  }
}

class CatalogueMap {
  constructor(root, points) {
    Object.assign(this, { root, points });
    this.canvas = root.querySelector("[data-canvas]");
    this.context = this.canvas.getContext("2d");
    this.tip = root.querySelector("[data-tip]");
    this.list = root.querySelector("[data-list]");
    this.said = root.querySelector("[data-announce]");
    this.grid = new Grid(points);
    this.groups = new Uint8Array(points.count);
    this.palette = [];
    this.names = new Map();
    this.marked = -1;
    this.isAsked = false;
    this.watch();
    this.operate();
  }

  /** Size and theme may change at any time. */
  watch() {
    new ResizeObserver(() => {
      const isFirst = !this.width;
      this.size();
      if (isFirst) this.whole();
      this.draw();
    }).observe(this.canvas);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", () => this.recolour());
  }

  size() {
    const box = this.canvas.getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    Object.assign(this, { width: box.width, height: box.height, ratio });
    this.canvas.width = Math.round(box.width * ratio);
    this.canvas.height = Math.round(box.height * ratio);
  }

  show() {
    this.size();
    this.whole();
  }

  /** The whole map in view. */
  whole() {
    this.base = Math.max(1, Math.min(this.width, this.height) - 32);
    this.zoom = 1;
    this.centre = { x: 0.5, y: 0.5 };
    this.moved();
  }

  get scale() { return this.base * this.zoom; }
  onScreen(i) {
    return [
      (this.points.x[i] - this.centre.x) * this.scale + this.width / 2,
      (this.points.y[i] - this.centre.y) * this.scale + this.height / 2,
    ];
  }
  onMap(left, top) {
    return [
      (left - this.width / 2) / this.scale + this.centre.x,
      (top - this.height / 2) / this.scale + this.centre.y,
    ];
  }

  /** Zooms about a place on the screen, which stays where it is. */
  zoomBy(factor, left = this.width / 2, top = this.height / 2) {
    const [x, y] = this.onMap(left, top);
    this.zoom = Math.min(ZOOM_MAX, Math.max(0.8, this.zoom * factor));
    this.centre = {
      x: x - (left - this.width / 2) / this.scale,
      y: y - (top - this.height / 2) / this.scale,
    };
    this.moved();
  }

  pan(dx, dy) {
    const within = (value) => Math.min(1, Math.max(0, value));
    this.centre = {
      x: within(this.centre.x - dx / this.scale),
      y: within(this.centre.y - dy / this.scale),
    };
    this.moved();
  }

  moved() {
    this.hideTip();
    this.draw();
    clearTimeout(this.listing);
    this.listing = setTimeout(() => this.relist().catch((error) => complain(this.root, error)), 250);
  }

  /** Draws once in the next frame, however often it is asked for. */
  draw() {
    if (this.isAsked) return;
    this.isAsked = true;
    requestAnimationFrame(() => {
      this.isAsked = false;
      this.paintFrame();
    });
  }

  paintFrame() {
    const { context, ratio, width, height } = this;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const crowd = Math.sqrt(20000 / Math.max(1, this.points.count));
    const radius = Math.min(6, Math.max(0.9, 1.5 * crowd) * Math.sqrt(Math.sqrt(this.zoom)));
    const [left, top] = this.onMap(-radius, -radius);
    const [right, bottom] = this.onMap(width + radius, height + radius);
    const shown = this.palette.map(() => []);
    this.grid.within(left, top, right, bottom, (i) => shown[this.groups[i] === UNKNOWN ? 0 : this.groups[i]]?.push(i));
    shown.forEach((members, group) => {
      context.fillStyle = this.palette[group];
      context.globalAlpha = group === 0 && this.palette.length > 1 ? 0.4 : 0.82;
      // The same as `onScreen`, without an array for each of the points.
      const { scale, points } = this;
      const [dx, dy] = [width / 2 - this.centre.x * scale, height / 2 - this.centre.y * scale];
      if (radius < 1.6) {
        const side = radius * 2;
        for (const i of members) {
          context.fillRect(points.x[i] * scale + dx - radius, points.y[i] * scale + dy - radius, side, side);
        }
        return;
      }
      context.beginPath();
      for (const i of members) {
        const [x, y] = [points.x[i] * scale + dx, points.y[i] * scale + dy];
        context.moveTo(x + radius, y);
        context.arc(x, y, radius, 0, Math.PI * 2);
      }
      context.fill();
    });
    context.globalAlpha = 1;
    if (this.marked < 0) return;
    const [x, y] = this.onScreen(this.marked);
    context.beginPath();
    context.arc(x, y, radius + 5, 0, Math.PI * 2);
    context.lineWidth = 2.5;
    context.strokeStyle = this.ink;
    context.stroke();
  }

  /** The nearest point to a place on the screen. */
  pick(left, top, reach = NEAR_PX) {
    const [x0, y0] = this.onMap(left - reach, top - reach);
    const [x1, y1] = this.onMap(left + reach, top + reach);
    let [best, nearest] = [-1, reach * reach];
    this.grid.within(x0, y0, x1, y1, (i) => {
      const [x, y] = this.onScreen(i);
      const apart = (x - left) ** 2 + (y - top) ** 2;
      if (apart <= nearest) [best, nearest] = [i, apart];
    });
    return best;
  }

  /** The points nearest to the middle of the view. */
  middle(count) {
    const [left, top] = this.onMap(0, 0);
    const [right, bottom] = this.onMap(this.width, this.height);
    const found = [];
    this.grid.within(left, top, right, bottom, (i) => {
      const apart = (this.points.x[i] - this.centre.x) ** 2 + (this.points.y[i] - this.centre.y) ** 2;
      if (found.length === count && apart >= found[count - 1].apart) return;
      let place = found.length;
      while (place > 0 && found[place - 1].apart > apart) place--;
      found.splice(place, 0, { i, apart });
      if (found.length > count) found.pop();
    });
    return found.map((one) => one.i);
  }

  /** Names of tracks, asked for once. */
  async named(points) {
    const missing = points.filter((i) => !this.names.has(i));
    if (missing.length) {
      const { space, version } = this.points;
      const answer = await ask("/api/v1/map/tracks", { space, version, points: missing.join(",") });
      for (const track of answer.tracks) this.names.set(track.point, track);
    }
    return points.map((i) => this.names.get(i)).filter(Boolean);
  }

  async relist() {
    const tracks = await this.named(this.middle(LISTED));
    if (!tracks.length) {
      const item = document.createElement("li");
      item.className = "quiet";
      item.textContent = "No track is in view: press 0 for the whole map.";
      this.list.replaceChildren(item);
      return;
    }
    this.list.replaceChildren(...tracks.map((track) => {
      const item = document.createElement("li");
      const link = document.createElement("a");
      link.href = `/studio/tracks/${encodeURIComponent(track.id)}`;
      link.textContent = track.title;
      const artist = document.createElement("span");
      artist.className = "quiet";
      artist.textContent = ` ${track.artist || "unknown artist"}`;
      item.append(link, artist);
      const light = () => { this.marked = track.point; this.draw(); };
      item.addEventListener("pointerenter", light);
      link.addEventListener("focus", light);
      return item;
    }));
  }

  hideTip() {
    this.tip.hidden = true;
    this.marked = -1;
  }

  /** Marks a point and says what it is. */
  async mark(i, isSaid) {
    if (i === this.marked && !this.tip.hidden) return;
    this.marked = i;
    this.canvas.classList.toggle("is-on-track", i >= 0);
    this.draw();
    if (i < 0) {
      this.tip.hidden = true;
      return;
    }
    const [track] = await this.named([i]);
    if (!track || this.marked !== i) return;
    const text = `${track.title} · ${track.artist || "unknown artist"}${this.told(i)}`;
    this.tip.textContent = text;
    this.tip.hidden = false;
    const [x, y] = this.onScreen(i);
    this.tip.classList.toggle("is-left", x > this.width / 2);
    this.tip.classList.toggle("is-above", y > this.height / 2);
    this.tip.style.setProperty("--x", `${x.toFixed(1)}px`);
    this.tip.style.setProperty("--y", `${y.toFixed(1)}px`);
    if (isSaid) this.said.textContent = text;
  }

  async open(i) {
    const [track] = await this.named([i]);
    if (track) location.href = `/studio/tracks/${encodeURIComponent(track.id)}`;
  }

  operate() {
    const { canvas } = this;
    const at = (event) => {
      const box = canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    const fail = (error) => complain(this.root, error);
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const lines = event.deltaMode === 1 ? event.deltaY * 24 : event.deltaY;
      this.zoomBy(Math.exp(-Math.max(-240, Math.min(240, lines)) / 300), ...at(event));
    }, { passive: false });

    const fingers = new Map();
    let dragged = 0;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, at(event));
      dragged = 0;
    });
    canvas.addEventListener("pointermove", (event) => {
      const now = at(event);
      const before = fingers.get(event.pointerId);
      if (!before) {
        this.mark(this.pick(...now)).catch(fail);
        return;
      }
      const [dx, dy] = [now[0] - before[0], now[1] - before[1]];
      if (fingers.size === 2) {
        const other = [...fingers].find(([id]) => id !== event.pointerId)[1];
        const spread = (one) => Math.hypot(one[0] - other[0], one[1] - other[1]);
        this.zoomBy(spread(now) / Math.max(1, spread(before)), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
        dragged = Infinity;
      } else {
        dragged += Math.hypot(dx, dy);
        if (dragged > 4) this.pan(dx, dy);
      }
      fingers.set(event.pointerId, now);
    });
    const release = (event) => {
      const was = fingers.delete(event.pointerId);
      if (!was || event.type !== "pointerup" || dragged > 4) return;
      const found = this.pick(...at(event));
      if (found >= 0) this.open(found).catch(fail);
    };
    canvas.addEventListener("pointerup", release);
    canvas.addEventListener("pointercancel", release);
    canvas.addEventListener("pointerleave", () => { if (!fingers.size) this.mark(-1).catch(fail); });

    let visited = -1;
    const visit = (step) => {
      const near = this.middle(LISTED);
      if (!near.length) return;
      visited = (visited + step + near.length) % near.length;
      this.mark(near[visited], true).catch(fail);
    };
    const step = () => Math.min(this.width, this.height) / 6;
    canvas.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      const acts = {
        ArrowLeft: () => this.pan(step(), 0),
        ArrowRight: () => this.pan(-step(), 0),
        ArrowUp: () => this.pan(0, step()),
        ArrowDown: () => this.pan(0, -step()),
        "+": () => this.zoomBy(1.5),
        "=": () => this.zoomBy(1.5),
        "-": () => this.zoomBy(1 / 1.5),
        0: () => this.whole(),
        n: () => visit(1),
        p: () => visit(-1),
        Enter: () => { if (this.marked >= 0) this.open(this.marked).catch(fail); },
      };
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      const act = acts[key];
      if (!act) return;
      event.preventDefault();
      if (key !== "n" && key !== "p" && key !== "Enter") visited = -1;
      act();
    });
    for (const button of this.root.querySelectorAll("[data-zoom]")) {
      const acts = {
        in: () => this.zoomBy(1.5),
        out: () => this.zoomBy(1 / 1.5),
        all: () => this.whole(),
      };
      button.addEventListener("click", acts[button.dataset.zoom]);
    }
  }

  /** Colours by a trait; by none, all alike. */
  async paint(by) {
    const { space, version, count } = this.points;
    this.colours = by ? await ask("/api/v1/map/colours", { space, version, by }) : null;
    this.groups = new Uint8Array(count);
    if (this.colours) {
      const { kind, low, high, values } = this.colours;
      for (let i = 0; i < count; i++) {
        const value = values[i];
        if (value === null) continue;
        const share = high > low ? (value - low) / (high - low) : 0.5;
        this.groups[i] = kind === "number"
          ? 1 + Math.min(STEPS - 1, Math.max(0, Math.floor(share * STEPS)))
          : 1 + value;
      }
    }
    this.recolour();
  }

  /** What the colour of a point says. */
  told(i) {
    const value = this.colours?.values[i];
    if (!this.colours) return "";
    if (value === null) return " · unknown";
    if (this.colours.kind !== "number") return ` · ${this.colours.names[value]}`;
    return ` · ${number(value, this.colours.by)} ${this.colours.unit}`;
  }

  recolour() {
    const style = getComputedStyle(this.root);
    const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
    this.ink = style.getPropertyValue("--ink").trim();
    const quiet = style.getPropertyValue("--quiet").trim();
    const accent = style.getPropertyValue("--accent").trim();
    const { kind, names } = this.colours ?? {};
    if (!kind) this.palette = [accent];
    else if (kind === "number") this.palette = [quiet, ...ramp(isDark)];
    else if (kind === "circle") this.palette = [quiet, ...names.map((_, place) => wheel(place, isDark))];
    else this.palette = [quiet, ...names.map((_, place) => sort(place, isDark))];
    this.legend();
    this.draw();
  }

  legend() {
    const legend = this.root.querySelector("[data-legend]");
    const { colours, palette } = this;
    if (!colours) {
      legend.replaceChildren(note(`${this.points.count.toLocaleString("en")} tracks`));
      return;
    }
    const { kind, names, low, high, by, unit, known } = colours;
    const items = kind === "number"
      ? [note(`${number(low, by)} and less`), ...palette.slice(1).map((colour) => swatch(colour, "")), note(`${number(high, by)} ${unit} and more`)]
      : names.map((name, place) => swatch(palette[place + 1], name));
    const missing = this.points.count - known;
    if (missing > 0) items.push(swatch(palette[0], `unknown, ${missing.toLocaleString("en")} tracks`));
    legend.replaceChildren(...items);
  }
}

function number(value, by) {
  if (by === "duration_ms") {
    const seconds = Math.round(value / 1000);
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} min,`;
  }
  return by === "year" ? String(value) : value.toLocaleString("en", { maximumSignificantDigits: 4 });
}

function note(text) {
  const element = document.createElement("span");
  element.className = "quiet";
  element.textContent = text;
  return element;
}

/** A patch of colour, as an image would be: its shape is not style but content. */
function swatch(colour, name) {
  const element = document.createElement("span");
  element.className = name ? "map-name" : "map-step";
  const patch = document.createElement("span");
  patch.className = "map-patch";
  patch.style.setProperty("background", colour);
  element.append(patch, name);
  return element;
}

/** From pale to strong: read by lightness as well as by hue. */
function ramp(isDark) {
  return Array.from({ length: STEPS }, (_, step) => {
    const share = step / (STEPS - 1);
    const light = isDark ? 0.42 + 0.48 * share : 0.82 - 0.5 * share;
    const hue = 250 - 190 * share;
    return `oklch(${light.toFixed(3)} ${(0.1 + 0.05 * share).toFixed(3)} ${hue.toFixed(0)})`;
  });
}

/** Keys: neighbours on the circle of fifths have neighbouring hues, minors are darker. */
function wheel(place, isDark) {
  const light = (isDark ? 0.76 : 0.66) - (place % 2 ? 0.16 : 0);
  return `oklch(${light.toFixed(2)} 0.14 ${Math.floor(place / 2) * 30 + 20})`;
}

/** Names: hues far apart for names that follow each other. */
function sort(place, isDark) {
  const light = (isDark ? 0.76 : 0.58) + (place % 2 ? 0.08 : 0);
  return place >= 11 ? `oklch(${light} 0.02 90)` : `oklch(${light.toFixed(2)} 0.15 ${(place * 147 + 30) % 360})`;
}
