// @backflow/plugin/testing runs a plugin's .wasm in Node as the gateway would, with
// responses to its HTTP requests that the test gives, and its log in a list.
//
// It is the host's side of docs/plugin-abi.md without what only the gateway does:
// params are not checked against their schema, and neither time nor memory is limited.

import { randomFillSync } from "node:crypto";
import { readFile } from "node:fs/promises";
import { Kind, Tag, read, write } from "./frame.js";

/** PluginError is an error that the plugin has told: its fields are those of the error. */
export class PluginError extends Error {
  constructor(told) {
    super(`${told.code}: ${told.message}`);
    this.name = "PluginError";
    Object.assign(this, told, { message: this.message, outcome: told.outcome ?? "unknown", retryable: told.retryable ?? false });
  }
}

/** WebhookRefusal says why a plugin holds a webhook not to be genuine, or cannot read one that is. */
export class WebhookRefusal extends Error {
  constructor(reason, genuine = false) {
    super(reason);
    this.name = "WebhookRefusal";
    this.genuine = genuine;
  }
}

/** load starts a guest of the module, which is a path or its bytes. */
export async function load(module, options = {}) {
  const bytes = module instanceof Uint8Array ? module : await readFile(module);
  const compiled = await WebAssembly.compile(bytes);
  const plugin = new Plugin(options);
  const instance = await WebAssembly.instantiate(compiled, plugin.imports(compiled));
  plugin.start(instance);
  return plugin;
}

/** Plugin is a guest. Like the gateway it makes one call at a time. */
class Plugin {
  /** logs are the guest's records, the oldest first: { level, message, …attributes }. */
  logs = [];
  /** requests are the HTTP requests that the guest has made. */
  requests = [];
  #options;
  #exports;
  #during = 0;
  #response;
  #configured = false;

  constructor(options) {
    this.#options = options;
  }

