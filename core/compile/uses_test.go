package compile

import (
	"fmt"
	"slices"
	"testing"

	"github.com/backflow/backflow/core/config"
)

// TestAUseHasWhatIsWrittenAndSaysWhatIsMadeFromData: what needs no data is as a call has
// it, what is for the integration as it is written.
func TestAUseHasWhatIsWrittenAndSaysWhatIsMadeFromData(t *testing.T) {
	p := loadText(t, `{ "pluginDirs": ["."], "workflows": [{ "id": "w", "steps": [
  { "id": "a", "type": "taken", "action": "call", "params": { "amount": "{{5}}", "code": "{{'{{'}}x}}", "n": 1.50, "a/b": [ "{{input.x}}", "to {{input.x}} and {{input.y}}" ],
    "of": "{{results[0].id}}", "maybe": "{{input.z?}}" },
    "onError": [{ "id": "b", "type": "taken", "action": "free" }] },
  { "id": "c", "type": "other", "action": "free" }] }] }`, config.Options{})
	var got []string
	for _, u := range p.uses("taken") {
		got = append(got, fmt.Sprintf("%s %s %s %q", u.pointer, u.Action, u.Params, u.Open))
	}
	want := []string{
		`/steps/0/params call {"a/b":["{{input.x}}","to {{input.x}} and {{input.y}}"],"amount":5,"code":"{{x}}","maybe":"{{input.z?}}","n":1.50,"of":"{{results[0].id}}"} ["/a~1b/0" "/a~1b/1" "/maybe"]`,
		`/steps/0/onError/0/params free {} []`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}
