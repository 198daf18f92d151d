// Package assemblyscript holds the AssemblyScript kit as files, for programs that
// make projects of it. The kit itself is described in README.md.
//
// The package imports nothing of the project.
package assemblyscript

import "embed"

// Kit is what package.json says that the npm package consists of.
//
//go:embed package.json asconfig.json index.ts guest.ts assembly testing README.md
var Kit embed.FS
