package event

// MatchesType reports whether a type is what a pattern stands for, in which * is any
// text, also none. It goes back to the last * alone, so that no pattern takes longer than
// the product of the lengths.
func MatchesType(pattern, kind string) bool {
	p, i := 0, 0
	star, from := -1, 0 // the last *, and where in kind it ends
	for i < len(kind) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, i
			p++
		case p < len(pattern) && pattern[p] == kind[i]:
			p++
			i++
		case star >= 0:
			from++
			p, i = star+1, from
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}
