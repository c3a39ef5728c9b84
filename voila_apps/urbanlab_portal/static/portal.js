// All that the portal itself does in a browser: what is too wide can be scrolled with the keyboard too.
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
