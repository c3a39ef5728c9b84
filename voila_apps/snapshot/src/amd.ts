// The one door of AMD: anywidget's file registers itself by the global `define`. esbuild puts this one in its place.
// Without the mark `amd`, so that libraries that know several module systems choose another one.

type Factory = (...modules: unknown[]) => unknown;

const factories: Factory[] = [];

export function define(_needs: string[], factory: Factory): void {
  factories.push(factory);
}

export function takeRegistered(): Factory {
  const factory = factories.pop();
  if (!factory) throw new Error("nothing has registered itself");
  return factory;
}
