#pragma once

#include <memory>

#include "libs/knowledge/outbox/outbox.hpp"
#include "libs/rpc/gate.hpp"
#include "protos/knowledge_journal.grpc.pb.h"

namespace swarm::knowledge {

/// The RPCs by which an operator looks at a service's outbox and has it sent again. Resync waits for the local disk, not
/// for the store. Thread-safe.
class JournalService final : public ::knowledge_journal::KnowledgeJournal::CallbackService {
 public:
  /// `outbox` is null where no common store is configured; otherwise it outlives the server.
  JournalService(rpc::Gate& gate, Outbox* outbox) : gate_(gate), outbox_(outbox) {}

  grpc::ServerUnaryReactor* Resync(grpc::CallbackServerContext* context, const ::knowledge_journal::ResyncRequest* request,
                                   ::knowledge_journal::JournalState* response) override;
  grpc::ServerUnaryReactor* GetJournal(grpc::CallbackServerContext* context, const ::knowledge_journal::JournalQuery* request,
                                       ::knowledge_journal::JournalState* response) override;

 private:
  rpc::Gate& gate_;
  Outbox* outbox_;
};

}  // namespace swarm::knowledge
