package com.pixelzoo.client;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import com.pixelzoo.v1.GeneratedImage;
import com.pixelzoo.v1.ImageEncoding;
import com.pixelzoo.v1.Model;
import com.pixelzoo.v1.SampleRequest;
import com.pixelzoo.v1.Sampler;
import com.pixelzoo.v1.StreamSampleRequest;
import com.pixelzoo.v1.StreamSampleResponse;
import io.grpc.Status;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.Iterator;
import org.junit.After;
import org.junit.Before;
import org.junit.Test;
import org.junit.function.ThrowingRunnable;

/** The client against the running server PIXELZOO_SERVER. */
public final class PixelzooClientTest {
  private static final String MODEL = "ddpm_fashion_mnist";

  private PixelzooClient zoo;

  @Before
  public void connect() {
    String server = System.getenv("PIXELZOO_SERVER");
    assertTrue("PIXELZOO_SERVER must be the host:port of a running server", server != null && !server.isEmpty());
    zoo = PixelzooClient.builder().target(server).build();
  }

  @After
  public void close() {
    if (zoo != null) {
      zoo.close();
    }
  }

  @Test
  public void equalSeedsGiveEqualPicturesAsPngAndAsPixels() {
    SampleRequest.Builder request = shortRequest().setReproducible(true);
    GeneratedImage png = zoo.sample(request.build()).getImages(0);
    request.setEncoding(ImageEncoding.IMAGE_ENCODING_RAW);
    GeneratedImage raw = zoo.sample(request.build()).getImages(0);

    assertEquals("image/png", png.getImage().getEncoded().getMimeType());
    assertEquals(7, png.getRecipe().getSeed());
    byte[] pixels = Pictures.pixels(png.getImage());
    assertEquals(28 * 28, pixels.length);
    assertArrayEquals(pixels, Pictures.pixels(raw.getImage()));
  }

  @Test
  public void streamsTellProgressUntilThePictureIsDone() {
    StreamSampleRequest request = StreamSampleRequest.newBuilder().setSample(shortRequest()).build();
    int step = 0;
    int pictures = 0;
    try (ResultStream<StreamSampleResponse> events = zoo.streamSample(request)) {
      for (StreamSampleResponse event : events) {
        if (event.hasProgress()) {
          assertTrue(event.getProgress().getStep() >= step);
          step = event.getProgress().getStep();
        }
        pictures += event.hasImage() ? 1 : 0;
      }
    }
    assertEquals(2, step);
    assertEquals(1, pictures);
  }

  @Test
  public void streamsStopWhenCancelled() {
    try (ResultStream<StreamSampleResponse> events = zoo.streamSample(longRequest())) {
      Iterator<StreamSampleResponse> iterator = events.iterator();
      assertTrue(iterator.next().hasProgress());
      events.cancel();
      PixelzooException error = assertThrows(PixelzooException.class, () -> iterator.forEachRemaining(event -> {}));
      assertEquals(Status.Code.CANCELLED, error.code());
    }
  }

  @Test
  public void streamsStopWhenClosed() {
    ResultStream<StreamSampleResponse> events = zoo.streamSample(longRequest());
    Iterator<StreamSampleResponse> iterator = events.iterator();
    assertTrue(iterator.next().hasProgress());
    events.close();
    assertThrows(PixelzooException.class, () -> iterator.forEachRemaining(event -> {}));
    assertEquals(1, zoo.sample(shortRequest().build()).getImagesCount());
  }

  @Test
  public void callsStopWhenTheirThreadIsInterrupted() {
    Thread.currentThread().interrupt();
    PixelzooException error =
        assertThrows(PixelzooException.class, () -> zoo.sample(longRequest().getSample()));
    assertTrue("the thread must know that it was interrupted", Thread.interrupted());
    assertEquals(Status.Code.CANCELLED, error.code());
  }

  @Test
  public void callsEndAtTheirDeadline() {
    PixelzooClient hasty = zoo.withTimeout(Duration.ofMillis(300));
    PixelzooException error =
        assertThrows(PixelzooException.class, () -> hasty.sample(longRequest().getSample()));
    assertEquals(Status.Code.DEADLINE_EXCEEDED, error.code());
  }

  @Test
  public void callsMayTakeAsLongAsCanBeSaid() {
    PixelzooClient patient = zoo.withTimeout(ChronoUnit.FOREVER.getDuration());
    assertEquals(1, patient.sample(shortRequest().build()).getImagesCount());
  }

