import { hostLog } from "./host";
import { Json } from "./json";
import { encode } from "./text";

/** log writes into the gateway's log, which adds plugin, action and request id. Attributes are an object's fields. */
export namespace log {
  export function debug(message: string, attributes: Json | null = null): void {
    write("debug", message, attributes);
  }

  export function info(message: string, attributes: Json | null = null): void {
    write("info", message, attributes);
  }

  export function warn(message: string, attributes: Json | null = null): void {
    write("warn", message, attributes);
  }

  export function error(message: string, attributes: Json | null = null): void {
    write("error", message, attributes);
  }
}

function write(level: string, message: string, attributes: Json | null): void {
  const record = Json.object().set("@level", Json.string(level)).set("@message", Json.string(message));
  if (attributes != null) {
    const keys = attributes.keys();
    for (let i = 0; i < keys.length; i++) record.set(keys[i], attributes.get(keys[i]));
  }
  const line = encode(record.toString());
  hostLog(changetype<usize>(line), line.byteLength);
}
