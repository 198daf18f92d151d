import { Call, Json, Plugin, Result, log, serve } from "@backflow/plugin";
export * from "@backflow/plugin/guest";

const plugin = new Plugin("hello", "1.0.0");
plugin.action("greet", greet)
  .params(`{
    "type": "object",
    "properties": { "name": { "type": "string", "description": "Who is greeted.", "minLength": 1 } },
    "required": ["name"],
    "additionalProperties": false
  }`)
  .result(`{ "type": "object", "properties": { "message": { "type": "string" } }, "required": ["message"] }`)
  .http("POST", "/greet")
  .example(`{ "name": "Ada" }`);
serve(plugin);

function greet(call: Call): Result {
  const name = call.params.get("name").asString();
  log.info("greeting");
  return Result.json(Json.object().set("message", Json.string("Hello, " + name + "!")));
}
