package dbserver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Certificates are files of PEM.
type Certificates struct {
	// Authority signed the certificates of server and client. Other signed none of them.
	Authority, Other string
	// Server and ServerKey are the server's, Client and ClientKey those of its user Owner.
	Server, ServerKey, Client, ClientKey string
}

// newCertificates writes certificates into a directory.
func newCertificates(dir string, names []string) (*Certificates, error) {
	if len(names) == 0 {
		names = []string{"127.0.0.1", "localhost"}
	}
	server := leaf("server", x509.ExtKeyUsageServerAuth)
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			server.IPAddresses = append(server.IPAddresses, ip)
		} else {
			server.DNSNames = append(server.DNSNames, name)
		}
	}
	file := func(name string) string { return filepath.Join(dir, name) }
	c := &Certificates{
		Authority: file("authority.pem"), Other: file("other.pem"),
		Server: file("server.pem"), ServerKey: file("server.key"), Client: file("client.pem"), ClientKey: file("client.key"),
	}
	authority, err := newAuthority("test authority", c.Authority)
	if err != nil {
		return nil, err
	}
	_, err = newAuthority("another authority", c.Other)
	return c, errors.Join(err,
		authority.issue(server, c.Server, c.ServerKey),
		authority.issue(leaf(Owner.Name, x509.ExtKeyUsageClientAuth), c.Client, c.ClientKey))
}

func leaf(name string, usage x509.ExtKeyUsage) *x509.Certificate {
	return &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{usage},
	}
}

type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(name, file string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	a := &authority{key: key, certificate: &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}}
	return a, a.sign(a.certificate, key, file)
}

func (a *authority) issue(certificate *x509.Certificate, file, keyFile string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(a.sign(certificate, key, file), write(keyFile, "PRIVATE KEY", der))
}

func (a *authority) sign(certificate *x509.Certificate, key *ecdsa.PrivateKey, file string) error {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return err
	}
	now := time.Now()
	certificate.SerialNumber, certificate.NotBefore, certificate.NotAfter = serial, now.Add(-time.Hour), now.Add(24*time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, certificate, a.certificate, &key.PublicKey, a.key)
	if err != nil {
		return err
	}
	return write(file, "CERTIFICATE", der)
}

func write(file, kind string, der []byte) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
