// The numbers of docs/plugin-abi.md, version 1.

export const VERSION: i32 = 1;

export namespace FrameKind {
  export const Manifest: u8 = 1;
  export const Configure: u8 = 2;
  export const Execute: u8 = 3;
  export const VerifyWebhook: u8 = 4;
  export const SampleWebhook: u8 = 5;
  export const HTTPRequest: u8 = 6;
  export const ListEvents: u8 = 9;
  export const SyncEndpoint: u8 = 10;
  export const OK: u8 = 64;
  export const Failure: u8 = 65;
  export const Refusal: u8 = 66;
}

export namespace Tag {
  export const Body: u8 = 1;
  export const Action: u8 = 2;
  export const IdempotencyKey: u8 = 3;
  export const RequestID: u8 = 4;
  export const Timeout: u8 = 5;
  export const ContentType: u8 = 6;
  export const Error: u8 = 7;
  export const Reason: u8 = 8;
  export const Header: u8 = 9;
  export const URL: u8 = 10;
  export const Secret: u8 = 11;
  export const Now: u8 = 12;
  export const Tolerance: u8 = 13;
  export const EventID: u8 = 14;
  export const EventType: u8 = 15;
  export const Set: u8 = 16;
  export const Method: u8 = 17;
  export const Status: u8 = 18;
  export const Genuine: u8 = 19;
  export const Payload: u8 = 24;
  export const IDUnsigned: u8 = 25;
  export const Reply: u8 = 26;
}
