// The answers of a call that sends news on the way.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/sync_stream.h>

#include <iterator>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include "pixelzoo/error.h"

namespace pixelzoo {

// A running call, read with `for`:
//
//   for (const auto& event : zoo.StreamSample(request)) ...
//
// Reading throws Error if the call fails. Letting go of a stream cancels the call, and with it the server's work;
// CallOptions::cancel does so too.
template <typename Response>
class Stream {
 public:
  Stream(std::unique_ptr<grpc::ClientContext> context, std::unique_ptr<grpc::ClientReader<Response>> reader,
         std::string target, std::stop_token cancel = {})
      : context_(std::move(context)),
        reader_(std::move(reader)),
        target_(std::move(target)),
        on_cancel_(std::make_unique<OnCancel>(std::move(cancel), Cancelling{context_.get()})) {}

  Stream(Stream&&) noexcept = default;
  Stream& operator=(Stream&&) = delete;

  ~Stream() {
    if (reader_ == nullptr || finished_) return;
    context_->TryCancel();
    reader_->Finish();
  }

  // Waits for the next answer. False when there are no more; throws Error if the call failed.
  bool Next(Response* response) {
    if (finished_) return false;
    if (reader_->Read(response)) return true;
    finished_ = true;
    if (const grpc::Status status = reader_->Finish(); !status.ok()) throw Error::From(status, target_);
    return false;
  }

  // Stops the call; it may be called from any thread. What reads the stream then gets an Error with the code CANCELLED.
  void Cancel() { context_->TryCancel(); }

  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Response;
    using difference_type = std::ptrdiff_t;
    using pointer = const Response*;
    using reference = const Response&;

    explicit Iterator(Stream* stream) : stream_(stream) { ++*this; }
    Iterator& operator++() {
      if (!stream_->Next(&response_)) stream_ = nullptr;
      return *this;
    }
    void operator++(int) { ++*this; }
    reference operator*() const { return response_; }
    pointer operator->() const { return &response_; }
    bool operator==(std::default_sentinel_t) const { return stream_ == nullptr; }

   private:
    Stream* stream_;
    Response response_;
  };

  Iterator begin() { return Iterator(this); }
  std::default_sentinel_t end() const { return {}; }

 private:
  struct Cancelling {
    grpc::ClientContext* context;
    void operator()() const { context->TryCancel(); }
  };
  using OnCancel = std::stop_callback<Cancelling>;

  std::unique_ptr<grpc::ClientContext> context_;
  std::unique_ptr<grpc::ClientReader<Response>> reader_;
  std::string target_;
  bool finished_ = false;
  // After context_, so that it goes first: another thread may be cancelling. On the heap, since it cannot be moved.
  std::unique_ptr<OnCancel> on_cancel_;
};

}  // namespace pixelzoo
