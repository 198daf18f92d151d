package provider

import (
	"fmt"
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"github.com/backflow/backflow/sdk"
)

// request is a received request while a provider reads it.
type request struct{ sdk.WebhookRequest }

// refuse makes the error for a request that is not genuine, as far as is known.
func refuse(format string, args ...any) error {
	return &sdk.WebhookRefusal{Reason: fmt.Sprintf(format, args...)}
}

// refuseGenuine makes the error for a genuine request of which no event can be read.
func refuseGenuine(format string, args ...any) error {
	return &sdk.WebhookRefusal{Genuine: true, Reason: fmt.Sprintf(format, args...)}
}

// header returns the one value of a header; ok is false where it is missing, empty or
// given more than once, which no sender does.
func (r *request) header(name string) (value string, ok bool) {
	values := textproto.MIMEHeader(r.Headers).Values(name)
	if len(values) != 1 || values[0] == "" {
		return "", false
	}
	return values[0], true
}

// words returns what stands between spaces, commas and semicolons in all values of a
// header, but for those of them that the prefix of a word has itself. It is nil where
// the header is missing.
func (r *request) words(header, prefix string) []string {
	values := textproto.MIMEHeader(r.Headers).Values(header)
	if len(values) == 0 {
		return nil
	}
	words := []string{}
	for _, value := range values {
		words = append(words, strings.FieldsFunc(value, func(c rune) bool {
			return strings.ContainsRune(" \t,;", c) && !strings.ContainsRune(prefix, c)
		})...)
	}
	return words
}

// word returns the one word of a header that begins with the prefix, without it.
func (r *request) word(header, prefix string) (word string, ok bool) {
	if prefix == "" {
		return r.header(header)
	}
	words := slices.DeleteFunc(r.words(header, prefix), func(word string) bool { return !strings.HasPrefix(word, prefix) })
	if len(words) != 1 || words[0] == prefix {
		return "", false
	}
	return words[0][len(prefix):], true
}

// contentType returns the content type as it was sent; empty where it is missing.
func (r *request) contentType() string {
	value, _ := r.header("Content-Type")
	return value
}

// wholeURL returns the address that the sender called. The error is a refusal where it
// is not known: it is never taken from what a request says of its host.
func (r *request) wholeURL() (string, error) {
	if !strings.HasPrefix(r.URL, "https://") && !strings.HasPrefix(r.URL, "http://") {
		return "", refuse("the sender signs the URL that it calls, and the gateway does not know its own: set server.publicUrl")
	}
	return r.URL, nil
}

// method returns the method of the request.
func (r *request) method() string {
	if r.Method == "" {
		return http.MethodPost
	}
	return r.Method
}
