package api

import (
	"encoding/json"

	"github.com/backflow/backflow/plugins/stripe/internal/form"
)

// Body is the body of a request. Its zero value is none.
type Body struct {
	contentType string
	content     []byte
}

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

// Form returns a body of form fields, as /v1 takes it.
func Form(fields []form.Field) Body { return Body{formType, form.Encode(fields)} }

// JSON returns a body of JSON, as /v2 takes it.
func JSON(document json.RawMessage) Body { return Body{jsonType, document} }

// Multipart returns a body of fields and files (RFC 7578).
func Multipart(fields []form.Field, files []form.File) (Body, error) {
	contentType, content, err := form.Multipart(fields, files)
	return Body{contentType, content}, err
}
