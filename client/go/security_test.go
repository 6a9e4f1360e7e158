package pixelzoo_test

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"pixelzoo"
)

// trusting is TLS that trusts the authority PIXELZOO_CA_FILE.
func trusting(t *testing.T) pixelzoo.DialOption {
	pem, err := os.ReadFile(setting(t, "PIXELZOO_CA_FILE"))
	check(t, err)
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(pem)
	return pixelzoo.WithTLS(&tls.Config{RootCAs: authorities})
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
	} {
		_, err := pixelzoo.Dial(far, token)
		if refused(t, err, codes.Unauthenticated, "INSECURE_TOKEN"); status.Code(err) != codes.Unauthenticated {
			t.Errorf("the status is %v", status.Code(err))
		}
		client, err := pixelzoo.Dial(far, token, pixelzoo.WithTLS(nil))
		check(t, err)
		client.Close()
	}
	for _, near := range []string{"localhost:1", "127.0.0.1:1", "[::1]:1", "unix:/tmp/socket"} {
		client, err := pixelzoo.Dial(near, token)
		check(t, err)
		client.Close()
	}
}
