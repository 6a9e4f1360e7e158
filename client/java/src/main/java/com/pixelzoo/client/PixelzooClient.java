package com.pixelzoo.client;

import static java.util.function.Predicate.not;

import com.pixelzoo.v1.CatalogServiceGrpc;
import com.pixelzoo.v1.DecodeRequest;
import com.pixelzoo.v1.DecodeResponse;
import com.pixelzoo.v1.EncodeRequest;
import com.pixelzoo.v1.EncodeResponse;
import com.pixelzoo.v1.GetModelRequest;
import com.pixelzoo.v1.InterpolateRequest;
import com.pixelzoo.v1.InterpolateResponse;
import com.pixelzoo.v1.LatentServiceGrpc;
import com.pixelzoo.v1.ListModelsRequest;
import com.pixelzoo.v1.ListModelsResponse;
import com.pixelzoo.v1.Model;
import com.pixelzoo.v1.SampleRequest;
import com.pixelzoo.v1.SampleResponse;
import com.pixelzoo.v1.SamplingServiceGrpc;
import com.pixelzoo.v1.ScoreRequest;
import com.pixelzoo.v1.ScoreResponse;
import com.pixelzoo.v1.ScoringServiceGrpc;
import com.pixelzoo.v1.StreamSampleRequest;
import com.pixelzoo.v1.StreamSampleResponse;
import com.pixelzoo.v1.StreamScoreRequest;
import com.pixelzoo.v1.StreamScoreResponse;
import com.pixelzoo.v1.StreamTranslateRequest;
import com.pixelzoo.v1.StreamTranslateResponse;
import com.pixelzoo.v1.TranslateRequest;
import com.pixelzoo.v1.TranslateResponse;
import com.pixelzoo.v1.TranslationServiceGrpc;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientInterceptor;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/**
 * A connection to a pixelzoo server.
 *
 * <p>Requests are the messages of {@code protos/pixelzoo/v1}, whose comments give every field's range and default.
 * Every call throws {@link PixelzooException} if it fails; a call that no server has taken on (UNAVAILABLE) is first
 * tried up to four times. Interrupting a thread that waits cancels its call. A client may be used from several threads.
 */
public final class PixelzooClient implements AutoCloseable {
  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  /** More nanoseconds than this no long can count: as good as no deadline. */
  private static final Duration LONGEST = Duration.ofNanos(Long.MAX_VALUE);

  private final ManagedChannel connection;
  private final Channel channel;
  private final String target;
  private final Duration timeout;

  private PixelzooClient(ManagedChannel connection, Channel channel, String target, Duration timeout) {
    this.connection = connection;
    this.channel = channel;
    this.target = target;
    this.timeout = timeout;
  }

