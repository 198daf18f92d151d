package sqlite

import "strings"

// like is GLOB where the case of letters counts: LIKE overlooks that of ASCII letters
// (https://www.sqlite.org/lang_expr.html#the_like_glob_regexp_match_and_extract_operators).
func like(expression, pattern string, fold bool) string {
	if fold {
		return expression + " LIKE " + pattern + ` ESCAPE '\'`
	}
	return expression + " GLOB " + pattern
}

// likePattern turns a pattern of LIKE, with the escape \, into one of GLOB where that
// is what it is bound for.
func likePattern(pattern string, fold bool) string {
	if fold {
		return pattern
	}
	var glob strings.Builder
	escaped := false
	for _, r := range pattern {
		switch {
		case !escaped && r == '\\':
			escaped = true
			continue
		case !escaped && r == '%':
			glob.WriteByte('*')
		case !escaped && r == '_':
			glob.WriteByte('?')
		case strings.ContainsRune("*?[", r):
			glob.WriteString("[" + string(r) + "]")
		default:
			glob.WriteRune(r)
		}
		escaped = false
	}
	return glob.String()
}
