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
import java.util.List;
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
  private static final String BEGIN_CERTIFICATE = "-----BEGIN CERTIFICATE-----";
  private static final String END_CERTIFICATE = "-----END CERTIFICATE-----";
  private static final String NAME_AUTHORITIES = "name a PEM file of certificates, or say system";
  private static final String NAME_CERTIFICATE = "name the PEM file of the client's certificate";
  private static final String NAME_KEY = "name the PEM file of its key, without a password";
  private static final String UNREADABLE = "cannot be read as a key: " + NAME_KEY;
  private static final String NO_PKCS8 =
      "is no PKCS #8 key without a password: make one of it with openssl pkcs8 -topk8 -nocrypt";

  /** Throws PixelzooException INVALID_SETTING for files that would keep gRPC from connecting. */
  ChannelCredentials credentials(SettingNames names) {
    checkTogether(names);
    if (!encrypted) {
      return InsecureChannelCredentials.create();
    }
    TlsChannelCredentials.Builder credentials = TlsChannelCredentials.newBuilder();
    try {
      if (authority != null) {
        credentials.trustManager(stream(certificates(names.authority(), authority, NAME_AUTHORITIES)));
      }
      if (certificate != null) {
        String pem = certificates(names.clientCertificate(), certificate, NAME_CERTIFICATE);
        String keyPem = contents(names.clientKey(), key, NAME_KEY);
        checkKey(names.clientKey(), keyPem, parsed(pem));
        credentials.keyManager(stream(pem), stream(keyPem));
      }
    } catch (CertificateException error) {
      throw new IllegalStateException("what was read once can be read again", error);
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
      String rule = certificate + ": has no key beside it: set " + names.clientKey() + " too";
      throw SettingNames.invalid(names.clientCertificate(), rule, null);
    }
    if (key != null && certificate == null) {
      String rule = key + ": has no certificate beside it: set " + names.clientCertificate() + " too";
      throw SettingNames.invalid(names.clientKey(), rule, null);
    }
  }

  private static void refuseInTheClear(String setting, Object value, SettingNames names) {
    if (value != null) {
      String why = value + ": nothing is encrypted without " + names.authority();
      String rule = why + ": set that too, to system or a PEM file";
      throw SettingNames.invalid(setting, rule, null);
    }
  }

  /** The certificates of a file, all of which must be sound, without what else may stand between them. */
  private static String certificates(String setting, Path file, String remedy) {
    String text = contents(setting, file, remedy);
    StringBuilder pem = new StringBuilder();
    for (int begin = text.indexOf(BEGIN_CERTIFICATE); begin >= 0; begin = text.indexOf(BEGIN_CERTIFICATE, begin + 1)) {
      int end = text.indexOf(END_CERTIFICATE, begin);
      String block = text.substring(begin, end < 0 ? text.length() : end + END_CERTIFICATE.length()) + "\n";
      try {
        parsed(block);
      } catch (CertificateException error) {
        throw SettingNames.invalid(setting, file + ": has a certificate that cannot be read: " + remedy, error);
      }
      pem.append(block);
    }
    if (pem.isEmpty()) {
      throw SettingNames.invalid(setting, file + ": has no PEM certificate: " + remedy, null);
    }
    return pem.toString();
  }

  /** The first certificate of a text that begins with it. */
  private static Certificate parsed(String pem) throws CertificateException {
    return CertificateFactory.getInstance("X.509").generateCertificate(stream(pem));
  }

  /** Checks that the key can be read, and that its signatures are those of the certificate. */
  private void checkKey(String setting, String text, Certificate own) {
    Matcher pem = KEY.matcher(text);
    if (!pem.find()) {
      boolean otherKind = text.contains(" PRIVATE KEY-----"); // PKCS #1, SEC 1, or with a password.
      throw SettingNames.invalid(setting, key + ": " + (otherKind ? NO_PKCS8 : UNREADABLE), null);
    }
    PublicKey certified = own.getPublicKey();
    PrivateKey ours = privateKey(setting, pem.group(1));
    if (!ours.getAlgorithm().equals(certified.getAlgorithm()) || !signsAs(ours, certified)) {
      throw SettingNames.invalid(setting, key + ": is not the key of the certificate: " + NAME_KEY, null);
    }
  }

  private PrivateKey privateKey(String setting, String base64) {
    GeneralSecurityException unreadable = null;
    for (String algorithm : List.of("EC", "RSA", "EdDSA")) {
      try {
        byte[] encoded = Base64.getMimeDecoder().decode(base64);
        return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(encoded));
      } catch (GeneralSecurityException error) {
        unreadable = error;
      } catch (IllegalArgumentException error) {
        unreadable = new GeneralSecurityException(error);
      }
    }
    throw SettingNames.invalid(setting, key + ": " + UNREADABLE, unreadable);
  }

  private static boolean signsAs(PrivateKey ours, PublicKey certified) {
    String algorithm =
        switch (certified.getAlgorithm()) {
          case "EC" -> "SHA256withECDSA";
          case "RSA" -> "SHA256withRSA";
          default -> certified.getAlgorithm();
        };
    try {
      Signature signature = Signature.getInstance(algorithm);
      signature.initSign(ours);
      byte[] signed = signature.sign();
      signature.initVerify(certified);
      return signature.verify(signed);
    } catch (GeneralSecurityException error) {
      return false; // Such as of an elliptic curve that Java does not know.
    }
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
      throw SettingNames.invalid(setting, file + ": cannot be read (" + error + "): " + remedy, error);
    }
  }
}
