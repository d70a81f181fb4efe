#include "adapters/grpc/artifact_transfers.hpp"

#include <grpcpp/server_context.h>

#include "adapters/grpc/stream_base.hpp"
#include "adapters/grpc/transfer_call.hpp"
#include "application/added_lines.hpp"
#include "application/artifact_scan.hpp"
#include "libs/rpc/status.hpp"
#include "libs/rpc/unreadable.hpp"
#include "libs/telemetry/logging.hpp"

namespace swarm::orchestrator::grpc_api {
namespace {

using ::orchestrator::ArtifactPart;
using Reactor = grpc::ServerReadReactor<ArtifactPart>;

constexpr std::string_view kMethod = "/orchestrator.Orchestrator/UploadArtifact";
constexpr std::size_t kPieceBytesMax = 1u << 20;

bool is_change(std::string_view file) { return file.ends_with(".diff") || file.ends_with(".patch"); }

/// What policies and what golden rules look at: of a change, the rules see only what it adds.
struct Scans {
  Scans(const Guardrails* guardrails, RuleCheckList checks, std::string_view file)
      : policies(guardrails, {}), rules(nullptr, std::move(checks)), change(is_change(file)) {}

  bool wanted() const { return policies.wanted() || rules.wanted(); }
  void add(std::string_view bytes) {
    policies.add(bytes);
    if (rules.wanted()) change ? rules.add(added.take(bytes)) : rules.add(bytes);
  }
  void finish() {
    policies.finish();
    rules.finish();
  }

  ArtifactScan policies;
  ArtifactScan rules;
  const bool change;
  AddedLines added;
};

/// One upload, shared by its reactor, the disk's threads and the router. At any time one of them has it: a part is read, then
/// worked on, then the next one is read, and at the end the engine is asked.
class Upload final : public Link, public TransferCall<Reactor>, public std::enable_shared_from_this<Upload> {
 public:
  Upload(TransferContext context, std::unique_ptr<TransferBook::Entry> entry, ::orchestrator::ArtifactInfo* answer)
      : TransferCall(context, std::move(entry)), answer_(answer) {}

  void begin(Reactor* reactor, CallId call) {
    call_ = call;
    attach(reactor);
    read_on();
  }
  /// On gRPC's thread.
  void came(bool more) {
    if (more) moved();
    context_.disk.post([self = shared_from_this(), more] { more ? self->take() : self->end_of_bytes(); });
  }

  void answer(CallId, Reply&& reply) override {
    if (const auto* error = std::get_if<Error>(&reply)) return finish(rpc::to_status(*error));
    if (denied_) return finish(rpc::to_status(Error{Code::PermissionDenied, denied_->text()}));
    const auto* attached = std::get_if<ArtifactAttached>(&reply);
    if (attached == nullptr) return;
    unless_over([&](Reactor&) { fill(*answer_, attached->artifact); });
    finish(grpc::Status::OK);
  }
  void flush() override {}
  void drain() override {}  // it goes on as long as there is time
  void end(const Error& error) override { finish(rpc::to_status(error)); }

 private:
  void read_on() {
    unless_over([this](Reactor& reactor) {
      rpc::mark_unread(part_);
      reactor.StartRead(&part_);
    });
  }

  void take() {
    if (is_over() || handed_in_) return;
    const auto taken = scans_ ? take_bytes() : take_begin();
    if (!taken) return fail(taken.error());
    if (!handed_in_) read_on();
  }
  void fail(const Error& error) {
    incoming_.reset();
    finish(rpc::to_status(error));
  }

  Result<void> take_begin() {
    if (!part_.has_begin()) return Error{Code::InvalidArgument, "the first message of an upload must be begin"};
    BOOST_OUTCOME_TRY(begin_, to_upload(part_.begin(), context_.limits));
    BOOST_OUTCOME_TRY(const auto task, context_.store.find(begin_.task));
    if (!task) return Error{Code::NotFound, "no task id=" + text(begin_.task)};
    // The engine has the last word; this only spares the bytes of a lease that is surely gone.
    const auto& state = *task->state;
    BOOST_OUTCOME_TRYV(check_lease(begin_, state));
    const auto* checks = context_.limits.rule_checks;
    scans_.emplace(context_.limits.guardrails, checks == nullptr ? RuleCheckList() : checks->of(state.lease.rules_given), begin_.name);
    pin_ = context_.keeper.pin(begin_.sha256);
    if (context_.files.has(begin_.sha256, begin_.bytes)) {
      BOOST_OUTCOME_TRYV(scan_kept());
      return hand_in();
    }
    if (begin_.offset == 0) {
      BOOST_OUTCOME_TRY(incoming_, context_.files.create(begin_.sha256, begin_.bytes));
      return outcome::success();
    }
    const auto look = [this](std::string_view bytes) { scans_->add(bytes); };
    BOOST_OUTCOME_TRY(incoming_, context_.files.resume(begin_.sha256, begin_.bytes, begin_.offset, look));
    if (scans_->policies.denial()) return deny();
    return outcome::success();
  }

