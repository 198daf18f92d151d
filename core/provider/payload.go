package provider

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/backflow/backflow/sdk/value"
)

// formType is the media type of the fields of a form.
const formType = "application/x-www-form-urlencoded"

// maxParts bounds the fields and files of a multipart form.
const maxParts = 1000

// payloadOf makes what the actions see as {{payload}} of a body, by one rule:
//
//   - JSON is itself: by a content type that ends in json, or by none, or one that is
//     not listed here, where the body is JSON all the same.
//   - A form is an object: a name that is given once has a string, one that is given
//     several times an array of strings. A file of a multipart form is
//     {name, contentType, base64}. Where jsonField is not empty and the form has a field
//     of that name, the payload is the JSON that this field holds.
//   - text/* in UTF-8 is a string.
//   - Anything else is {contentType, base64}.
//
// The error is a refusal of a request that is genuine.
func payloadOf(contentType string, body []byte, jsonField string) (value.Doc, error) {
	typ, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		typ = ""
	}
	switch {
	case strings.HasSuffix(typ, "json"):
		return jsonPayload("the body", body)
	case typ == formType:
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return value.Doc{}, refuseGenuine("the body is no form: %v", err)
		}
		if form.Has(jsonField) {
			return jsonPayload("the field "+jsonField+" of the form", []byte(form.Get(jsonField)))
		}
		return formPayload(form, nil)
	case typ == "multipart/form-data":
		return multipartPayload(body, params["boundary"])
	case strings.HasPrefix(typ, "text/") && utf8.Valid(body):
		return value.DocOf(string(body))
	}
	if doc, err := value.ParseDoc(body); err == nil {
		return doc, nil
	}
	return value.DocOf(file{contentType: typ, content: body}.value(false))
}

// jsonBody makes the payload of a sender that sends nothing but JSON: whatever the content
// type says, which is not signed.
func jsonBody(r *request) (value.Doc, error) { return jsonPayload("the body", r.Body) }

func jsonPayload(what string, text []byte) (value.Doc, error) {
	doc, err := value.ParseDoc(text)
	if err != nil {
		return value.Doc{}, refuseGenuine("%s is not JSON: %v", what, err)
	}
	return doc, nil
}

// file is a file of a form, or a body that is neither JSON nor text.
type file struct {
	name, contentType string
	content           []byte
}

func (f file) value(named bool) map[string]any {
	v := map[string]any{"contentType": f.contentType, "base64": base64.StdEncoding.EncodeToString(f.content)}
	if named {
		v["name"] = f.name
	}
	return v
}

// formPayload makes an object of the fields and the files of a form.
func formPayload(form url.Values, files map[string][]any) (value.Doc, error) {
	object := make(map[string]any, len(form)+len(files))
	for name, texts := range form {
		values := make([]any, len(texts), len(texts)+len(files[name]))
		for i, text := range texts {
			if !utf8.ValidString(name) || !utf8.ValidString(text) {
				return value.Doc{}, refuseGenuine("the form cannot be read: it holds what is not UTF-8")
			}
			values[i] = text
		}
		object[name] = append(values, files[name]...)
	}
	for name, values := range files {
		if !form.Has(name) {
			object[name] = values
		}
	}
	for name, values := range object {
		if values := values.([]any); len(values) == 1 {
			object[name] = values[0]
		}
	}
	text, err := value.Marshal(object)
	if err != nil {
		return value.Doc{}, refuseGenuine("the form cannot be read: %v", err)
	}
	return value.ParseDoc(text)
}

// multipartPayload reads a multipart form (RFC 7578).
func multipartPayload(body []byte, boundary string) (value.Doc, error) {
	form, files := url.Values{}, map[string][]any{}
	reader := multipart.NewReader(bytes.NewReader(body), boundary)
	for n := 0; ; n++ {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return formPayload(form, files)
		}
		if err != nil || n == maxParts {
			return value.Doc{}, refuseGenuine("the body is no multipart form of at most %d parts", maxParts)
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return value.Doc{}, refuseGenuine("the body is no multipart form: it ends too early")
		}
		if name := part.FormName(); part.FileName() == "" {
			form.Add(name, string(content))
		} else {
			f := file{name: part.FileName(), contentType: part.Header.Get("Content-Type"), content: content}
			files[name] = append(files[name], f.value(true))
		}
	}
}

// at returns the text or the number at a dotted path of a payload; ok is false for
// anything else.
func at(payload value.Doc, path string) (text string, ok bool) { return within(payload.Value(), path) }

// within returns the text or the number at a dotted path; ok is false for anything else.
func within(v any, path string) (text string, ok bool) {
	for name := range strings.SplitSeq(path, ".") {
		object, isObject := v.(map[string]any)
		if !isObject {
			return "", false
		}
		v = object[name]
	}
	switch v := v.(type) {
	case string:
		return v, v != ""
	case json.Number:
		return v.String(), true
	default:
		return "", false
	}
}
