package config

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxSuggestable bounds the length of words that are compared: the distance of
// two words costs the product of their lengths.
const maxSuggestable = 64

// didYouMean answers a hint that names the known word nearest to word, or all
// known words where none is near.
func didYouMean(word string, known []string) string {
	if near := nearest(word, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	words := slices.DeleteFunc(slices.Clone(known), func(k string) bool { return k == "" })
	return "known: " + strings.Join(words, ", ")
}

// nearest answers the known word that a typing error would have turned into
// word, or "". A third of the letters may be wrong, case does not count.
func nearest(word string, known []string) string {
	if utf8.RuneCountInString(word) > maxSuggestable {
		return ""
	}
	best, bestDistance := "", 0
	for _, k := range known {
		if k == "" {
			continue
		}
		d := distance([]rune(strings.ToLower(word)), []rune(strings.ToLower(k)))
		if limit := max(1, utf8.RuneCountInString(k)/3); d <= limit && (best == "" || d < bestDistance) {
			best, bestDistance = k, d
		}
	}
	return best
}

// distance is the optimal string alignment distance: how many letters were
// inserted, left out, replaced, or swapped with their neighbour.
func distance(a, b []rune) int {
	before, previous := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := range a {
		current := make([]int, len(b)+1)
		current[0] = i + 1
		for j := range b {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			current[j+1] = slices.Min([]int{previous[j+1] + 1, current[j] + 1, previous[j] + cost})
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				current[j+1] = min(current[j+1], before[j-1]+1)
			}
		}
		before, previous = previous, current
	}
	return previous[len(b)]
}
