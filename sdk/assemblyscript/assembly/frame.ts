// Frames: one byte, the kind, then fields of a tag, a length and bytes.

import { decode, encode } from "./text";

const FIELD_SIZE: usize = 5;

/** Reader reads the fields of a frame one after the other. What it returns is a copy. */
export class Reader {
  readonly kind: u8;
  tag: u8 = 0;
  /** torn says that the frame ended in the middle of a field. */
  torn: bool = false;
  private content: usize = 0;
  private size: usize = 0;
  private next: usize;
  private end: usize;

  constructor(address: usize, size: usize) {
    this.torn = size < 1;
    this.kind = this.torn ? 0 : load<u8>(address);
    this.next = address + 1;
    this.end = address + size;
  }

  /** advance goes to the next field and returns whether there is one. */
  advance(): bool {
    if (this.torn || this.next >= this.end) return false;
    const left = this.end - this.next;
    if (left < FIELD_SIZE || <usize>load<u32>(this.next, 1) > left - FIELD_SIZE) {
      this.torn = true;
      return false;
    }
    this.tag = load<u8>(this.next);
    this.size = <usize>load<u32>(this.next, 1);
    this.content = this.next + FIELD_SIZE;
    this.next = this.content + this.size;
    return true;
  }

  text(): string {
    return decode(this.content, this.size);
  }

  bytes(): ArrayBuffer {
    const copy = new ArrayBuffer(<i32>this.size);
    memory.copy(changetype<usize>(copy), this.content, this.size);
    return copy;
  }

  number(): i64 {
    return this.size == 8 ? load<i64>(this.content) : 0;
  }
}

/** Writer makes a frame. */
export class Writer {
  private data: ArrayBuffer = new ArrayBuffer(256);
  private length: i32 = 1;

  constructor(kind: u8) {
    store<u8>(changetype<usize>(this.data), kind);
  }

  get address(): usize {
    return changetype<usize>(this.data);
  }

  get size(): i32 {
    return this.length;
  }

  text(tag: u8, content: string): Writer {
    return this.bytes(tag, encode(content));
  }

  bytes(tag: u8, content: ArrayBuffer): Writer {
    const at = this.field(tag, content.byteLength);
    memory.copy(at, changetype<usize>(content), content.byteLength);
    return this;
  }

  /** frame adds a frame as a field. */
  frame(tag: u8, content: Writer): Writer {
    const at = this.field(tag, content.length);
    memory.copy(at, content.address, content.length);
    return this;
  }

  number(tag: u8, content: i64): Writer {
    store<i64>(this.field(tag, 8), content);
    return this;
  }

  /** field makes room for a field and returns where its bytes go. */
  private field(tag: u8, size: i32): usize {
    const needed = this.length + <i32>FIELD_SIZE + size;
    if (needed > this.data.byteLength) {
      const larger = new ArrayBuffer(max(needed, 2 * this.data.byteLength));
      memory.copy(changetype<usize>(larger), changetype<usize>(this.data), this.length);
      this.data = larger;
    }
    const at = changetype<usize>(this.data) + this.length;
    store<u8>(at, tag);
    store<u32>(at, size, 1);
    this.length = needed;
    return at + FIELD_SIZE;
  }
}
