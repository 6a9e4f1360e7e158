package com.pixelzoo.client;

import io.grpc.Context;
import io.grpc.StatusRuntimeException;
import java.util.Iterator;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * A running call that sends news on the way:
 *
 * <pre>{@code
 * try (ResultStream<StreamSampleResponse> events = zoo.streamSample(request)) {
 *   for (StreamSampleResponse event : events) ...
 * }
 * }</pre>
 *
 * Reading throws {@link PixelzooException} if the call fails. Closing cancels a call that still runs, and with it the
 * server's work. It can be read once.
 */
public final class ResultStream<T> implements Iterable<T>, AutoCloseable {
  private final Context.CancellableContext context = Context.current().withCancellation();
  private final Iterator<T> answers;
  private final Function<StatusRuntimeException, PixelzooException> translation;

  ResultStream(
      Supplier<Iterator<T>> call, Function<StatusRuntimeException, PixelzooException> translation) {
    this.translation = translation;
    Context before = context.attach();
    try {
      answers = call.get();
    } finally {
      context.detach(before);
    }
  }

  @Override
  public Iterator<T> iterator() {
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return translated(answers::hasNext);
      }

      @Override
      public T next() {
        return translated(answers::next);
      }
    };
  }

  /** Stops the call; it may be called from any thread. Whoever reads then gets an exception with the code CANCELLED. */
  public void cancel() {
    context.cancel(null);
  }

  @Override
  public void close() {
    cancel();
  }

  private <R> R translated(Supplier<R> read) {
    try {
      return read.get();
    } catch (StatusRuntimeException error) {
      throw translation.apply(error);
    }
  }
}
