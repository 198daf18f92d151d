// What AssemblyScript's own library asks of its host, by way of asconfig.json.

import { random } from "./host";
import { Json } from "./json";
import { log } from "./log";

/** abort tells why the guest ends, and ends it. The call fails with `unavailable`. */
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  const place = file == null ? "" : file + ":" + line.toString() + ":" + column.toString();
  log.error("abort: " + (message == null ? "" : message), Json.object().set("place", Json.string(place)));
  unreachable();
}

/** seed is what Math.random begins with. */
export function seed(): f64 {
  return reinterpret<f64>(load<u64>(changetype<usize>(random(8))));
}
