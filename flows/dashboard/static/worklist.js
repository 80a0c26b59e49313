// Keys of the worklist: j and k move between patients, n shows the next page. The links open by
// Enter, as all links do.
"use strict";

const patients = [...document.querySelectorAll("a.patient")];

function move(step) {
  const here = patients.indexOf(document.activeElement);
  const there = here < 0 ? 0 : here + step;
  patients[Math.min(Math.max(there, 0), patients.length - 1)]?.focus();
}

onKey("j", () => move(1));
onKey("k", () => move(-1));
onKey("n", () => document.querySelector('a[rel="next"]')?.click());
