package pixelzoo

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	v1 "pixelzoo/v1"
)

// DefaultTarget is the address of a server on this machine.
const DefaultTarget = "localhost:50051"

const mebibyte = 1 << 20

// DialOption says how to connect.
type DialOption func(*dialing)

type dialing struct {
	tls   *tls.Config
	token string
	grpc  []grpc.DialOption
}

// WithTLS encrypts the connection; nil trusts the authorities that the system trusts.
func WithTLS(config *tls.Config) DialOption {
	if config == nil {
		config = &tls.Config{}
	}
	return func(d *dialing) { d.tls = config }
}

// WithToken sends a bearer token with every call. It goes over TLS, or to this machine, only.
func WithToken(token string) DialOption {
	return func(d *dialing) { d.token = token }
}

// WithGRPC sets further options of gRPC, such as interceptors.
func WithGRPC(options ...grpc.DialOption) DialOption {
	return func(d *dialing) { d.grpc = append(d.grpc, options...) }
}

// Dial makes a client of the server at "host:port". It connects when the first call is made. The error is an *Error,
// INSECURE_TOKEN, if a token would go to another machine unencrypted.
func Dial(target string, options ...DialOption) (*Client, error) {
	var d dialing
	for _, option := range options {
		option(&d)
	}
	if d.token != "" && d.tls == nil && !isLoopback(target) {
		return nil, insecureToken(target)
	}
	repeating := newRetries()
	settings := []grpc.DialOption{
		grpc.WithDisableRetry(),
		grpc.WithChainUnaryInterceptor(repeating.call),
		grpc.WithChainStreamInterceptor(repeating.stream),
		grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(260*mebibyte), // gRPC's own 4 MiB is one raw 1024 x 1024 RGB image and a bit.
			grpc.MaxCallSendMsgSize(64*mebibyte),
		),
		// Servers cut off clients that ping more often than they allow.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: time.Minute, Timeout: 20 * time.Second}),
	}
	if d.tls != nil {
		settings = append(settings, grpc.WithTransportCredentials(credentials.NewTLS(d.tls)))
	} else {
		settings = append(settings, grpc.WithInsecure())
	}
	if d.token != "" {
		settings = append(settings, grpc.WithPerRPCCredentials(bearer{d.token, d.tls != nil}))
	}
	connection, err := grpc.Dial(target, append(settings, d.grpc...)...)
	if err != nil {
		return nil, fmt.Errorf("pixelzoo: %s: %w", target, err)
	}
	return &Client{
		Catalog:     v1.NewCatalogServiceClient(connection),
		Sampling:    v1.NewSamplingServiceClient(connection),
		Translation: v1.NewTranslationServiceClient(connection),
		Scoring:     v1.NewScoringServiceClient(connection),
		Latent:      v1.NewLatentServiceClient(connection),
		connection:  connection,
	}, nil
}

// FromEnv makes a client of the server that the environment names: PIXELZOO_TARGET (DefaultTarget if it is not set),
// PIXELZOO_TLS_CA, the PEM file of the authority to trust, and PIXELZOO_TOKEN.
func FromEnv(options ...DialOption) (*Client, error) {
	target := os.Getenv("PIXELZOO_TARGET")
	if target == "" {
		target = DefaultTarget
	}
	var said []DialOption
	if path := os.Getenv("PIXELZOO_TLS_CA"); path != "" {
		pem, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("pixelzoo: PIXELZOO_TLS_CA: %w", err)
		}
		authorities := x509.NewCertPool()
		if !authorities.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("pixelzoo: PIXELZOO_TLS_CA: %s has no PEM certificate", path)
		}
		said = append(said, WithTLS(&tls.Config{RootCAs: authorities}))
	}
	if token := os.Getenv("PIXELZOO_TOKEN"); token != "" {
		said = append(said, WithToken(token))
	}
	return Dial(target, append(said, options...)...)
}

// bearer puts the token into the metadata of every call.
type bearer struct {
	token     string
	encrypted bool
}

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + b.token}, nil
}

func (b bearer) RequireTransportSecurity() bool { return b.encrypted }

// isLoopback says whether "host:port" is on this machine; unix sockets are.
func isLoopback(target string) bool {
	if strings.HasPrefix(target, "unix:") || strings.HasPrefix(target, "unix-abstract:") {
		return true
	}
	host, _, err := net.SplitHostPort(strings.TrimPrefix(target, "dns:///"))
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