  /** A client of which nothing is set yet. */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * The client that the environment describes, by variables that are as the settings of {@link Builder}:
   * PIXELZOO_TARGET; PIXELZOO_TLS_CA, a file of authorities, or the word {@code system} for {@link
   * Builder#systemAuthorities};
   * PIXELZOO_TLS_SERVER_NAME; PIXELZOO_TLS_CLIENT_CERTIFICATE and PIXELZOO_TLS_CLIENT_KEY; PIXELZOO_TOKEN. A variable
   * that is empty counts as not set.
   *
   * @throws PixelzooException INSECURE_TOKEN or INVALID_SETTING, as {@link Builder#build} does
   */
  public static PixelzooClient fromEnvironment() {
    return from(System.getenv());
  }

  static PixelzooClient from(Map<String, String> variables) {
    return new Builder(variables).build();
  }

  /**
   * The same connection, with another timeout for each call. Closing either client closes it.
   *
   * @throws PixelzooException INVALID_SETTING for a timeout below 0
   */
  public PixelzooClient withTimeout(Duration timeout) {
    return new PixelzooClient(connection, channel, target, checked(timeout));
  }

  private static Duration checked(Duration timeout) {
    if (timeout.isNegative()) {
      throw SettingNames.invalid("timeout", "must be at least 0 seconds, and is " + timeout, null);
    }
    return timeout;
  }

  /** Ends the connection, and with it every call under way: it fails, as later ones do, with CLIENT_CLOSED. */
  @Override
  public void close() {
    connection.shutdownNow();
  }

  /** The connection, for stubs of your own, such as asynchronous ones. It sends the token. */
  public Channel channel() {
    return channel;
  }

  /** All models of the server, by name, with their cards. */
  public List<Model> listModels() {
    List<Model> models = new ArrayList<>();
    String page = "";
    do {
      ListModelsResponse response =
          call(
              CatalogServiceGrpc.getListModelsMethod(),
              ListModelsRequest.newBuilder().setPageToken(page).build());
      models.addAll(response.getModelsList());
      page = response.getNextPageToken();
    } while (!page.isEmpty());
    return models;
  }

  /**
   * One model with its card: what it can do, its options with their ranges, its classes.
   *
   * @param name as for {@link Models#named}
   */
  public Model getModel(String name) {
    GetModelRequest request = GetModelRequest.newBuilder().setModel(Models.named(name)).build();
    return call(CatalogServiceGrpc.getGetModelMethod(), request).getModel();
  }

  public SampleResponse sample(SampleRequest request) {
    return call(SamplingServiceGrpc.getSampleMethod(), request);
  }

  public ResultStream<StreamSampleResponse> streamSample(StreamSampleRequest request) {
    return open(SamplingServiceGrpc.getStreamSampleMethod(), request);
  }

  public TranslateResponse translate(TranslateRequest request) {
    return call(TranslationServiceGrpc.getTranslateMethod(), request);
  }

  public ResultStream<StreamTranslateResponse> streamTranslate(StreamTranslateRequest request) {
    return open(TranslationServiceGrpc.getStreamTranslateMethod(), request);
  }

  public ScoreResponse score(ScoreRequest request) {
    return call(ScoringServiceGrpc.getScoreMethod(), request);
  }

  public ResultStream<StreamScoreResponse> streamScore(StreamScoreRequest request) {
    return open(ScoringServiceGrpc.getStreamScoreMethod(), request);
  }

  public EncodeResponse encode(EncodeRequest request) {
    return call(LatentServiceGrpc.getEncodeMethod(), request);
  }

  public DecodeResponse decode(DecodeRequest request) {
    return call(LatentServiceGrpc.getDecodeMethod(), request);
  }

  public InterpolateResponse interpolate(InterpolateRequest request) {
    return call(LatentServiceGrpc.getInterpolateMethod(), request);
  }

  private CallOptions options() {
    return timeout.compareTo(LONGEST) < 0
        ? CallOptions.DEFAULT.withDeadlineAfter(timeout.toNanos(), TimeUnit.NANOSECONDS)
        : CallOptions.DEFAULT;
  }

  private <Q, R> R call(MethodDescriptor<Q, R> method, Q request) {
    try {
      return ClientCalls.blockingUnaryCall(channel, method, options(), request);
    } catch (StatusRuntimeException error) {
      throw translated(error);
    }
  }

  private <Q, R> ResultStream<R> open(MethodDescriptor<Q, R> method, Q request) {
    return new ResultStream<>(
        () -> ClientCalls.blockingServerStreamingCall(channel, method, options(), request), this::translated);
  }

  private PixelzooException translated(StatusRuntimeException error) {
    return ErrorDetails.exception(error, target, connection.isShutdown());
  }

  /** Which server to call, and how. */
  public static final class Builder {
    private SettingNames names = SettingNames.BUILDER;
    private String target = "localhost:50051";
    private boolean encrypted;
    private Path authority;
    private String serverName;
    private Path clientCertificate;
    private Path clientKey;
    private String token;
    private Duration timeout = Duration.ofMinutes(10);

    private Builder() {}

    private Builder(Map<String, String> variables) {
      names = SettingNames.ENVIRONMENT;
      BiConsumer<String, Consumer<String>> read =
          (name, setting) -> Optional.ofNullable(variables.get(name)).filter(not(String::isEmpty)).ifPresent(setting);
      read.accept(names.target(), this::target);
      read.accept(
          names.authority(), value -> encryptedBy(value.equals("system") ? null : path(names.authority(), value)));
      read.accept(names.serverName(), this::serverName);
      read.accept(names.clientCertificate(), value -> clientCertificate = path(names.clientCertificate(), value));
      read.accept(names.clientKey(), value -> clientKey = path(names.clientKey(), value));
      read.accept(names.token(), this::token);
    }

    private static Path path(String setting, String value) {
      try {
        return Path.of(value);
      } catch (InvalidPathException error) { // Such as what is not ASCII, where the locale is C.
        throw SettingNames.invalid(setting, value + ": " + error.getReason() + ": name a file", error);
      }
    }

    /** The server, "host:port", or with a scheme that gRPC for Java knows; by default localhost:50051. */
    public Builder target(String target) {
      this.target = Objects.requireNonNull(target);
      return this;
    }

    /**
     * PEM file of the authorities that may vouch for the server. Without one, and without {@link #systemAuthorities},
     * the connection is not encrypted.
     */
    public Builder authority(Path authority) {
      return encryptedBy(Objects.requireNonNull(authority));
    }

    /**
     * Encrypts the connection, and trusts the authorities that Java trusts: those of its file {@code cacerts}, which
     * Debian makes from the system's, or of the key store that {@code -Djavax.net.ssl.trustStore} names.
     */
    public Builder systemAuthorities() {
      return encryptedBy(null);
    }

    private Builder encryptedBy(Path authority) {
      this.encrypted = true;
      this.authority = authority;
      return this;
    }

    /** The name in the server's certificate, where the target is another, such as an address or a tunnel. */
    public Builder serverName(String serverName) {
      this.serverName = Objects.requireNonNull(serverName);
      return this;
    }

    /**
     * PEM files of the client's own certificate and of its key (PKCS #8, without a password), for servers that ask for
     * one.
     */
    public Builder clientCertificate(Path certificate, Path key) {
      this.clientCertificate = Objects.requireNonNull(certificate);
      this.clientKey = Objects.requireNonNull(key);
      return this;
    }

    /** Sent with every call, for servers that ask for one. */
    public Builder token(String token) {
      this.token = token;
      return this;
    }

    /**
     * How long a call may take, by default ten minutes.
     *
     * @throws PixelzooException INVALID_SETTING for less than 0
     */
    public Builder timeout(Duration timeout) {
      this.timeout = checked(timeout);
      return this;
    }

    /**
     * The client. It connects with its first call.
     *
     * @throws PixelzooException INSECURE_TOKEN: the token would go to another machine unencrypted; or INVALID_SETTING:
     *     a file cannot be read, or holds something else, or a setting lacks another
     */
    public PixelzooClient build() {
      Tls tls = new Tls(encrypted, authority, serverName, clientCertificate, clientKey);
      if (token != null) {
        Connection.checkToken(token, target, tls, names);
      }
      ManagedChannel connection = Connection.open(target, tls, names);
      List<ClientInterceptor> interceptors = new ArrayList<>();
      interceptors.add(new Reconnecting(connection, System::nanoTime));
      if (token != null) {
        Metadata headers = new Metadata();
        headers.put(AUTHORIZATION, "Bearer " + token);
        interceptors.add(MetadataUtils.newAttachHeadersInterceptor(headers));
      }
      return new PixelzooClient(connection, ClientInterceptors.intercept(connection, interceptors), target, timeout);
    }
  }
}
