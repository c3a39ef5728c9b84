// Draws the widgets of a public page from their saved state. Until then, and where a widget cannot be drawn, the
// page shows what the runner made of the same state without JavaScript.

import type { DOMWidgetModel, DOMWidgetView } from "@jupyter-widgets/base";
import { StaticManager } from "./manager";
import "./snapshot.css";

interface SavedModel {
  model_module: string;
  state: Record<string, unknown>;
}
type Saved = { state: Record<string, SavedModel> };

// Files of the page are named relative to it; anywidget takes only whole addresses for addresses.
function completeAddresses(saved: Saved): void {
  for (const model of Object.values(saved.state)) {
    for (const name of ["_esm", "_css"]) {
      const address = model.state[name];
      if (typeof address === "string" && /^files\/[0-9a-f]{64}\.(mjs|css)$/.test(address)) {
        model.state[name] = new URL(address, document.baseURI).href;
      }
    }
  }
}

async function draw(manager: StaticManager, saved: Saved, place: HTMLElement): Promise<void> {
  const modelId = place.dataset.model ?? "";
  if (!(modelId in saved.state)) throw new Error(`the page has no state of the widget ${modelId}`);
  const view: DOMWidgetView = await manager.create_view((await manager.get_model(modelId)) as DOMWidgetModel);
  const drawn = document.createElement("div");
  drawn.className = "ul-drawn";
  place.append(drawn);
  await manager.attach(view, drawn);
  place.querySelector(":scope > .ul-fallback")?.remove();
}

function countInactive(place: HTMLElement): number {
  return place.querySelectorAll("input:disabled, select:disabled, textarea:disabled, button:disabled, .noUi-target[disabled]").length;
}

// Say that controls do nothing here, and tell the page's frame, which may offer the interactive view.
function explainInactive(place: HTMLElement, hint: string): void {
  const note = document.createElement("p");
  note.className = "ul-hint";
  note.textContent = hint;
  place.append(note);
  place.classList.add("ul-inactive");
  place.addEventListener("pointerdown", (event) => {
    const isInactive = event.target instanceof Element && event.target.closest(":disabled, [disabled], .ul-drawn");
    if (isInactive) place.dispatchEvent(new CustomEvent("urbanlab:live-wanted", { bubbles: true }));
  });
}

async function drawPage(page: HTMLElement): Promise<void> {
  const answer = await fetch(new URL(page.dataset.widgets ?? "", document.baseURI));
  if (!answer.ok) throw new Error(`the widgets' state: ${answer.status}`);
  const saved = (await answer.json()) as Saved;
  completeAddresses(saved);
  const manager = new StaticManager({ figure: page.dataset.figure ?? "", control: page.dataset.control ?? "" });
  await manager.set_state(saved as never);
  const places = [...page.querySelectorAll<HTMLElement>(".ul-widget[data-model]")];
  const results = await Promise.allSettled(places.map((place) => draw(manager, saved, place)));
  for (const result of results) if (result.status === "rejected") console.error("widget", result.reason);
  // Controls get their final form in the next frame.
  await new Promise(requestAnimationFrame);
  const inactive = places.filter((place) => countInactive(place) > 0);
  for (const place of inactive) explainInactive(place, page.dataset.hint ?? "");
  page.dataset.drawn = String(results.filter((result) => result.status === "fulfilled").length);
  page.dataset.inactive = String(inactive.length);
  page.dispatchEvent(new CustomEvent("urbanlab:drawn", { bubbles: true, detail: { inactive: inactive.length } }));
}

for (const page of document.querySelectorAll<HTMLElement>(".ul-page[data-widgets]")) {
  drawPage(page).catch((reason) => console.error("widgets", reason));
}
