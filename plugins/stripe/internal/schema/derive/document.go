package derive

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// document is the part of an OpenAPI description that is read here.
type document struct {
	Info struct {
		Version string `json:"version"`
	} `json:"info"`
	Paths map[string]map[string]operation `json:"paths"`
}

type operation struct {
	Parameters  []parameter `json:"parameters"`
	RequestBody struct {
		Content map[string]struct {
			Schema node `json:"schema"`
		} `json:"content"`
	} `json:"requestBody"`
}

type parameter struct {
	Name        string `json:"name"`
	In          string `json:"in"`
	Description string `json:"description"`
	Schema      node   `json:"schema"`
}

func parse(description []byte) (*document, error) {
	decoder := json.NewDecoder(bytes.NewReader(description))
	decoder.UseNumber()
	var spec document
	if err := decoder.Decode(&spec); err != nil {
		return nil, fmt.Errorf("read the OpenAPI description: %w", err)
	}
	if spec.Info.Version != version {
		return nil, fmt.Errorf("the OpenAPI description is of API version %q, want %q", spec.Info.Version, version)
	}
	return &spec, nil
}

func (d *document) operation(path, method string) (operation, error) {
	found, ok := d.Paths[path][method]
	if !ok {
		return operation{}, fmt.Errorf("the description has no %s %s", method, path)
	}
	return found, nil
}

// form returns the schema of an operation's form body, converted. Each call
// returns a new one, which the caller may change.
func (d *document) form(path, method string) (node, error) {
	found, err := d.operation(path, method)
	if err != nil {
		return nil, err
	}
	body, ok := found.RequestBody.Content["application/x-www-form-urlencoded"]
	if !ok {
		return nil, fmt.Errorf("%s %s takes no form", method, path)
	}
	schema, err := convert(body.Schema)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	return schema, nil
}
