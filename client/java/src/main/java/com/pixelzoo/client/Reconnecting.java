package com.pixelzoo.client;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;

/**
 * Lets a call connect anew to a server that was gone. gRPC for Java waits for up to two minutes between its attempts,
 * which no setting shortens, and fails the calls of that time though the server may be back.
 */
final class Reconnecting implements ClientInterceptor {
  private static final long LONGEST_WAIT = Duration.ofSeconds(5).toNanos();

  private final ManagedChannel connection;
  private final LongSupplier clock;
  private final AtomicLong last;

  /**
   * @param clock nanoseconds, as {@link System#nanoTime}
   */
  Reconnecting(ManagedChannel connection, LongSupplier clock) {
    this.connection = connection;
    this.clock = clock;
    this.last = new AtomicLong(clock.getAsLong());
  }

  @Override
  public <Q, R> ClientCall<Q, R> interceptCall(MethodDescriptor<Q, R> method, CallOptions options, Channel next) {
    if (connection.getState(false) == ConnectivityState.TRANSIENT_FAILURE) {
      long now = clock.getAsLong();
      long before = last.get();
      if (now - before >= LONGEST_WAIT && last.compareAndSet(before, now)) {
        connection.resetConnectBackoff();
      }
    }
    return next.newCall(method, options);
  }
}
