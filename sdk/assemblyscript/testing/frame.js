// Frames of docs/plugin-abi.md, as the gateway writes and reads them.

export const Kind = { Manifest: 1, Configure: 2, Execute: 3, VerifyWebhook: 4, SampleWebhook: 5, HTTPRequest: 6, ListEvents: 9, SyncEndpoint: 10, OK: 64, Failure: 65, Refusal: 66 };

export const Tag = {
  Body: 1, Action: 2, IdempotencyKey: 3, RequestID: 4, Timeout: 5, ContentType: 6, Error: 7, Reason: 8, Header: 9,
  URL: 10, Secret: 11, Now: 12, Tolerance: 13, EventID: 14, EventType: 15, Set: 16, Method: 17, Status: 18, Genuine: 19, Payload: 24, IDUnsigned: 25, Reply: 26,
};

/** write makes a frame of [tag, content] fields: strings, bytes, or bigints for numbers. Undefined content is left out. */
export function write(kind, fields = []) {
  const parts = [Buffer.from([kind])];
  for (const [tag, content] of fields) {
    if (content === undefined) continue;
    const bytes = typeof content === "bigint" ? number(content) : Buffer.from(content);
    const head = Buffer.alloc(5);
    head.writeUInt8(tag);
    head.writeUInt32LE(bytes.length, 1);
    parts.push(head, bytes);
  }
  return Buffer.concat(parts);
}

function number(value) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  return bytes;
}

/** read returns a frame's kind, and its fields' bytes by tag in their order. */
export function read(frame) {
  if (frame.length === 0) throw new Error("the frame is empty");
  const fields = new Map();
  for (let at = 1; at < frame.length; ) {
    const size = at + 5 <= frame.length ? frame.readUInt32LE(at + 1) : Infinity;
    if (at + 5 + size > frame.length) throw new Error("the frame ends in the middle of a field");
    const tag = frame[at];
    if (!fields.has(tag)) fields.set(tag, []);
    fields.get(tag).push(Buffer.from(frame.subarray(at + 5, at + 5 + size)));
    at += 5 + size;
  }
  return {
    kind: frame[0],
    all: (tag) => fields.get(tag) ?? [],
    text: (tag) => fields.get(tag)?.[0].toString(),
    bytes: (tag) => fields.get(tag)?.[0],
    number: (tag) => fields.get(tag)?.[0].readBigInt64LE(),
  };
}
