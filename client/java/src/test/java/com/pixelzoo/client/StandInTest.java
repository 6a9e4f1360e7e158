package com.pixelzoo.client;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import com.google.protobuf.Any;
import com.google.protobuf.Message;
import com.google.protobuf.util.Durations;
import com.pixelzoo.errors.ErrorInfo;
import com.pixelzoo.errors.RetryInfo;
import com.pixelzoo.v1.CatalogServiceGrpc;
import com.pixelzoo.v1.ListModelsRequest;
import com.pixelzoo.v1.ListModelsResponse;
import io.grpc.Grpc;
import io.grpc.InsecureServerCredentials;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.After;
import org.junit.Before;
import org.junit.Test;

/** The client against a stand-in of the server, which fails as it is told. */
public final class StandInTest {
  private final Queue<StatusRuntimeException> failures = new ArrayDeque<>();
  private final AtomicInteger calls = new AtomicInteger();
  private final AtomicReference<String> authorization = new AtomicReference<>();
  private Server server;

  @Before
  public void start() throws IOException {
    server =
        Grpc.newServerBuilderForPort(0, InsecureServerCredentials.create())
            .addService(new StandIn())
            .intercept(new AuthorizationReader())
            .build()
            .start();
  }

  @After
  public void stop() {
    server.shutdownNow();
  }

  @Test
  public void aCallThatNoServerHasTakenOnIsTriedAgain() {
    failures.add(Status.UNAVAILABLE.asRuntimeException());
    failures.add(Status.UNAVAILABLE.asRuntimeException());
    try (PixelzooClient zoo = client().build()) {
      assertTrue(zoo.listModels().isEmpty());
    }
    assertEquals(3, calls.get());
  }

  @Test
  public void otherFailuresAreNotTriedAgain() {
    failures.add(Status.INTERNAL.asRuntimeException());
    try (PixelzooClient zoo = client().build()) {
      assertThrows(PixelzooException.class, zoo::listModels);
    }
    assertEquals(1, calls.get());
  }

  @Test
  public void errorsSayHowLongToWait() {
    ErrorInfo info = ErrorInfo.newBuilder().setReason("QUEUE_FULL").putMetadata("unit", "items").build();
    RetryInfo retry = RetryInfo.newBuilder().setRetryDelay(Durations.fromMillis(1500)).build();
    failures.add(detailed(Status.RESOURCE_EXHAUSTED.withDescription("as told"), List.of(info, retry)));
    try (PixelzooClient zoo = client().build()) {
      PixelzooException error = assertThrows(PixelzooException.class, zoo::listModels);
      assertEquals("as told", error.getMessage());
      assertEquals(Status.Code.RESOURCE_EXHAUSTED, error.code());
      assertEquals("QUEUE_FULL", error.reason());
      assertEquals("items", error.metadata().get("unit"));
      assertEquals(Optional.of(Duration.ofMillis(1500)), error.retryAfter());
    }
  }

  @Test
  public void tokensGoWithEveryCall() {
    try (PixelzooClient zoo = client().token("secret").build()) {
      zoo.listModels();
    }
    assertEquals("Bearer secret", authorization.get());
  }

  private PixelzooClient.Builder client() {
    return PixelzooClient.builder().target("127.0.0.1:" + server.getPort());
  }

  /** An error with these messages as its details, packed as the server packs google.rpc. */
  private static StatusRuntimeException detailed(Status status, List<Message> details) {
    var packed = com.pixelzoo.errors.Status.newBuilder().setCode(status.getCode().value());
    for (Message detail : details) {
      packed.addDetails(
          Any.newBuilder()
              .setTypeUrl("type.googleapis.com/google.rpc." + detail.getDescriptorForType().getName())
              .setValue(detail.toByteString()));
    }
    Metadata trailers = new Metadata();
    trailers.put(
        Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER), packed.build().toByteArray());
    return status.asRuntimeException(trailers);
  }

  /** Answers with the failures that it is told, and after them with no models. */
  private final class StandIn extends CatalogServiceGrpc.CatalogServiceImplBase {
    @Override
    public void listModels(ListModelsRequest request, StreamObserver<ListModelsResponse> answer) {
      calls.incrementAndGet();
      StatusRuntimeException failure = failures.poll();
      if (failure != null) {
        answer.onError(failure);
        return;
      }
      answer.onNext(ListModelsResponse.getDefaultInstance());
      answer.onCompleted();
    }
  }

  private final class AuthorizationReader implements ServerInterceptor {
    @Override
    public <Q, R> ServerCall.Listener<Q> interceptCall(
        ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
      authorization.set(headers.get(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER)));
      return next.startCall(call, headers);
    }
  }
}
