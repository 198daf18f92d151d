// Package manifest holds the rules that a manifest is held to: the gateway
// refuses a plugin that breaks one, and sdktest reports it to the author before.
// The package imports sdk. It must not know how schemas are compiled, which host
// and test kit each bring.
package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/backflow/backflow/sdk"
)

var (
	namePattern    = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)
	actionPattern  = regexp.MustCompile(`^[a-z][A-Za-z0-9]{0,62}$`)
	versionPattern = regexp.MustCompile(`^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)
	segmentPattern = regexp.MustCompile(`^(:[A-Za-z_][A-Za-z0-9_]*|[A-Za-z0-9_~-][A-Za-z0-9._~-]*)$`)
	methods        = []string{"GET", "POST", "PUT", "PATCH", "DELETE"}
	repeats        = []sdk.Repeat{sdk.RepeatNone, sdk.RepeatNative, sdk.RepeatTransactional, sdk.RepeatIdempotent}
)

// maxActions is how many actions an integration may have: each is compared with
// all others.
const maxActions = 2000

// ValidName reports whether an integration may be called so.
func ValidName(name string) bool { return namePattern.MatchString(name) }

// Validate checks what a plugin publishes, so that all that is above can trust it.
// Compile returns what is wrong with a JSON Schema. The error joins all faults.
func Validate(manifest *sdk.Manifest, compile func(schema []byte) error) error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }

	if !ValidName(manifest.Name) {
		fault("name %q: lower-case letters, digits and hyphens, starting with a letter, at most 63", manifest.Name)
	}
	if !versionPattern.MatchString(manifest.Version) {
		fault(`version %q: a semantic version without "v"`, manifest.Version)
	}
	if len(manifest.Credentials) > 0 {
		if err := compile(manifest.Credentials); err != nil {
			fault("schema of the credentials: %w", err)
		}
	}
	if len(manifest.Actions) > maxActions {
		fault("it has %d actions, at most %d", len(manifest.Actions), maxActions)
		return errors.Join(faults...)
	}
	for i := range manifest.NotInDev {
		if err := validatePattern(&manifest.NotInDev[i], manifest.Credentials); err != nil {
			fault("not in dev: %w", err)
		}
	}
	if manifest.Webhook != nil {
		faults = append(faults, validateWebhook(manifest)...)
	}
	names := make(map[string]bool)
	for i := range manifest.Actions {
		action := &manifest.Actions[i]
		if names[action.Name] {
			fault("action %q is there twice", action.Name)
		}
		names[action.Name] = true
		if err := validateAction(action, compile); err != nil {
			fault("action %q: %w", action.Name, err)
		}
		for j := range i {
			if other := &manifest.Actions[j]; overlap(action.HTTP, other.HTTP) {
				fault("actions %q and %q: %s %s and %s match the same requests",
					other.Name, action.Name, action.HTTP.Method, other.HTTP.Path, action.HTTP.Path)
			}
		}
	}
	return errors.Join(faults...)
}

// maxSensitive bounds the names of sensitive members of one action's result.
const maxSensitive = 100

func validateAction(action *sdk.ActionSpec, compile func(schema []byte) error) error {
	var faults []error
	if !actionPattern.MatchString(action.Name) {
		faults = append(faults, errors.New("a name is camelCase: letters and digits, starting with a lower-case letter, at most 63"))
	}
	if len(action.Params) == 0 {
		faults = append(faults, errors.New(`it has no schema of its params; {"type":"object"} is the least`))
	} else if err := compile(action.Params); err != nil {
		faults = append(faults, fmt.Errorf("schema of the params: %w", err))
	}
	if len(action.Result) > 0 {
		if err := compile(action.Result); err != nil {
			faults = append(faults, fmt.Errorf("schema of the result: %w", err))
		}
	}
	own := sdk.Treatment{Writes: action.Writes, Repeat: action.Repeat, KeyLifetime: action.KeyLifetime, Permissions: action.Permissions}
	faults = append(faults, validateTreatment(own)...)
	faults = append(faults, validateVariants(action)...)
	for i, name := range action.Sensitive {
		if name == "" || slices.Contains(action.Sensitive[:i], name) {
			faults = append(faults, fmt.Errorf("sensitive: %q is empty or there twice", name))
		}
	}
	if len(action.Sensitive) > maxSensitive {
		faults = append(faults, fmt.Errorf("sensitive: there are %d names, and at most %d may be", len(action.Sensitive), maxSensitive))
	}
	faults = append(faults, validateInner(action)...)
	if action.HTTP != nil {
		if err := validateBinding(action.HTTP, action.Params); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

// maxPermissions bounds the rights that one call needs.
const maxPermissions = 100

// validateTreatment checks what is said of the calls of an action, or of a variant.
func validateTreatment(t sdk.Treatment) (faults []error) {
	if t.Writes && !slices.Contains(repeats, t.Repeat) {
		faults = append(faults, fmt.Errorf("it writes, and says %q of a repeat: one of %q is needed", t.Repeat, repeats))
	}
	if t.KeyLifetime < 0 {
		faults = append(faults, fmt.Errorf("a key cannot live for %s", t.KeyLifetime))
	}
	for i, name := range t.Permissions {
		if name == "" || slices.Contains(t.Permissions[:i], name) {
			faults = append(faults, fmt.Errorf("permissions: %q is empty or there twice", name))
		}
	}
	if len(t.Permissions) > maxPermissions {
		faults = append(faults, fmt.Errorf("permissions: there are %d, and at most %d may be", len(t.Permissions), maxPermissions))
	}
	return faults
}

// maxVariants bounds the variants of one action: each is compared with the params of
// every call.
const maxVariants = 500

func validateVariants(action *sdk.ActionSpec) (faults []error) {
	if len(action.Variants) > maxVariants {
		return []error{fmt.Errorf("there are %d variants, and at most %d may be", len(action.Variants), maxVariants)}
	}
	if _, err := action.Treatments(); err != nil {
		faults = append(faults, err)
	}
	declared := declaredParams(action.Params)
	for i, v := range action.Variants {
		if declared[v.Param] == nil {
			faults = append(faults, fmt.Errorf("variant %d: the schema of the params has no %q", i, v.Param))
		}
		if v.Writes && !action.Writes {
			faults = append(faults, fmt.Errorf("variant %d writes, and the action does not", i))
		}
		for _, err := range validateTreatment(sdk.Treatment{Writes: v.Writes, Repeat: v.Repeat, KeyLifetime: v.KeyLifetime, Permissions: v.Permissions}) {
			faults = append(faults, fmt.Errorf("variant %d: %w", i, err))
		}
	}
	return faults
}

// validatePattern checks what may not be in the credentials.
func validatePattern(p *sdk.CredentialPattern, credentials json.RawMessage) error {
	if declaredParams(credentials)[p.Field] == nil {
		return fmt.Errorf("the schema of the credentials has no %q", p.Field)
	}
	if _, err := regexp.Compile(p.Pattern); err != nil {
		return fmt.Errorf("%s: %w", p.Field, err)
	}
	if p.Reason == "" {
		return fmt.Errorf("%s: it gives no reason", p.Field)
	}
	return nil
}

// validateInner checks the params that are calls and that are a table.
func validateInner(action *sdk.ActionSpec) (faults []error) {
	declared := declaredParams(action.Params)
	if action.Inner != "" && typeOf(declared[action.Inner]) != "array" {
		faults = append(faults, fmt.Errorf(`inner: the schema of the params has no %q of "type": "array"`, action.Inner))
	}
	if action.Tables != "" && action.Tables != sdk.AnyTable && typeOf(declared[action.Tables]) != "string" {
		faults = append(faults, fmt.Errorf(`tables: the schema of the params has no %q of "type": "string"`, action.Tables))
	}
	return faults
}

// typeOf returns the type that a schema names, "" if it does not name one.
func typeOf(schema json.RawMessage) string {
	var top struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(schema, &top) != nil {
		return ""
	}
	return top.Type
}

func validateBinding(binding *sdk.HTTPBinding, params json.RawMessage) error {
	if !slices.Contains(methods, binding.Method) {
		return fmt.Errorf("method %q: one of %q is needed", binding.Method, methods)
	}
	path, absolute := strings.CutPrefix(binding.Path, "/")
	if !absolute {
		return fmt.Errorf("path %q does not start with a slash", binding.Path)
	}
	segments := strings.Split(path, "/")
	// Below /integrations/NAME/actions every action has its path by name.
	if segments[0] == "actions" {
		return fmt.Errorf("path %q: /actions belongs to the gateway", binding.Path)
	}
	// The gateway hands commands to a sandbox there.
	if len(segments) == 2 && segments[0] == "sandbox" {
		return fmt.Errorf("path %q: /sandbox/NAME belongs to the gateway", binding.Path)
	}
	declared := declaredParams(params)
	var seen []string
	for _, segment := range segments {
		if !segmentPattern.MatchString(segment) {
			return fmt.Errorf("path %q: segment %q is neither a plain word nor :param", binding.Path, segment)
		}
		name, variable := strings.CutPrefix(segment, ":")
		if !variable {
			continue
		}
		if slices.Contains(seen, name) {
			return fmt.Errorf("path %q: :%s is there twice", binding.Path, name)
		}
		seen = append(seen, name)
		if declared != nil && declared[name] == nil {
			return fmt.Errorf("path %q: the schema of the params has no %q", binding.Path, name)
		}
	}
	return validateGathered(binding, declared, seen)
}

// validateGathered checks the params in which a binding gathers the query and the body.
func validateGathered(binding *sdk.HTTPBinding, declared map[string]json.RawMessage, inPath []string) error {
	if binding.Query != "" && typeOf(declared[binding.Query]) != "object" {
		return fmt.Errorf(`query: the schema of the params has no %q of "type": "object"`, binding.Query)
	}
	if binding.Body != "" && declared[binding.Body] == nil {
		return fmt.Errorf("body: the schema of the params has no %q", binding.Body)
	}
	if binding.Query == "" && len(binding.Reserved) > 0 {
		return errors.New("reserved: names of the query are kept only from a param that gathers it, and there is none")
	}
	taken := slices.Clone(inPath)
	for _, name := range slices.Concat([]string{binding.Query, binding.Body}, binding.Reserved) {
		if name != "" && slices.Contains(taken, name) {
			return fmt.Errorf("%q stands for two of path, query, body and the reserved names", name)
		}
		taken = append(taken, name)
	}
	for _, name := range binding.Reserved {
		if declared[name] == nil {
			return fmt.Errorf("reserved: the schema of the params has no %q", name)
		}
	}
	return nil
}

// declaredParams returns the properties at the top of a schema, nil where it
// has none there.
func declaredParams(schema json.RawMessage) map[string]json.RawMessage {
	var top struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if err := json.Unmarshal(schema, &top); err != nil {
		return nil // reported by the compilation of the schema
	}
	return top.Properties
}

// overlap reports whether one request can match both bindings, and neither is more
// special. Of "/a/b" and "/a/:x" the first gets what is its own, since it has a word
// where the other has a param, and nowhere the other way round. With "/a/:x/c" and
// "/a/b/:y", which of them wins would depend on the router.
func overlap(a, b *sdk.HTTPBinding) bool {
	if a == nil || b == nil || a.Method != b.Method {
		return false
	}
	left, right := strings.Split(a.Path, "/"), strings.Split(b.Path, "/")
	if len(left) != len(right) {
		return false
	}
	var leftSpecial, rightSpecial bool
	for i := range left {
		leftParam, rightParam := strings.HasPrefix(left[i], ":"), strings.HasPrefix(right[i], ":")
		switch {
		case leftParam && !rightParam:
			rightSpecial = true
		case rightParam && !leftParam:
			leftSpecial = true
		case !leftParam && left[i] != right[i]:
			return false
		}
	}
	return leftSpecial == rightSpecial
}
