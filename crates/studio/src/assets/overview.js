// Keeps the counts and the running jobs of the overview fresh.
import { announcer, grouped, readJson, stepsOf, whileVisible, write, writeJobCounts } from "./poll.js";

const KINDS = { analyze_track: "Analyse track", scan_folder: "Read folder", import_tracks: "Import table", train: "Train models", train_heads: "Train heads", learn_lyrics: "Learn from lyrics" };
const announce = announcer(document.querySelector("[data-announce]"));
const list = document.querySelector("[data-running]");
const all = document.querySelector("[data-jobs-progress]");
const behind = document.querySelector("[data-events-behind]");
const model = behind ? behind.closest("dl").querySelector("dd").textContent : null;

function entryOf(job) {
  const entry = document.createElement("li");
  entry.dataset.job = job.id;
  const name = document.createElement("span");
  name.append(`${KINDS[job.kind] ?? job.kind} `);
  const subject = document.createElement("span");
  subject.className = "quiet";
  subject.textContent = job.subject ?? "";
  name.append(subject);
  const box = document.createElement("span");
  box.className = "progress";
  const bar = document.createElement("progress");
  bar.setAttribute("aria-label", `Progress of ${KINDS[job.kind] ?? job.kind}`);
  const steps = document.createElement("span");
  steps.className = "quiet";
  box.append(bar, steps);
  entry.append(name, box);
  return entry;
}

function show(jobs) {
  const known = new Map([...list.children].map((entry) => [entry.dataset.job, entry]));
  const entries = jobs.map((job) => {
    const entry = known.get(job.id) ?? entryOf(job);
    const bar = entry.querySelector("progress");
    bar.max = Math.max(job.progress_total, 1);
    bar.value = job.progress_done;
    write(entry.querySelector(".progress .quiet"), stepsOf(job));
    return entry;
  });
  list.replaceChildren(...entries);
}

whileVisible(async () => {
  const [overview, running] = await Promise.all([
    readJson("/api/v1/overview"),
    readJson("/api/v1/jobs?state=running&limit=6"),
  ]);
  for (const element of document.querySelectorAll("[data-count]")) {
    write(element, grouped(overview[element.dataset.count] ?? 0));
  }
  const counts = overview.jobs;
  writeJobCounts(counts);
  all.max = Math.max(counts.waiting + counts.running + counts.done + counts.dead, 1);
  all.value = counts.done;
  // A new model brings a new ladder: the page is drawn again.
  if ((overview.model?.id ?? null) !== model) location.reload();
  if (behind) write(behind, grouped(overview.model.events_behind));
  show(running.jobs);
  announce(counts);
});
