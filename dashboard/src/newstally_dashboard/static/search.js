// Searches as one types: the form works without this, too.
import { fetchPage, takeOver } from "./fetching.js";

const PAUSE_MILLIS = 180;
const AGAIN_MILLIS = 1000;

export function searchAsTyped() {
  for (const input of document.querySelectorAll("input[data-search]")) {
    const results = document.getElementById(input.dataset.search);
    listen(input, (address, page) => {
      const found = page.getElementById(results.id);
      if (found !== null) takeOver(results, found);
      history.replaceState(null, "", address);
      return results;
    });
  }
  for (const input of document.querySelectorAll("input[data-suggest]")) suggest(input);
}

/** Show what is found below a field, until something else is done. */
function suggest(input) {
  const panel = document.getElementById(input.dataset.suggest);
  const cancel = listen(input, (_address, page) => {
    const found = page.getElementById("results");
    panel.hidden = found === null || input.value.trim() === "";
    if (!panel.hidden) takeOver(panel, found);
    return panel;
  });
  const close = () => {
    cancel(); // or it would open again with what is found meanwhile
    panel.hidden = true;
  };
  input.form.addEventListener("keydown", (event) => {
    const links = [...panel.querySelectorAll("a")];
    const at = links.indexOf(document.activeElement);
    if (event.key === "Escape" && !panel.hidden) {
      event.preventDefault(); // which would empty the field, too
      close();
      input.focus();
    } else if (event.key === "ArrowDown" && !panel.hidden && links.length > at + 1) {
      links[at + 1].focus();
      event.preventDefault();
    } else if (event.key === "ArrowUp" && at >= 0) {
      (links[at - 1] ?? input).focus();
      event.preventDefault();
    }
  });
  document.addEventListener("focusin", (event) => {
    if (!input.form.contains(event.target)) close();
  });
  document.addEventListener("pointerdown", (event) => {
    if (!input.form.contains(event.target)) close();
  });
}

/**
 * Fetch the form's page whenever the field has changed and rests, the last one alone; again while
 * what `show` returns lacks a part. Return what gives up asking.
 */
function listen(input, show) {
  let timer;
  let asking = new AbortController();
  const cancel = () => {
    clearTimeout(timer);
    asking.abort();
  };
  const ask = async (signal) => {
    // Not form.action: that would be a field of this name, if the address had brought one.
    const action = input.form.getAttribute("action");
    const address = `${action}?${new URLSearchParams(new FormData(input.form))}`;
    try {
      const page = await fetchPage(address, signal);
      if (signal.aborted) return;
      const shown = show(address, page);
      if (shown.querySelector(".pending")) timer = setTimeout(ask, AGAIN_MILLIS, signal);
    } catch {
      // Aborted, or not reached: Enter asks again, and shows what is wrong.
    }
  };
  input.addEventListener("input", () => {
    cancel();
    asking = new AbortController();
    timer = setTimeout(ask, PAUSE_MILLIS, asking.signal);
  });
  return cancel;
}
