// Films side by side: one that is gone says so; a saliency map takes the place of its film.
"use strict";

function sayGone(image) {
  const figure = image.closest("figure");
  if (!figure) return; // it was said already: the failure was seen twice
  const gone = document.createElement("p");
  gone.className = "gone";
  gone.textContent = figure.dataset.gone;
  image.replaceWith(gone);
}

for (const image of document.querySelectorAll(".pictures img")) {
  if (image.complete && !image.naturalWidth) sayGone(image);
  image.addEventListener("load", () => image.classList.remove("busy"));
  image.addEventListener("error", () => sayGone(image));
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
