package terminal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"

	"github.com/backflow/backflow/core/visible"
)

// WriteYAML writes JSON as a YAML document: the members in their order, numbers as
// they were written.
func WriteYAML(w io.Writer, data json.RawMessage) error {
	decoder := jsontext.NewDecoder(bytes.NewReader(data), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	root, err := yamlNode(decoder)
	if err != nil {
		return err
	}
	var text strings.Builder
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(root); err != nil {
		return err
	}
	if err := encoder.Close(); err != nil {
		return err
	}
	// What is unsafe stands in double quotes, where YAML knows the same escapes.
	_, err = io.WriteString(w, visible.Text(text.String()))
	return err
}

// yamlNode reads the next value.
func yamlNode(decoder *jsontext.Decoder) (*yaml.Node, error) {
	token, err := decoder.ReadToken()
	if err != nil {
		return nil, err
	}
	switch kind := token.Kind(); kind {
	case '{', '[':
		node := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		if kind == '{' {
			node.Kind, node.Tag = yaml.MappingNode, "!!map"
		}
		for end := decoder.PeekKind(); end != '}' && end != ']'; end = decoder.PeekKind() {
			element, err := yamlNode(decoder) // in an object names and values take turns
			if err != nil {
				return nil, err
			}
			node.Content = append(node.Content, element)
		}
		_, err := decoder.ReadToken()
		return node, err
	case '"':
		return yamlString(token.String())
	default: // numbers, null, true and false are the same in YAML
		return &yaml.Node{Kind: yaml.ScalarNode, Value: token.String()}, nil
	}
}

// yamlString quotes what would be read as something else.
func yamlString(text string) (*yaml.Node, error) {
	var node yaml.Node
	if err := node.Encode(text); err != nil {
		return nil, fmt.Errorf("as YAML: %w", err)
	}
	if strings.ContainsFunc(text, visible.Unsafe) {
		node.Kind, node.Tag, node.Value, node.Style = yaml.ScalarNode, "!!str", text, yaml.DoubleQuotedStyle
	}
	return &node, nil
}
