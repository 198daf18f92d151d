package outgoing

import (
	"errors"
	"net"
	"testing"
)

func TestAReasonHoldsNoAddress(t *testing.T) {
	dial := func(err error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(10, 1, 2, 3), Port: 443}, Err: err}
	}
	for want, err := range map[string]error{
		"the name of its host is not known": dial(&net.DNSError{Err: "no such host", Name: "crm.internal", Server: "10.0.0.1:53"}),
		"broken pipe by the test":           dial(errors.New("broken pipe by the test")),
		"unexpected EOF":                    errors.New("unexpected EOF"),
	} {
		if got := Reason(err); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
