// Light or dark: as the system says, until somebody chooses. The cookie lets the server say it.

const YEAR_SECONDS = 365 * 24 * 3600;

export function offerThemes() {
  const button = document.querySelector("[data-theme-toggle]");
  button.hidden = false;
  button.addEventListener("click", () => {
    const root = document.documentElement;
    const theme = isDark() ? "light" : "dark";
    root.dataset.theme = theme;
    document.cookie = `theme=${theme}; Path=/; Max-Age=${YEAR_SECONDS}; SameSite=Strict`;
    root.dispatchEvent(new CustomEvent("themed"));
  });
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}
