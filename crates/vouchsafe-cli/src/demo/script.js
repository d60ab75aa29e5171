// The pages work without this script. It counts the token's lifetime down, opens all steps at once, finds a provider by its
// name, and copies code.
"use strict";

const words = (s) => (s < 60 ? `${s} s` : s < 3600 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`);

const life = document.querySelector("[data-left]");
if (life) {
  const bar = life.querySelector("progress");
  const text = life.querySelector("[data-words]");
  const started = performance.now();
  const total = Number(life.dataset.left);
  const tick = () => {
    const left = Math.max(0, total - Math.floor((performance.now() - started) / 1000));
    bar.value = left;
    text.textContent = left > 0 ? `${words(left)} left` : "Expired: refresh it to continue";
    if (left === 0) clearInterval(timer);
  };
  const timer = setInterval(tick, 1000);
}

const steps = [...document.querySelectorAll(".step details")];
if (steps.length) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button small";
  const label = () => {
    button.textContent = steps.every((s) => s.open) ? "Close all steps" : "Open all steps";
  };
  label();
  button.addEventListener("click", () => {
    const open = !steps.every((s) => s.open);
    for (const step of steps) step.open = open;
  });
  for (const step of steps) step.addEventListener("toggle", label);
  document.querySelector("[data-tools]").append(button);
}

// A name without case, accents, spaces and signs.
const plain = (name) => name.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");

// How well a name fits the words that are looked for: the smaller, the better. Within a name, one letter says nothing.
const rank = (name, wanted) => {
  const words = name.split(/[^\p{L}\p{N}]+/u).map(plain);
  if (plain(name) === wanted) return 0;
  if (words.includes(wanted)) return 1;
  if (plain(name).startsWith(wanted)) return 2;
  if (words.some((word) => word.startsWith(wanted))) return 3;
  return wanted.length > 1 && plain(name).includes(wanted) ? 4 : Infinity;
};

const many = document.querySelector("[data-many]");
if (many) {
  const known = [...document.querySelectorAll(".known a")].map((link) => link.pathname);
  const items = [...many.children].map((item) => {
    const link = item.querySelector("a");
    const label = link.querySelector(".name").lastChild.textContent;
    const names = [label, link.pathname.split("/").pop(), ...(item.dataset.also ?? "").split(", ")];
    const place = known.includes(link.pathname) ? known.indexOf(link.pathname) : known.length;
    return { item, link, place, names: names.filter((name) => name) };
  });
  let found = items;
  const form = document.querySelector("[data-search]");
  const find = form.querySelector("input");
  const count = form.nextElementSibling;
  // Each letter searches: the button is for pages without this script.
  form.querySelector("button").hidden = true;
  find.addEventListener("input", () => {
    const wanted = plain(find.value);
    // The name on the button and the one in the address come before other names.
    const best = ({ names }) => Math.min(...names.map((name, i) => rank(name, wanted) + (i > 1 ? 0.5 : 0)));
    const ranked = items.map((each) => ({ ...each, rank: wanted ? best(each) : Infinity }));
    found = !find.value.trim() ? items : ranked.filter((each) => each.rank < Infinity).sort((a, b) => a.rank - b.rank || a.place - b.place);
    for (const { item } of items) item.hidden = true;
    for (const { item } of found) {
      item.hidden = false;
      many.append(item);
    }
    many.scrollTop = 0;
    const all = `${items.length} providers`;
    if (!find.value.trim()) count.textContent = "";
    else if (!found.length) count.textContent = `None of the ${all} has this name.`;
    else count.textContent = `${found.length} of ${all}. Enter chooses ${found[0].names[0]}.`;
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (find.value.trim() && found.length) found[0].link.click();
  });
}

for (const place of document.querySelectorAll("[data-copy]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button small";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(place.nextElementSibling.textContent);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed: select the text";
    }
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
  place.append(button);
}
