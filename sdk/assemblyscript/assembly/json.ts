// JSON values that keep numbers as they were written: 12345678901234567890 and
// 19.990 come out as they went in. A parse that fails returns null, since nothing
// can be caught in AssemblyScript and a trap would cost the guest.

import { plainEnd } from "./text";

const MAX_DEPTH = 512;

/** Kind is what a Json is. Missing is what stands in for a field that is not there. */
export enum Kind {
  Missing,
  Null,
  Bool,
  Number,
  String,
  Array,
  Object,
}

/** Json is one JSON value. */
export class Json {
  private content: string = "";
  private items: Json[] = [];
  private fields: Map<string, Json> | null = null;

  private constructor(readonly kind: Kind) {}

  /** parse reads a text that is one JSON value (RFC 8259), or returns null. The last of equal keys counts. */
  static parse(text: string): Json | null {
    return new Parser(text).document();
  }

  static missing(): Json {
    return new Json(Kind.Missing);
  }

  static null(): Json {
    return new Json(Kind.Null);
  }

  static bool(value: bool): Json {
    const json = new Json(Kind.Bool);
    json.content = value ? "true" : "false";
    return json;
  }

  static int(value: i64): Json {
    return Json.numeral(value.toString());
  }

  /** float returns null for what JSON cannot write. */
  static float(value: f64): Json {
    return isFinite(value) ? Json.numeral(value.toString()) : Json.null();
  }

  /** number takes a number as it is to be written; anything else becomes null. */
  static number(written: string): Json {
    const json = Json.parse(written);
    return json != null && json.kind == Kind.Number ? json : Json.null();
  }

  static string(value: string): Json {
    const json = new Json(Kind.String);
    json.content = value;
    return json;
  }

  static array(): Json {
    return new Json(Kind.Array);
  }

  static object(): Json {
    const json = new Json(Kind.Object);
    json.fields = new Map();
    return json;
  }

  /** numeral is for texts that are known to be numbers. */
  static numeral(written: string): Json {
    const json = new Json(Kind.Number);
    json.content = written;
    return json;
  }

  get isMissing(): bool {
    return this.kind == Kind.Missing;
  }

  /** isNull is true of what is missing, too. */
  get isNull(): bool {
    return this.kind == Kind.Missing || this.kind == Kind.Null;
  }

  /** length is how many items or fields there are. */
  get length(): i32 {
    const fields = this.fields;
    return fields != null ? fields.size : this.items.length;
  }

  /** keys are an object's, in their order. */
  keys(): string[] {
    const fields = this.fields;
    return fields != null ? fields.keys() : [];
  }

  has(key: string): bool {
    const fields = this.fields;
    return fields != null && fields.has(key);
  }

  /** get returns a field; one that is not there, or of no object, is missing. */
  get(key: string): Json {
    const fields = this.fields;
    return fields != null && fields.has(key) ? fields.get(key) : Json.missing();
  }

  /** at returns an item; one that is not there, or of no array, is missing. */
  at(index: i32): Json {
    return index >= 0 && index < this.items.length ? this.items[index] : Json.missing();
  }

  /** set adds or replaces a field of an object, and returns the object. A missing value is left out. */
  set(key: string, value: Json): Json {
    const fields = this.fields;
    assert(fields != null, "set is for objects");
    if (!value.isMissing) fields!.set(key, value);
    return this;
  }

  /** push adds an item to an array, and returns the array. */
  push(value: Json): Json {
    assert(this.kind == Kind.Array, "push is for arrays");
    this.items.push(value);
    return this;
  }

  /** asString returns a string's text, for anything else the fallback. */
  asString(fallback: string = ""): string {
    return this.kind == Kind.String ? this.content : fallback;
  }

  /** asNumber returns a number as it was written, for anything else the fallback. */
  asNumber(fallback: string = "0"): string {
    return this.kind == Kind.Number ? this.content : fallback;
  }

  /** isInt says whether this is a number written as an integer that fits 64 bits. */
  get isInt(): bool {
    if (this.kind != Kind.Number) return false;
    return I64.parseInt(this.content).toString() == (this.content == "-0" ? "0" : this.content);
  }

  /** asInt returns an integer, for anything else, 1.5 and 1e3 included, the fallback. */
  asInt(fallback: i64 = 0): i64 {
    return this.isInt ? I64.parseInt(this.content) : fallback;
  }

  /** asFloat returns the nearest double: not for money. */
  asFloat(fallback: f64 = 0): f64 {
    return this.kind == Kind.Number ? F64.parseFloat(this.content) : fallback;
  }

  asBool(fallback: bool = false): bool {
    return this.kind == Kind.Bool ? this.content == "true" : fallback;
  }

  /** toString returns the JSON text. What is missing becomes null. */
  toString(): string {
    const parts: string[] = [];
    this.write(parts);
    return parts.join("");
  }

  private write(parts: string[]): void {
    if (this.kind == Kind.String) {
      quote(this.content, parts);
    } else if (this.kind == Kind.Array) {
      for (let i = 0; i < this.items.length; i++) {
        parts.push(i == 0 ? "[" : ",");
        this.items[i].write(parts);
      }
      parts.push(this.items.length == 0 ? "[]" : "]");
    } else if (this.kind == Kind.Object) {
      const keys = this.keys();
      for (let i = 0; i < keys.length; i++) {
        parts.push(i == 0 ? "{" : ",");
        quote(keys[i], parts);
        parts.push(":");
        this.get(keys[i]).write(parts);
      }
      parts.push(keys.length == 0 ? "{}" : "}");
    } else {
      parts.push(this.isNull ? "null" : this.content);
    }
  }
}

