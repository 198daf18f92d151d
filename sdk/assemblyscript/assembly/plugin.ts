import { FrameKind, Tag } from "./abi";
import { Reader, Writer } from "./frame";
import { now } from "./host";
import { Json } from "./json";
import { Code, Failure, Result } from "./result";
import { refusal } from "./schema";
import { Verdict, WebhookRequest } from "./webhook";

/** Repeat says what a second call with the same idempotency key does. */
export namespace Repeat {
  /** None: the key is ignored, a repeat may act twice. */
  export const None = "none";
  /** Native: the vendor itself honours the key. */
  export const Native = "native";
  /** Transactional: key and result are kept in the effect's own transaction. */
  export const Transactional = "transactional";
  /** Idempotent: a repeat does no harm, whatever the key. */
  export const Idempotent = "idempotent";
}

/** Call is one execution of an action. Its params have been checked against the schema. */
export class Call {
  action: string = "";
  params: Json = Json.object();
  /** idempotencyKey is "" for a call that is not repeated. */
  idempotencyKey: string = "";
  requestId: string = "";
  private deadline: i64 = i64.MAX_VALUE;

  constructor(frame: Reader) {
    while (frame.advance()) {
      if (frame.tag == Tag.Action) this.action = frame.text();
      else if (frame.tag == Tag.IdempotencyKey) this.idempotencyKey = frame.text();
      else if (frame.tag == Tag.RequestID) this.requestId = frame.text();
      else if (frame.tag == Tag.Timeout) this.deadline = now() + frame.number();
      else if (frame.tag == Tag.Body) {
        const params = Json.parse(frame.text());
        this.params = params != null ? params : Json.missing();
      }
    }
  }

  /** millisecondsLeft says how long the caller still waits; it is huge where there is no bound. */
  get millisecondsLeft(): i64 {
    return this.deadline == i64.MAX_VALUE ? i64.MAX_VALUE : (this.deadline - now()) / 1_000_000;
  }
}

/** Config is the plugin's entry under `credentials`, valid under the manifest's schema. */
export class Config {
  credentials: Json = Json.object();
  /** sandbox asks the plugin to stand in for its vendor. */
  sandbox: bool = false;

  constructor(frame: Reader) {
    while (frame.advance()) {
      if (frame.tag != Tag.Body) continue;
      const body = Json.parse(frame.text());
      if (body == null) continue;
      this.credentials = body.get("credentials");
      this.sandbox = body.get("sandbox").asBool();
    }
  }
}

/** Action is one thing that a plugin does. Schemas and examples are JSON texts. */
export class Action {
  private description: string = "";
  private paramsSchema: string = '{"type":"object"}';
  private resultSchema: string = "";
  private binding: Json = Json.missing();
  private repeat: string = "";
  private keyLifetimeSeconds: i64 = 0;
  private examples: string[] = [];
  private checked: Json | null = null;

  constructor(readonly name: string, readonly run: (call: Call) => Result) {}

  /** describe gives one sentence for people. */
  describe(text: string): Action {
    this.description = text;
    return this;
  }

  /** params is the JSON Schema (2020-12) of the params, an object. */
  params(schema: string): Action {
    this.paramsSchema = schema;
    return this;
  }

  /** result is the JSON Schema of the result. */
  result(schema: string): Action {
    this.resultSchema = schema;
    return this;
  }

  /** http binds the action to a method and a path below /integrations/NAME; `:x` in it becomes the param x. */
  http(method: string, path: string): Action {
    this.binding = Json.object().set("method", Json.string(method)).set("path", Json.string(path));
    return this;
  }

  /** writes says that the action changes something, and what a repeat with the same key does; see Repeat. */
  writes(repeat: string, keyLifetimeSeconds: i64 = 0): Action {
    this.repeat = repeat;
    this.keyLifetimeSeconds = keyLifetimeSeconds;
    return this;
  }

  /** example is a call that works, with its result if that is always the same. */
  example(params: string, result: string = "null"): Action {
    this.examples.push('{"params":' + params + (result == "null" ? "" : ',"result":' + result) + "}");
    return this;
  }

  /** execute is for the kit: it runs the action if the params are of the types that it declares. */
  execute(call: Call): Result {
    let schema = this.checked;
    if (schema == null) {
      schema = Json.parse(this.paramsSchema);
      if (schema == null) schema = Json.object();
      this.checked = schema;
    }
    const refused = refusal(call.params, schema);
    return refused != null ? refused : this.run(call);
  }

  /** manifest is for the kit; null where a schema or an example is not JSON. */
  manifest(): Json | null {
    const params = Json.parse(this.paramsSchema);
    if (params == null) return null;
    const action = Json.object().set("name", Json.string(this.name));
    if (this.description != "") action.set("description", Json.string(this.description));
    action.set("params", params);
    if (this.resultSchema != "") {
      const result = Json.parse(this.resultSchema);
      if (result == null) return null;
      action.set("result", result);
    }
    action.set("http", this.binding);
    if (this.repeat != "") action.set("writes", Json.bool(true)).set("repeat", Json.string(this.repeat));
    if (this.keyLifetimeSeconds > 0) action.set("keyLifetime", Json.int(this.keyLifetimeSeconds * 1_000_000_000));
    if (this.examples.length > 0) {
      const examples = Json.parse("[" + this.examples.join(",") + "]");
      if (examples == null) return null;
      action.set("examples", examples);
    }
    return action;
  }
}

