import { Plugin } from "./plugin";

let current: Plugin | null = null;

/** serve hands the plugin to the gateway. It is called once, at the top of the plugin's file. */
export function serve(plugin: Plugin): void {
  current = plugin;
}

/** served is for the kit. */
export function served(): Plugin {
  const plugin = current;
  assert(plugin != null, "the plugin's file does not call serve");
  return plugin!;
}
