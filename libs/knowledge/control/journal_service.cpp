#include "libs/knowledge/control/journal_service.hpp"

#include "libs/rpc/status.hpp"

namespace swarm::knowledge {
namespace {

grpc::ServerUnaryReactor* answer(grpc::CallbackServerContext* context, const Result<void>& result) {
  auto* reactor = context->DefaultReactor();
  reactor->Finish(result ? grpc::Status::OK : rpc::to_status(result.error()));
  return reactor;
}

void fill(::knowledge_journal::JournalState& out, const Outbox& outbox) {
  const auto state = outbox.state();
  out.set_configured(true);
  out.set_pending(state.pending);
  out.set_kept(state.kept);
  out.set_oldest_pending_ms(static_cast<std::int64_t>(state.lag_seconds * 1e3));
  out.set_resyncs(state.resyncs);
  out.set_detail(outbox.detail());
}

}  // namespace

grpc::ServerUnaryReactor* JournalService::Resync(grpc::CallbackServerContext* context, const ::knowledge_journal::ResyncRequest*,
                                                 ::knowledge_journal::JournalState* response) {
  if (const auto in = gate_.admit(*context, "/knowledge_journal.KnowledgeJournal/Resync"); !in) return answer(context, in.error());
  if (outbox_ == nullptr) {
    return answer(context, Error{Code::FailedPrecondition, "no common knowledge store is configured here: set knowledge.synapse.address"});
  }
  const auto begun = outbox_->resync();
  if (begun) fill(*response, *outbox_);
  return answer(context, begun);
}

grpc::ServerUnaryReactor* JournalService::GetJournal(grpc::CallbackServerContext* context, const ::knowledge_journal::JournalQuery*,
                                                     ::knowledge_journal::JournalState* response) {
  if (const auto in = gate_.admit(*context, "/knowledge_journal.KnowledgeJournal/GetJournal"); !in) return answer(context, in.error());
  if (outbox_ != nullptr) fill(*response, *outbox_);
  return answer(context, outcome::success());
}

}  // namespace swarm::knowledge
