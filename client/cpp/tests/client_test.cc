// The client against a running server: PIXELZOO_SERVER.
#include <gtest/gtest.h>
#include <pixelzoo/client.h>

#include <stop_token>
#include <thread>

#include "testing.h"

namespace v1 = pixelzoo::v1;
using std::chrono::milliseconds;

constexpr char kModel[] = "ddpm_fashion_mnist";

pixelzoo::Client Connect() {
  const std::string server = Environment("PIXELZOO_SERVER");
  if (server.empty()) throw std::runtime_error("PIXELZOO_SERVER must be the host:port of a running server");
  pixelzoo::ClientOptions options;
  options.target = server;
  return pixelzoo::Client(options);
}

// Takes minutes if nobody stops it.
v1::StreamSampleRequest LongRequest() {
  v1::StreamSampleRequest request;
  v1::SampleRequest& sample = *request.mutable_sample();
  *sample.mutable_model() = pixelzoo::Select(kModel);
  sample.set_count(16);
  sample.mutable_options()->mutable_diffusion()->set_sampler(v1::SAMPLER_DDPM);
  sample.mutable_options()->mutable_diffusion()->set_steps(1000);
  return request;
}

v1::SampleRequest ShortRequest() {
  v1::SampleRequest request;
  *request.mutable_model() = pixelzoo::Select(kModel);
  request.set_seed(7);
  request.mutable_options()->mutable_diffusion()->set_sampler(v1::SAMPLER_DDIM);
  request.mutable_options()->mutable_diffusion()->set_steps(2);
  return request;
}

TEST(Sampling, EqualSeedsGiveEqualPicturesAsPngAndAsPixels) {
  pixelzoo::Client zoo = Connect();
  v1::SampleRequest request = ShortRequest();
  request.set_reproducible(true);
  const v1::GeneratedImage png = zoo.Sample(request).images(0);
  request.set_encoding(v1::IMAGE_ENCODING_RAW);
  const v1::GeneratedImage raw = zoo.Sample(request).images(0);

  EXPECT_EQ(png.image().encoded().mime_type(), "image/png");
  EXPECT_EQ(png.recipe().seed(), 7);
  const pixelzoo::Pixels pixels = pixelzoo::ToPixels(png.image());
  EXPECT_EQ(pixels.values.size(), 28 * 28);
  EXPECT_EQ(pixels.values, pixelzoo::ToPixels(raw.image()).values);
}

TEST(Streams, TellProgressUntilThePictureIsDone) {
  pixelzoo::Client zoo = Connect();
  v1::StreamSampleRequest request;
  *request.mutable_sample() = ShortRequest();
  std::uint32_t step = 0;
  int pictures = 0;
  for (const v1::StreamSampleResponse& event : zoo.StreamSample(request)) {
    if (event.has_progress()) {
      EXPECT_GE(event.progress().step(), step);
      step = event.progress().step();
    }
    pictures += event.has_image();
  }
  EXPECT_EQ(step, 2);
  EXPECT_EQ(pictures, 1);
}

TEST(Streams, StopWhenCancelled) {
  pixelzoo::Client zoo = Connect();
  auto stream = zoo.StreamSample(LongRequest());
  v1::StreamSampleResponse event;
  ASSERT_TRUE(stream.Next(&event));
  stream.Cancel();
  const pixelzoo::Error error = ErrorOf([&] {
    while (stream.Next(&event)) {
    }
  });
  EXPECT_EQ(error.code(), grpc::StatusCode::CANCELLED);
}

TEST(Streams, StopWhenTheirCallIsCancelled) {
  pixelzoo::Client zoo = Connect();
  std::stop_source stop;
  pixelzoo::CallOptions call;
  call.cancel = stop.get_token();
  auto opened = zoo.StreamSample(LongRequest(), call);
  auto stream = std::move(opened);
  v1::StreamSampleResponse event;
  ASSERT_TRUE(stream.Next(&event));
  const std::jthread other([&stop] { stop.request_stop(); });
  const pixelzoo::Error error = ErrorOf([&] {
    while (stream.Next(&event)) {
    }
  });
  EXPECT_EQ(error.code(), grpc::StatusCode::CANCELLED);
}

