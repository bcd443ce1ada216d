// Follows the jobs of the page: progress in place, the rows anew when others came or states changed.
import { announcer, readJson, stepsOf, whileVisible, write, writeJobCounts } from "./poll.js";

const table = document.querySelector("[data-rows]");
const body = table.tBodies[0];
const announce = announcer(document.querySelector("[data-announce]"));

const shapeOf = (jobs) => jobs.map((job) => `${job.id}:${job.state}:${job.attempts}`).join(" ");
const shown = () =>
  [...body.querySelectorAll("tr[data-job]")].map((row) => ({
    id: row.dataset.job,
    state: row.dataset.state,
    attempts: row.querySelector("[data-attempts]").textContent,
  }));

async function drawRows() {
  const answer = await fetch(table.dataset.rows);
  if (answer.redirected) location.reload();
  if (!answer.ok) throw new Error(String(answer.status));
  const focused = document.activeElement?.closest?.("tr[data-job]")?.dataset.job;
  body.innerHTML = await answer.text();
  if (!focused) return;
  for (const row of body.rows) {
    if (row.dataset.job === focused) row.querySelector("button, a")?.focus();
  }
}

whileVisible(async () => {
  const answer = await readJson(table.dataset.source);
  writeJobCounts(answer.counts);
  announce(answer.counts);
  if (shapeOf(answer.jobs) !== shapeOf(shown())) {
    await drawRows();
    return;
  }
  answer.jobs.forEach((job, place) => {
    if (job.state !== "running") return;
    const row = body.rows[place];
    const bar = row.querySelector("progress");
    bar.max = Math.max(job.progress_total, 1);
    bar.value = job.progress_done;
    write(row.querySelector("[data-steps]"), stepsOf(job));
  });
});
