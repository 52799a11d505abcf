// Fetches pages of this site, to take parts out of them.

const LONGEST_MILLIS = 15_000;

/** Return the page at an address, parsed; its scripts do not run. Throws where none comes in time. */
export async function fetchPage(address, ...signals) {
  const signal = AbortSignal.any([AbortSignal.timeout(LONGEST_MILLIS), ...signals]);
  const answer = await fetch(address, { headers: { Accept: "text/html" }, signal });
  const text = await answer.text();
  return new DOMParser().parseFromString(text, "text/html");
}

/** Put what a fetched element holds in the place of what one here holds. */
export function takeOver(here, fetched) {
  here.replaceChildren(...[...fetched.childNodes].map((node) => document.adoptNode(node)));
  here.dispatchEvent(new CustomEvent("renewed", { bubbles: true }));
}
