// Package output makes log records of what plugins print, the same on
// every transport. It trusts none of it and bounds all of it. It imports nothing
// of the module.
package output
