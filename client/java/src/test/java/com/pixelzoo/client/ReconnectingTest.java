package com.pixelzoo.client;

import static org.junit.Assert.assertEquals;

import com.pixelzoo.v1.CatalogServiceGrpc;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.Test;

/** When a call connects anew, by a clock that is turned by hand. */
public final class ReconnectingTest {
  private final Counting connection = new Counting();
  private long now = Long.MAX_VALUE - 1; // Nanoseconds; a clock such as Java's may run over.
  private final Reconnecting reconnecting = new Reconnecting(connection, () -> now);

  @Test
  public void callsConnectAnewToAServerThatWasGoneForFiveSeconds() {
    connection.state = ConnectivityState.TRANSIENT_FAILURE;
    assertEquals(0, resetsAfter(Duration.ofMillis(4_999)));
    assertEquals(1, resetsAfter(Duration.ofMillis(1)));
    assertEquals(1, resetsAfter(Duration.ofMillis(4_999)));
    assertEquals(2, resetsAfter(Duration.ofMillis(1)));
  }

  @Test
  public void connectionsThatDoNotWaitAreLeftAlone() {
    for (ConnectivityState state : ConnectivityState.values()) {
      if (state != ConnectivityState.TRANSIENT_FAILURE) {
        connection.state = state;
        assertEquals(state.name(), 0, resetsAfter(Duration.ofHours(1)));
      }
    }
  }

  /** How often gRPC was told to connect at once, up to a call that is made after this time. */
  private int resetsAfter(Duration time) {
    now += time.toNanos();
    reconnecting.interceptCall(CatalogServiceGrpc.getListModelsMethod(), CallOptions.DEFAULT, connection);
    return connection.resets;
  }

  /** A connection in a state that is set, which counts. */
  private static final class Counting extends ManagedChannel {
    ConnectivityState state;
    int resets;

    @Override
    public ConnectivityState getState(boolean requestConnection) {
      return state;
    }

    @Override
    public void resetConnectBackoff() {
      resets++;
    }

    @Override
    public <Q, R> ClientCall<Q, R> newCall(MethodDescriptor<Q, R> method, CallOptions options) {
      return null;
    }

    @Override
    public String authority() {
      return "nobody";
    }

    @Override
    public ManagedChannel shutdown() {
      return this;
    }

    @Override
    public ManagedChannel shutdownNow() {
      return this;
    }

    @Override
    public boolean isShutdown() {
      return false;
    }

    @Override
    public boolean isTerminated() {
      return false;
    }

    @Override
    public boolean awaitTermination(long timeout, TimeUnit unit) {
      return true;
    }
  }
}
