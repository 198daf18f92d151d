import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { PluginError, WebhookRefusal, load } from "../testing/index.js";
import { build } from "./build.js";

const fixture = build("test/fixture/index.ts");
const hello = build("examples/hello/assembly/index.ts");

test("the manifest says what was declared", async () => {
  const manifest = (await load(fixture)).manifest();
  assert.deepEqual(manifest.actions[0], {
    name: "echo",
    description: "answers its params",
    params: { type: "object", properties: { id: { type: "string" } } },
    result: { type: "object" },
    http: { method: "POST", path: "/echo/:id" },
    writes: true,
    repeat: "native",
    keyLifetime: 86_400_000_000_000,
    examples: [{ params: { id: "x" }, result: { id: "x" } }],
  });
  assert.deepEqual(manifest.actions[2], { name: "again", params: { type: "object" } });
  assert.deepEqual(manifest.webhook, {
    secretField: "key", methods: ["GET"], signsUrl: true, fetchAction: "object", listsEvents: true, syncsEndpoints: true,
  });
  assert.equal(manifest.credentials.properties.key.writeOnly, true);
});

test("the README shows the example", () => {
  const read = (path) => readFileSync(new URL(path, import.meta.url), "utf8");
  assert.ok(read("../README.md").includes("```ts\n" + read("../examples/hello/assembly/index.ts") + "```"));
});

test("JSON comes back as it went in, numbers as written", async () => {
  const plugin = await load(fixture);
  for (const text of [
    `{}`,
    `{"n":12345678901234567890,"d":19.990,"e":1E+6,"z":-0,"f":0.0e-7}`,
    `{"s":"\\"\\\\\\n é 𝄞 \\u0001","t":true,"f":false,"0":null,"a":[],"o":{},"deep":[[{"x":[1,2]}]]}`,
    `{"big":"${"b".repeat(1 << 20)}"}`,
    `{"big":"${"é".repeat(1 << 10)}"}`,
    ...Array.from({ length: 40 }, (_, i) => `{"s":"${"a".repeat(i)}\\n${"b".repeat(i)}é${"c".repeat(i)}\\\""}`),
  ]) {
    assert.equal(plugin.execute("echo", text).body.toString(), text);
  }
  assert.equal(plugin.execute("echo", ` { "a" : [ 1 , 2 ] ,\n"b":"\\u0041\\/\\b\\f\\r\\t\\ud834\\udd1e", "a":3 } `).body.toString(), `{"a":3,"b":"A/\\u0008\\u000c\\u000d\\u0009𝄞"}`);
});

test("what is not JSON is no value", async () => {
  const plugin = await load(fixture);
  const parse = (text) => plugin.call("again", { text });
  for (const text of [
    "", " ", "{", "[1,]", "{\"a\":1,}", "{a:1}", "01", "1.", ".5", "+1", "-", "1e", "nul", "true false", "'a'", '"a', '"\n"', '"\\x"', '"\\u12g4"',
    '{"a" 1}', "[1 2]", "\u00a01", "[".repeat(100_000),
  ]) {
    assert.equal(parse(text).valid, false, text.slice(0, 20));
  }
  for (const text of ["0", "-0", "1e5", ' "" ', "null", "[".repeat(500) + "]".repeat(500)]) {
    assert.equal(parse(text).valid, true, text.slice(0, 20));
  }
});

test("an integer is one only if it is written so and fits", async () => {
  const plugin = await load(fixture);
  const of = (n) => JSON.parse(plugin.execute("numbers", `{"n":${n}}`).body.toString().replace(/"int":(-?\d+)/, '"int":"$1"'));
  assert.deepEqual(of("9223372036854775807"), { written: "9223372036854775807", isInt: true, int: "9223372036854775807", float: 9223372036854776000 });
  for (const n of ["-9223372036854775808", "0", "-0", "7"]) assert.equal(of(n).isInt, true, n);
  for (const n of ["9223372036854775808", "1.0", "1e3", "-9223372036854775809"]) assert.deepEqual([of(n).isInt, of(n).int], [false, "-1"], n);
  assert.equal(of("1.50").written, "1.50");
  assert.equal(of("1.50").float, 1.5);
});

test("errors carry every field", async () => {
  const plugin = await load(fixture);
  assert.throws(() => plugin.call("fail"), { name: "PluginError", code: "upstream_error", outcome: "unknown", retryable: false });
  assert.throws(() => plugin.call("failInFull"), {
    code: "declined", outcome: "not_executed", retryable: true, retryAfter: 1_500_000_000, final: true,
    errors: [{ pointer: "/a~1b/0", message: "wrong" }, { pointer: "", message: "too" }],
    details: { n: 1.5 },
  });
  assert.throws(() => plugin.call("nope"), { code: "unknown_action", outcome: "not_executed" });
});

test("params of another type are refused, should a host let them pass", async () => {
  const plugin = await load(hello);
  for (const [params, errors] of [
    [{}, [{ pointer: "", message: '"name" is required' }]],
    [{ name: 1 }, [{ pointer: "/name", message: "is not of type string" }]],
    [{ name: "Ada", "a/b~": 1 }, [{ pointer: "/a~1b~0", message: "is not known" }]],
    [[], [{ pointer: "", message: "is not of type object" }]],
    ["no JSON", [{ pointer: "", message: "is not of type object" }]],
  ]) {
    assert.throws(() => plugin.call("greet", params), { code: "invalid_params", outcome: "not_executed", errors });
  }
  assert.deepEqual(plugin.logs, []);
});