TEST(Streams, DoNotBeginWhenCancelledBefore) {
  pixelzoo::Client zoo = Connect();
  std::stop_source stop;
  stop.request_stop();
  pixelzoo::CallOptions call;
  call.cancel = stop.get_token();
  auto stream = zoo.StreamSample(LongRequest(), call);
  v1::StreamSampleResponse event;
  const pixelzoo::Error error = ErrorOf([&] { stream.Next(&event); });
  EXPECT_EQ(error.code(), grpc::StatusCode::CANCELLED);
}

TEST(Streams, MayBeCancelledOnceTheyAreGone) {
  pixelzoo::Client zoo = Connect();
  std::stop_source stop;
  pixelzoo::CallOptions call;
  call.cancel = stop.get_token();
  {
    auto stream = zoo.StreamSample(LongRequest(), call);
    v1::StreamSampleResponse event;
    ASSERT_TRUE(stream.Next(&event));
  }
  EXPECT_TRUE(stop.request_stop());
  EXPECT_EQ(zoo.Sample(ShortRequest()).images_size(), 1);
}

TEST(Streams, StopWhenLetGo) {
  pixelzoo::Client zoo = Connect();
  for (const v1::StreamSampleResponse& event : zoo.StreamSample(LongRequest())) {
    EXPECT_TRUE(event.has_progress());
    break;
  }
  EXPECT_EQ(zoo.Sample(ShortRequest()).images_size(), 1);
}

TEST(Calls, StopWhenCancelled) {
  pixelzoo::Client zoo = Connect();
  std::stop_source stop;
  pixelzoo::CallOptions call;
  call.cancel = stop.get_token();
  const std::jthread other([&stop] { stop.request_stop(); });
  const pixelzoo::Error error = ErrorOf([&] { zoo.Sample(LongRequest().sample(), call); });
  EXPECT_EQ(error.code(), grpc::StatusCode::CANCELLED);
}

TEST(Calls, EndAtTheirDeadline) {
  pixelzoo::Client zoo = Connect();
  pixelzoo::CallOptions call;
  call.timeout = milliseconds(300);
  const pixelzoo::Error error = ErrorOf([&] { zoo.Sample(LongRequest().sample(), call); });
  EXPECT_EQ(error.code(), grpc::StatusCode::DEADLINE_EXCEEDED);
}

TEST(Calls, MayTakeAsLongAsCanBeCounted) {
  pixelzoo::Client zoo = Connect();
  pixelzoo::CallOptions call;
  call.timeout = milliseconds::max();
  EXPECT_EQ(zoo.Sample(ShortRequest(), call).images_size(), 1);
}

TEST(Streams, EndAtTheirDeadline) {
  pixelzoo::Client zoo = Connect();
  pixelzoo::CallOptions call;
  call.timeout = milliseconds(1);
  const pixelzoo::Error error = ErrorOf([&] {
    for (const v1::StreamSampleResponse& event : zoo.StreamSample(LongRequest(), call)) {
      EXPECT_TRUE(event.has_progress());
    }
  });
  EXPECT_EQ(error.code(), grpc::StatusCode::DEADLINE_EXCEEDED);
}

