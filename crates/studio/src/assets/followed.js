// Follows the newest job of a kind: its bar moves, and the page is drawn again when it ends.
import { grouped, readJson, whileVisible, write } from "./poll.js";

const box = document.querySelector("[data-followed]");
const bar = box.querySelector("progress");
const steps = box.querySelector("[data-steps]");
const announce = document.querySelector("[data-announce]");
let known = box.dataset.known;

whileVisible(async () => {
  const { jobs } = await readJson(`/api/v1/jobs?kind=${box.dataset.followed}&limit=1`);
  const job = jobs[0];
  const now = job ? `${job.id}:${job.state}` : "";
  if (job && (job.state === "waiting" || job.state === "running")) {
    box.hidden = false;
    bar.max = Math.max(job.progress_total, 1);
    bar.value = job.progress_done;
    const text = job.progress_total
      ? `${grouped(job.progress_done)} of ${grouped(job.progress_total)} steps`
      : "not begun";
    write(steps, text);
    if (now !== known) write(announce, job.state === "running" ? "The job runs." : "The job waits.");
  } else if (now !== known) {
    location.reload();
  }
  known = now;
});
