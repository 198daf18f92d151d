package address

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority is a certificate authority with a certificate of a server for one name.
type authority struct {
	dir  string
	pair tls.Certificate
}

func newAuthority(t *testing.T, name string) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	a := authority{dir: t.TempDir()}
	certificate, secret := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	must(t, os.WriteFile(filepath.Join(a.dir, "ca.pem"), certificate, 0o600))
	must(t, os.WriteFile(filepath.Join(a.dir, "key.pem"), secret, 0o600))
	a.pair, err = tls.X509KeyPair(certificate, secret)
	must(t, err)
	return a
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// handshake tries a connection as the url says, to a server with the authority's
// certificate.
func (a authority) handshake(t *testing.T, location string) error {
	t.Helper()
	address, err := Parse(location, a.dir, 5432)
	must(t, err)
	encryption, err := address.TakeTLS()
	must(t, err)
	config := encryption.For(address.Hosts[0])
	if config == nil {
		t.Fatalf("%s: is plain", location)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		there, err := listener.Accept()
		if err != nil {
			return
		}
		server := tls.Server(there, &tls.Config{Certificates: []tls.Certificate{a.pair}, ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12})
		_ = server.HandshakeContext(t.Context())
		_ = there.Close()
	}()
	here, err := net.Dial("tcp", listener.Addr().String())
	must(t, err)
	client := tls.Client(here, config)
	failed := client.HandshakeContext(t.Context())
	_ = here.Close()
	<-done
	must(t, listener.Close())
	return failed
}

func TestACertificateIsVerifiedAsTheUrlSays(t *testing.T) {
	a, other := newAuthority(t, "db.example"), newAuthority(t, "db.example")
	must(t, os.Link(filepath.Join(other.dir, "ca.pem"), filepath.Join(a.dir, "other.pem")))
	for query, accepted := range map[string]struct{ right, wrong bool }{
		"":                                       {},
		"sslmode=verify-full":                    {},
		"sslrootcert=ca.pem":                     {right: true},
		"sslmode=verify-full&sslrootcert=ca.pem": {right: true},
		"sslmode=verify-full&sslrootcert=other.pem":        {},
		"sslmode=verify-ca":                                {},
		"sslmode=verify-ca&sslrootcert=ca.pem":             {right: true, wrong: true},
		"sslmode=verify-ca&sslrootcert=other.pem":          {},
		"sslmode=require":                                  {right: true, wrong: true},
		"sslmode=require&sslrootcert=other.pem":            {},
		"sslrootcert=ca.pem&sslcert=ca.pem&sslkey=key.pem": {right: true},
	} {
		for host, want := range map[string]bool{"db.example": accepted.right, "elsewhere.example": accepted.wrong} {
			if err := a.handshake(t, "shop@"+host+"/app?"+query); (err == nil) != want {
				t.Errorf("%q at %s: %v", query, host, err)
			}
		}
	}
}

func TestAConnectionThatLeavesTheMachineIsEncrypted(t *testing.T) {
	for location, encrypted := range map[string]bool{
		"shop@db.example/app":                        true,
		"shop@10.0.0.7/app":                          true,
		"shop@db.example/app?sslmode=disable":        false,
		"shop@localhost/app":                         false,
		"shop@127.0.0.9/app":                         false,
		"shop@[::1]/app":                             false,
		"shop@[::ffff:127.0.0.1]/app":                false,
		"shop@localhost/app?sslmode=verify-full":     true,
		"shop@/app?host=/run/db":                     false,
		"shop@/app?host=/run/db&sslmode=verify-full": false,
		"shop@localhost.example/app":                 true,
	} {
		address, err := Parse(location, "", 5432)
		must(t, err)
		encryption, err := address.TakeTLS()
		must(t, err)
		if config := encryption.For(address.Hosts[0]); (config != nil) != encrypted {
			t.Errorf("%s: encrypted is %v", location, config != nil)
		}
	}
}

func TestParametersOfTLSThatMeanNothingAreRefused(t *testing.T) {
	a := newAuthority(t, "db.example")
	for query, want := range map[string]string{
		"sslmode=prefer":                     "without encryption",
		"sslmode=allow":                      "without encryption",
		"sslmode=":                           "there is not",
		"sslmode=verify":                     "there is not",
		"sslmode=disable&sslrootcert=ca.pem": "no use",
		"sslcert=ca.pem":                     "both",
		"sslkey=key.pem":                     "both",
		"sslrootcert=key.pem":                "no certificate",
		"sslrootcert=absent.pem":             "no such file",
		"sslcert=key.pem&sslkey=ca.pem":      "sslcert and sslkey",
	} {
		address, err := Parse("shop@db/app?"+query, a.dir, 5432)
		must(t, err)
		if _, err = address.TakeTLS(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", query, err)
		}
	}
	address, err := Parse("shop@db/app?sslrootcert=ca.pem", "", 5432)
	must(t, err)
	if _, err = address.TakeTLS(); err == nil || !strings.Contains(err.Error(), "config file's directory") {
		t.Errorf("a relative path without a directory: %v", err)
	}
}
