package pixelzoo_test

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"pixelzoo"
	v1 "pixelzoo/v1"
)

// authorities are those of PIXELZOO_CA_FILE.
func authorities(t *testing.T) *x509.CertPool {
	pem, err := os.ReadFile(setting(t, "PIXELZOO_CA_FILE"))
	check(t, err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return pool
}

// trusting is TLS that trusts them.
func trusting(t *testing.T) pixelzoo.DialOption {
	return pixelzoo.WithTLS(&tls.Config{RootCAs: authorities(t)})
}

func TestATokenOverTLSOpensTheServer(t *testing.T) {
	token := pixelzoo.WithToken(setting(t, "PIXELZOO_TOKEN"))
	client, err := pixelzoo.Dial(setting(t, "PIXELZOO_TLS_SERVER"), trusting(t), token)
	check(t, err)
	defer client.Close()
	pictures, err := client.Sample(enough(t), "vae_fashion_mnist", nil)
	check(t, err)
	if len(pictures) != 1 {
		t.Errorf("%d pictures", len(pictures))
	}
}

// environment sets the variables that FromEnv reads, and no others of them.
func environment(t *testing.T, values map[string]string) {
	for _, name := range []string{
		"TARGET", "TLS_CA", "TLS_SERVER_NAME", "TLS_CLIENT_CERTIFICATE", "TLS_CLIENT_KEY", "TOKEN",
	} {
		t.Setenv("PIXELZOO_"+name, values[name])
	}
}

// models calls the server that the environment names.
func models(t *testing.T) ([]*v1.Model, error) {
	client, err := pixelzoo.FromEnv()
	check(t, err)
	defer client.Close()
	return client.Models(enough(t))
}

// byNumber is the address of a server as an IP address, which the name in its certificate is not.
func byNumber(address string) string { return strings.Replace(address, "localhost", "127.0.0.1", 1) }

func TestTheNameInTheCertificateMayBeSaid(t *testing.T) {
	said := map[string]string{
		"TARGET": byNumber(setting(t, "PIXELZOO_TLS_SERVER")), "TLS_CA": setting(t, "PIXELZOO_CA_FILE"),
		"TOKEN": setting(t, "PIXELZOO_TOKEN"), "TLS_SERVER_NAME": "localhost",
	}
	environment(t, said)
	_, err := models(t)
	check(t, err)
	said["TLS_SERVER_NAME"] = "zoo.example"
	environment(t, said)
	_, err = models(t)
	refusal := refused(t, err, codes.Unavailable, "SERVER_UNREACHABLE")
	if !strings.Contains(refusal.Message, "zoo.example") {
		t.Errorf("the error is %v", err)
	}
}

func TestAServerThatAsksForACertificateGetsOne(t *testing.T) {
	said := map[string]string{
		"TARGET": setting(t, "PIXELZOO_MTLS_SERVER"), "TLS_CA": setting(t, "PIXELZOO_CA_FILE"),
		"TLS_CLIENT_CERTIFICATE": setting(t, "PIXELZOO_MTLS_CERTIFICATE"),
		"TLS_CLIENT_KEY":         setting(t, "PIXELZOO_MTLS_KEY"),
	}
	environment(t, said)
	_, err := models(t)
	check(t, err)

	pair, err := tls.LoadX509KeyPair(said["TLS_CLIENT_CERTIFICATE"], said["TLS_CLIENT_KEY"])
	check(t, err)
	config := &tls.Config{RootCAs: authorities(t), Certificates: []tls.Certificate{pair}, ServerName: "localhost"}
	client, err := pixelzoo.Dial(byNumber(said["TARGET"]), pixelzoo.WithTLS(config))
	check(t, err)
	defer client.Close()
	_, err = client.Models(enough(t))
	check(t, err)

	delete(said, "TLS_CLIENT_CERTIFICATE")
	delete(said, "TLS_CLIENT_KEY")
	environment(t, said)
	_, err = models(t)
	refused(t, err, codes.Unavailable, "SERVER_UNREACHABLE")
}

// Go reads whom the system trusts once in a process, so this is a process of its own.
func TestWhomTheSystemTrustsMayBeTrusted(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sample.png")
	sample := func(more ...string) (string, error) {
		program := exec.Command("build/sample", "vae_fashion_mnist", "-o", file)
		said := []string{"PIXELZOO_TARGET=" + setting(t, "PIXELZOO_TLS_SERVER"), "PIXELZOO_TLS_CA=system"}
		program.Env = append(append(os.Environ(), said...), more...)
		output, err := program.CombinedOutput()
		return string(output), err
	}
	if said, err := sample(); err == nil || !strings.Contains(said, "SERVER_UNREACHABLE") {
		t.Errorf("%v: %s", err, said)
	}
	if said, err := sample("SSL_CERT_FILE=" + setting(t, "PIXELZOO_CA_FILE")); err != nil {
		t.Errorf("%v: %s", err, said)
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}

func TestSettingsThatCannotBeAreRefused(t *testing.T) {
	ca := setting(t, "PIXELZOO_CA_FILE")
	certificate, key := setting(t, "PIXELZOO_MTLS_CERTIFICATE"), setting(t, "PIXELZOO_MTLS_KEY")
	folder := t.TempDir()
	none, empty := filepath.Join(folder, "none.pem"), filepath.Join(folder, "empty.pem")
	check(t, os.WriteFile(empty, []byte("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n"), 0o600))
	for _, wrong := range []struct {
		setting, rule string
		said          map[string]string
	}{
		{"TLS_CA", none + ": no such file or directory: name a PEM file", map[string]string{"TLS_CA": none}},
		{"TLS_CA", folder + ": is a directory: ", map[string]string{"TLS_CA": folder}},
		{"TLS_CA", empty + ": has a certificate that cannot be read: name a PEM file of", map[string]string{"TLS_CA": empty}},
		{"TLS_CA", key + ": has no PEM certificate: name a PEM file of", map[string]string{"TLS_CA": key}},
		{"TLS_CA", "System: no such file or directory: ", map[string]string{"TLS_CA": "System"}},
		{"TLS_SERVER_NAME", "zoo.example: ", map[string]string{"TLS_SERVER_NAME": "zoo.example"}},
		{"TLS_CLIENT_CERTIFICATE", certificate + ": ", map[string]string{
			"TLS_CLIENT_CERTIFICATE": certificate, "TLS_CLIENT_KEY": key}},
		{"TLS_CLIENT_KEY", key + ": ", map[string]string{"TLS_CLIENT_KEY": key}},
		{"TLS_CLIENT_CERTIFICATE", certificate + ": has no key beside it: set PIXELZOO_TLS_CLIENT_KEY", map[string]string{
			"TLS_CA": ca, "TLS_CLIENT_CERTIFICATE": certificate}},
		{"TLS_CLIENT_KEY", key + ": has no certificate beside it: set PIXELZOO_TLS_CLIENT_", map[string]string{
			"TLS_CA": ca, "TLS_CLIENT_KEY": key}},
		{"TLS_CLIENT_KEY", none + ": no such file", map[string]string{
			"TLS_CA": "system", "TLS_CLIENT_CERTIFICATE": certificate, "TLS_CLIENT_KEY": none}},
		{"TLS_CLIENT_KEY", key + ": is not the key of the certificate: name the PEM file of its key", map[string]string{
			"TLS_CA": ca, "TLS_CLIENT_CERTIFICATE": ca, "TLS_CLIENT_KEY": key}},
		{"TOKEN", "has characters that no token has: ", map[string]string{"TOKEN": "pxz_a\r\nb"}},
	} {
		environment(t, wrong.said)
		_, err := pixelzoo.FromEnv()
		refusal := refused(t, err, codes.InvalidArgument, "INVALID_SETTING")
		if !strings.HasPrefix(refusal.Message, "PIXELZOO_"+wrong.setting+": "+wrong.rule) {
			t.Errorf("%v: %s", wrong.said, refusal.Message)
		}
	}
	_, err := pixelzoo.Dial("localhost:1", pixelzoo.WithToken("pxz_a b"))
	if refusal := refused(t, err, codes.InvalidArgument, "INVALID_SETTING"); strings.Contains(refusal.Message, "pxz_a") {
		t.Errorf("the error shows the token: %v", err)
	}
}

func TestATargetIsAHostWithAPort(t *testing.T) {
	for _, wrong := range []string{
		"", ":1", "zoo.example", "zoo.example:", "zoo.example:0", "zoo.example:65536", "zoo.example:http", "::1:1", "[::1]",
		"http://zoo.example:1", "zoo.example:1/x", "a b:1", "zoo.example:1\n",
	} {
		_, err := pixelzoo.Dial(wrong)
		refusal := refused(t, err, codes.InvalidArgument, "INVALID_SETTING")
		if refusal.Message != "target: "+wrong+": must be host:port, with a port from 1 to 65535" {
			t.Errorf("the error is %v", err)
		}
	}
	for _, right := range []string{"zoo.example:65535", "[2001:db8::1]:1", "dns:///zoo.example", "unix:///run/zoo.sock"} {
		client, err := pixelzoo.Dial(right)
		check(t, err)
		check(t, client.Close())
	}
	_, err := pixelzoo.Dial("localhost:1", pixelzoo.WithTLS(&tls.Config{ServerName: "a b"}))
	refusal := refused(t, err, codes.InvalidArgument, "INVALID_SETTING")
	if refusal.Message != "ServerName: a b: is no host name: give the one in the server's certificate" {
		t.Errorf("the error is %v", err)
	}
}

func TestTheEnvironmentMaySayItAll(t *testing.T) {
	t.Setenv("PIXELZOO_TARGET", setting(t, "PIXELZOO_TLS_SERVER"))
	t.Setenv("PIXELZOO_TLS_CA", setting(t, "PIXELZOO_CA_FILE"))
	client, err := pixelzoo.FromEnv() // PIXELZOO_TOKEN is set.
	check(t, err)
	defer client.Close()
	models, err := client.Models(enough(t))
	check(t, err)
	if len(models) != 1 {
		t.Errorf("%d models", len(models))
	}
}

func TestWithoutTheTokenCallsAreRefused(t *testing.T) {
	for _, options := range [][]pixelzoo.DialOption{{}, {pixelzoo.WithToken("pxz_wrong")}} {
		client, err := pixelzoo.Dial(setting(t, "PIXELZOO_TLS_SERVER"), append(options, trusting(t))...)
		check(t, err)
		_, err = client.Models(enough(t))
		refused(t, err, codes.Unauthenticated, "UNAUTHENTICATED")
		client.Close()
	}
}

func TestAServerWhoseAuthorityIsNotTrustedGetsNothing(t *testing.T) {
	client, err := pixelzoo.Dial(setting(t, "PIXELZOO_TLS_SERVER"), pixelzoo.WithTLS(nil))
	check(t, err)
	defer client.Close()
	_, err = client.Models(enough(t))
	refused(t, err, codes.Unavailable, "SERVER_UNREACHABLE")
}

func TestATokenNeverGoesInTheClearToAnotherMachine(t *testing.T) {
	token := pixelzoo.WithToken("pxz_secret")
	for _, far := range []string{
		"zoo.example:50051", "192.168.1.2:1", "dns:///zoo.example:1", "localhost.evil:1", "127.0.0.1.evil.example:1",
		"dns://192.168.1.2/localhost:1", "dns:///127.0.0.1", "ipv4:127.0.0.1:1,192.168.1.2:1", "[::ffff:127.0.0.1]:1",
	} {
		_, err := pixelzoo.Dial(far, token)
		if refused(t, err, codes.Unauthenticated, "INSECURE_TOKEN"); status.Code(err) != codes.Unauthenticated {
			t.Errorf("the status is %v", status.Code(err))
		}
		client, err := pixelzoo.Dial(far, token, pixelzoo.WithTLS(nil))
		check(t, err)
		client.Close()
	}
	for _, near := range []string{
		"localhost:1", "127.0.0.1:1", "127.9.8.7:1", "[::1]:1", "dns:///localhost:1", "unix:/tmp/socket",
	} {
		client, err := pixelzoo.Dial(near, token)
		check(t, err)
		client.Close()
	}
}
