package config

import (
	"errors"
	"io/fs"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxSecretBytes bounds a file that {{file:PATH}} names.
const maxSecretBytes = 64 << 10

// secretPlaceholder finds {{env.X}} and {{file:PATH}} where they are not allowed.
var secretPlaceholder = regexp.MustCompile(`\{\{\s*(env\s*\.|file\s*:)`)

// envName is the name of an environment variable.
var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// plain reports whether the string holds no placeholder for a secret, and
// reports a fault otherwise.
func (v value) plain() bool {
	if !secretPlaceholder.MatchString(v.node.Text) {
		return true
	}
	v.fault("they are for credentials, webhook secrets, url, secrets, keys and headers of destinations, auth and baseUrl of custom integrations, state.url, plugins[].env, token hashes, server.listen and server.publicUrl",
		"{{env.X}} and {{file:PATH}} are not expanded here")
	return false
}

// noSecrets reports a fault for every placeholder for a secret in a tree that
// is handed on as it is, with the place that the tree has in a config and what
// to do with the secret.
func (v value) noSecrets(where, instead string) {
	v.node.strings(func(n *Node) {
		if secretPlaceholder.MatchString(n.Text) {
			v.add(n.Pos, "secrets never go where data can reach them: "+instead,
				"{{env.X}} and {{file:PATH}} are not allowed in %s", where)
		}
	})
}

// expansion is a string with its placeholders replaced.
type expansion struct {
	value string
	// unset holds the variables and files that placeholders name and that are not
	// there. value then holds these placeholders as they are written.
	unset []string
	// secrets are the values of the other placeholders.
	secrets []Secret
}

// expand replaces the placeholders of a string. It returns false after a fault,
// and where something is unset that may be: with Options.AllowUnsetEnv always,
// with Options.Dev in fields that may be unset in dev. The returned value may be a
// secret and must not be printed.
func (v value) expand(mayBeUnset bool) (expansion, bool) {
	var e expansion
	var out strings.Builder
	ok := true
	rest := v.node.Text
	for {
		before, after, found := strings.Cut(rest, "{{")
		out.WriteString(before)
		if !found {
			break
		}
		inner, next, closed := strings.Cut(after, "}}")
		if !closed {
			v.fault("close it with }}", "the placeholder that {{ opens is not closed")
			return e, false
		}
		rest = next
		s, outcome := v.placeholder(strings.TrimSpace(inner), mayBeUnset)
		switch outcome {
		case placeholderFound:
			out.WriteString(s)
			e.secrets = append(e.secrets, NewSecret(s))
			v.remember(s)
		case placeholderUnset:
			e.unset = append(e.unset, s)
			out.WriteString("{{" + inner + "}}")
		default:
			ok = false
		}
	}
	e.value = out.String()
	return e, ok && len(e.unset) == 0
}

type placeholderState uint8

const (
	placeholderFaulty placeholderState = iota
	placeholderFound
	placeholderUnset
)

// placeholder returns the value of a placeholder by the text between its braces;
// for one that is unset, the name of what is missing.
func (v value) placeholder(inner string, mayBeUnset bool) (string, placeholderState) {
	if name, ok := strings.CutPrefix(inner, "env."); ok {
		return v.environment(name, mayBeUnset)
	}
	if path, ok := strings.CutPrefix(inner, "file:"); ok {
		return v.secretFile(strings.TrimSpace(path))
	}
	v.fault("placeholders of a config are {{env.NAME}} and {{file:PATH}}", "unknown placeholder")
	return "", placeholderFaulty
}

func (v value) environment(name string, mayBeUnset bool) (string, placeholderState) {
	if !envName.MatchString(name) {
		v.fault("letters, digits and _, not starting with a digit", "{{env.NAME}}: not the name of an environment variable")
		return "", placeholderFaulty
	}
	s, set := v.options.LookupEnv(name)
	if !set {
		if v.options.AllowUnsetEnv || (v.options.Dev && mayBeUnset) {
			return name, placeholderUnset
		}
		v.fault("export "+name+"=…", "the environment variable %s is not set", name)
		return "", placeholderFaulty
	}
	if problem, hint := checkSecret(s); problem != "" {
		v.fault(hint, "the environment variable %s is %s", name, problem)
		return "", placeholderFaulty
	}
	return s, placeholderFound
}

func (v value) secretFile(name string) (string, placeholderState) {
	if name == "" {
		v.fault("as in {{file:/run/secrets/stripe}}", "{{file:PATH}} names no file")
		return "", placeholderFaulty
	}
	path := v.resolve(name)
	data, err := v.options.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && v.options.AllowUnsetEnv:
		return "file:" + name, placeholderUnset
	case err != nil:
		v.fault("", "cannot read the file %s: %v", name, reason(err))
		return "", placeholderFaulty
	case len(data) > maxSecretBytes:
		v.fault("", "the file %s is larger than %d bytes", name, maxSecretBytes)
		return "", placeholderFaulty
	}
	v.read(path)
	// Editors and `echo` end a file with a line feed that is not part of the secret.
	s := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if problem, hint := checkSecret(s); problem != "" {
		v.fault(hint, "the content of the file %s is %s", name, problem)
		return "", placeholderFaulty
	}
	return s, placeholderFound
}

// checkSecret returns what is obviously wrong with a secret, as the end of a
// sentence.
func checkSecret(s string) (problem, hint string) {
	switch {
	case s == "":
		return "empty", "an empty secret protects nothing"
	case !utf8.ValidString(s):
		return "not valid UTF-8", "encode it, for instance as base64"
	case strings.TrimFunc(s, unicode.IsSpace) != s:
		return "surrounded by white space", "remove blanks and line ends before and after it"
	}
	return "", ""
}
