// The Output widget: what it holds was made fit for the page by the runner, so it is shown as it is.

import { DOMWidgetModel, DOMWidgetView } from "@jupyter-widgets/base";
import type { StaticManager } from "./manager";

const VIEW_TYPE = "application/vnd.jupyter.widget-view+json";

interface Output {
  data?: { "text/html"?: string; [VIEW_TYPE]?: { model_id: string } };
}

export class OutputModel extends DOMWidgetModel {
  defaults() {
    return {
      ...super.defaults(),
      _model_name: "OutputModel",
      _view_name: "OutputView",
      _model_module: "@jupyter-widgets/output",
      _view_module: "@jupyter-widgets/output",
      outputs: [],
      msg_id: "",
    };
  }
}

export class OutputView extends DOMWidgetView {
  render(): void {
    super.render();
    this.el.classList.add("jupyter-widgets", "ul-widget-output");
    for (const output of this.model.get("outputs") as Output[]) this.el.append(this.show(output));
  }

  private show(output: Output): HTMLElement {
    const place = document.createElement("div");
    place.className = "ul-output";
    const view = output.data?.[VIEW_TYPE];
    if (view) void this.drawWithin(view.model_id, place);
    else place.innerHTML = output.data?.["text/html"] ?? "";
    return place;
  }

  private async drawWithin(modelId: string, place: HTMLElement): Promise<void> {
    const manager = this.model.widget_manager as unknown as StaticManager;
    const view: DOMWidgetView = await manager.create_view((await manager.get_model(modelId)) as DOMWidgetModel);
    await manager.attach(view, place);
  }
}
