// Package abi is the form in which gateway and WASM plugins exchange calls: the
// kinds of frames, the tags of their fields, and how both are written and read.
// docs/plugin-abi.md is its description for people and other languages.
//
// Authors of Go plugins need none of it: package sdk handles it for them. A host,
// a test harness or a kit for another language does. The package imports nothing
// of the project. Of the standard library it imports the smallest parts only,
// because every guest carries it.
package abi