test("credentials reach the plugin, which may refuse them", async () => {
  const plugin = await load(fixture, { credentials: { key: "wrong" } });
  assert.throws(() => plugin.configure(), { code: "credentials_refused" });
});

test("a call knows its key, its time, the clock and chance", async () => {
  const plugin = await load(fixture, { now: new Date("2026-01-02T03:04:05Z") });
  assert.deepEqual(plugin.call("call", {}, { idempotencyKey: "k1", requestId: "r1", timeoutMs: 5000 }), {
    key: "k1", request: "r1", bounded: true, seconds: Date.parse("2026-01-02T03:04:05Z") / 1000, random: 8, chance: true,
  });
  assert.deepEqual(plugin.logs, [{ level: "warn", message: "called", n: 1 }]);
});

test("HTTP requests are answered by the test", async () => {
  const plugin = await load(fixture, {
    credentials: { key: "k" },
    allowedHosts: ["api.example.com"],
    http: () => ({ status: 201, headers: { "Content-Type": "application/json" }, body: { n: 1 } }),
  });
  const url = "https://api.example.com/things";
  assert.deepEqual(plugin.call("fetch", { url }), { ok: true, status: 201, type: "application/json", none: "", body: { n: 1 } });
  assert.deepEqual(plugin.requests, [{
    method: "POST", url, headers: { authorization: "Bearer k", "content-type": "application/json" }, body: JSON.stringify({ url }),
  }]);
  assert.throws(() => plugin.call("fetch", { url: "https://other.example.com/" }), { code: "rejected", outcome: "not_executed" });
});

test("a request that fails is a failure, not a trap", async () => {
  const plugin = await load(fixture, { http: () => new PluginError({ code: "unavailable", message: "no connection", retryable: true, outcome: "not_executed" }) });
  assert.throws(() => plugin.call("fetch", { url: "https://a.example" }), { code: "unavailable", retryable: true, outcome: "not_executed" });
});

test("a body that is no JSON has its content type", async () => {
  const plugin = await load(fixture);
  assert.deepEqual(plugin.execute("bytes", "{}"), { body: Buffer.from([0, 255, 0]), contentType: "application/octet-stream" });
});

test("an abort ends the guest and says where", async () => {
  const plugin = await load(fixture);
  assert.throws(() => plugin.call("abort"), WebAssembly.RuntimeError);
  assert.equal(plugin.logs[0].level, "error");
  assert.equal(plugin.logs[0].message, "abort: at the disco");
  assert.match(plugin.logs[0].place, /^index\.ts:\d+:\d+$/);
});

test("memory is collected from call to call", async () => {
  const plugin = await load(fixture);
  for (let i = 0; i < 10; i++) assert.equal(plugin.call("garbage"), 200 << 20);
  assert.ok(plugin.memoryBytes < 32 << 20, `${plugin.memoryBytes} bytes`);
});

test("webhooks are verified", async () => {
  const plugin = await load(fixture, { now: new Date(1000) });
  assert.deepEqual(plugin.verifyWebhook({ headers: { signature: "new" }, body: "evt_1", secrets: ["old", "new"] }), { id: "evt_1", type: "1000000000 300000000000" });
  assert.throws(() => plugin.verifyWebhook({ headers: { Signature: "forged" }, secrets: ["s"] }), { name: "WebhookRefusal", genuine: false });
  assert.throws(() => plugin.verifyWebhook({ headers: { Signature: "unreadable" }, secrets: ["s"] }), { name: "WebhookRefusal", message: "no event", genuine: true });
});

test("a verdict has a payload, a reply, and says whether the id is signed", async () => {
  const plugin = await load(fixture);
  const of = (method) => plugin.verifyWebhook({ method, url: "https://a.example/?b", headers: { signature: "full" }, secrets: ["s"] });
  assert.deepEqual(of("GET"), {
    id: "evt_1", type: "GET https://a.example/?b", payload: { n: 1.5 }, idUnsigned: true, reply: { contentType: "text/plain", body: "hub" },
  });
  assert.equal(of().type, "POST https://a.example/?b");
});

test("events are listed and endpoints are registered", async () => {
  const plugin = await load(fixture);
  const request = { since: "2026-01-02T03:04:05Z", types: ["a.*"], cursor: "c", limit: 7 };
  assert.deepEqual(plugin.listEvents(request), {
    events: [{ id: "evt_1", type: "a.b", createdAt: "2026-01-02T03:04:05Z", payload: request }], nextCursor: "more",
  });
  assert.throws(() => plugin.listEvents({ cursor: "down" }), { code: "rate_limited", retryable: true, retryAfter: 7_000_000_000 });
  assert.deepEqual(plugin.syncEndpoint({ webhook: "w", url: "https://a.example" }), { action: "create", id: "we_1", url: "https://a.example" });
});

test("a plugin without webhooks says so", async () => {
  const plugin = await load(hello);
  assert.throws(() => plugin.verifyWebhook({ secrets: ["s"] }), { code: "unknown_action" });
  assert.throws(() => plugin.listEvents({}), { code: "unknown_action" });
  assert.throws(() => plugin.syncEndpoint({}), { code: "unknown_action" });
});
