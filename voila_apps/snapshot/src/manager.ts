// Draws saved widgets with no kernel behind them. It knows the classes in this bundle and fetches no others.

import * as base from "@jupyter-widgets/base";
import * as controls from "@jupyter-widgets/controls";
import { ManagerBase } from "@jupyter-widgets/base-manager";
import { MessageLoop } from "@lumino/messaging";
import { Widget } from "@lumino/widgets";
import { anywidget } from "./anywidget";
import { describe, type Words } from "./describe";
import * as output from "./output";

const MODULES: Record<string, Record<string, unknown>> = {
  "@jupyter-widgets/base": base as unknown as Record<string, unknown>,
  "@jupyter-widgets/controls": controls as unknown as Record<string, unknown>,
  "@jupyter-widgets/output": output,
  anywidget,
};

// What a model says to its kernel, nobody hears.
const NOBODY: base.IClassicComm = {
  comm_id: "",
  target_name: "",
  open: () => "",
  send: () => "",
  close: () => "",
  on_msg: () => undefined,
  on_close: () => undefined,
};

export class StaticManager extends ManagerBase {
  constructor(private readonly words: Words) {
    super();
    const views = this.views;
    window.addEventListener("resize", () => {
      for (const view of views) MessageLoop.postMessage(view.luminoWidget, Widget.ResizeMessage.UnknownSize);
    });
  }

  private readonly views = new Set<base.DOMWidgetView>();

  /** Show a view in a place of the page. */
  async attach(view: base.DOMWidgetView, place: HTMLElement): Promise<void> {
    Widget.attach(view.luminoWidget, place);
    this.views.add(view);
    view.once("remove", () => this.views.delete(view));
  }

  async create_view(model: base.DOMWidgetModel, options = {}): Promise<never> {
    const view = await super.create_view(model, options);
    // The base shows what went wrong; a page shows what the runner made of the same state.
    if (view instanceof base.ErrorWidgetView) throw new Error(`${model.name} cannot be drawn`);
    describe(view, model, this.words);
    return view as never;
  }

  async loadClass(name: string, module: string): Promise<never> {
    const found = MODULES[module]?.[name];
    if (!found) throw new Error(`${module}.${name} is not part of public pages`);
    return found as never;
  }

  async _create_comm(): Promise<base.IClassicComm> {
    return NOBODY;
  }

  async _get_comm_info(): Promise<Record<string, never>> {
    return {};
  }
}
