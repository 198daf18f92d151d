package provider

import "slices"

// Table is the built-in providers: a row for each.
type Table []Provider

// BuiltIn returns the providers that need no plugin.
//
// A row wins over a plugin of the same name: the plugin keeps its actions, and the
// row verifies the webhooks.
func BuiltIn() Table {
	table := Table{
		standard(),
		github.provider(),
		gitlab(),
		shopify.provider(),
		slackScheme.provider(),
		zoomScheme.provider(),
		meta(),
		dropbox(),
		twilioProvider(), discordProvider(), sendgridProvider(), mailgunProvider(), hubspotProvider(),
		woocommerceProvider(), xeroProvider(), boxProvider(), telnyxProvider(), twitchProvider(), xProvider(),
	}
	for _, row := range slices.Concat(rows, paymentRows, platformRows) {
		table = append(table, row.provider())
	}
	return table
}
