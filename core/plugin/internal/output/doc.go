// Package output makes log records of what plugins print, the same on every
// transport. It trusts none of it and bounds all of it. The package imports
// nothing of the project.
package output
