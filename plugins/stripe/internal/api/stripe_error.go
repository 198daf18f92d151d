package api

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// stripeError is Stripe's error object (https://docs.stripe.com/api/errors, and for
// /v2 https://docs.stripe.com/api-v2-overview). stripe-go's own type decodes whole
// payment intents inside it, and fails with them.
type stripeError struct {
	Type, Code, Param, Message string
	// fields are all members, as they were sent and in that order.
	fields []field
}

// with returns the error with one more field, which stands before those of Stripe.
func (e stripeError) with(name string, texts []string) stripeError {
	var list []byte
	for i, text := range texts {
		list = append(append(list, "[,"[min(i, 1)]), quote(text)...)
	}
	e.fields = append([]field{{name, append(list, ']')}}, e.fields...)
	return e
}

type field struct {
	name  string
	value jsontext.Value
}

// parseError reads {"error": {…}}. A name that comes twice counts as it does first.
func parseError(body []byte) (stripeError, bool) {
	envelope, ok := members(body)
	if !ok {
		return stripeError{}, false
	}
	said := stripeError{}
	for _, outer := range envelope {
		if outer.name != "error" {
			continue
		}
		if said.fields, ok = members(outer.value); !ok {
			return stripeError{}, false
		}
		for i, f := range said.fields {
			switch f.name {
			case "type":
				said.Type = f.text()
			case "code":
				said.Code = f.text()
			case "param":
				said.Param = f.text()
			case "message":
				said.Message = f.text()
				if concealed := concealSecrets(said.Message); concealed != said.Message {
					said.Message, said.fields[i].value = concealed, quote(concealed)
				}
			}
		}
		return said, true
	}
	return stripeError{}, false
}

// clientSecret is a client secret, which is an id with a secret behind it. Stripe repeats
// one that is given where an id belongs.
var clientSecret = regexp.MustCompile(`([A-Za-z0-9]+_[A-Za-z0-9]+_secret)_[A-Za-z0-9]+`)

// concealSecrets returns a text for people, which logs and runs keep, without the client
// secrets in it.
func concealSecrets(text string) string { return clientSecret.ReplaceAllString(text, "${1}_***") }

// members returns the members of a JSON object, or false if it is none.
func members(document []byte) ([]field, bool) {
	document = bytes.TrimSpace(document)
	if len(document) == 0 || document[0] != '{' || !json.Valid(document) {
		return nil, false
	}
	decoder := jsontext.NewDecoder(bytes.NewReader(document), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if _, err := decoder.ReadToken(); err != nil {
		return nil, false
	}
	var fields []field
	seen := map[string]bool{}
	for decoder.PeekKind() != '}' {
		token, err := decoder.ReadToken()
		if err != nil {
			return nil, false
		}
		name := token.String()
		value, err := decoder.ReadValue()
		if err != nil {
			return nil, false
		}
		if !seen[name] {
			seen[name] = true
			fields = append(fields, field{name, value.Clone()})
		}
	}
	return fields, true
}

// text returns the value of a string, and nothing for any other value.
func (f field) text() string {
	var text string
	if err := json.Unmarshal(f.value, &text); err != nil {
		return ""
	}
	return text
}

const (
	// maxDetails bounds what is kept of an error object, in bytes. The gateway keeps it
	// with each attempt of a step, and drops details that are far larger.
	maxDetails = 64 << 10
	// omittedField lists the fields that were left out for their size.
	omittedField = "omitted"
)

// details is the JSON object that callers see: every field of the error object under
// its name in camelCase, its value as Stripe wrote it, and the id of the request. Where
// that is more than maxDetails bytes, the largest fields are left out and named. It is
// nil where there is nothing.
func (e stripeError) details(requestID string) json.RawMessage {
	fields := []field{}
	taken := map[string]bool{}
	add := func(name string, value jsontext.Value) {
		if !taken[name] {
			taken[name] = true
			fields = append(fields, field{name, value})
		}
	}
	if requestID != "" {
		add("requestId", quote(requestID))
	}
	for _, f := range e.fields {
		add(camelCase(f.name), f.value)
	}
	fields, omitted := fit(fields)
	if len(omitted) > 0 {
		list, err := json.Marshal(omitted)
		if err == nil && !taken[omittedField] { // strings always marshal
			fields = append(fields, field{omittedField, list})
		}
	}
	if len(fields) == 0 {
		return nil
	}
	return object(fields)
}

// fit leaves out the largest fields until the others have maxDetails bytes at most, and
// returns the names of those, largest first.
func fit(fields []field) (kept []field, omitted []string) {
	total := 0
	bySize := make([]int, len(fields))
	for i, f := range fields {
		total += f.size()
		bySize[i] = i
	}
	if total <= maxDetails {
		return fields, nil
	}
	slices.SortStableFunc(bySize, func(a, b int) int { return fields[b].size() - fields[a].size() })
	dropped := map[int]bool{}
	for _, i := range bySize {
		if total <= maxDetails {
			break
		}
		total -= fields[i].size()
		dropped[i] = true
		if len(omitted) < maxOmitted && len(fields[i].name) <= maxOmittedName {
			omitted = append(omitted, fields[i].name)
		}
	}
	for i, f := range fields {
		if !dropped[i] {
			kept = append(kept, f)
		}
	}
	return kept, omitted
}

const (
	maxOmitted     = 32  // names in omittedField
	maxOmittedName = 128 // bytes of one
)

// size is how many bytes a field has in an object.
func (f field) size() int { return len(f.name) + len(f.value) + len(`"":,`) }

// object writes a JSON object, or nil if a value is no JSON.
func object(fields []field) json.RawMessage {
	out := []byte{'{'}
	for i, f := range fields {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(append(out, quote(f.name)...), ':'), f.value...)
	}
	return append(out, '}')
}

func quote(text string) jsontext.Value {
	quoted, err := jsontext.AppendQuote(nil, strings.ToValidUTF8(text, "\ufffd"))
	if err != nil {
		return jsontext.Value(`""`) // valid UTF-8 is always quoted
	}
	return quoted
}

// camelCase turns decline_code into declineCode. Underscores at the start and before
// what is no letter stay.
func camelCase(name string) string {
	out := make([]byte, 0, len(name))
	for i := 0; i < len(name); i++ {
		if name[i] == '_' && i > 0 && i+1 < len(name) && name[i+1] >= 'a' && name[i+1] <= 'z' {
			i++
			out = append(out, name[i]-'a'+'A')
			continue
		}
		out = append(out, name[i])
	}
	return string(out)
}
