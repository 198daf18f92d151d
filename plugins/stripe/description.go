package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-mock/embedded"

	"github.com/backflow/backflow/plugins/stripe/internal/openapi"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// maxDescription bounds the file of a description, in bytes. Stripe's own have 8 MB.
const maxDescription = 64 << 20

// readDescription reads the description that the config gives. Every error names the
// field.
func (c credentials) readDescription(baseDir string) (*openapi.Description, error) {
	if c.APIDescription == "" {
		if c.APIVersion != "" && c.APIVersion != stripe.APIVersion {
			return nil, fmt.Errorf("credentials.stripe.apiVersion is %q: without apiDescription the plugin speaks %s alone", c.APIVersion, stripe.APIVersion)
		}
		return nil, nil
	}
	path := c.APIDescription
	if !filepath.IsAbs(path) {
		path = filepath.Join(baseDir, path)
	}
	raw, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("credentials.stripe.apiDescription: %w", err)
	}
	// What nests without end, or says two things under one name, is refused before
	// anything reads it.
	if err := value.Check(raw); err != nil {
		return nil, fmt.Errorf("credentials.stripe.apiDescription: %s: %w", path, err)
	}
	description, err := openapi.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("credentials.stripe.apiDescription: %s: %w", path, err)
	}
	if c.APIVersion != "" && c.APIVersion != description.Version() {
		return nil, fmt.Errorf("credentials.stripe.apiVersion is %q, and %s describes %q: leave it out, or name the description of that version", c.APIVersion, path, description.Version())
	}
	if !isVersion(description.Version()) {
		return nil, fmt.Errorf("credentials.stripe.apiDescription: %s: its version cannot be sent in a header", path)
	}
	return description, nil
}

// isVersion reports whether a text can be the header Stripe-Version.
func isVersion(text string) bool {
	for _, c := range []byte(text) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return text != "" && len(text) <= 100
}

// readFile reads a regular file of at most maxDescription bytes. It never waits: to
// open a pipe that nobody writes to would, for ever.
func readFile(path string) (content []byte, err error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a file", path)
	}
	content, err = io.ReadAll(io.LimitReader(file, maxDescription+1))
	if len(content) > maxDescription {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxDescription)
	}
	return content, err
}

// description returns the description that calls are held against: that of the
// config, else the one that stripe-mock carries, which is read when it is first
// needed.
func (p *plugin) description() (*openapi.Description, error) {
	if p.given != nil {
		return p.given, nil
	}
	found, err := embeddedDescription()
	if err != nil {
		return nil, sdk.Refuse(sdk.CodeInternal, "stripe: the description of the API: %v", err)
	}
	return found, nil
}

// embeddedDescription reads the description of the version that stripe-go speaks,
// once for the process.
var embeddedDescription = sync.OnceValues(func() (*openapi.Description, error) {
	return openapi.Parse(embedded.OpenAPISpec)
})
