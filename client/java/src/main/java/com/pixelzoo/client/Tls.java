package com.pixelzoo.client;

import io.grpc.ChannelCredentials;
import io.grpc.InsecureChannelCredentials;
import io.grpc.TlsChannelCredentials;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Whom the client trusts, and by which certificate servers know it.
 *
 * @param encrypted whether there is TLS at all; without it all else is null
 * @param authority PEM file of the authorities that may vouch for the server; null: those that Java trusts
 * @param serverName the name in the server's certificate; null: that of the address
 * @param certificate PEM file of the client's own certificate; null: none
 * @param key PEM file of that certificate's key
 */
record Tls(boolean encrypted, Path authority, String serverName, Path certificate, Path key) {
  private static final Pattern KEY =
      Pattern.compile("-----BEGIN PRIVATE KEY-----(.*?)-----END PRIVATE KEY-----", Pattern.DOTALL);
  private static final String NAME_CERTIFICATES = "name a PEM file of certificates";
  private static final String NAME_KEY =
      "name a PEM file of a PKCS #8 key without a password (openssl pkcs8 -topk8 -nocrypt makes one)";

  /** Throws PixelzooException INVALID_SETTING for files that would keep gRPC from connecting. */
  ChannelCredentials credentials(SettingNames names) {
    checkTogether(names);
    if (!encrypted) {
      return InsecureChannelCredentials.create();
    }
    TlsChannelCredentials.Builder credentials = TlsChannelCredentials.newBuilder();
    try {
      if (authority != null) {
        String pem = contents(names.authority(), authority, NAME_CERTIFICATES);
        firstCertificate(names.authority(), authority, pem);
        credentials.trustManager(stream(pem));
      }
      if (certificate != null) {
        String pem = contents(names.clientCertificate(), certificate, NAME_CERTIFICATES);
        String keyPem = contents(names.clientKey(), key, NAME_KEY);
        checkKey(names.clientKey(), keyPem, firstCertificate(names.clientCertificate(), certificate, pem));
        credentials.keyManager(stream(pem), stream(keyPem));
      }
    } catch (IOException error) {
      throw new UncheckedIOException("what is in memory can be read", error);
    }
    return credentials.build();
  }

  private void checkTogether(SettingNames names) {
    if (!encrypted) {
      refuseInTheClear(names.serverName(), serverName, names);
      refuseInTheClear(names.clientCertificate(), certificate, names);
      refuseInTheClear(names.clientKey(), key, names);
    }
    if (certificate != null && key == null) {
      String rule = certificate + ": its key is missing: set " + names.clientKey() + " too";
      throw SettingNames.invalid(names.clientCertificate(), rule, null);
    }
    if (key != null && certificate == null) {
      String rule = key + ": its certificate is missing: set " + names.clientCertificate() + " too";
      throw SettingNames.invalid(names.clientKey(), rule, null);
    }
  }

  private static void refuseInTheClear(String setting, Object value, SettingNames names) {
    if (value != null) {
      String rule = value + ": nothing is encrypted: set " + names.authority() + " too";
      throw SettingNames.invalid(setting, rule, null);
    }
  }

  /** The first of a file's certificates, all of which must be sound. */
  private static Certificate firstCertificate(String setting, Path file, String pem) {
    int begin = pem.indexOf("-----BEGIN CERTIFICATE-----");
    if (begin < 0) {
      throw SettingNames.invalid(setting, file + ": it has no certificate: " + NAME_CERTIFICATES, null);
    }
    try {
      // Java does not read what may stand above the first certificate, such as its description.
      InputStream certificates = stream(pem.substring(begin));
      return CertificateFactory.getInstance("X.509").generateCertificates(certificates).iterator().next();
    } catch (CertificateException error) {
      throw SettingNames.invalid(setting, file + ": it has a damaged certificate: " + NAME_CERTIFICATES, error);
    }
  }

  /** Checks that the key can be read, and that its signatures are those of the certificate. */
  private void checkKey(String setting, String text, Certificate own) {
    PublicKey certified = own.getPublicKey();
    Matcher pem = KEY.matcher(text);
    if (!pem.find()) {
      throw SettingNames.invalid(setting, key + ": it has no private key that can be read: " + NAME_KEY, null);
    }
    String algorithm =
        switch (certified.getAlgorithm()) {
          case "EC" -> "SHA256withECDSA";
          case "RSA" -> "SHA256withRSA";
          default -> certified.getAlgorithm();
        };
    try {
      PKCS8EncodedKeySpec encoded = new PKCS8EncodedKeySpec(Base64.getMimeDecoder().decode(pem.group(1)));
      PrivateKey ours = KeyFactory.getInstance(certified.getAlgorithm()).generatePrivate(encoded);
      Signature signature = Signature.getInstance(algorithm);
      signature.initSign(ours);
      byte[] signed = signature.sign();
      signature.initVerify(certified);
      if (signature.verify(signed)) {
        return;
      }
    } catch (GeneralSecurityException | IllegalArgumentException error) {
      throw mismatched(setting, error);
    }
    throw mismatched(setting, null);
  }

  private PixelzooException mismatched(String setting, Exception cause) {
    String rule =
        key + ": it is not the key of the certificate in " + certificate + ": name the key that belongs to it";
    return SettingNames.invalid(setting, rule, cause);
  }

  private static InputStream stream(String text) {
    return new ByteArrayInputStream(text.getBytes(StandardCharsets.ISO_8859_1));
  }

  private static String contents(String setting, Path file, String remedy) {
    try {
      return Files.readString(file, StandardCharsets.ISO_8859_1);
    } catch (NoSuchFileException error) {
      throw SettingNames.invalid(setting, file + ": there is no such file: " + remedy, error);
    } catch (IOException error) {
      throw SettingNames.invalid(setting, file + ": it cannot be read (" + error + "): " + remedy, error);
    }
  }
}