  /// What is here already was looked at for another task, perhaps by other policies.
  Result<void> scan_kept() {
    if (!scans_->wanted()) return outcome::success();
    BOOST_OUTCOME_TRY(const auto file, context_.files.open(begin_.sha256));
    std::string piece;
    for (std::uint64_t at = 0; at < begin_.bytes && !scans_->policies.denial(); at += piece.size()) {
      piece.resize(kPieceBytesMax);
      BOOST_OUTCOME_TRY(const auto got, file->read(at, piece));
      if (got == 0) return Error{Code::DataLoss, "an artefact is shorter than it was sha256=" + begin_.sha256};
      scans_->add(piece);
    }
    return outcome::success();
  }

  Result<void> take_bytes() {
    if (part_.part_case() != ArtifactPart::kData) return Error{Code::InvalidArgument, "after begin come data and nothing else"};
    if (part_.data().size() > kPieceBytesMax) return Error{Code::InvalidArgument, "data: more than 1 MiB in one message"};
    BOOST_OUTCOME_TRYV(incoming_->write(part_.data()));
    scans_->add(part_.data());
    if (scans_->policies.denial()) return deny();
    return outcome::success();
  }

  void end_of_bytes() {
    if (is_over() || handed_in_) return;
    if (rpc::is_unreadable(part_)) return fail(rpc::unreadable(kMethod));
    if (!scans_) return fail({Code::InvalidArgument, "an upload without begin"});
    auto kept = incoming_->keep();
    if (kept) kept = hand_in();
    if (!kept) fail(kept.error());
  }

  /// The engine decides whether the lease still holds, and answers when the task's record is durable.
  Result<void> hand_in() {
    scans_->finish();
    if (scans_->policies.denial()) return deny();
    Artifact artifact;
    artifact.name = begin_.name;
    artifact.sha256 = begin_.sha256;
    artifact.bytes = begin_.bytes;
    artifact.breaches = scans_->rules.breaches();
    artifact.fulfils = scans_->rules.fulfils();
    return ask(AttachArtifact{call_, begin_.task, begin_.token, std::move(artifact)});
  }

  /// As for an artefact that comes with its result: nothing is kept, and the attempt ends as denied.
  Result<void> deny() {
    denied_ = scans_->policies.denial();
    if (incoming_) incoming_->discard();
    incoming_.reset();
    log::warn("an artefact was refused", {{"task", text(begin_.task)}, {"name", begin_.name}, {"why", denied_->text()}});
    ResultReport report;
    report.task = begin_.task;
    report.token = begin_.token;
    report.failure = FailureClass::PolicyDenied;
    report.digest = stable_hash(denied_->text());
    report.texts = std::make_shared<ResultTexts>(ResultTexts{"", denied_->text()});
    return ask(ReportResults{call_, 0, {std::move(report)}});
  }

  Result<void> ask(Command command) {
    handed_in_ = true;
    if (context_.loop.submit(std::move(command))) return outcome::success();
    return Error{Code::ResourceExhausted, "the command queue is full, try again"};
  }

  ::orchestrator::ArtifactInfo* const answer_;
  CallId call_ = 0;
  ArtifactPart part_;
  // Of whoever has it.
  UploadBegin begin_;
  std::optional<Scans> scans_;  // nothing: not begun
  std::shared_ptr<const void> pin_;   // while the task does not refer to the file
  std::unique_ptr<IncomingFile> incoming_;
  std::optional<Denial> denied_;
  bool handed_in_ = false;
};

class UploadReactor final : public Reactor {
 public:
  UploadReactor(TransferContext context, std::unique_ptr<TransferBook::Entry> entry, ::orchestrator::ArtifactInfo* answer)
      : router_(context.router), upload_(std::make_shared<Upload>(context, std::move(entry), answer)) {
    number_ = router_.add_link(upload_);
    upload_->begin(this, call_id(CallKind::Link, number_ << 24));
  }
  void OnReadDone(bool ok) override { upload_->came(ok); }
  void OnCancel() override { upload_->finish(grpc::Status::CANCELLED); }
  void OnDone() override {
    upload_->detach();
    router_.remove_link(number_);
    delete this;
  }

 private:
  ReplyRouter& router_;
  std::shared_ptr<Upload> upload_;
  std::uint64_t number_ = 0;
};

}  // namespace

Result<void> check_lease(const UploadBegin& begin, const TaskState& state) {
  if (!begin.token.empty() && state.lease.token == begin.token && !is_final(state.status)) return outcome::success();
  return Error{Code::FailedPrecondition, "the lease is gone: task " + text(begin.task) + " is " + std::string(name(state.status))};
}

grpc::ServerReadReactor<ArtifactPart>* start_upload(TransferContext context, grpc::CallbackServerContext* call, ::orchestrator::ArtifactInfo* answer) {
  auto entry = context.book.open(TransferBook::Kind::Upload, call);
  if (!entry) return new Refused<Reactor>({Code::ResourceExhausted, "too many uploads are under way (artifacts.uploads), try again"});
  return new UploadReactor(context, std::move(entry), answer);  // deletes itself in OnDone
}

}  // namespace swarm::orchestrator::grpc_api
