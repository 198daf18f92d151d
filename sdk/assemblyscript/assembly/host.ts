// The functions that the gateway offers.

// @ts-ignore: decorator
@external("backflow", "log")
export declare function hostLog(address: usize, size: i32): void;

// @ts-ignore: decorator
@external("backflow", "http_send")
export declare function hostSend(address: usize, size: i32): i32;

// @ts-ignore: decorator
@external("backflow", "http_receive")
export declare function hostReceive(address: usize): void;

// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "clock_time_get")
declare function clockTimeGet(clock: i32, precision: i64, into: usize): i32;

// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "random_get")
declare function randomGet(into: usize, size: usize): i32;

/** now returns nanoseconds since 1970-01-01 UTC. */
export function now(): i64 {
  const into = new ArrayBuffer(8);
  clockTimeGet(0, 1, changetype<usize>(into));
  return load<i64>(changetype<usize>(into));
}

/** random returns that many random bytes, fit for keys. */
export function random(size: i32): ArrayBuffer {
  const into = new ArrayBuffer(size);
  randomGet(changetype<usize>(into), size);
  return into;
}
