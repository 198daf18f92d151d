// Builds plugins against the kit as it lies here: a directory with the kit as its
// only package, as npm would make it for a project of its own.

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";

const kit = fileURLToPath(new URL("..", import.meta.url));

/** build returns the path of the module that a source of the kit's directory becomes. */
export function build(source) {
  const dir = mkdtempSync(join(tmpdir(), "backflow-kit-"));
  after(() => rmSync(dir, { recursive: true }));
  mkdirSync(join(dir, "node_modules/@backflow"), { recursive: true });
  symlinkSync(kit, join(dir, "node_modules/@backflow/plugin"));
  cpSync(join(kit, source), join(dir, "index.ts"));
  const asc = join(kit, "node_modules/assemblyscript/bin/asc.js");
  execFileSync(process.execPath, [asc, "index.ts", "--config", "node_modules/@backflow/plugin/asconfig.json", "--outFile", "plugin.wasm"], {
    cwd: dir,
    stdio: ["ignore", "inherit", "inherit"],
  });
  return join(dir, "plugin.wasm");
}
