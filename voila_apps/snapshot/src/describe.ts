// Names for what ipywidgets leaves without one: a screen reader says what a picture shows and what a slider sets.

import type { DOMWidgetModel, WidgetView } from "@jupyter-widgets/base";

export interface Words {
  figure: string;
  control: string;
}

const CONTROLS = ".noUi-handle, input, select, textarea, [contenteditable]";

function isNamed(element: Element): boolean {
  if (element.hasAttribute("aria-label") || element.hasAttribute("aria-labelledby")) return true;
  const labels = (element as HTMLInputElement).labels;
  return [...(labels ?? [])].some((label) => label.textContent?.trim());
}

export function describe(view: WidgetView, model: DOMWidgetModel, words: Words): void {
  const element = view.el as unknown;
  if (element instanceof HTMLImageElement) element.alt = model.get("alt") || words.figure;
  if (!(element instanceof Element) || model.get("children")) return;
  const name = model.get("description") || words.control;
  for (const control of element.querySelectorAll(CONTROLS)) {
    if (!isNamed(control)) control.setAttribute("aria-label", name);
  }
}
