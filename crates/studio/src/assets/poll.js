// Asks again and again while the page is seen, slower when the server does not answer.

const EVERY_MS = 1000;
const LONGEST_MS = 30000;

/** Calls `look` each second while the page is visible; an error doubles the wait. */
export function whileVisible(look) {
  let timer = 0;
  let wait = EVERY_MS;
  let isLooking = false;
  const turn = async () => {
    timer = 0;
    if (document.hidden || isLooking) return;
    isLooking = true;
    try {
      await look();
      wait = EVERY_MS;
    } catch {
      wait = Math.min(wait * 2, LONGEST_MS);
    }
    isLooking = false;
    if (!document.hidden) timer = setTimeout(turn, wait);
  };
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(turn, 0);
  });
  timer = setTimeout(turn, EVERY_MS);
}

/** Reads JSON; throws when the answer is not 2xx. A lost login leads to the login page. */
export async function readJson(url) {
  const answer = await fetch(url, { headers: { accept: "application/json" } });
  if (answer.status === 401) location.reload();
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return answer.json();
}

export function grouped(count) {
  return count.toLocaleString("en-US");
}

/** Writes text only where it changed, so that selections and screen readers are left alone. */
export function write(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

/** How far a job is: its stage and share where it has one, else its steps. */
export function stepsOf(job) {
  if (!job.progress_total) return "not begun";
  if (job.stage) {
    const share = Math.floor((job.progress_done * 100) / job.progress_total);
    return `${share} %, ${job.stage.replaceAll("_", " ")}`;
  }
  return `${grouped(job.progress_done)} of ${grouped(job.progress_total)} steps`;
}

/** Says how the work stands, when it began, ended or failed, not every second. */
export function announcer(element) {
  let known = null;
  return (counts) => {
    const active = counts.waiting + counts.running;
    if (known !== null) {
      if (counts.dead > known.dead) write(element, `${counts.dead} jobs failed.`);
      else if (active === 0 && known.active > 0) write(element, "All jobs are done.");
      else if (active > 0 && known.active === 0) write(element, `${active} jobs began.`);
    }
    known = { active, dead: counts.dead };
  };
}

export function writeJobCounts(counts) {
  for (const element of document.querySelectorAll("[data-jobs]")) {
    write(element, grouped(counts[element.dataset.jobs] ?? 0));
  }
}
