// Package output makes log records of what plugins print, on every transport
// alike. It believes nothing about it and bounds all of it. It imports the
// standard library only.
package output