  @Test
  public void streamsEndAtTheirDeadline() {
    try (ResultStream<StreamSampleResponse> events =
        zoo.withTimeout(Duration.ofMillis(1)).streamSample(longRequest())) {
      PixelzooException error =
          assertThrows(PixelzooException.class, () -> events.forEach(event -> assertTrue(event.hasProgress())));
      assertEquals(Status.Code.DEADLINE_EXCEEDED, error.code());
    }
  }

  @Test
  public void errorsNameTheFieldAndTheRule() {
    SampleRequest.Builder request = shortRequest();
    request.getOptionsBuilder().getDiffusionBuilder().setSteps(1_000_000);
    PixelzooException error = assertThrows(PixelzooException.class, () -> zoo.sample(request.build()));
    assertEquals(Status.Code.INVALID_ARGUMENT, error.code());
    assertEquals("INVALID_FIELD", error.reason());
    assertEquals(1, error.violations().size());
    assertEquals("options.diffusion.steps", error.violations().get(0).field());
    assertTrue(error.violations().get(0).description().contains("1000"));
    assertEquals("options.diffusion.steps", error.metadata().get("field"));
    assertFalse(error.retryAfter().isPresent());
  }

  @Test
  public void errorsSayWhichModelIsMissing() {
    PixelzooException error = assertThrows(PixelzooException.class, () -> zoo.getModel("no_such_model@3"));
    assertEquals(Status.Code.NOT_FOUND, error.code());
    assertEquals("MODEL_NOT_FOUND", error.reason());
    assertEquals("no_such_model", error.metadata().get("model"));
  }

  @Test
  public void errorsSayThatNobodyAnswers() {
    try (PixelzooClient nobody = PixelzooClient.builder().target("127.0.0.1:1").build()) {
      PixelzooException error = assertThrows(PixelzooException.class, nobody::listModels);
      assertEquals("SERVER_UNREACHABLE", error.reason());
    }
  }

  @Test
  public void classesHaveTheNamesOfTheCard() {
    Model model = zoo.getModel(MODEL);
    assertEquals(9, Models.label(model, "ankle boot"));
    assertEquals(-1, Models.label(model, "-1"));
    PixelzooException error = assertThrows(PixelzooException.class, () -> Models.label(model, "sandwich"));
    assertEquals("labels", error.violations().get(0).field());
    assertEquals("labels", error.metadata().get("field"));
  }

  @Test
  public void classesAreForTheServerToJudgeWhereThereIsNoCard() {
    Model model = Model.newBuilder().setName(MODEL).build();
    assertEquals(3, Models.label(model, "3"));
    SampleRequest request = shortRequest().addLabels(Models.label(model, "sandwich")).build();
    PixelzooException error = assertThrows(PixelzooException.class, () -> zoo.sample(request));
    assertEquals("INVALID_FIELD", error.reason()); // There is a card after all.
  }

  @Test
  public void callsOfAClosedClientSaySo() {
    PixelzooClient patient = zoo.withTimeout(Duration.ofMinutes(5));
    try (ResultStream<StreamSampleResponse> events = patient.streamSample(longRequest())) {
      Iterator<StreamSampleResponse> iterator = events.iterator();
      assertTrue(iterator.next().hasProgress());
      zoo.close();
      assertClosed(() -> iterator.forEachRemaining(event -> {}));
    }
    assertClosed(patient::listModels);
    assertClosed(() -> patient.streamSample(longRequest()).forEach(event -> {}));
  }

  private static void assertClosed(ThrowingRunnable call) {
    PixelzooException error = assertThrows(PixelzooException.class, call);
    assertEquals(Status.Code.CANCELLED, error.code());
    assertEquals("CLIENT_CLOSED", error.reason());
    assertEquals("the client is closed: make a new one, and close it after its last call", error.getMessage());
  }

  /** Takes minutes if nobody stops it. */
  private static StreamSampleRequest longRequest() {
    StreamSampleRequest.Builder request = StreamSampleRequest.newBuilder();
    SampleRequest.Builder sample = request.getSampleBuilder().setModel(Models.named(MODEL)).setCount(16);
    sample.getOptionsBuilder().getDiffusionBuilder().setSampler(Sampler.SAMPLER_DDPM).setSteps(1000);
    return request.build();
  }

  private static SampleRequest.Builder shortRequest() {
    SampleRequest.Builder request = SampleRequest.newBuilder().setModel(Models.named(MODEL)).setSeed(7);
    request.getOptionsBuilder().getDiffusionBuilder().setSampler(Sampler.SAMPLER_DDIM).setSteps(2);
    return request;
  }
}
