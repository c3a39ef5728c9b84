// All that the portal itself does in a browser: what is too wide can be scrolled with the keyboard too, what draws
// widgets, which is larger than all the rest of a page, comes when somebody comes near one, and another choice takes
// the place of the one before.
const label = document.body.dataset.scrollLabel;

function mark() {
  for (const element of document.querySelectorAll(".page pre, .ul-widget")) {
    if (element.scrollWidth <= element.clientWidth || element.tabIndex >= 0) continue;
    element.tabIndex = 0;
    element.setAttribute("role", "region");
    element.setAttribute("aria-label", label);
  }
}

addEventListener("load", mark);
addEventListener("resize", mark);
addEventListener("urbanlab:drawn", mark);

// From the head only: what an author writes stands in the body.
const list = (name) => [...document.head.querySelectorAll(`meta[name="${name}"]`)].map((entry) => entry.content);

function add(tag, values) {
  return new Promise((resolve) => {
    const element = Object.assign(document.createElement(tag), values, { onload: resolve, onerror: resolve });
    document.head.append(element);
  });
}

async function loadWidgets() {
  await Promise.all(list("widgets-style").map((href) => add("link", { rel: "stylesheet", href })));
  for (const src of list("widgets-script")) add("script", { src });
}

const watch = new IntersectionObserver((seen) => {
  if (!seen.some((entry) => entry.isIntersecting)) return;
  watch.disconnect();
  loadWidgets();
}, { rootMargin: "1000px" });
for (const widget of document.querySelectorAll(".page .ul-widget")) watch.observe(widget);

// Without this, or where anything is unusual, the form leads to the same address.
const said = Object.assign(document.createElement("p"), { className: "unseen" });
said.setAttribute("role", "status");
document.body.append(said);
let shown = location.pathname + location.search;
let turn = 0;

const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

async function fetchPage(url, mine) {
  for (;;) {
    const answer = await fetch(url);
    if (answer.status !== 202 || mine !== turn) return answer;
    await pause(Number(answer.headers.get("Retry-After")) || 3);  // it is being calculated
    if (mine !== turn) return answer;
  }
}

async function swap(url, isNew) {
  const mine = ++turn;
  const content = document.getElementById("content");
  const form = content.querySelector("form[data-swapped]");
  content.setAttribute("aria-busy", "true");
  said.textContent = form.dataset.wait;
  let page;
  try {
    const answer = await fetchPage(url, mine);
    page = answer.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
  } catch {
    page = null;
  }
  if (mine !== turn) return;
  // Widgets begin with a page of their own.
  if (!page?.querySelector("form[data-swapped]") || page.querySelector(".page .ul-widget")) {
    location.assign(url);
    return;
  }
  if (isNew) history.pushState(null, "", url);
  shown = location.pathname + location.search;
  document.title = page.title;
  document.querySelector(".languages")?.replaceWith(page.querySelector(".languages"));
  content.replaceChildren(...page.getElementById("content").childNodes);
  content.removeAttribute("aria-busy");
  content.querySelector("form[data-swapped] button").focus({ preventScroll: true });
  said.textContent = form.dataset.swapped;
  mark();
}

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-swapped]");
  if (!form) return;
  event.preventDefault();
  const url = new URL(form.action);
  url.search = new URLSearchParams(new FormData(form));
  swap(url.href, true);
});
addEventListener("popstate", () => {
  if (location.pathname + location.search === shown) return;  // a step within the page
  if (document.querySelector("form[data-swapped]")) swap(location.href, false);
});
