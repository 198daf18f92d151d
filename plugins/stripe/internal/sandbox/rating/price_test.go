package rating_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/rating"
)

func decimal(t interface{ Fatal(...any) }, text string) rating.Decimal {
	d, err := rating.ParseDecimal(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// The tables of https://docs.stripe.com/products-prices/pricing-models.
func TestAPriceComesToWhatItsModelSays(t *testing.T) {
	t.Parallel()
	tiers := []rating.Tier{{UpTo: 5, Unit: rating.Whole(700)}, {UpTo: 10, Unit: rating.Whole(650)}, {Unit: rating.Whole(600)}}
	flat := []rating.Tier{
		{UpTo: 5, Unit: rating.Whole(500), Flat: rating.Whole(1000)},
		{UpTo: 10, Unit: rating.Whole(400), Flat: rating.Whole(2000)},
		{Unit: rating.Whole(300), Flat: rating.Whole(3000)},
	}
	for _, test := range []struct {
		name     string
		price    rating.Price
		quantity int64
		want     int64
	}{
		{"a unit", rating.Price{Unit: rating.Whole(2000)}, 1, 2000},
		{"three units", rating.Price{Unit: rating.Whole(2000)}, 3, 6000},
		{"no units", rating.Price{Unit: rating.Whole(2000)}, 0, 0},
		{"fractions add up before they are rounded", rating.Price{Unit: decimal(t, "0.05")}, 30, 2},
		{"half a cent is rounded up", rating.Price{Unit: decimal(t, "0.5")}, 1, 1},
		{"volume, first tier", rating.Price{Tiers: tiers, Volume: true}, 5, 3500},
		{"volume, second tier", rating.Price{Tiers: tiers, Volume: true}, 6, 3900},
		{"volume, last tier", rating.Price{Tiers: tiers, Volume: true}, 20, 12000},
		{"graduated, first tier", rating.Price{Tiers: tiers}, 5, 3500},
		{"graduated, second tier", rating.Price{Tiers: tiers}, 6, 4150},
		{"graduated, last tier", rating.Price{Tiers: tiers}, 20, 12750},
		{"volume with flat amounts", rating.Price{Tiers: flat, Volume: true}, 6, 4400},
		{"graduated with flat amounts", rating.Price{Tiers: flat}, 6, 5900},
		{"graduated with flat amounts, no units", rating.Price{Tiers: flat}, 0, 1000},
		{"packages rounded up", rating.Price{Unit: rating.Whole(500), Divide: 5, RoundUp: true}, 6, 1000},
		{"packages rounded down", rating.Price{Unit: rating.Whole(500), Divide: 5}, 9, 500},
		{"a full package", rating.Price{Unit: rating.Whole(500), Divide: 5, RoundUp: true}, 5, 500},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := test.price.Amount(test.quantity)
			if err != nil || got != test.want {
				t.Errorf("%d units come to %d, %v; want %d", test.quantity, got, err, test.want)
			}
		})
	}
}

func TestPartsOfAPriceAddUpToItsAmount(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		price := rating.Price{Volume: rapid.Bool().Draw(t, "volume")}
		end := int64(0)
		for range rapid.IntRange(0, 4).Draw(t, "tiers") {
			end += rapid.Int64Range(1, 1000).Draw(t, "up to")
			price.Tiers = append(price.Tiers, rating.Tier{
				UpTo: end,
				Unit: rating.Whole(rapid.Int64Range(0, 5000).Draw(t, "unit")),
				Flat: rating.Whole(rapid.Int64Range(0, 5000).Draw(t, "flat")),
			})
		}
		price.Tiers = append(price.Tiers, rating.Tier{Unit: rating.Whole(7)})
		quantity := rapid.Int64Range(0, 5000).Draw(t, "quantity")
		parts, err := price.Parts(quantity)
		if err != nil {
			t.Fatal(err)
		}
		amount, err := price.Amount(quantity)
		if err != nil {
			t.Fatal(err)
		}
		units, sum := int64(0), int64(0)
		for _, part := range parts {
			units += part.Quantity
			sum += part.Amount
		}
		if units != quantity || sum != amount {
			t.Fatalf("parts hold %d units and %d; want %d and %d", units, sum, quantity, amount)
		}
	})
}

func TestAnAmountThatIsTooLargeIsAnError(t *testing.T) {
	t.Parallel()
	price := rating.Price{Unit: rating.Whole(99_999_999)}
	if amount, err := price.Amount(1 << 62); !errors.Is(err, rating.ErrAmount) {
		t.Errorf("it comes to %d, %v", amount, err)
	}
}

func TestDecimalsAreKeptExactly(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2000": "2000", "0.50": "0.5", "0.000000000001": "0.000000000001", "007": "7", "-1.10": "-1.1", "0": "0",
	} {
		if got := decimal(t, text).String(); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{"", ".", "1.", ".5", "1e3", "0.0000000000001", "1,5", "--1", "+1", "1/2", "0x10", "1_000", " 1", "9999999999999999999"} {
		if d, err := rating.ParseDecimal(text); err == nil {
			t.Errorf("%q is read as %s", text, d)
		}
	}
}

func TestAnAmountIsShownInItsMainUnit(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		amount string
		places int
		want   string
	}{{"2000", 2, "20.00"}, {"5", 2, "0.05"}, {"50.5", 2, "0.505"}, {"2000", 0, "2000"}, {"0.5", 0, "0.5"}, {"-1500", 3, "-1.500"}, {"0", 2, "0.00"}} {
		if got := decimal(t, test.amount).Shift(test.places); got != test.want {
			t.Errorf("%s is shown as %s, want %s", test.amount, got, test.want)
		}
	}
}

func FuzzParseDecimal(f *testing.F) {
	for _, text := range []string{"2000", "0.50", "-1.10", "1e3", "0.000000000001", ".", "1/2"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := rating.ParseDecimal(text)
		if err != nil {
			return
		}
		again, err := rating.ParseDecimal(d.String())
		if err != nil || again.String() != d.String() {
			t.Errorf("%q is %s, and that is %s, %v", text, d, again, err)
		}
	})
}
