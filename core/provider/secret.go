package provider

// secretField is where in credentials.NAME the secret of a built-in provider is.
const secretField = "webhookSecret"
