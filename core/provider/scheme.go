package provider

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// scheme is how a sender signs of which nothing else is to be known: a header holds the
// HMAC of some content. Such a provider is a row of the table.
type scheme struct {
	// name is what a config calls the provider.
	name string
	// page is the sender's page on how it signs.
	page string
	// header holds the signature, or several of them: see request.signatures. Where it
	// ends in -1, so do others in -2 and so on.
	header string
	// prefix is what stands before each signature: "sha256=".
	prefix    string
	algorithm algorithm
	encoding  encoding
	// token: the header holds the secret itself, and nothing is signed.
	token bool
	// content is what is signed; nil is the body.
	content []part
	// cutsAnywhere: it is not known that the same signed bytes can be cut into id, time
	// and body in one way alone.
	cutsAnywhere bool
	// timestamp is where the time is that is signed too; the zero one is nowhere.
	timestamp source
	// timeFormat is how the time is written.
	timeFormat timeFormat
	// id is where the id of an event is; the zero one is the digest of what is signed.
	id source
	// kind is where the type of an event is; the zero one is nowhere.
	kind source
	// action is the member of the payload that follows the type behind a dot, if it is
	// there.
	action string
	// jsonField is the field of a form whose JSON is the payload.
	jsonField string
	// payload makes the payload; nil is JSON where id, type or time are in it, whatever the
	// content type says, which is not signed, and payloadOf by the content type where none
	// of them is.
	payload func(r *request) (value.Doc, error)
	// checkSecret is as Provider.CheckSecret, keys makes keys of secrets; nil for both is
	// that the text is the key.
	checkSecret func(secret string) error
	keys        func(secrets []string) [][]byte
	// publicKeys are the ed25519 keys among the secrets, by which a signature may be made
	// too; nil for a scheme without them.
	publicKeys func(secrets []string) []ed25519.PublicKey
	// newSecret is as Provider.NewSecret.
	newSecret func() string
	// head: the sender asks by HEAD whether its URL is served.
	head bool
	// finish changes what is known of an event by what only its sender has; nil changes
	// nothing.
	finish func(s scheme, r *request, payload value.Doc, verified *Verified)
}

// source is where in a request a text is: in a header or in the payload.
type source struct {
	// header is the header's name, prefix what the word in it begins with that has the
	// text, as in t=1492774577,v1=…; empty is that the header is the text.
	header, prefix string
	// paths are dotted paths in the payload; the texts of several are joined by "/".
	paths []string
	// digest is the SHA-256 of the body.
	digest bool
	// otherwise is where the text is if it is not there.
	otherwise *source
	// words and compute are a text that is made of several, and how it is made.
	words   string
	compute func(r *request, payload value.Doc) (text string, ok bool)
}

// computed is what a function makes of a payload that is signed; words say what that is.
func computed(words string, compute func(r *request, payload value.Doc) (text string, ok bool)) source {
	return source{words: words, compute: compute}
}

// inHeader is a header whose value is the text.
func inHeader(name string) source { return source{header: name} }

// inPayload is what paths of the payload have.
func inPayload(paths ...string) source { return source{paths: paths} }

// or is the one source, or the other where that has nothing.
func (s source) or(other source) source {
	if s.otherwise != nil {
		other = s.otherwise.or(other)
	}
	s.otherwise = &other
	return s
}

// ofBody is the digest of the body, of senders that give their events no id.
func ofBody() source { return source{digest: true} }

func (s source) isZero() bool {
	return s.header == "" && len(s.paths) == 0 && !s.digest && s.compute == nil
}

// inBody reports whether a text is in the payload.
func (s source) inBody() bool { return s.paths != nil || s.otherwise != nil && s.otherwise.inBody() }

// String says where it is, for people.
func (s source) String() string {
	switch {
	case s.otherwise != nil:
		first := s
		first.otherwise = nil
		return first.String() + ", else " + s.otherwise.String()
	case s.prefix != "":
		return "the word " + s.prefix + " of the header " + s.header
	case s.header != "":
		return "the header " + s.header
	case s.digest:
		return "the digest of the body"
	case s.compute != nil:
		return s.words
	default:
		return strings.Join(s.paths, "/") + " of the body"
	}
}