  imports(compiled) {
    const offered = {
      backflow: {
        log: (at, size) => this.#log(this.#memory(at, size).toString()),
        http_send: (at, size) => this.#send(this.#memory(at, size)),
        http_receive: (at) => this.#receive(at),
      },
      wasi_snapshot_preview1: {
        clock_time_get: (_clock, _precision, into) => (this.#memory(into, 8).writeBigInt64LE(this.#now()), 0),
        random_get: (into, size) => (randomFillSync(this.#memory(into, size)), 0),
      },
    };
    for (const { module, name } of WebAssembly.Module.imports(compiled)) {
      if (!offered[module]?.[name]) {
        throw new Error(`the module imports ${module}.${name}, which this host does not offer: is the kit's asconfig.json in use?`);
      }
    }
    return offered;
  }

  start({ exports }) {
    this.#exports = exports;
    for (const name of ["memory", "backflow_abi", "backflow_alloc", "backflow_call"]) {
      if (!exports[name]) throw new Error(`the module does not export ${name}: export * from "@backflow/plugin/guest"`);
    }
    exports._initialize?.();
    if (exports.backflow_abi() !== 1) throw new Error(`the module speaks version ${exports.backflow_abi()} of the ABI, not 1`);
  }

  /** memoryBytes is how large the guest's memory is, which never shrinks; the gateway's limit is memoryLimitMiB. */
  get memoryBytes() {
    return this.#exports.memory.buffer.byteLength;
  }

  /** manifest returns what the plugin publishes. */
  manifest() {
    return JSON.parse(this.#exchange(Kind.Manifest).text(Tag.Body));
  }

  /** call executes an action and returns its result, parsed if it is JSON, else as bytes. */
  call(action, params = {}, options = {}) {
    const { body, contentType } = this.execute(action, typeof params === "string" ? params : JSON.stringify(params), options);
    return contentType === undefined ? JSON.parse(body.toString()) : body;
  }

  /** execute is call with the params' bytes as they are; it returns { body, contentType }. */
  execute(action, params, { idempotencyKey, requestId = "req_test", timeoutMs = 30_000 } = {}) {
    if (!this.#configured) this.configure();
    const answer = this.#exchange(Kind.Execute, [
      [Tag.Action, action],
      [Tag.IdempotencyKey, idempotencyKey],
      [Tag.RequestID, requestId],
      [Tag.Timeout, BigInt(timeoutMs) * 1_000_000n],
      [Tag.Body, params],
    ]);
    return { body: answer.bytes(Tag.Body) ?? Buffer.alloc(0), contentType: answer.text(Tag.ContentType) };
  }

  /** configure hands over the credentials of the options. The first call does it by itself. */
  configure() {
    this.#configured = true;
    const { credentials = {}, sandbox = false } = this.#options;
    this.#exchange(Kind.Configure, [[Tag.Body, JSON.stringify({ credentials, sandbox })]]);
  }

  /**
   * verifyWebhook returns { id, type } of a genuine request, with payload, idUnsigned and reply where the plugin says so,
   * and throws a WebhookRefusal for another.
   */
  verifyWebhook({ method, headers = {}, body = "", url = "", secrets, toleranceMs = 300_000 }) {
    const answer = this.#exchange(Kind.VerifyWebhook, [
      [Tag.Method, method],
      ...Object.entries(headers).map(([name, value]) => [Tag.Header, `${name}:${value}`]),
      [Tag.URL, url],
      ...secrets.map((secret) => [Tag.Secret, secret]),
      [Tag.Now, this.#now()],
      [Tag.Tolerance, BigInt(toleranceMs) * 1_000_000n],
      [Tag.Body, body],
    ]);
    if (answer.kind === Kind.Refusal) throw new WebhookRefusal(answer.text(Tag.Reason), answer.bytes(Tag.Genuine) !== undefined);
    const event = { id: answer.text(Tag.EventID), type: answer.text(Tag.EventType) };
    if (answer.text(Tag.Payload) !== undefined) event.payload = JSON.parse(answer.text(Tag.Payload));
    if (answer.bytes(Tag.IDUnsigned) !== undefined) event.idUnsigned = true;
    if (answer.bytes(Tag.Reply) !== undefined) {
      const reply = read(answer.bytes(Tag.Reply));
      event.reply = { contentType: reply.text(Tag.ContentType), body: reply.text(Tag.Body) };
    }
    return event;
  }

  /** listEvents returns a page of events. */
  listEvents(request) {
    return this.#ask(Kind.ListEvents, request);
  }

  /** syncEndpoint returns what is done to the endpoint, or would be without apply. */
  syncEndpoint(request) {
    return this.#ask(Kind.SyncEndpoint, request);
  }

  #ask(kind, request) {
    if (!this.#configured) this.configure();
    return JSON.parse(this.#exchange(kind, [[Tag.Body, JSON.stringify(request)]]).text(Tag.Body));
  }

  #exchange(kind, fields) {
    const request = write(kind, fields);
    const at = this.#exports.backflow_alloc(request.length) >>> 0;
    this.#memory(at, request.length).set(request);
    this.#during = kind;
    let place;
    try {
      place = BigInt.asUintN(64, this.#exports.backflow_call(request.length));
    } finally {
      this.#during = 0;
    }
    const answer = read(this.#memory(Number(place >> 32n), Number(place & 0xffffffffn)));
    if (answer.kind === Kind.Failure) throw new PluginError(JSON.parse(answer.text(Tag.Error)));
    return answer;
  }

  /** memory is looked up each time: it moves when it grows. */
  #memory(at, size) {
    return Buffer.from(this.#exports.memory.buffer, at >>> 0, size >>> 0);
  }

  #now() {
    const now = this.#options.now ?? new Date();
    return BigInt(now.getTime()) * 1_000_000n;
  }

  #log(line) {
    const { "@level": level, "@message": message, ...attributes } = JSON.parse(line);
    this.logs.push({ level, message, ...attributes });
  }

  #send(frame) {
    this.#response = this.#answer(read(frame));
    return this.#response.length;
  }

  #answer(request) {
    const url = request.text(Tag.URL);
    const refused = (message) => write(Kind.Failure, [[Tag.Error, JSON.stringify({ code: "rejected", message, outcome: "not_executed" })]]);
    if (this.#during === 0 || this.#during === Kind.Manifest) return refused("a plugin asks nobody before it is configured");
    const { http, allowedHosts } = this.#options;
    if (allowedHosts && !allowedHosts.some((host) => new URL(host.includes("://") ? host : `https://${host}`).origin === new URL(url).origin)) {
      return refused(`${new URL(url).origin} is not in the allowedHosts of the plugin`);
    }
    const headers = {};
    for (const header of request.all(Tag.Header).map(String)) {
      const colon = header.indexOf(":");
      headers[header.slice(0, colon).toLowerCase()] = header.slice(colon + 1).trimStart();
    }
    const made = { method: request.text(Tag.Method), url, headers, body: request.text(Tag.Body) ?? "" };
    this.requests.push(made);
    if (!http) throw new Error(`${made.method} ${url}: the test gives no answer, as load(…, { http: (request) => ({ status: 200, body: … }) }) would`);
    const answer = http(made);
    if (answer instanceof PluginError) {
      return write(Kind.Failure, [[Tag.Error, JSON.stringify({ ...answer, message: answer.message })]]);
    }
    const { status = 200, headers: fields = {}, body = "" } = answer;
    return write(Kind.OK, [
      [Tag.Status, BigInt(status)],
      ...Object.entries(fields).map(([name, value]) => [Tag.Header, `${name}:${value}`]),
      [Tag.Body, typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body)],
    ]);
  }

  #receive(at) {
    if (!this.#response) throw new Error("http_receive without a response");
    this.#memory(at, this.#response.length).set(this.#response);
    this.#response = undefined;
  }
}
