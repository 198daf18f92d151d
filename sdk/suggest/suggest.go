// Package suggest finds the known word that was meant by a misspelt one, for
// messages such as `there is no table "paymets"; did you mean "payments"?`. The
// package imports nothing of the project.
package suggest

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxLength bounds the words that are compared, in letters: the distance of two
// words costs the product of their lengths.
const maxLength = 64

// Nearest returns the known word that is closest to word, or "" if none is
// close. At most a third of the known word's letters may be wrong, and at least
// one may be, but not all of them; case does not count. A word longer than 64
// letters has no match.
func Nearest(word string, known []string) string {
	length := utf8.RuneCountInString(word)
	if length > maxLength {
		return ""
	}
	best, bestDistance := "", 0
	for _, candidate := range known {
		knownLength := utf8.RuneCountInString(candidate)
		limit := min(max(1, knownLength/3), max(length, knownLength)-1)
		if max(length-knownLength, knownLength-length) > limit {
			continue // so many letters at least are wrong
		}
		d := distance([]rune(strings.ToLower(word)), []rune(strings.ToLower(candidate)))
		if d <= limit && (best == "" || d < bestDistance) {
			best, bestDistance = candidate, d
		}
	}
	return best
}

// Hint returns `did you mean "x"?`, or the list of the known words if none is
// close. It returns "" if there is no known word.
func Hint(word string, known []string) string {
	if near := Nearest(word, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if len(known) == 0 {
		return ""
	}
	return "known: " + strings.Join(known, ", ")
}

// distance is the optimal string alignment distance: the number of letters that
// were inserted, left out, replaced, or swapped with their neighbour.
func distance(a, b []rune) int {
	before, previous, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(previous[j]+1, row[j-1]+1, previous[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, previous, row = previous, row, before
	}
	return previous[len(b)]
}
