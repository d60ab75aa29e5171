// The list is complete without this script. It adds a box that finds a provider by its name, or by the text of an error message.
"use strict";

const items = [...document.querySelectorAll("[data-find]")];
const box = document.createElement("input");
box.type = "search";
box.placeholder = "A name, an error message, localhost, refresh";
box.setAttribute("aria-label", "Find a provider");
const found = document.createElement("p");
found.className = "found";
found.setAttribute("role", "status");
box.addEventListener("input", () => {
  const words = box.value.toLowerCase().split(/\s+/).filter((word) => word);
  let count = 0;
  for (const item of items) {
    item.hidden = !words.every((word) => item.dataset.find.includes(word));
    if (!item.hidden) count += 1;
  }
  for (const section of document.querySelectorAll("section")) section.hidden = !section.querySelector("[data-find]:not([hidden])");
  found.textContent = words.length ? `${count} of ${items.length} providers` : "";
});
document.getElementById("search").append(box, found);
