// What all pages share. Single-key shortcuts, which can be turned off for those whose voice or hand would type them
// unawares (WCAG 2.1.4). Only the choice is kept in the browser.
"use strict";

const CHOICE = "single-keys";
const actions = new Map();
const onKey = (key, action) => actions.set(key, action);

function shortcutsAreOn() {
  return localStorage.getItem(CHOICE) !== "off";
}

function showChoice(button) {
  button.hidden = false;
  button.textContent = button.dataset[shortcutsAreOn() ? "on" : "off"];
  button.setAttribute("aria-pressed", String(shortcutsAreOn()));
}

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.matches("input, select, textarea");
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey || !shortcutsAreOn()) return;
  const action = actions.get(event.key);
  if (!action) return;
  event.preventDefault();
  action();
});

onKey("/", () => document.querySelector(".search input")?.focus());

// A line at the top says that the next page is on its way.
const leave = () => document.documentElement.classList.add("leaving");
document.addEventListener("submit", leave);
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href]:not([download])");
  const isOwn = link && !link.getAttribute("href").startsWith("#") && !event.defaultPrevented;
  if (isOwn && !event.ctrlKey && !event.metaKey && !event.shiftKey) leave();
});
window.addEventListener("pageshow", () => document.documentElement.classList.remove("leaving"));

for (const button of document.querySelectorAll("button.shortcuts")) {
  showChoice(button);
  button.addEventListener("click", () => {
    localStorage.setItem(CHOICE, shortcutsAreOn() ? "off" : "on");
    showChoice(button);
  });
}
for (const button of document.querySelectorAll("button.print")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
