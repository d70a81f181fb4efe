#include "adapters/grpc/artifact_transfers.hpp"

#include <grpcpp/server_context.h>

#include "adapters/grpc/stream_base.hpp"
#include "adapters/grpc/transfer_call.hpp"
#include "libs/rpc/status.hpp"

namespace swarm::orchestrator::grpc_api {
namespace {

using ::orchestrator::ArtifactPart;
using Reactor = grpc::ServerWriteReactor<ArtifactPart>;

constexpr std::size_t kPieceBytes = 512u << 10;

/// One download, shared by its reactor and the disk's threads: a piece is read, then written, then the next one is read.
class Download final : public TransferCall<Reactor>, public std::enable_shared_from_this<Download> {
 public:
  Download(TransferContext context, std::unique_ptr<TransferBook::Entry> entry, ::orchestrator::ArtifactRequest request)
      : TransferCall(context, std::move(entry)), request_(std::move(request)) {}

  void begin(Reactor* reactor) {
    attach(reactor);
    next();
  }
  /// A piece is on its way.
  void sent(bool ok) {
    if (!ok) return finish(grpc::Status::CANCELLED);
    moved();
    next();
  }

 private:
  void next() {
    context_.disk.post([self = shared_from_this()] {
      const auto more = self->file_ ? self->read() : self->open();
      if (!more) return self->finish(rpc::to_status(more.error()));
      if (!more.value()) return self->finish(grpc::Status::OK);
      self->unless_over([&](Reactor& reactor) { reactor.StartWrite(&self->part_); });
    });
  }

  Result<bool> open() {
    BOOST_OUTCOME_TRY(const auto id, to_task_id("task_id", request_.task_id()));
    BOOST_OUTCOME_TRY(const auto task, context_.store.find(id));
    if (!task) return Error{Code::NotFound, "no task id=" + text(id)};
    const auto& all = task->state->artifacts;
    const Artifact* found = all ? find_artifact(*all, request_.name(), request_.attempt()) : nullptr;
    if (found == nullptr) return Error{Code::NotFound, "task " + text(id) + " has no artefact of this name"};
    const auto offset = request_.offset();
    if (offset < 0 || static_cast<std::uint64_t>(offset) > found->bytes) return Error{Code::OutOfRange, "offset: not within the " + std::to_string(found->bytes) + " bytes"};
    if (request_.length() < 0) return Error{Code::InvalidArgument, "length: is negative"};
    BOOST_OUTCOME_TRY(file_, context_.files.open(found->sha256));
    if (file_->size() != found->bytes) return Error{Code::DataLoss, "the artefact has another size than it was handed in with"};
    at_ = static_cast<std::uint64_t>(offset);
    const auto left = found->bytes - at_;
    const auto asked = static_cast<std::uint64_t>(request_.length());
    end_ = at_ + (asked == 0 ? left : std::min(left, asked));
    fill(*part_.mutable_info(), *found);
    return true;
  }

  /// False at the end.
  Result<bool> read() {
    if (at_ == end_) return false;
    part_.Clear();
    std::string& data = *part_.mutable_data();
    data.resize(std::min<std::uint64_t>(kPieceBytes, end_ - at_));
    BOOST_OUTCOME_TRY(const auto got, file_->read(at_, data));
    if (got == 0) return Error{Code::DataLoss, "the artefact ends too early"};
    at_ += got;
    return true;
  }

  const ::orchestrator::ArtifactRequest request_;
  // Of whoever has it.
  std::unique_ptr<OutgoingFile> file_;
  std::uint64_t at_ = 0;
  std::uint64_t end_ = 0;
  ArtifactPart part_;
};

class DownloadReactor final : public Reactor {
 public:
  DownloadReactor(TransferContext context, std::unique_ptr<TransferBook::Entry> entry, const ::orchestrator::ArtifactRequest& request)
      : download_(std::make_shared<Download>(context, std::move(entry), request)) {
    download_->begin(this);
  }
  void OnWriteDone(bool ok) override { download_->sent(ok); }
  void OnCancel() override { download_->finish(grpc::Status::CANCELLED); }
  void OnDone() override {
    download_->detach();
    delete this;
  }

 private:
  std::shared_ptr<Download> download_;
};

}  // namespace

grpc::ServerWriteReactor<ArtifactPart>* start_download(TransferContext context, grpc::CallbackServerContext* call, const ::orchestrator::ArtifactRequest& request) {
  auto entry = context.book.open(TransferBook::Kind::Download, call);
  if (!entry) return new Refused<Reactor>({Code::ResourceExhausted, "too many downloads are under way (artifacts.downloads), try again"});
  return new DownloadReactor(context, std::move(entry), request);  // deletes itself in OnDone
}

}  // namespace swarm::orchestrator::grpc_api
