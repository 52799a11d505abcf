// Sections with data-refresh="SECONDS" are fetched again: from data-source, or from the page itself.
import { fetchPage, takeOver } from "./fetching.js";

const LONGEST_SECONDS = 30;
const PATIENCE = 2;
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

export function keepFresh() {
  for (const section of document.querySelectorAll("[data-refresh]")) keep(section);
}

async function keep(section) {
  let failures = 0;
  let renewed = new Date();
  while (section.isConnected && section.dataset.refresh) {
    const seconds = Number(section.dataset.refresh) * 2 ** failures;
    await wait(Math.min(seconds, LONGEST_SECONDS));
    await visible();
    if (isUsed(section)) continue;
    try {
      const page = await fetchPage(section.dataset.source ?? location.href);
      const fetched = page.getElementById(section.id);
      // A page of trouble has no such section: it is asked again, ever less often, and shown where
      // there is nothing else to show.
      if (fetched === null) {
        failures += 1;
        if (failures > PATIENCE && section.querySelector(".pending")) location.reload();
      }
      else {
        renew(section, fetched);
        failures = 0;
        renewed = new Date();
      }
    } catch {
      failures += 1;
    }
    if (failures >= PATIENCE) tellOld(section, renewed);
  }
}

/** Say that what is shown is not what is now; the next renewal takes it away. */
function tellOld(section, since) {
  if (section.querySelector(".old") !== null) return;
  const notice = document.createElement("p");
  notice.className = "notice old";
  notice.role = "status";
  notice.textContent = `As of ${clock.format(since)}: renewing it fails, and is tried again.`;
  section.prepend(notice);
}

function renew(section, fetched) {
  if (section.innerHTML === fetched.innerHTML) return;
  // What was empty has a whole page to show, unless it is trouble: that is told where it is.
  const whole = section.dataset.then === "reload" && fetched.querySelector(".notice") === null;
  if (!fetched.dataset.refresh && whole) location.reload();
  if (!fetched.dataset.refresh) delete section.dataset.refresh;
  section.className = fetched.className;
  takeOver(section, fetched);
}

/** Whether somebody is about to use a part of it, which then must not change under them. */
function isUsed(section) {
  const selection = getSelection();
  const selects = selection !== null && !selection.isCollapsed && selection.containsNode(section, true);
  return selects || section.matches(":has(:focus-visible)");
}

function wait(seconds) {
  return new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
}

/** Return when the page is looked at. */
function visible() {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    document.addEventListener("visibilitychange", resolve, { once: true });
  });
}
