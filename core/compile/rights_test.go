package compile

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/sdk"
)

var shopRights = &sdk.Manifest{Name: "shop", Actions: []sdk.ActionSpec{
	{Name: "pay", Params: json.RawMessage(`{}`), Permissions: []string{"Payments: Write", "Orders: Read"}},
	{Name: "getPayment", Params: json.RawMessage(`{}`), Permissions: []string{"Payments: Read"}},
	{Name: "getOrder", Params: json.RawMessage(`{}`), Permissions: []string{"Orders: Read"}},
	{Name: "ping", Params: json.RawMessage(`{}`)},
	{Name: "all", Params: json.RawMessage(`{}`), ByName: true, Inner: "calls"},
	{Name: "call", Params: json.RawMessage(`{}`), ByName: true, Variants: []sdk.Variant{
		{Param: "do", Pattern: "get.*", Permissions: []string{"Things: Read"}},
		{Param: "do", Pattern: "post.*", Permissions: []string{"Things: Write"}},
	}},
}}

// rightsOf returns the rights that a config needs, as lines of "right | line:col what",
// and the calls of which it cannot be told, without a right.
func rightsOf(t *testing.T, text string, manifests map[string]*sdk.Manifest, integration string) ([]string, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "backflow.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(file), "backflow-plugin-shop"), nil, 0o700); err != nil {
		t.Fatal(err)
	}
	p, err := Load(file, Options{Config: config.Options{AllowUnsetEnv: true}})
	if err != nil {
		t.Fatal(err)
	}
	if p.Err() != nil {
		t.Fatal(p.Err())
	}
	rights, err := p.rights(action.NewCatalog(manifests), integration)
	var lines []string
	add := func(right string, uses []Use) {
		for _, use := range uses {
			lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s | %d:%d %s", right, use.Pos.Line, use.Pos.Col, use.What)))
		}
	}
	for _, right := range rights.Needed {
		add(right.Name, right.Uses)
	}
	add("", rights.Open)
	return lines, err
}

const hashOfAToken = `"hash": "sha256:0000000000000000000000000000000000000000000000000000000000000000"`

func TestAKeyNeedsTheRightsOfAllThatAConfigCallsAndGrants(t *testing.T) {
	head := `{ "pluginDirs": ["."], `
	for name, c := range map[string]struct {
		config string
		want   []string
	}{
		"nothing": {head + `"workflows": [{ "id": "w", "steps": [{ "id": "s", "type": "set", "values": {} }] }] }`, nil},
		"a step, with the highest level of each": {head + `"workflows": [{ "id": "w", "steps": [
{ "id": "a", "type": "shop", "action": "getPayment" },
{ "id": "b", "type": "shop", "action": "pay" },
{ "id": "c", "type": "shop", "action": "ping" } ] }] }`, []string{
			`Orders: Read | 3:1 workflow "w", step "b": pay`,
			`Payments: Write | 2:1 workflow "w", step "a": getPayment`,
			`Payments: Write | 3:1 workflow "w", step "b": pay`,
		}},
		"inner steps, onError, compensate, webhooks": {head + `"workflows": [{ "id": "w", "steps": [
{ "id": "p", "type": "parallel", "steps": [
{ "id": "a", "type": "shop", "action": "ping", "onError": [
{ "id": "b", "type": "shop", "action": "getOrder" }], "compensate": [
{ "id": "c", "type": "shop", "action": "getPayment" }] }] }] }],
"webhooks": [{ "name": "hook", "path": "/hook", "provider": "shop", "secret": "hush-hush", "actions": [
{ "type": "shop", "action": "pay" }] }] }`, []string{
			`Orders: Read | 4:1 workflow "w", step "b": getOrder`,
			`Orders: Read | 7:1 webhook "hook", step "step-1": pay`,
			`Payments: Write | 5:1 workflow "w", step "c": getPayment`,
			`Payments: Write | 7:1 webhook "hook", step "step-1": pay`,
		}},
		"what params say, and what data will": {head + `"workflows": [{ "id": "w", "steps": [
{ "id": "a", "type": "shop", "action": "call", "params": { "do": "getThing" } },
{ "id": "b", "type": "shop", "action": "call", "params": { "do": "postThing", "with": "{{input.x}}" } },
{ "id": "c", "type": "shop", "action": "call", "params": {
"do": "{{input.do}}" } },
{ "id": "d", "type": "shop", "action": "call", "params": { "do": "odd" } } ] }] }`, []string{
			`Things: Write | 2:1 workflow "w", step "a": call`,
			`Things: Write | 3:1 workflow "w", step "b": call`,
			`| 5:7 workflow "w", step "c": call, whose do is made from data`,
			`| 6:1 workflow "w", step "d": call, of which the integration knows no right`,
		}},
		"calls within a call": {head + `"workflows": [{ "id": "w", "steps": [
{ "id": "a", "type": "shop", "action": "all", "params": { "calls": [
{ "action": "pay" },
{ "action": "call", "params": { "do": "getThing" } },
{ "action": "call", "params": {
"do": "{{input.do}}" } } ] } } ] }] }`, []string{
			`Orders: Read | 3:1 workflow "w", step "a": all, pay`,
			`Payments: Write | 3:1 workflow "w", step "a": all, pay`,
			`Things: Read | 4:1 workflow "w", step "a": all, call`,
			`| 6:7 workflow "w", step "a": all, call, whose do is made from data`,
		}},
		"scopes of tokens": {head + `"auth": { "tokens": [{ "name": "t", ` + hashOfAToken + `, "scopes": [
"integrations:shop:getOrder",
"integrations:*:call", "workflows:*:run",
"integrations:other:pay"] }] } }`, []string{
			`Orders: Read | 2:1 token "t", scope integrations:shop:getOrder: getOrder`,
			`| 3:1 token "t", scope integrations:*:call: call, whose do the caller chooses`,
		}},
		"a scope for all does not grant what needs its name": {head + `"auth": { "tokens": [{ "name": "t", ` + hashOfAToken + `, "scopes": [
"integrations:shop:*"] }] } }`, []string{
			`Orders: Read | 2:1 token "t", scope integrations:shop:*: pay`,
			`Orders: Read | 2:1 token "t", scope integrations:shop:*: getOrder`,
			`Payments: Write | 2:1 token "t", scope integrations:shop:*: getPayment`,
			`Payments: Write | 2:1 token "t", scope integrations:shop:*: pay`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := rightsOf(t, c.config, map[string]*sdk.Manifest{"shop": shopRights}, "shop")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAnIntegrationThatSaysNothingOfRightsIsToldAsThat(t *testing.T) {
	manifests := map[string]*sdk.Manifest{"shop": {Name: "shop", Actions: []sdk.ActionSpec{{Name: "ping", Params: json.RawMessage(`{}`)}}}}
	for integration, want := range map[string]string{
		"shop": `integration "shop" says nothing of the rights that its actions need`,
		"shpo": `there is no integration "shpo" (did you mean "shop"?)`,
	} {
		if _, err := rightsOf(t, `{ "pluginDirs": ["."] }`, manifests, integration); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", integration, err)
		}
	}
}
