package pixelzoo

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"regexp"
	"strconv"
	"strings"
)

var (
	schemes    = regexp.MustCompile(`^(dns|ipv4|ipv6|unix|unix-abstract|xds):`)
	address    = regexp.MustCompile(`^(?:\[[^/\[\]\s]+\]|[^/:\[\]\s]+):([0-9]{1,5})$`)
	token      = regexp.MustCompile(`^[!-~]+$`)
	serverName = regexp.MustCompile(`^[A-Za-z0-9._:-]+$`)
)

// check says what is wrong with the settings, or with how they go together.
func (d *dialing) check(target string) error {
	if !isTarget(target) {
		return invalidSetting(d.targetSetting, target+": must be host:port, with a port from 1 to 65535")
	}
	if d.token != "" && !token.MatchString(d.token) {
		// Its value stays out of the message, which many see.
		rule := "has characters that no token has: give the one that the server's operator gave"
		return invalidSetting(d.tokenSetting, rule)
	}
	if d.token != "" && d.tls == nil && !isLoopback(target) {
		return insecureToken(target)
	}
	if d.tls != nil {
		return checkServerName("ServerName", d.tls.ServerName)
	}
	return nil
}

func isTarget(target string) bool {
	if schemes.MatchString(target) {
		return true
	}
	found := address.FindStringSubmatch(target)
	if found == nil {
		return false
	}
	port, err := strconv.Atoi(found[1])
	return err == nil && port >= 1 && port <= 65535
}

// isLoopback says whether every "host:port" is on this machine; unix sockets are.
func isLoopback(target string) bool {
	if strings.HasPrefix(target, "unix:") || strings.HasPrefix(target, "unix-abstract:") {
		return true
	}
	for _, scheme := range []string{"dns:///", "ipv4:", "ipv6:"} {
		if strings.HasPrefix(target, scheme) {
			target = strings.TrimPrefix(target, scheme)
			break
		}
	}
	for _, one := range strings.Split(target, ",") {
		host, _, err := net.SplitHostPort(one)
		if err != nil || !isLoopbackHost(host) {
			return false
		}
	}
	return true
}

func isLoopbackHost(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || host == "::1" || ip != nil && !strings.Contains(host, ":") && ip.IsLoopback()
}

// checkServerName allows no name at all: then it is that of the address.
func checkServerName(setting, name string) error {
	if name == "" || serverName.MatchString(name) {
		return nil
	}
	return invalidSetting(setting, name+": is no host name: give the one in the server's certificate")
}

// checkCertificates says what is wrong with a PEM file of certificates: the x509 package leaves out what it cannot
// read.
func checkCertificates(text []byte) error {
	const begin = "-----BEGIN CERTIFICATE-----"
	blocks := strings.Split(string(text), begin)[1:]
	if len(blocks) == 0 {
		return errors.New("has no PEM certificate")
	}
	for _, rest := range blocks {
		block, _ := pem.Decode([]byte(begin + rest))
		if block == nil {
			return errDamaged
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return errDamaged
		}
	}
	return nil
}

var errDamaged = errors.New("has a certificate that cannot be read")

// isKey says whether there is a private key in a PEM file, without a password.
func isKey(text []byte) bool {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if !strings.HasSuffix(block.Type, "PRIVATE KEY") {
			continue
		}
		_, pkcs8 := x509.ParsePKCS8PrivateKey(block.Bytes)
		_, pkcs1 := x509.ParsePKCS1PrivateKey(block.Bytes)
		_, ec := x509.ParseECPrivateKey(block.Bytes)
		return pkcs8 == nil || pkcs1 == nil || ec == nil
	}
	return false
}
