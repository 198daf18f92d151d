package plugin

import "strings"

// JSON Pointer, RFC 6901.
var (
	escapePointer   = strings.NewReplacer("~", "~0", "/", "~1")
	unescapePointer = strings.NewReplacer("~1", "/", "~0", "~")
)

// pointer answers the JSON Pointer of a path.
func pointer(path []string, more ...string) string {
	var b strings.Builder
	for _, segments := range [][]string{path, more} {
		for _, segment := range segments {
			b.WriteByte('/')
			b.WriteString(escapePointer.Replace(segment))
		}
	}
	return b.String()
}

// dotted writes a JSON Pointer as people write a config path: ".a.b".
func dotted(pointer string) string {
	return unescapePointer.Replace(strings.ReplaceAll(pointer, "/", "."))
}
