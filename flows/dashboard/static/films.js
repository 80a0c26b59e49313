// Films side by side: one that is gone says so, one that is not made yet is asked for again; a
// saliency map takes the place of its film.
"use strict";

const LATER_SECONDS = 5; // where an answer does not say when to ask again

function note(text) {
  const note = document.createElement("p");
  note.className = "gone";
  note.textContent = text;
  return note;
}

async function askAgain(image, { gone, busy }) {
  const { src } = image;
  const waiting = note(busy);
  image.replaceWith(waiting);
  // An image does not say why it failed.
  const answer = await fetch(src).catch(() => null);
  // Once more where one is there now; not for ever, if what comes is no image: a page to sign in.
  const isThere = answer?.ok && image.dataset.answered !== src;
  if (isThere || answer?.status === 503) {
    if (isThere) image.dataset.answered = src;
    const seconds = isThere ? 0 : Number(answer.headers.get("Retry-After") ?? LATER_SECONDS);
    setTimeout(() => {
      waiting.replaceWith(image);
      image.src = src;
    }, 1000 * seconds);
  } else {
    waiting.replaceWith(note(gone));
  }
}

function failed(image) {
  const figure = image.closest("figure");
  if (figure) askAgain(image, figure.dataset); // else it was seen already: the failure was seen twice
}

for (const image of document.querySelectorAll(".pictures img")) {
  if (image.complete && !image.naturalWidth) failed(image);
  image.addEventListener("load", () => image.classList.remove("busy"));
  image.addEventListener("error", () => failed(image));
}
for (const link of document.querySelectorAll("a.saliency")) {
  link.addEventListener("click", (event) => {
    const image = link.closest("figure").querySelector("img");
    if (!image || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const { src } = image;
    image.classList.add("busy");
    image.src = link.href;
    link.href = src; // a second click shows the film again
  });
}