// find returns the text; ok is false where it is missing.
func (s source) find(r *request, payload value.Doc) (text string, ok bool) {
	switch {
	case s.otherwise != nil:
		first := s
		first.otherwise = nil
		if text, ok := first.find(r, payload); ok {
			return text, ok
		}
		return s.otherwise.find(r, payload)
	case s.header != "":
		return r.word(s.header, s.prefix)
	case s.digest:
		return digest(r.Body), true
	case s.compute != nil:
		return s.compute(r, payload)
	}
	texts := make([]string, len(s.paths))
	for i, path := range s.paths {
		if texts[i], ok = at(payload, path); !ok {
			return "", false
		}
	}
	return strings.Join(texts, "/"), ok
}

// digest is an id made of what a sender signed.
func digest(content ...[]byte) string {
	h := sha256.New()
	for _, part := range content {
		_, _ = h.Write(part) // a hash takes everything
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// part is a piece of what is signed.
type part struct {
	kind    partKind
	literal string // of partLiteral; the header's name of partHeader
}

type partKind uint8

const (
	partBody partKind = iota
	partLiteral
	partTimestamp
	partID
	partURL
	partHeader
)

// signedAs makes the parts of what is signed: the roots in braces, as in
// "{timestamp}.{body}", and what stands between them.
func signedAs(layout string) []part {
	var parts []part
	for layout != "" {
		before, rest, found := strings.Cut(layout, "{")
		if before != "" {
			parts = append(parts, part{kind: partLiteral, literal: before})
		}
		if !found {
			break
		}
		var root string
		root, layout, _ = strings.Cut(rest, "}")
		parts = append(parts, part{kind: map[string]partKind{
			"body": partBody, "timestamp": partTimestamp, "id": partID, "url": partURL,
		}[root]})
	}
	return parts
}

// provider makes the row that a scheme is.
func (s scheme) provider() Provider {
	if s.content == nil {
		s.content = []part{{kind: partBody}}
	}
	p := s.describe()
	samples := samplesOf(s.name)
	p.EventTypes = samples.types()
	p.Sample = func(_ context.Context, request sdk.SampleRequest) (sdk.Sample, error) {
		return s.sample(samples, request)
	}
	return p
}

// describe makes a provider without samples.
func (s scheme) describe() Provider {
	p := Provider{
		Name: s.name, Page: s.page, SecretField: secretField, Headers: s.headers(), Timestamp: s.written(s.timestamp), EventID: s.written(s.id),
		IDSigned: s.idIsSigned(), ShowsSecret: s.token, NewSecret: s.newSecret, CheckSecret: s.checkSecret, SignsURL: s.uses(partURL), Verify: s.verify,
	}
	if s.head {
		p.Methods = []string{http.MethodHead}
	}
	return p
}

// written says where something is for the documentation; empty is nowhere.
func (s scheme) written(from source) string {
	if from.isZero() {
		return ""
	}
	return from.String()
}

// headers lists what is read of a request beside its body, the signature first.
func (s scheme) headers() []string {
	headers := []string{s.header}
	add := func(name string) {
		if name != "" && !slices.Contains(headers, name) {
			headers = append(headers, name)
		}
	}
	add(s.timestamp.header)
	for id := &s.id; id != nil; id = id.otherwise {
		add(id.header)
	}
	add(s.kind.header)
	for _, p := range s.content {
		if p.kind == partHeader {
			add(p.literal)
		}
	}
	return headers
}

func (s scheme) uses(kind partKind) bool {
	return slices.ContainsFunc(s.content, func(p part) bool { return p.kind == kind })
}

// idIsSigned reports whether nobody but the sender can give an event another id.
func (s scheme) idIsSigned() bool {
	if s.id.isZero() {
		return !s.token
	}
	for id := &s.id; id != nil; id = id.otherwise {
		ofHeader := func(p part) bool { return p.kind == partHeader && strings.EqualFold(p.literal, id.header) }
		switch {
		case s.token, id.header == "" && !s.uses(partBody):
			return false
		case id.header != "" && !s.uses(partID) && !slices.ContainsFunc(s.content, ofHeader):
			return false
		}
	}
	return true
}

// verify implements Provider.Verify.
func (s scheme) verify(_ context.Context, received sdk.WebhookRequest) (Verified, error) {
	r := &request{received}
	if s.head && r.Method == http.MethodHead {
		return Verified{Reply: &Reply{}}, nil
	}
	content, err := s.check(r)
	if err != nil {
		return Verified{}, err
	}
	return s.event(r, content)
}

// event returns what is known of a request that is genuine, of which content was signed.
func (s scheme) event(r *request, content []byte) (Verified, error) {
	payload, err := s.read(r)
	if err != nil {
		return Verified{}, err
	}
	if s.timestamp.paths != nil { // a header is checked before the payload is read
		if err := s.fresh(r, payload); err != nil {
			return Verified{}, err
		}
	}
	verified := Verified{Payload: payload.Raw()}
	if s.id.isZero() {
		verified.ID = digest(content)
	} else if id, ok := s.id.find(r, payload); ok {
		verified.ID = id
	} else {
		verified.NoID = "the event has no id: " + s.id.String() + " is missing or given twice"
	}
	if !s.kind.isZero() {
		verified.Type, _ = s.kind.find(r, payload)
	}
	if action, ok := at(payload, s.action); ok && s.action != "" && verified.Type != "" {
		verified.Type += "." + action
	}
	if !s.idIsSigned() || s.cutsAnywhere {
		verified.Content = content
	}
	if s.finish != nil {
		s.finish(s, r, payload, &verified)
	}
	return verified, nil
}

// read makes the payload.
func (s scheme) read(r *request) (value.Doc, error) {
	switch {
	case s.payload != nil:
		return s.payload(r)
	case s.jsonField == "" && (s.id.inBody() || s.kind.inBody() || s.timestamp.inBody()):
		return jsonPayload("the body", r.Body)
	default:
		return payloadOf(r.contentType(), r.Body, s.jsonField)
	}
}

// check returns what was signed, if the signature and a time in a header hold.
func (s scheme) check(r *request) ([]byte, error) {
	if s.token {
		return r.Body, s.checkToken(r)
	}
	signatures, err := r.signatures(s.header, s.prefix, s.encoding)
	if err != nil {
		return nil, err
	}
	if name, numbered := strings.CutSuffix(s.header, "-1"); numbered {
		for i := 2; i <= maxSignatures; i++ {
			more, err := r.signatures(fmt.Sprintf("%s-%d", name, i), s.prefix, s.encoding)
			if err != nil {
				break
			}
			signatures = append(signatures, more...)
		}
	}
	content, err := s.signed(r)
	if err != nil {
		return nil, err
	}
	keys := s.keys
	if keys == nil {
		keys = rawKeys
	}
	genuine := anyMAC(s.algorithm, keys(r.Secrets), signatures, content)
	if s.publicKeys != nil {
		genuine = genuine || anyEd25519(s.publicKeys(r.Secrets), signatures, content)
	}
	if !genuine {
		return nil, notSigned(s.header)
	}
	if s.timestamp.header != "" {
		return content, s.fresh(r, value.Doc{})
	}
	return content, nil
}

// notSigned is the refusal of a request whose signatures do not match.
func notSigned(header string) error {
	return refuse("the signature in the header %s does not match: it is made with another secret, or the request was changed on its way", header)
}

func (s scheme) checkToken(r *request) error {
	token, ok := r.header(s.header)
	if !ok {
		return refuse("the header %s is missing, which has the secret", s.header)
	}
	matches := false
	for _, secret := range r.Secrets {
		matches = equal(token, secret) || matches
	}
	if !matches {
		return refuse("the header %s does not hold the webhook's secret", s.header)
	}
	return nil
}

// fresh checks the time.
func (s scheme) fresh(r *request, payload value.Doc) error {
	text, ok := s.timestamp.find(r, payload)
	if !ok {
		return refuse("%s is missing, which has the time", s.timestamp)
	}
	return r.fresh("the timestamp in "+s.timestamp.String(), text, s.timeFormat)
}

// signed returns the bytes that the signature is of.
func (s scheme) signed(r *request) ([]byte, error) {
	if len(s.content) == 1 && s.content[0].kind == partBody {
		return r.Body, nil
	}
	var content bytes.Buffer
	for _, p := range s.content {
		switch p.kind {
		case partBody:
			content.Write(r.Body)
		case partLiteral:
			content.WriteString(p.literal)
		case partURL:
			address, err := r.wholeURL()
			if err != nil {
				return nil, err
			}
			content.WriteString(address)
		default:
			from := map[partKind]source{partTimestamp: s.timestamp, partID: s.id, partHeader: inHeader(p.literal)}[p.kind]
			text, ok := from.find(r, value.Doc{})
			if !ok {
				return nil, refuse("%s is missing or given twice, which is signed", from)
			}
			content.WriteString(text)
		}
	}
	return content.Bytes(), nil
}
