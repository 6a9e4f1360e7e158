package com.pixelzoo.client;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** What a target may be, and whether it is on this machine. */
final class Address {
  /** An IPv6 address is in brackets. */
  private static final Pattern HOST_AND_PORT = Pattern.compile("(\\[[^/\\s]+]|[^/\\s:\\[\\]]+):([0-9]{1,5})");

  private static final int MOST_PORTS = 65_535;

  /** Targets that gRPC reads in ways of its own. */
  private static final List<String> SCHEMES = List.of("dns:", "ipv4:", "ipv6:", "unix:", "unix-abstract:", "xds:");

  private static final String BYTE = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
  private static final Pattern LOOPBACK =
      Pattern.compile("(localhost|\\[::1]|127(\\." + BYTE + "){3}):[0-9]+");

  private Address() {}

  /** Whether a target is host:port, with a port from 1 to 65535, or has one of gRPC's schemes. */
  static boolean isTarget(String target) {
    if (SCHEMES.stream().anyMatch(target::startsWith)) {
      return true;
    }
    Matcher parts = HOST_AND_PORT.matcher(target);
    if (!parts.matches()) {
      return false;
    }
    int port = Integer.parseInt(parts.group(2));
    return 1 <= port && port <= MOST_PORTS;
  }

  /** Whether a target is on this machine; unix sockets are. */
  static boolean isLoopback(String target) {
    if (target.startsWith("unix:") || target.startsWith("unix-abstract:")) {
      return true;
    }
    String addresses = target.replaceFirst("^(dns:///|ipv4:|ipv6:)", "");
    return Stream.of(addresses.split(",", -1)).allMatch(address -> LOOPBACK.matcher(address).matches());
  }
}
