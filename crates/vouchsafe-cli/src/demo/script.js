// The pages work without this script. It counts the token's lifetime down, opens all steps at once, and finds a provider
// by its name.
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

const many = document.querySelector("[data-many]");
if (many) {
  const find = document.createElement("input");
  find.type = "search";
  find.placeholder = "Find a provider";
  find.setAttribute("aria-label", "Find a provider");
  find.addEventListener("input", () => {
    const wanted = find.value.trim().toLowerCase();
    const name = (item) => item.textContent.replace("Continue with ", "").toLowerCase();
    for (const item of many.children) item.hidden = !name(item).includes(wanted);
  });
  many.before(find);
}
