import { FrameKind, Tag } from "./abi";
import { Writer } from "./frame";
import { Json } from "./json";
import { encode } from "./text";

/** Code says what went wrong. The set is closed: another code becomes `internal`. */
export namespace Code {
  export const InvalidParams = "invalid_params";
  export const Rejected = "rejected";
  export const Declined = "declined";
  export const Forbidden = "forbidden";
  export const NotFound = "not_found";
  export const Conflict = "conflict";
  export const RateLimited = "rate_limited";
  export const Credentials = "credentials_refused";
  export const Upstream = "upstream_error";
  export const Timeout = "timeout";
  export const Unavailable = "unavailable";
  export const OutcomeUnknown = "outcome_unknown";
  export const ResultTooLarge = "result_too_large";
  export const UnknownAction = "unknown_action";
  export const Internal = "internal";
}

/** Result is what an action returns: a body, or, if it is a Failure, an error. */
export class Result {
  protected constructor(private body: ArrayBuffer, private contentType: string) {}

  static json(value: Json): Result {
    return Result.text(value.toString());
  }

  /** text returns a body as it is; it is JSON unless contentType says otherwise. */
  static text(body: string, contentType: string = ""): Result {
    return new Result(encode(body), contentType);
  }

  static bytes(body: ArrayBuffer, contentType: string): Result {
    return new Result(body, contentType);
  }

  /** frame is for the kit. */
  frame(): Writer {
    const frame = new Writer(FrameKind.OK);
    if (this.contentType != "") frame.text(Tag.ContentType, this.contentType);
    return frame.bytes(Tag.Body, this.body);
  }
}

/**
 * Failure is an error that an action returns. As long as nothing else is said its
 * outcome is unknown, and it may not be retried.
 */
export class Failure extends Result {
  private error: Json;

  constructor(readonly code: string, readonly message: string) {
    super(new ArrayBuffer(0), "");
    this.error = Json.object().set("code", Json.string(code)).set("message", Json.string(message));
  }

  /** from reads an error that the gateway told. */
  static from(told: Json): Failure {
    const failure = new Failure(told.get("code").asString(Code.Internal), told.get("message").asString());
    failure.error = told;
    return failure;
  }

  /** notExecuted says that the effect certainly did not take place. */
  notExecuted(): Failure {
    this.error.set("outcome", Json.string("not_executed"));
    return this;
  }

  /** executed says that the effect stands, and that its result could not be kept: the same key would give the same. */
  executed(): Failure {
    this.error.set("outcome", Json.string("executed"));
    this.error.set("final", Json.bool(true));
    return this;
  }

  /** retryable says that the same call may succeed later; after so many milliseconds, if the vendor said when. */
  retryable(afterMilliseconds: i64 = 0): Failure {
    this.error.set("retryable", Json.bool(true));
    if (afterMilliseconds > 0) this.error.set("retryAfter", Json.int(afterMilliseconds * 1_000_000));
    return this;
  }

  /** final says that the vendor would return the same to the same key for ever. */
  final(): Failure {
    this.error.set("final", Json.bool(true));
    return this;
  }

  /** fault names one wrong place in the params by its JSON pointer. */
  fault(pointer: string, message: string): Failure {
    if (!this.error.has("errors")) this.error.set("errors", Json.array());
    this.error.get("errors").push(Json.object().set("pointer", Json.string(pointer)).set("message", Json.string(message)));
    return this;
  }

  /** details are the vendor's own fields, an object. */
  details(details: Json): Failure {
    this.error.set("details", details);
    return this;
  }

  frame(): Writer {
    return new Writer(FrameKind.Failure).text(Tag.Error, this.error.toString());
  }
}
