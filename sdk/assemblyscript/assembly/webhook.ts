import { FrameKind, Tag } from "./abi";
import { Reader, Writer } from "./frame";
import { Json } from "./json";
import { decode, encode } from "./text";

/** WebhookRequest is a received webhook, as it came. */
export class WebhookRequest {
  method: string = "POST";
  body: ArrayBuffer = new ArrayBuffer(0);
  url: string = "";
  /** secrets are tried in order: the new one and the old one during rotation. */
  secrets: string[] = [];
  /** now is the time to judge the age of a signature by, in nanoseconds since 1970. */
  now: i64 = 0;
  /** tolerance is how far a signature's time may be from now, both ways, in nanoseconds. */
  tolerance: i64 = 0;
  private headers: string[] = [];

  constructor(frame: Reader) {
    while (frame.advance()) {
      if (frame.tag == Tag.Body) this.body = frame.bytes();
      else if (frame.tag == Tag.Method) this.method = frame.text();
      else if (frame.tag == Tag.URL) this.url = frame.text();
      else if (frame.tag == Tag.Secret) this.secrets.push(frame.text());
      else if (frame.tag == Tag.Now) this.now = frame.number();
      else if (frame.tag == Tag.Tolerance) this.tolerance = frame.number();
      else if (frame.tag == Tag.Header) this.headers.push(frame.text());
    }
  }

  /** text is the raw body as text: signatures are computed over it. */
  text(): string {
    return decode(changetype<usize>(this.body), this.body.byteLength);
  }

  /** header returns the first value of a header, "" where there is none. */
  header(name: string): string {
    const wanted = name.toLowerCase() + ":";
    for (let i = 0; i < this.headers.length; i++) {
      if (this.headers[i].substring(0, wanted.length).toLowerCase() == wanted) return this.headers[i].substring(wanted.length);
    }
    return "";
  }
}

/** Verdict is what the check of a webhook comes to. */
export class Verdict {
  private payloadText: string = "";
  private unsigned: bool = false;
  private replyBody: ArrayBuffer | null = null;
  private replyType: string = "";

  private constructor(private accepted: bool, private genuine: bool, private id: string, private type: string, private reason: string) {}

  /** accept tells the sender's id of the event, the same at a repeat, and its word for what happened. */
  static accept(id: string, type: string): Verdict {
    return new Verdict(true, true, id, type, "");
  }

  /** refuse says why a webhook is not genuine; the reason names neither secret nor signature. */
  static refuse(reason: string): Verdict {
    return new Verdict(false, false, "", "", reason);
  }

  /** unreadable says why no event can be read from a webhook that is genuine. */
  static unreadable(reason: string): Verdict {
    return new Verdict(false, true, "", "", reason);
  }

  /** payload is what the actions get, where the body itself is not JSON. */
  payload(payload: Json): Verdict {
    this.payloadText = payload.toString();
    return this;
  }

  /** idUnsigned says that the sender signs the body and not the id: the same body under another id is a repeat too. */
  idUnsigned(): Verdict {
    this.unsigned = true;
    return this;
  }

  /** reply is the body of the response that the sender expects. With an empty id the request is no event, such as a challenge. */
  reply(body: string, contentType: string = "text/plain"): Verdict {
    this.replyBody = encode(body);
    this.replyType = contentType;
    return this;
  }

  /** frame is for the kit. */
  frame(): Writer {
    if (!this.accepted) {
      const refusal = new Writer(FrameKind.Refusal).text(Tag.Reason, this.reason);
      return this.genuine ? refusal.number(Tag.Genuine, 1) : refusal;
    }
    const frame = new Writer(FrameKind.OK).text(Tag.EventID, this.id).text(Tag.EventType, this.type);
    if (this.payloadText != "") frame.text(Tag.Payload, this.payloadText);
    if (this.unsigned) frame.number(Tag.IDUnsigned, 1);
    const body = this.replyBody;
    if (body != null) {
      frame.frame(Tag.Reply, new Writer(FrameKind.OK).text(Tag.ContentType, this.replyType).bytes(Tag.Body, body));
    }
    return frame;
  }
}
