// Package value holds JSON values whose numbers stay exact, and paths into
// them.
//
// A value is a plain Go any of one of these kinds:
//
//	nil, bool, string, json.Number, []any, map[string]any
//
// A json.Number keeps the literal exactly as it was written: 19.990 stays
// 19.990 and 12345678901234567890 loses no digit, because nothing here ever
// passes through a float. Values that Go code makes for itself may also hold
// int and int64 where a number is meant. Every other kind, float64 above all,
// is refused.
//
// [Parse] is the border: what it lets in keeps the limits [MaxDepth],
// [MaxNumberLen] and [MaxExponent], so that code which walks, compares or checks
// a parsed value needs no guard of its own. [Append] keeps the same limits on the
// way out, so what it writes can be parsed again. A [Doc] is text that Parse
// accepts, with its value when that is asked for.
//
// The package imports nothing of the project. It knows neither templates nor
// schemas nor what a value is about.
package value