/** quote writes a string with its quotation marks. */
function quote(text: string, parts: string[]): void {
  parts.push('"');
  let begun = 0;
  for (let i = plainEnd(text, 0); i < text.length; i = plainEnd(text, begun)) {
    const c = text.charCodeAt(i);
    if (i > begun) parts.push(text.substring(begun, i));
    begun = i + 1;
    if (c == 0x22) parts.push('\\"');
    else if (c == 0x5c) parts.push("\\\\");
    else if (c == 0x0a) parts.push("\\n");
    else parts.push("\\u00" + (c < 16 ? "0" : "") + c.toString(16));
  }
  if (begun < text.length) parts.push(begun == 0 ? text : text.substring(begun));
  parts.push('"');
}

/** Parser reads one document. A method that returns null has met a fault. */
class Parser {
  private at: i32 = 0;

  constructor(private text: string) {}

  document(): Json | null {
    const value = this.value(0);
    if (value == null) return null;
    this.space();
    return this.at == this.text.length ? value : null;
  }

  /** peek returns the next code unit, -1 at the end. */
  private peek(): i32 {
    return this.at < this.text.length ? this.text.charCodeAt(this.at) : -1;
  }

  private space(): void {
    for (let c = this.peek(); c == 0x20 || c == 0x0a || c == 0x0d || c == 0x09; c = this.peek()) this.at++;
  }

  private take(c: i32): bool {
    if (this.peek() != c) return false;
    this.at++;
    return true;
  }

  private value(depth: i32): Json | null {
    this.space();
    const c = this.peek();
    if (depth > MAX_DEPTH) return null;
    if (c == 0x7b) return this.object(depth);
    if (c == 0x5b) return this.array(depth);
    if (c == 0x22) {
      const text = this.string();
      return text == null ? null : Json.string(text);
    }
    if (c == 0x74) return this.word("true") ? Json.bool(true) : null;
    if (c == 0x66) return this.word("false") ? Json.bool(false) : null;
    if (c == 0x6e) return this.word("null") ? Json.null() : null;
    return this.number();
  }

  private word(word: string): bool {
    if (!this.text.startsWith(word, this.at)) return false;
    this.at += word.length;
    return true;
  }

  private object(depth: i32): Json | null {
    const object = Json.object();
    this.at++;
    this.space();
    if (this.take(0x7d)) return object;
    do {
      this.space();
      const key = this.string();
      if (key == null) return null;
      this.space();
      if (!this.take(0x3a)) return null;
      const value = this.value(depth + 1);
      if (value == null) return null;
      object.set(key, value);
      this.space();
    } while (this.take(0x2c));
    return this.take(0x7d) ? object : null;
  }

  private array(depth: i32): Json | null {
    const array = Json.array();
    this.at++;
    this.space();
    if (this.take(0x5d)) return array;
    do {
      const value = this.value(depth + 1);
      if (value == null) return null;
      array.push(value);
      this.space();
    } while (this.take(0x2c));
    return this.take(0x5d) ? array : null;
  }

  private number(): Json | null {
    const begun = this.at;
    this.take(0x2d);
    if (!this.take(0x30) && !this.digits()) return null;
    if (this.take(0x2e) && !this.digits()) return null;
    if (this.take(0x65) || this.take(0x45)) {
      if (!this.take(0x2b)) this.take(0x2d);
      if (!this.digits()) return null;
    }
    return Json.numeral(this.text.substring(begun, this.at));
  }

  /** digits goes past one digit or more. */
  private digits(): bool {
    const begun = this.at;
    for (let c = this.peek(); c >= 0x30 && c <= 0x39; c = this.peek()) this.at++;
    return this.at > begun;
  }

  private string(): string | null {
    if (!this.take(0x22)) return null;
    const parts: string[] = [];
    let begun = this.at;
    for (;;) {
      this.at = plainEnd(this.text, begun);
      const c = this.peek();
      if (c != 0x22 && c != 0x5c) break;
      parts.push(this.text.substring(begun, this.at));
      this.at++;
      if (c == 0x22) return parts.length == 1 ? parts[0] : parts.join("");
      const escaped = this.escape();
      if (escaped < 0) return null;
      parts.push(String.fromCharCode(escaped));
      begun = this.at;
    }
    return null;
  }

  /** escape returns the code unit that stands after a backslash, -1 for none. */
  private escape(): i32 {
    const c = this.peek();
    this.at++;
    if (c == 0x22 || c == 0x5c || c == 0x2f) return c;
    if (c == 0x62) return 0x08;
    if (c == 0x66) return 0x0c;
    if (c == 0x6e) return 0x0a;
    if (c == 0x72) return 0x0d;
    if (c == 0x74) return 0x09;
    if (c != 0x75) return -1;
    let unit = 0;
    for (let i = 0; i < 4; i++) {
      const d = this.peek();
      this.at++;
      if (d >= 0x30 && d <= 0x39) unit = unit * 16 + d - 0x30;
      else if ((d | 0x20) >= 0x61 && (d | 0x20) <= 0x66) unit = unit * 16 + (d | 0x20) - 0x57;
      else return -1;
    }
    return unit;
  }
}
