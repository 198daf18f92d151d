import { FrameKind, Tag } from "./abi";
import { Reader, Writer } from "./frame";
import { hostReceive, hostSend } from "./host";
import { Json } from "./json";
import { Code, Failure } from "./result";
import { decode } from "./text";

/** Request is an HTTP request, which the gateway sends if the config's allowedHosts has its host. */
export class Request {
  private frame: Writer;

  constructor(method: string, url: string) {
    this.frame = new Writer(FrameKind.HTTPRequest).text(Tag.Method, method).text(Tag.URL, url);
  }

  header(name: string, value: string): Request {
    this.frame.text(Tag.Header, name + ":" + value);
    return this;
  }

  json(body: Json): Request {
    this.frame.text(Tag.Body, body.toString());
    return this.header("Content-Type", "application/json");
  }

  /** text sends a body as it is; the header Content-Type is the caller's. */
  text(body: string): Request {
    this.frame.text(Tag.Body, body);
    return this;
  }

  /** timeout bounds the exchange, which ends with the call in any case. */
  timeout(milliseconds: i64): Request {
    this.frame.number(Tag.Timeout, milliseconds * 1_000_000);
    return this;
  }

  /** send waits for the response. Redirects are not followed. A request is sent once. */
  send(): Response {
    const size = hostSend(this.frame.address, this.frame.size);
    const received = new ArrayBuffer(size);
    hostReceive(changetype<usize>(received));
    return new Response(new Reader(changetype<usize>(received), size));
  }
}

/** Response is what came back: a failure where there was no response, else a status, whatever it is. */
export class Response {
  failure: Failure | null = null;
  status: i32 = 0;
  private names: string[] = [];
  private values: string[] = [];
  private body: ArrayBuffer = new ArrayBuffer(0);

  constructor(frame: Reader) {
    while (frame.advance()) {
      if (frame.tag == Tag.Status) {
        this.status = <i32>frame.number();
      } else if (frame.tag == Tag.Header) {
        const header = frame.text();
        const colon = header.indexOf(":");
        this.names.push(header.substring(0, colon).toLowerCase());
        this.values.push(header.substring(colon + 1));
      } else if (frame.tag == Tag.Body) {
        this.body = frame.bytes();
      } else if (frame.tag == Tag.Error) {
        const told = Json.parse(frame.text());
        this.failure = told == null ? new Failure(Code.Internal, "the gateway's error cannot be read") : Failure.from(told);
      }
    }
  }

  /** ok says that the status is one of success. */
  get ok(): bool {
    return this.status >= 200 && this.status < 300;
  }

  /** header returns the first value of a header, "" where there is none. */
  header(name: string): string {
    const at = this.names.indexOf(name.toLowerCase());
    return at < 0 ? "" : this.values[at];
  }

  bytes(): ArrayBuffer {
    return this.body;
  }

  text(): string {
    return decode(changetype<usize>(this.body), this.body.byteLength);
  }

  /** json returns null where the body is not JSON. */
  json(): Json | null {
    return Json.parse(this.text());
  }
}
