import assert from "node:assert/strict";
import test from "node:test";
import { load } from "@backflow/plugin/testing";

test("hello greets", async () => {
  const hello = await load("bin/hello.wasm");
  assert.deepEqual(hello.call("greet", { name: "Ada" }), { message: "Hello, Ada!" });
  assert.deepEqual(hello.logs, [{ level: "info", message: "greeting" }]);
});
