// Sends a module to the API as it is; a form would have to wrap it.
const form = document.querySelector("[data-upload]");
const refused = document.querySelector("[data-refused]");

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  const [module] = form.querySelector("input[type=file]").files;
  if (!module) return;
  button.disabled = true;
  refused.hidden = true;
  try {
    const answer = await fetch("/api/v1/plugins", {
      method: "POST",
      headers: { "content-type": "application/wasm", accept: "application/json" },
      body: module,
    });
    const told = await answer.json();
    if (answer.ok) {
      location.assign(`${form.dataset.to}/${encodeURIComponent(told.name)}`);
      return;
    }
    refused.textContent = told.detail ?? `The server answers ${answer.status}.`;
  } catch {
    refused.textContent = "The server does not answer.";
  }
  refused.hidden = false;
  button.disabled = false;
});
