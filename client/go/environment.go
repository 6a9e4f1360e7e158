package pixelzoo

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
)

// The variables of the environment that FromEnv reads.
const (
	envTarget            = "PIXELZOO_TARGET"
	envAuthorities       = "PIXELZOO_TLS_CA"
	envServerName        = "PIXELZOO_TLS_SERVER_NAME"
	envClientCertificate = "PIXELZOO_TLS_CLIENT_CERTIFICATE"
	envClientKey         = "PIXELZOO_TLS_CLIENT_KEY"
	envToken             = "PIXELZOO_TOKEN"
)

// system is the value of PIXELZOO_TLS_CA that trusts whom the system trusts.
const system = "system"

// FromEnv makes a client of the server that the environment names. A variable that is empty counts as not set.
//
// PIXELZOO_TARGET: "host:port"; DefaultTarget if it is not set.
//
// PIXELZOO_TLS_CA: a PEM file of the authorities to trust, or the word "system" for those that this system trusts,
// which are the files that Go looks for, or SSL_CERT_FILE and SSL_CERT_DIR. The connection is encrypted if it is set.
//
// PIXELZOO_TLS_SERVER_NAME: the name in the server's certificate, where the address is another.
//
// PIXELZOO_TLS_CLIENT_CERTIFICATE, PIXELZOO_TLS_CLIENT_KEY: PEM files of the client's own certificate, for servers that
// ask for one.
//
// PIXELZOO_TOKEN: the token to send with every call.
//
// Options go before what the environment says. The error is an *Error: INVALID_SETTING, which names the variable, or as
// of Dial.
func FromEnv(options ...DialOption) (*Client, error) {
	target := os.Getenv(envTarget)
	if target == "" {
		target = DefaultTarget
	}
	config, err := tlsFromEnv()
	if err != nil {
		return nil, err
	}
	said := []DialOption{func(d *dialing) {
		d.tls, d.token, d.tokenSetting, d.targetSetting = config, os.Getenv(envToken), envToken, envTarget
	}}
	return Dial(target, append(said, options...)...)
}

// tlsFromEnv is nil where nothing is to be encrypted.
func tlsFromEnv() (*tls.Config, error) {
	authorities := os.Getenv(envAuthorities)
	if authorities == "" {
		for _, name := range []string{envServerName, envClientCertificate, envClientKey} {
			if value := os.Getenv(name); value != "" {
				rule := value + ": nothing is encrypted without " + envAuthorities + ": set that too, to system or a PEM file"
				return nil, invalidSetting(name, rule)
			}
		}
		return nil, nil
	}
	config := &tls.Config{ServerName: os.Getenv(envServerName)}
	if err := checkServerName(envServerName, config.ServerName); err != nil {
		return nil, err
	}
	if authorities != system {
		trusted, err := readCertificates(envAuthorities, authorities, "name a PEM file of certificates, or say "+system)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		config.RootCAs.AppendCertsFromPEM(trusted)
	}
	var err error
	config.Certificates, err = clientCertificate()
	return config, err
}

// clientCertificate is the certificate by which a server knows this client, if there is one.
func clientCertificate() ([]tls.Certificate, error) {
	certificate, key := os.Getenv(envClientCertificate), os.Getenv(envClientKey)
	switch {
	case certificate == "" && key == "":
		return nil, nil
	case certificate == "":
		return nil, invalidSetting(envClientKey, key+": has no certificate beside it: set "+envClientCertificate+" too")
	case key == "":
		return nil, invalidSetting(envClientCertificate, certificate+": has no key beside it: set "+envClientKey+" too")
	}
	chain, err := readCertificates(envClientCertificate, certificate, "name a PEM file of the client's certificate")
	if err != nil {
		return nil, err
	}
	const remedy = "name the PEM file of its key, without a password"
	private, err := read(envClientKey, key, remedy)
	if err != nil {
		return nil, err
	}
	if !isKey(private) {
		return nil, invalidSetting(envClientKey, key+": cannot be read as a key: "+remedy)
	}
	pair, err := tls.X509KeyPair(chain, private)
	if err != nil {
		return nil, invalidSetting(envClientKey, key+": is not the key of the certificate: "+remedy)
	}
	return []tls.Certificate{pair}, nil
}

// readCertificates reads the file that a variable names, of which every certificate can be read.
func readCertificates(variable, path, remedy string) ([]byte, error) {
	text, err := read(variable, path, remedy)
	if err != nil {
		return nil, err
	}
	if err := checkCertificates(text); err != nil {
		return nil, invalidSetting(variable, path+": "+err.Error()+": "+remedy)
	}
	return text, nil
}

// read reads the file that a variable names.
func read(variable, path, remedy string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		var failed *os.PathError
		if errors.As(err, &failed) {
			err = failed.Err
		}
		return nil, invalidSetting(variable, path+": "+err.Error()+": "+remedy)
	}
	return content, nil
}
