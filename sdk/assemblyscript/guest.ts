// The functions that the gateway calls. A plugin exports them by
//
//   export * from "@backflow/plugin/guest";

import { VERSION } from "./assembly/abi";
import { Reader, Writer } from "./assembly/frame";
import { served } from "./assembly/serve";
// asconfig.json names its functions; without an import they are not compiled.
import "./assembly/runtime";

// Both buffers are held here so that the collector leaves them until the next
// call; it moves nothing.
let request: ArrayBuffer = new ArrayBuffer(0);
let response: Writer | null = null;

export function backflow_abi(): i32 {
  return VERSION;
}

export function backflow_alloc(size: i32): usize {
  request = new ArrayBuffer(size);
  return changetype<usize>(request);
}

export function backflow_call(size: i32): u64 {
  const answer = served().answer(new Reader(changetype<usize>(request), size));
  response = answer;
  return (<u64>answer.address << 32) | <u64>answer.size;
}
