"use strict";
// The button that leaves the system's choice of light or dark.

document.getElementById("theme").addEventListener("click", () => {
  const chosen = document.documentElement.dataset;
  const now = chosen.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  chosen.theme = now === "dark" ? "light" : "dark";
});
