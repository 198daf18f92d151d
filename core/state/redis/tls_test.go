package redis

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/redis/redistest"
)

// certificates writes an authority and a certificate for 127.0.0.1 that it
// signed: ca.pem, cert.pem and key.pem.
func certificates(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	write := func(name, kind string, der []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	must := func(der []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	newKey := func() *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	caKey, key := newKey(), newKey()
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "redis"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	write("ca.pem", "CERTIFICATE", must(x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)))
	write("cert.pem", "CERTIFICATE", must(x509.CreateCertificate(rand.Reader, leaf, ca, &key.PublicKey, caKey)))
	write("key.pem", "PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(key)))
	return dir
}

func TestTLSTrustsTheAuthorityThatIsNamedAndNoOther(t *testing.T) {
	dir := certificates(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_, port, _ := net.SplitHostPort(address) // an address of a listener is one
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	file := func(name string) string { return filepath.Join(dir, name) }
	redistest.Start(t, redistest.Options{AppendFsync: everysec, Password: "s3cret", Args: []string{
		"--tls-port", port, "--tls-cert-file", file("cert.pem"), "--tls-key-file", file("key.pem"), "--tls-ca-cert-file", file("ca.pem"),
	}})
	url := "rediss://:s3cret@" + address
	pair := "&cert=" + file("cert.pem") + "&key=" + file("key.pem")
	s := open(t, Options{URL: url + "/1?ca=" + file("ca.pem") + pair})
	if err := s.Commit(t.Context(), state.Put("r", "a", nil, 0)); err != nil {
		t.Error(err)
	}
	const soon = 50 * time.Millisecond
	wantRefused(t, Options{URL: url + "?x=1" + pair, RetryFor: soon}, `unknown parameter "x"`, "s3cret")
	wantRefused(t, Options{URL: url, RetryFor: soon}, "certificate", "s3cret")
	wantRefused(t, Options{URL: url + "?ca=" + filepath.Join(certificates(t), "ca.pem") + pair, RetryFor: soon}, "unknown authority", "s3cret")
	wantRefused(t, Options{URL: url + "?ca=" + file("ca.pem"), RetryFor: soon}, "certificate", "s3cret")
	wantRefused(t, Options{URL: url + "?ca=" + file("key.pem"), RetryFor: soon}, "there is none in", "s3cret")
	wantRefused(t, Options{URL: url + "?ca=" + file("none.pem"), RetryFor: soon}, "no such file", "s3cret")
	wantRefused(t, Options{URL: url + "?cert=" + file("cert.pem"), RetryFor: soon}, "certificate to show", "s3cret")
	wantRefused(t, Options{URL: "redis://:s3cret@" + address, RetryFor: soon}, "", "s3cret")
}
