// The compiler accepts a function without a body, as programMain is, only in a
// package that has a file of assembly.
