// Builds the bundle of public pages: `node build.mjs MODULES FOLDER`, MODULES being the folder node_modules.

import path from "node:path";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const [modules, folder] = process.argv.slice(2).map((name) => path.resolve(name));
const { build } = createRequire(path.join(modules, "index.js"))("esbuild");
const here = path.dirname(fileURLToPath(import.meta.url));

await build({
  entryPoints: [path.join(here, "src/snapshot.ts")],
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  outdir: folder,
  assetNames: "[name]",
  nodePaths: [modules],
  inject: [path.join(here, "src/amd.ts")],
  define: { "process.env.NODE_ENV": '"production"', global: "globalThis" },
  // Browsers of today take woff2; the older forms of the same fonts are left out.
  loader: { ".woff2": "file", ".ttf": "empty", ".woff": "empty", ".eot": "empty", ".svg": "dataurl" },
  legalComments: "linked",
  logLevel: "warning",
  metafile: Boolean(process.env.META),
}).then((result) => {
  if (result.metafile) console.log(JSON.stringify(result.metafile));
});
