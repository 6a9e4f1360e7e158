package pixelzoo

import (
	"context"
	"crypto/tls"
	"net"
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
	tls          *tls.Config
	token        string
	tokenSetting string // Where the token is from, for errors.
	grpc         []grpc.DialOption
}

// WithTLS encrypts the connection; nil trusts the authorities that the system trusts, among them those of SSL_CERT_FILE
// and SSL_CERT_DIR. In the config, RootCAs are other authorities, ServerName is the name in the server's certificate
// where the address is another, and Certificates is the client's own, for servers that ask for one.
func WithTLS(config *tls.Config) DialOption {
	if config == nil {
		config = &tls.Config{}
	}
	return func(d *dialing) { d.tls = config }
}

// WithToken sends a bearer token with every call. It goes over TLS, or to this machine, only.
func WithToken(token string) DialOption {
	return func(d *dialing) { d.token, d.tokenSetting = token, "token" }
}

// WithGRPC sets further options of gRPC, such as interceptors.
func WithGRPC(options ...grpc.DialOption) DialOption {
	return func(d *dialing) { d.grpc = append(d.grpc, options...) }
}

// Dial makes a client of the server at "host:port". It connects when the first call is made. The error is an *Error:
// INSECURE_TOKEN if a token would go to another machine unencrypted, INVALID_SETTING for what cannot be.
func Dial(target string, options ...DialOption) (*Client, error) {
	var d dialing
	for _, option := range options {
		option(&d)
	}
	if strings.IndexFunc(d.token, isNoTokenCharacter) >= 0 {
		// Its value stays out of the message, which many see.
		rule := "no header can carry it: give the string that the server's operator gave"
		return nil, invalidSetting(d.tokenSetting, rule)
	}
	if d.token != "" && d.tls == nil && !isLoopback(target) {
		return nil, insecureToken(target)
	}
	repeating := newRetries()
	settings := []grpc.DialOption{
		grpc.WithDisableRetry(),
		grpc.WithChainUnaryInterceptor(explainCall, repeating.call),
		grpc.WithChainStreamInterceptor(explainStream, repeating.stream),
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
		return nil, invalidSetting("target", target+": "+err.Error()+": give host:port, and options that go together")
	}
	return &Client{
		Catalog:     v1.NewCatalogServiceClient(connection),
		Sampling:    v1.NewSamplingServiceClient(connection),
		Translation: v1.NewTranslationServiceClient(connection),
		Scoring:     v1.NewScoringServiceClient(connection),
		Latent:      v1.NewLatentServiceClient(connection),
		connection:  connection,
		cards:       cards{models: map[string]*v1.Model{}},
	}, nil
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

func isNoTokenCharacter(letter rune) bool { return letter <= ' ' || letter > '~' }

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
