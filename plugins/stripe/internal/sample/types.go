package sample

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

//go:generate go run ./generate

// typesText lists Types, one a line: reading them out of the description takes too
// long for the start of a plugin.
//
//go:embed types.txt
var typesText string

// Types are the types of events that the API version has, sorted. Of each there is
// a sample.
func Types() []string { return strings.Fields(typesText) }

// TypesOf returns the types of events that a description knows: the values of
// enabled_events of webhook endpoints
// (https://docs.stripe.com/api/webhook_endpoints/create), without "*" for all.
func TypesOf(description []byte) ([]string, error) {
	type content struct {
		Schema struct {
			Properties struct {
				Enabled struct {
					Items struct{ Enum []string }
				} `json:"enabled_events"`
			}
		}
	}
	var document struct {
		Paths struct {
			Endpoints struct {
				Post struct {
					RequestBody struct{ Content map[string]content }
				}
			} `json:"/v1/webhook_endpoints"`
		}
	}
	if err := json.Unmarshal(description, &document); err != nil {
		return nil, fmt.Errorf("read the description: %w", err)
	}
	types := document.Paths.Endpoints.Post.RequestBody.Content["application/x-www-form-urlencoded"].Schema.Properties.Enabled.Items.Enum
	types = slices.DeleteFunc(slices.Clone(types), func(name string) bool { return name == "*" })
	if len(types) == 0 {
		return nil, errors.New("the description lists no types of events")
	}
	slices.Sort(types)
	return types, nil
}
