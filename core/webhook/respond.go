package webhook

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/backflow/backflow/core/provider"
	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk/value"
)

// maxRespond bounds the body of a response of the config, in bytes.
const maxRespond = 64 << 10

// RespondOptions are what a config says of the response to an event that is stored.
type RespondOptions struct {
	// Status is 200 to 299.
	Status int
	// Type is the media type of the body; empty is that of its kind.
	Type string
	// Body is a template over payload, headers and query, a value of package value. Nil
	// and NoBody are no body.
	Body   any
	NoBody bool
}

// Respond is the response to an event that is stored, made of what was received. It is
// immutable.
type Respond struct {
	status      int
	contentType string
	body        *template.Template // nil is no body
	text        bool               // the body is the text of a string
}

// NewRespond compiles a response. What data puts into a text is escaped as its type
// needs it, so that data is never anything but text: in XML, in a form. A text of
// another type but text/plain has no placeholders. The error is template.Faults, with
// pointers below "/status", "/type" and "/body".
func NewRespond(o RespondOptions) (*Respond, error) {
	r := &Respond{status: o.Status, contentType: o.Type}
	text, isText := o.Body.(string)
	switch {
	case o.Status < 200 || o.Status > 299:
		return nil, fault("/status", "give a status from 200 to 299: with any other the sender sends the event again", "status %d does not say that the event was received", o.Status)
	case o.NoBody && o.Type != "":
		return nil, fault("/type", "leave it out, or give a body", "there is no body of this type")
	case o.NoBody:
		return r, nil
	case o.Status == 204 || o.Status == 205:
		return nil, fault("/body", "leave it out, or give the status 200", "a response with status %d has no body", o.Status)
	case o.Type == "" && isText:
		r.contentType = plainText
	case o.Type == "":
		r.contentType = "application/json"
	}
	typ, params, err := mime.ParseMediaType(r.contentType)
	charset := params["charset"]
	switch {
	case err != nil || !strings.Contains(typ, "/"):
		return nil, fault("/type", `as in "application/json"`, "%q is not a media type", o.Type)
	case isPage(typ):
		return nil, fault("/type", "browsers run what is in it; use text/plain, application/json or application/xml", "a response is never %s", typ)
	case charset != "" && !strings.EqualFold(charset, "utf-8"):
		return nil, fault("/type", "leave the charset out", "a response is UTF-8, and not %s", charset)
	}
	options := template.Options{Roots: []string{"payload", "headers", "query"}, MaxBytes: maxRespond}
	r.text = isText
	switch isJSON := typ == "application/json" || strings.HasSuffix(typ, "+json"); {
	case isJSON && isText && wholePlaceholder.MatchString(text):
		r.text = false
	case isJSON && !isText:
	case !isText:
		return nil, fault("/body", "an object is for application/json; a text is given as a string", "%s needs a text as body, and this is %s", typ, value.KindOf(o.Body))
	default:
		if err := escapeFor(typ, text, &options); err != nil {
			return nil, err
		}
	}
	if r.body, err = template.Compile(o.Body, options); err != nil {
		return nil, below("/body", err)
	}
	return r, nil
}

// wholePlaceholder matches a text that is exactly one placeholder.
var wholePlaceholder = regexp.MustCompile(`^\{\{[^{}]*\}\}$`)

// placeholder matches a placeholder in a text.
var placeholder = regexp.MustCompile(`\{\{[^{}]*\}\}`)

// mayHoldData reports whether a text may have placeholders: also one that the expressions
// above do not match, since it has braces in a default.
func mayHoldData(text string) bool { return strings.Contains(text, "{{") }

// escapeFor has the placeholders of a text escaped as its type needs it.
func escapeFor(typ, text string, options *template.Options) error {
	switch {
	case typ == "application/xml" || typ == "text/xml" || strings.HasSuffix(typ, "+xml"):
		options.Text = escapeXML
		return checkXML(text)
	case typ == "application/x-www-form-urlencoded":
		options.Text = url.QueryEscape
	case typ == "text/plain" || !mayHoldData(text):
		options.Text = func(s string) string { return s }
	case strings.HasSuffix(typ, "json"):
		return fault("/body", "give the body as an object", "what data puts into a text is not escaped as JSON")
	default:
		return fault("/body", "use text/plain, application/json or application/xml", "how data is escaped in %s is not known, so its body has no placeholders", typ)
	}
	return nil
}

func escapeXML(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a builder takes everything
	return b.String()
}

// checkXML makes sure that a text is XML whose placeholders are where escaped text is
// text: between tags and in the values of attributes.
func checkXML(text string) error {
	const mark = "PlaceholderOfTheBody"
	decoder := xml.NewDecoder(strings.NewReader(placeholder.ReplaceAllString(text, mark)))
	for {
		token, err := decoder.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fault("/body", "", "the body is not XML: %v", err)
		}
		var code []string
		switch token := token.(type) {
		case xml.StartElement:
			code = []string{token.Name.Space, token.Name.Local}
			for _, attribute := range token.Attr {
				code = append(code, attribute.Name.Space, attribute.Name.Local)
			}
		case xml.EndElement:
			code = []string{token.Name.Space, token.Name.Local}
		case xml.Comment:
			code = []string{string(token)}
		case xml.ProcInst:
			code = []string{token.Target, string(token.Inst)}
		case xml.Directive:
			code = []string{string(token)}
		}
		if slices.ContainsFunc(code, func(s string) bool { return strings.Contains(s, mark) }) {
			return fault("/body", "placeholders stand between tags and in the values of attributes", "data is never markup: a placeholder stands in a name, a comment or an instruction")
		}
	}
	if strings.Contains(text, "<![CDATA[") && mayHoldData(text) {
		return fault("/body", "data is escaped by itself: leave CDATA out", "a body with placeholders has no CDATA")
	}
	return nil
}

// reply makes the response to an event. An error says why that cannot be made of what
// was received.
func (r *Respond) reply(scope template.Scope) (*provider.Reply, error) {
	reply := &provider.Reply{Status: r.status, ContentType: r.contentType}
	if r.body == nil {
		return reply, nil
	}
	body, err := r.body.JSON(scope)
	if err != nil {
		return nil, err
	}
	if !r.text {
		reply.Body = body
		return reply, nil
	}
	var text string
	if err := json.Unmarshal(body, &text); err != nil {
		return nil, fmt.Errorf("webhook: the text of a response: %w", err)
	}
	reply.Body = []byte(text)
	return reply, nil
}

func fault(pointer, hint, format string, args ...any) error {
	return template.Faults{{Pointer: pointer, Message: fmt.Sprintf(format, args...), Hint: hint}}
}

// below moves the pointers of faults.
func below(pointer string, err error) error {
	faults, ok := errors.AsType[template.Faults](err)
	if !ok {
		return err
	}
	faults = slices.Clone(faults)
	for i := range faults {
		faults[i].Pointer = pointer + faults[i].Pointer
	}
	return faults
}
