package config

import "github.com/backflow/backflow/core/egress"

// Egress says where requests may go whose address the operator did not choose alone.
type Egress struct {
	// Allow are ranges of addresses, addresses and names of hosts.
	Allow []egress.Rule
}

func egressSchema() schema[Egress] {
	return object(
		key("allow", list(egressRuleSchema()), func(e *Egress) *[]egress.Rule { return &e.Allow },
			"Ranges (`10.1.0.0/16`), addresses (`127.0.0.1`) and names of hosts (`crm.internal`) that destinations may be at although they are not public, and to which they may be sent plain `http://`.").withDefault("[]"),
	)
}

func egressRuleSchema() schema[egress.Rule] {
	s := text("range, address or host", func(s string) (problem, hint string) {
		if _, err := egress.ParseRule(s); err != nil {
			return err.Error(), "no scheme, no port, no wildcard"
		}
		return "", ""
	})
	return schema[egress.Rule]{
		description: s.description,
		decode: func(v value, into *egress.Rule) {
			var written string
			s.decode(v, &written)
			*into, _ = egress.ParseRule(written) // the check has reported a fault
		},
	}
}
