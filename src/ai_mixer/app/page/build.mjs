// Builds the page into ../static: three scripts, the style sheet and index.html.
import { build } from "esbuild";
import fs from "node:fs";

const here = new URL(".", import.meta.url).pathname;
const out = process.argv[2] ?? `${here}../static`;
await build({
  entryPoints: {
    app: `${here}src/main.ts`,
    worklet: `${here}src/worklet.ts`,
    analysis: `${here}src/analysis.ts`,
  },
  outdir: out,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
});
await build({
  entryPoints: { app: `${here}page.css` },
  outdir: out,
  bundle: true,
  minify: true,
  logLevel: "warning",
});
for (const name of ["index.html", "icon.svg"]) fs.copyFileSync(`${here}${name}`, `${out}/${name}`);
