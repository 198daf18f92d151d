package form

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"mime/multipart"
	"net/textproto"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/backflow/backflow/sdk/pointer"
)

const (
	// maxFile bounds the content of a file, in bytes. Stripe's own bounds depend on the
	// purpose, and are lower for most (https://docs.stripe.com/file-upload).
	maxFile = 16 << 20
	// maxFileName bounds the name of a file, in bytes: that of file systems.
	maxFileName = 255
)

// File is a file of a multipart body.
type File struct {
	// Field is the name of the field that holds the file.
	Field string
	// Name and ContentType are what the file is said to be.
	Name, ContentType string
	Content           []byte
}

// ParseFile reads the param of that name, which is a file: a string, which is its
// content, or an object {"name", "contentType", "base64"} of which base64 is
// required. Errors are *Fault.
func ParseFile(name string, raw json.RawMessage) (File, error) {
	file := File{Field: name, Name: "file", ContentType: "application/octet-stream"}
	if reason := unfitName(name); reason != "" {
		return File{}, &Fault{pointer.Join("", name), reason}
	}
	switch jsontext.Value(raw).Kind() {
	case '"':
		content, err := jsontext.AppendUnquote(nil, raw)
		if err != nil {
			return File{}, &Fault{"/" + name, "not a valid JSON string"}
		}
		file.Content = content
	case '{':
		if err := file.read(raw); err != nil {
			var fault *Fault
			if errors.As(err, &fault) {
				fault.Pointer = "/" + name + fault.Pointer
			}
			return File{}, err
		}
	default:
		return File{}, &Fault{"/" + name, `must be the content of a file as a string, or { "name", "contentType", "base64" }`}
	}
	if len(file.Content) > maxFile {
		return File{}, &Fault{"/" + name, fmt.Sprintf("the file is larger than %d bytes", maxFile)}
	}
	return file, nil
}

// read reads the members of a file that is an object.
func (f *File) read(raw json.RawMessage) error {
	params, err := Parse(raw)
	if err != nil {
		return err
	}
	given := false
	for _, m := range params.members {
		at := pointer.Join("", m.name)
		if m.name != "name" && m.name != "contentType" && m.name != "base64" {
			return &Fault{at, "unknown: a file has name, contentType and base64"}
		}
		var text string
		if err := json.Unmarshal(m.value, &text); err != nil || m.value.Kind() != '"' {
			return &Fault{at, "must be a string"}
		}
		switch m.name {
		case "name":
			if !isFileName(text) {
				return &Fault{at, fmt.Sprintf("must be the name of a file: 1 to %d bytes without quotes, slashes, backslashes and control characters", maxFileName)}
			}
			f.Name = text
		case "contentType":
			mediaType, params, err := mime.ParseMediaType(text)
			if err != nil || !strings.Contains(mediaType, "/") || strings.HasPrefix(mediaType, "multipart/") {
				return &Fault{at, "must be a media type, such as application/pdf"}
			}
			f.ContentType = mime.FormatMediaType(mediaType, params)
		case "base64":
			if f.Content, err = base64.StdEncoding.Strict().DecodeString(text); err != nil {
				return &Fault{at, "must be base64 (RFC 4648, section 4)"}
			}
			given = true
		}
	}
	if !given {
		return &Fault{"/base64", "is missing"}
	}
	return nil
}

func isFileName(name string) bool {
	return name != "" && name != "." && name != ".." && len(name) <= maxFileName && utf8.ValidString(name) &&
		!strings.ContainsFunc(name, func(r rune) bool { return r == '"' || r == '/' || r == '\\' || unicode.IsControl(r) })
}

// Multipart writes fields and files as multipart/form-data (RFC 7578) with a random
// boundary, and returns the content type that names it. A name with a control
// character is a *Fault: no server reads it back.
func Multipart(fields []Field, files []File) (contentType string, content []byte, err error) {
	var body bytes.Buffer
	writer := multipart.NewWriter(&body)
	for _, field := range fields {
		if strings.ContainsFunc(field.Name, unicode.IsControl) {
			return "", nil, &Fault{field.pointer(), "a name may not hold a control character beside a file"}
		}
		if err := writer.WriteField(field.Name, field.Value); err != nil {
			return "", nil, fmt.Errorf("write the field %s: %w", field.Name, err)
		}
	}
	for _, file := range files {
		part, err := writer.CreatePart(textproto.MIMEHeader{
			"Content-Disposition": {multipart.FileContentDisposition(file.Field, file.Name)},
			"Content-Type":        {file.ContentType},
		})
		if err == nil {
			_, err = part.Write(file.Content)
		}
		if err != nil {
			return "", nil, fmt.Errorf("write the file %s: %w", file.Field, err)
		}
	}
	if err := writer.Close(); err != nil {
		return "", nil, fmt.Errorf("end the body: %w", err)
	}
	return writer.FormDataContentType(), body.Bytes(), nil
}
