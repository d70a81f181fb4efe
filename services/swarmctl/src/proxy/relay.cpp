#include "proxy/relay.hpp"

#include <grpcpp/generic/generic_stub.h>

#include <mutex>

namespace swarm::ctl {
namespace {

using Metadata = std::multimap<grpc::string_ref, grpc::string_ref>;

std::string text(grpc::string_ref part) { return {part.data(), part.size()}; }

/// What gRPC itself says on each hop.
bool of_the_hop(const std::string& name) { return name == "user-agent" || name == "grpc-status-details-bin" || name.starts_with(":"); }

/// Both ends of one call. The server's end lives until it was finished, which only the client's end does, as its last act; the
/// client's end is held (AddHold) as long as the server's end may write to it or read from it. Owned by its two ends; deletes itself after the
/// second OnDone.
class RelayedCall {
 public:
  RelayedCall(grpc::GenericCallbackServerContext& from, const std::shared_ptr<grpc::Channel>& there, const std::string& authorization)
      : from_(from), stub_(there), caller_(*this), callee_(*this) {
    context_.set_deadline(from.deadline());
    bool authorized = false;
    for (const auto& [name, value] : from.client_metadata()) {
      const auto key = text(name);
      if (of_the_hop(key)) continue;
      authorized |= key == "authorization";
      context_.AddMetadata(key, text(value));
    }
    if (!authorized && !authorization.empty()) context_.AddMetadata("authorization", authorization);
    stub_.PrepareBidiStreamingCall(&context_, from.method(), {}, &callee_);
  }

  grpc::ServerGenericBidiReactor* begin() {
    callee_.AddHold();
    callee_.StartCall();
    caller_.StartRead(&request_);
    return &caller_;
  }

 private:
  /// Towards whoever called us.
  struct Caller final : grpc::ServerGenericBidiReactor {
    explicit Caller(RelayedCall& c) : call(c) {}
    void OnReadDone(bool ok) override { call.request_read(ok); }
    void OnWriteDone(bool ok) override {
      if (ok) call.callee_.StartRead(&call.answer_);
      else call.give_up(true);
    }
    void OnCancel() override { call.context_.TryCancel(); }
    void OnDone() override { call.end(); }
    RelayedCall& call;
  };
  /// Towards the service.
  struct Callee final : grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
    explicit Callee(RelayedCall& c) : call(c) {}
    void OnReadInitialMetadataDone(bool ok) override { call.begin_answer(ok); }
    void OnReadDone(bool ok) override {
      if (ok) call.caller_.StartWrite(&call.answer_);
      else call.give_up(false);
    }
    void OnWriteDone(bool ok) override { call.request_written(ok); }
    void OnDone(const grpc::Status& status) override { call.finish(status); }
    RelayedCall& call;
  };

  /// Messages are read only now, as none may go to the caller before the metadata did.
  void begin_answer(bool ok) {
    if (ok) {
      for (const auto& [name, value] : context_.GetServerInitialMetadata()) {
        if (!of_the_hop(text(name))) from_.AddInitialMetadata(text(name), text(value));
      }
      caller_.StartSendInitialMetadata();
    }
    callee_.StartRead(&answer_);
  }

  void request_read(bool ok) {
    {
      std::lock_guard lock(mutex_);
      if (answered_) return;
      writing_ = true;
    }
    if (ok) return callee_.StartWrite(&request_);
    callee_.StartWritesDone();
    is_written();
  }

  void request_written(bool ok) {
    if (is_written() && ok) caller_.StartRead(&request_);
  }

  /// False when no answer will follow any more.
  bool is_written() {
    std::lock_guard lock(mutex_);
    writing_ = false;
    if (answered_) callee_.RemoveHold();
    return !answered_;
  }

  /// The service says no more, or the caller hears no more: no answer will be asked for. With nothing on its way to the service
  /// either, the end may be told; before, even when the caller says no more, its answers are still to be read.
  void give_up(bool caller_is_gone) {
    if (caller_is_gone) context_.TryCancel();
    std::lock_guard lock(mutex_);
    answered_ = true;
    if (!writing_) callee_.RemoveHold();
  }

  void finish(const grpc::Status& status) {
    for (const auto& [name, value] : context_.GetServerTrailingMetadata()) {
      if (!of_the_hop(text(name))) from_.AddTrailingMetadata(text(name), text(value));
    }
    caller_.Finish(status);
  }

  /// The caller's end is the last one: the service's was done before it was finished.
  void end() { delete this; }

  grpc::GenericCallbackServerContext& from_;
  grpc::ClientContext context_;
  grpc::GenericStub stub_;
  grpc::ByteBuffer request_, answer_;
  std::mutex mutex_;
  bool writing_ = false;   // a request is on its way to the service
  bool answered_ = false;  // no answer will follow; with nothing on its way, the hold is gone
  Caller caller_;
  Callee callee_;
};

}  // namespace

grpc::ServerGenericBidiReactor* Relay::CreateReactor(grpc::GenericCallbackServerContext* context) {
  auto* call = new RelayedCall(*context, there_, authorization_());  // deletes itself
  return call->begin();
}

}  // namespace swarm::ctl
