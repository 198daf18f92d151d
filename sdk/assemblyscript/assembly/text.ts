// What is done to every character of a text is done to many at once: with a hard
// deadline the gateway looks at the clock in each round of a loop, which makes
// rounds dear.

/** decode returns the text of UTF-8 bytes. */
export function decode(address: usize, size: usize): string {
  if (!isASCII(address, size)) return String.UTF8.decodeUnsafe(address, size);
  const text = changetype<usize>(__new(size << 1, idof<string>()));
  let i: usize = 0;
  for (; i + 16 <= size; i += 16) {
    const bytes = v128.load(address + i);
    v128.store(text + (i << 1), i16x8.extend_low_i8x16_u(bytes));
    v128.store(text + (i << 1), i16x8.extend_high_i8x16_u(bytes), 16);
  }
  for (; i < size; i++) store<u16>(text + (i << 1), load<u8>(address + i));
  return changetype<string>(text);
}

function isASCII(address: usize, size: usize): bool {
  let i: usize = 0;
  for (; i + 16 <= size; i += 16) {
    if (i8x16.bitmask(v128.load(address + i)) != 0) return false;
  }
  for (; i < size; i++) {
    if (load<u8>(address + i) >= 0x80) return false;
  }
  return true;
}

/** encode returns a text's UTF-8 bytes. */
export function encode(text: string): ArrayBuffer {
  const size = text.length;
  const from = changetype<usize>(text);
  const bytes = new ArrayBuffer(size);
  const to = changetype<usize>(bytes);
  let i = 0;
  for (; i + 8 <= size; i += 8) {
    const units = v128.load(from + (<usize>i << 1));
    if (v128.any_true(v128.and(units, i16x8.splat(<i16>0xff80)))) return String.UTF8.encode(text);
    v128.store64_lane(to + i, i8x16.narrow_i16x8_u(units, units), 0);
  }
  for (; i < size; i++) {
    const unit = load<u16>(from + (<usize>i << 1));
    if (unit >= 0x80) return String.UTF8.encode(text);
    store<u8>(to + i, <u8>unit);
  }
  return bytes;
}

/** plainEnd returns where what a JSON string may hold as it is ends, from an index on. */
export function plainEnd(text: string, from: i32): i32 {
  const size = text.length;
  const address = changetype<usize>(text);
  let i = from;
  for (; i + 8 <= size; i += 8) {
    const units = v128.load(address + (<usize>i << 1));
    const special = v128.or(
      i16x8.lt_u(units, i16x8.splat(0x20)),
      v128.or(i16x8.eq(units, i16x8.splat(0x22)), i16x8.eq(units, i16x8.splat(0x5c))),
    );
    const mask = i16x8.bitmask(special);
    if (mask != 0) return i + ctz(mask);
  }
  for (; i < size; i++) {
    const unit = load<u16>(address + (<usize>i << 1));
    if (unit < 0x20 || unit == 0x22 || unit == 0x5c) return i;
  }
  return size;
}
