// Files of the engines, loaded once.

import * as api from "./api.ts";
import type { EngineFiles } from "./engine.ts";
import type { ConsoleName } from "./types.ts";

const files = new Map<ConsoleName, Promise<EngineFiles>>();

export function engineFiles(name: ConsoleName): Promise<EngineFiles> {
  let found = files.get(name);
  if (!found) {
    found = Promise.all([api.getBytes(`/${name}.wasm`), api.getBytes(`/api/consoles/${name}/rooms`)]).then(
      ([wasm, rooms]) => ({ wasm, rooms }),
    );
    files.set(name, found);
    found.catch(() => files.delete(name));
  }
  return found;
}