TEST(Errors, NameTheFieldAndTheRule) {
  pixelzoo::Client zoo = Connect();
  v1::SampleRequest request = ShortRequest();
  request.mutable_options()->mutable_diffusion()->set_steps(1'000'000);
  const pixelzoo::Error error = ErrorOf([&] { zoo.Sample(request); });
  EXPECT_EQ(error.code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(error.reason(), "INVALID_FIELD");
  ASSERT_EQ(error.violations().size(), 1);
  EXPECT_EQ(error.violations()[0].field, "options.diffusion.steps");
  EXPECT_NE(error.violations()[0].description.find("1000"), std::string::npos);
  EXPECT_EQ(error.metadata().at("field"), "options.diffusion.steps");
  EXPECT_FALSE(error.retry_after().has_value());
}

TEST(Errors, SayWhichModelIsMissing) {
  pixelzoo::Client zoo = Connect();
  const pixelzoo::Error error = ErrorOf([&] { zoo.GetModel("no_such_model@3"); });
  EXPECT_EQ(error.code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(error.reason(), "MODEL_NOT_FOUND");
  EXPECT_EQ(error.metadata().at("model"), "no_such_model");
}

TEST(Errors, SayThatNobodyAnswers) {
  pixelzoo::ClientOptions options;
  options.target = "127.0.0.1:1";
  pixelzoo::Client zoo(options);
  const pixelzoo::Error error = ErrorOf([&] { zoo.ListModels(); });
  EXPECT_EQ(error.reason(), "SERVER_UNREACHABLE");
}

TEST(Names, OfClassesAreThoseOfTheCard) {
  pixelzoo::Client zoo = Connect();
  const v1::Model model = zoo.GetModel(kModel);
  EXPECT_EQ(pixelzoo::Label(model, "ankle boot"), 9);
  EXPECT_EQ(pixelzoo::Label(model, "-1"), -1);
  const pixelzoo::Error error = ErrorOf([&] { pixelzoo::Label(model, "sandwich"); });
  EXPECT_EQ(error.violations().at(0).field, "labels");
  EXPECT_EQ(error.metadata().at("field"), "labels");
}

TEST(Names, OfClassesAreForTheServerToJudgeWhereThereIsNoCard) {
  pixelzoo::Client zoo = Connect();
  v1::Model model;
  model.set_name(kModel);
  EXPECT_EQ(pixelzoo::Label(model, "3"), 3);
  v1::SampleRequest request = ShortRequest();
  request.add_labels(pixelzoo::Label(model, "sandwich"));
  const pixelzoo::Error error = ErrorOf([&] { zoo.Sample(request); });
  EXPECT_EQ(error.reason(), "INVALID_FIELD");  // There is a card after all.
}

TEST(Names, AreUtf8) {
  const pixelzoo::Error error = ErrorOf([] { pixelzoo::Select("bad\xff"); });
  EXPECT_EQ(error.code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(error.reason(), "INVALID_FIELD");
  EXPECT_STREQ(error.what(), "model: must be UTF-8, and is \"bad\\xff\"");
  EXPECT_EQ(error.violations().at(0).field, "model");
  EXPECT_EQ(error.metadata().at("field"), "model");
  for (const char* name : {"\x80", "\xc1\x81", "\xe0\x81\x81", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"}) {
    EXPECT_THROW(pixelzoo::Select(name), pixelzoo::Error) << name;
  }
  for (const char* name : {"gr\u00f6\u00dfe", "\u20ac", "\U0001F5BC"}) EXPECT_EQ(pixelzoo::Select(name).name(), name);
}

TEST(Names, MayHaveAVersionOrItsLabel) {
  EXPECT_EQ(pixelzoo::Select("vae@3").version(), 3);
  EXPECT_EQ(pixelzoo::Select("vae@stable").version_label(), "stable");
  EXPECT_EQ(pixelzoo::Select("vae@18446744073709551615").version(), 18446744073709551615u);
  for (const char* label : {"", "18446744073709551616", "-1", "3 ", "1@2"}) {
    const v1::ModelSelector selector = pixelzoo::Select(std::string("vae@") + label);
    EXPECT_TRUE(selector.has_version_label()) << label;
    EXPECT_EQ(selector.version_label(), label);
    EXPECT_EQ(selector.name(), "vae");
  }
  EXPECT_EQ(pixelzoo::Select("vae").version_choice_case(), v1::ModelSelector::VERSION_CHOICE_NOT_SET);
}