/** Plugin is an integration: a set of actions. Hand it to `serve`. */
export class Plugin {
  private description: string = "";
  private actions: Action[] = [];
  private credentialsSchema: string = "";
  private webhookManifest: Json = Json.missing();
  private configureWith: ((config: Config) => Failure | null) | null = null;
  private verifyWith: ((request: WebhookRequest) => Verdict) | null = null;
  private listWith: ((request: Json) => Result) | null = null;
  private syncWith: ((request: Json) => Result) | null = null;

  /** The name is the file's; the version a semantic version. */
  constructor(readonly name: string, readonly version: string) {}

  /** describe gives one sentence for people. */
  describe(text: string): Plugin {
    this.description = text;
    return this;
  }

  /** action adds an action; what it returns describes it further. */
  action(name: string, run: (call: Call) => Result): Action {
    const action = new Action(name, run);
    this.actions.push(action);
    return action;
  }

  /** credentials is the JSON Schema of the config's entry; a secret field carries "writeOnly": true. */
  credentials(schema: string): Plugin {
    this.credentialsSchema = schema;
    return this;
  }

  /** configure is called once before the first action. A failure that it returns keeps the plugin from starting. */
  configure(run: (config: Config) => Failure | null): Plugin {
    this.configureWith = run;
    return this;
  }

  /** webhook says that the plugin verifies its vendor's webhooks; secretField names the credential that is their secret. */
  webhook(verify: (request: WebhookRequest) => Verdict, secretField: string = ""): Plugin {
    this.verifyWith = verify;
    this.webhookManifest = Json.object();
    if (secretField != "") this.webhookManifest.set("secretField", Json.string(secretField));
    return this;
  }

  /** webhookMethods are those at which the vendor is served beside POST: GET, HEAD. It stands below webhook, as the next four do. */
  webhookMethods(methods: string[]): Plugin {
    const list = Json.array();
    for (let i = 0; i < methods.length; i++) list.push(Json.string(methods[i]));
    this.webhookManifest.set("methods", list);
    return this;
  }

  /** signsUrl says that the vendor signs the URL that it calls. */
  signsUrl(): Plugin {
    this.webhookManifest.set("signsUrl", Json.bool(true));
    return this;
  }

  /** fetchAction names the action that returns what an event is about; its param is `event`. */
  fetchAction(name: string): Plugin {
    this.webhookManifest.set("fetchAction", Json.string(name));
    return this;
  }

  /**
   * listEvents lists what has happened at the vendor. The request has since, until (texts of RFC 3339, the second may be
   * missing), types, cursor, limit; the result is {events: [{id, type, createdAt, payload}], nextCursor}.
   */
  listEvents(run: (request: Json) => Result): Plugin {
    this.listWith = run;
    this.webhookManifest.set("listsEvents", Json.bool(true));
    return this;
  }

  /**
   * syncEndpoint registers the address of a webhook. The request has webhook, url, types, apply, idempotencyKey; the result
   * is {action, id, url, types, version, changes, notes, secret}, and nothing is changed unless apply is true.
   */
  syncEndpoint(run: (request: Json) => Result): Plugin {
    this.syncWith = run;
    this.webhookManifest.set("syncsEndpoints", Json.bool(true));
    return this;
  }

  /** answer is for the kit: it handles one request of the gateway. */
  answer(frame: Reader): Writer {
    if (frame.kind == FrameKind.Execute) return this.execute(frame).frame();
    if (frame.kind == FrameKind.Manifest) return this.manifest().frame();
    if (frame.kind == FrameKind.Configure) {
      const config = new Config(frame), run = this.configureWith;
      const failure: Failure | null = run == null ? null : run(config);
      return failure == null ? new Writer(FrameKind.OK) : failure.frame();
    }
    const verify = this.verifyWith;
    if (frame.kind == FrameKind.VerifyWebhook && verify != null) return verify(new WebhookRequest(frame)).frame();
    const list = this.listWith;
    if (frame.kind == FrameKind.ListEvents && list != null) return list(body(frame)).frame();
    const sync = this.syncWith;
    if (frame.kind == FrameKind.SyncEndpoint && sync != null) return sync(body(frame)).frame();
    return unknown("request " + frame.kind.toString()).frame();
  }

  private execute(frame: Reader): Result {
    const call = new Call(frame);
    if (frame.torn) return new Failure(Code.Internal, "the request ends in the middle of a field").notExecuted();
    for (let i = 0; i < this.actions.length; i++) {
      if (this.actions[i].name == call.action) return this.actions[i].execute(call);
    }
    return unknown("action " + call.action);
  }

  private manifest(): Result {
    const manifest = Json.object().set("name", Json.string(this.name)).set("version", Json.string(this.version));
    if (this.description != "") manifest.set("description", Json.string(this.description));
    const actions = Json.array();
    for (let i = 0; i < this.actions.length; i++) {
      const action = this.actions[i].manifest();
      if (action == null) {
        return new Failure(Code.Internal, "action " + this.actions[i].name + ": a schema or an example is not JSON");
      }
      actions.push(action);
    }
    manifest.set("actions", actions);
    if (this.credentialsSchema != "") {
      const schema = Json.parse(this.credentialsSchema);
      if (schema == null) return new Failure(Code.Internal, "the schema of the credentials is not JSON");
      manifest.set("credentials", schema);
    }
    return Result.json(manifest.set("webhook", this.webhookManifest));
  }
}

/** body returns the JSON of a request, an empty object where there is none. */
function body(frame: Reader): Json {
  while (frame.advance()) {
    if (frame.tag != Tag.Body) continue;
    const parsed = Json.parse(frame.text());
    if (parsed != null) return parsed;
  }
  return Json.object();
}

function unknown(what: string): Failure {
  return new Failure(Code.UnknownAction, "the plugin does not implement " + what).notExecuted();
}
