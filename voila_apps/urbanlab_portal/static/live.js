// Both ends of an interactive view: the portal's page around it, and the page of the session within.
const within = window.parent !== window;

if (within) {
  // How high the content is, and how the connection to the session goes; Voilà's own program tells nobody.
  const tell = (message) => parent.postMessage({ live: true, ...message }, location.origin);
  let failures = 0;
  window.WebSocket = class extends WebSocket {
    constructor(...options) {
      super(...options);
      this.addEventListener("open", () => { failures = 0; });
      this.addEventListener("close", (event) => {
        if (event.code === 4000) tell({ ended: event.reason });
        else if (++failures >= 3) tell({ ended: "gone" });
      });
    }
  };
  addEventListener("DOMContentLoaded", () => {
    const cells = document.getElementById("rendered_cells");
    if (!cells) { tell({ height: document.documentElement.scrollHeight }); return; }
    new ResizeObserver(() => tell({ height: cells.scrollHeight + 16 })).observe(cells);
  });
} else {
  const frame = document.getElementById("live");
  addEventListener("message", (event) => {
    if (event.source !== frame.contentWindow || !event.data?.live) return;
    if (event.data.height > 0) frame.style.height = `${Math.min(event.data.height, 20000)}px`;
    if (event.data.ended) {
      const note = document.getElementById("live-ended");
      for (const each of note.querySelectorAll("[data-reason]")) each.hidden = each.dataset.reason !== event.data.ended;
      frame.remove();
      note.hidden = false;
      note.focus();
    }
  });
}
