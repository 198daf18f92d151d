package provider

import (
	"cmp"
	"context"
	"fmt"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/suggest"
	"github.com/backflow/backflow/sdk/value"
)

// Custom is the name of the provider of which the config of a webhook says how its
// sender signs: it is in no table, since each webhook has one of its own.
const Custom = "custom"

// CustomConfig says how a sender signs. Of what is empty, and not said to be nothing, the
// default holds.
type CustomConfig struct {
	// Header holds the signature, or several of them.
	Header string
	// Algorithm is sha256, sha512 or sha1; the default is sha256. A secret that is a public
	// key is one of ed25519.
	Algorithm string
	// Encoding is hex or base64; the default is hex.
	Encoding string
	// Prefix is what stands before each signature in the header.
	Prefix string
	// TimestampHeader holds the time: seconds or milliseconds since 1970, or RFC 3339; empty
	// is that the sender sends none. Where it is Header too, the time is its word t=.
	TimestampHeader string
	// IDHeader holds the id of an event; empty is that its id is the digest of what is
	// signed.
	IDHeader string
	// Content is what is signed, with the placeholders {{body}}, {{timestamp}}, {{id}},
	// {{url}} and {{headers.NAME}}; the default is {{body}}.
	Content string
	// Tolerance is how far the time may be from the clock, both ways; zero is that of the
	// request.
	Tolerance time.Duration
}

// ConfigError is what is wrong with a CustomConfig.
type ConfigError struct {
	// Key is the one of the config that is wrong, such as content.
	Key string
	// Message says what is wrong, Hint what to do about it, which may be empty.
	Message, Hint string
}

// Error returns key and message.
func (e *ConfigError) Error() string { return e.Key + ": " + e.Message }

// customSamples are of any type.
var customSamples = samples{{Type: "test", Body: []byte(`{ "id": "$UUID", "type": "test", "createdAt": "$TIME" }`)}}

// NewCustom makes the provider that a config describes. Errors are *ConfigError.
func NewCustom(c CustomConfig) (Provider, error) {
	for _, name := range []*string{&c.Header, &c.TimestampHeader, &c.IDHeader} {
		*name = textproto.CanonicalMIMEHeaderKey(*name)
	}
	s := scheme{
		name: Custom, header: c.Header, prefix: c.Prefix, algorithm: algorithm(cmp.Or(c.Algorithm, string(hmacSHA256))),
		encoding: encoding(cmp.Or(c.Encoding, string(inHex))), timeFormat: inAny, checkSecret: checkPublicKey,
		keys: secretKeys, publicKeys: publicKeys,
		kind:    source{paths: []string{"type"}},
		payload: func(r *request) (value.Doc, error) { return payloadOf(r.contentType(), r.Body, "") },
	}
	switch {
	case c.Header == "":
		return Provider{}, &ConfigError{Key: "header", Message: "it is missing: it names the header that has the signature"}
	case !slices.Contains([]algorithm{hmacSHA1, hmacSHA256, hmacSHA512}, s.algorithm):
		return Provider{}, &ConfigError{Key: "algorithm", Message: fmt.Sprintf("there is no algorithm %q", c.Algorithm), Hint: "sha256, sha512 or sha1"}
	case s.encoding != inHex && s.encoding != inBase64:
		return Provider{}, &ConfigError{Key: "encoding", Message: fmt.Sprintf("there is no encoding %q", c.Encoding), Hint: "hex or base64"}
	}
	if c.TimestampHeader != "" {
		s.timestamp = inHeader(c.TimestampHeader)
		if c.TimestampHeader == c.Header {
			s.timestamp.prefix = "t="
		}
	}
	if c.IDHeader != "" {
		s.id = inHeader(c.IDHeader)
	}
	var err error
	if s.content, err = parseContent(cmp.Or(c.Content, "{{body}}"), c); err != nil {
		return Provider{}, err
	}
	s.cutsAnywhere = s.uses(partID)
	p := s.describe()
	p.EventTypes = customSamples.types()
	p.Sample = func(_ context.Context, request sdk.SampleRequest) (sdk.Sample, error) {
		return s.sample(customSamples, request)
	}
	if c.Tolerance > 0 {
		p.Verify = func(ctx context.Context, received sdk.WebhookRequest) (Verified, error) {
			received.Tolerance = c.Tolerance
			return s.verify(ctx, received)
		}
	}
	return p, nil
}

// SignsTime reports whether the time is part of what is signed, or none is sent at all.
func (c CustomConfig) SignsTime() bool {
	parts, err := parseContent(cmp.Or(c.Content, "{{body}}"), c)
	return err == nil && (c.TimestampHeader == "" || slices.ContainsFunc(parts, func(p part) bool {
		return p.kind == partTimestamp || p.kind == partHeader && strings.EqualFold(p.literal, c.TimestampHeader)
	}))
}

// CustomUnconfigured is what is known of a custom provider before its config: where its
// secret is. It verifies nothing.
func CustomUnconfigured() Provider {
	return Provider{Name: Custom, SecretField: secretField, NewSecret: newSecret}
}

// contentRoots are what Content can hold.
var contentRoots = []string{"body", "timestamp", "id", "url", "headers"}

// parseContent reads what is signed.
func parseContent(layout string, c CustomConfig) ([]part, error) {
	wrong := func(hint, format string, args ...any) ([]part, error) {
		return nil, &ConfigError{Key: "content", Message: fmt.Sprintf(format, args...), Hint: hint}
	}
	var parts []part
	for layout != "" {
		before, rest, found := strings.Cut(layout, "{{")
		if before != "" {
			parts = append(parts, part{kind: partLiteral, literal: before})
		}
		if !found {
			break
		}
		path, after, closed := strings.Cut(rest, "}}")
		if !closed {
			return wrong(`as in "{{timestamp}}.{{body}}"`, "a placeholder is not closed")
		}
		layout = after
		root, name, isPath := strings.Cut(strings.TrimSpace(path), ".")
		kinds := map[string]partKind{"body": partBody, "timestamp": partTimestamp, "id": partID, "url": partURL}
		kind, known := kinds[root]
		switch {
		case root == "headers":
			name = strings.Trim(name, `"[]`)
			if !httpguts.ValidHeaderFieldName(name) {
				return wrong(`as in "{{headers.x-request-id}}"`, "%q names no header", path)
			}
			parts = append(parts, part{kind: partHeader, literal: textproto.CanonicalMIMEHeaderKey(name)})
			continue
		case !known || isPath:
			hint := suggest.Hint(root, contentRoots)
			return wrong(cmp.Or(hint, "available are "+strings.Join(contentRoots, ", ")), "{{%s}} is nothing that can be signed", path)
		case kind == partTimestamp && c.TimestampHeader == "":
			return wrong(`give "timestampHeader"`, "it holds {{timestamp}}, and no header is named that has it")
		case kind == partID && c.IDHeader == "":
			return wrong(`give "idHeader"`, "it holds {{id}}, and no header is named that has it")
		}
		parts = append(parts, part{kind: kind})
	}
	if !slices.ContainsFunc(parts, func(p part) bool { return p.kind == partBody }) {
		return wrong("add {{body}}", "it does not hold {{body}}: anybody could send another body with a signature that was seen")
	}
	return parts, nil
}
