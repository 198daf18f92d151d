// Package condition evaluates boolean expressions in the manner of JavaScript
// over the data that templates see: {{payload.type}} === 'invoice.paid'.
//
// A condition is compiled once and evaluated many times, also concurrently.
// Its language is described for users in docs/templates.md. These rules hold:
//
//   - A placeholder is an operand of the grammar. Data never becomes source, so
//     no payload can change what a condition means.
//
//   - Nothing is converted: comparing, and and or, and not take the kinds that
//     they are for, and a condition that is not a boolean is an error. A path
//     that leads nowhere is an error too, unless ?. or ?? covers it.
//
//   - Numbers compare exactly, as decimals.
//
//   - Time and memory are bounded by the grammar: no loops, no functions that
//     build strings, a source of at most [MaxSource] bytes nested at most
//     [MaxNesting] levels, which is counted before the parser goes down.
//
//     The package imports core/template, sdk/suggest and sdk/value. It must not know
//
// what a condition is used for, nor where the data come from.
package condition
