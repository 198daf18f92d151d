import { Json, Kind } from "./json";
import { Code, Failure } from "./result";

// The gateway checks params against the whole schema before it calls. The kit
// looks once more at what actions rely on: without it a param of a wrong type would
// silently be a fallback, should a host be less strict.

/** refusal returns what is wrong with the types of params and with their names, null for nothing. */
export function refusal(params: Json, schema: Json): Failure | null {
  const failure = new Failure(Code.InvalidParams, "the params do not fit the schema").notExecuted();
  return check(params, schema, "", failure) ? null : failure;
}

function check(value: Json, schema: Json, pointer: string, failure: Failure): bool {
  const type = schema.get("type");
  if (type.kind == Kind.String && !isA(value, type.asString())) {
    failure.fault(pointer, "is not of type " + type.asString());
    return false;
  }
  let fine = true;
  const properties = schema.get("properties");
  if (value.kind == Kind.Object) {
    const required = schema.get("required");
    for (let i = 0; i < required.length; i++) {
      const name = required.at(i).asString();
      if (value.has(name)) continue;
      failure.fault(pointer, '"' + name + '" is required');
      fine = false;
    }
    const additional = schema.get("additionalProperties");
    const closed = additional.kind == Kind.Bool && !additional.asBool() && !schema.has("patternProperties");
    const names = value.keys();
    for (let i = 0; i < names.length; i++) {
      const at = pointer + "/" + names[i].replaceAll("~", "~0").replaceAll("/", "~1");
      if (properties.has(names[i])) {
        if (!check(value.get(names[i]), properties.get(names[i]), at, failure)) fine = false;
      } else if (closed) {
        failure.fault(at, "is not known");
        fine = false;
      }
    }
  } else if (value.kind == Kind.Array && schema.get("items").kind == Kind.Object) {
    for (let i = 0; i < value.length; i++) {
      if (!check(value.at(i), schema.get("items"), pointer + "/" + i.toString(), failure)) fine = false;
    }
  }
  return fine;
}

function isA(value: Json, type: string): bool {
  if (type == "object") return value.kind == Kind.Object;
  if (type == "array") return value.kind == Kind.Array;
  if (type == "string") return value.kind == Kind.String;
  if (type == "boolean") return value.kind == Kind.Bool;
  if (type == "null") return value.kind == Kind.Null;
  // 1.0 and 1e2 are integers to JSON Schema: whether they are is the gateway's affair.
  return value.kind == Kind.Number;
}
