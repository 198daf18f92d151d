package action_test

import (
	"slices"
	"testing"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/sdk"
)

func TestACatalogDescribesWhatManifestsPublish(t *testing.T) {
	manifest := &sdk.Manifest{Name: "shop", Actions: []sdk.ActionSpec{spec("pay", "POST /payments")}}
	catalog := action.NewCatalog(map[string]*sdk.Manifest{"shop": manifest, "bank": nil})
	if want := []string{"bank", "shop"}; !slices.Equal(catalog.Names(), want) {
		t.Errorf("names are %v, want %v", catalog.Names(), want)
	}
	if catalog.Manifest("shop") != manifest || catalog.Manifest("bank") != nil || catalog.Manifest("shpo") != nil {
		t.Error("a manifest is not the one given")
	}
	pay, err := catalog.Describe("shop", "pay")
	if err != nil || pay.Spec() != &manifest.Actions[0] || pay.Integration() != "shop" {
		t.Errorf("pay is %v, %v", pay, err)
	}
	_, err = catalog.Describe("shop", "refund")
	wantError(t, err, sdk.CodeUnknownAction)
	_, err = catalog.Describe("bank", "pay")
	wantError(t, err, sdk.CodeUnavailable)
	_, err = catalog.Describe("shpo", "pay")
	wantError(t, err, sdk.CodeNotFound)
}
