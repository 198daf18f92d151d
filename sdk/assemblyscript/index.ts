// @backflow/plugin: plugins for Backflow in AssemblyScript. README.md shows one.

export { now, random } from "./assembly/host";
export { Request, Response } from "./assembly/http";
export { Json, Kind } from "./assembly/json";
export { log } from "./assembly/log";
export { Action, Call, Config, Plugin, Repeat } from "./assembly/plugin";
export { Code, Failure, Result } from "./assembly/result";
export { serve } from "./assembly/serve";
export { Verdict, WebhookRequest } from "./assembly/webhook";
