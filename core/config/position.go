package config

import "strconv"

// Pos is a place in a file. The zero Pos is no place.
type Pos struct {
	// File is the path as messages show it: as the user or the config named it.
	File string
	// Line and Col count from 1; Col counts characters, not bytes. Both are 0
	// for a fault of the file as a whole.
	Line, Col int
}

// String returns file:line:col, which editors and terminals make clickable.
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return p.File + ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Col)
}
