// Widgets that bring their own script: anywidget's own classes, made with our base.

import * as base from "@jupyter-widgets/base";
import "anywidget";
import { takeRegistered } from "./amd";

export const anywidget = takeRegistered()(base) as Record<string, unknown>;
