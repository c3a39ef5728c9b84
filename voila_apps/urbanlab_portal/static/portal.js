// All that the portal itself does in a browser: what is too wide can be scrolled with the keyboard too, and what draws
// widgets, which is larger than all the rest of a page, comes when somebody comes near one.
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
